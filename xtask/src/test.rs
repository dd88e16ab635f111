//! `test`: from a bare machine to one line `N passed, N failed, N skipped`.
//!
//! Nothing is dropped silently. Formatting and lints count as one test each;
//! a tool that is not there is a skip with its reason; a test that cannot run
//! here says so through [`oxivirt_tests::skip`], and is counted as skipped
//! although its harness calls it passed; a harness that dies without a summary
//! is a failure.

use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use oxivirt_tests::{assets, process, skip};

use crate::{conformance, fuzz, guest, packages, stage};

mod summary;

pub(crate) fn command() -> ExitCode {
    let mut tally = Tally::default();
    let notes = tempfile::NamedTempFile::new().map_err(|e| format!("a file for skips: {e}"));
    match notes.and_then(|notes| run(&mut tally, notes.path())) {
        Ok(()) => {}
        Err(message) => tally.fail(&message),
    }
    for problem in &tally.problems {
        println!("{problem}");
    }
    println!("{tally}");
    match tally.failed {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// What came out so far.
#[derive(Default)]
struct Tally {
    passed: u64,
    failed: u64,
    skipped: u64,
    problems: Vec<String>,
}

impl Tally {
    fn fail(&mut self, message: &str) {
        self.failed += 1;
        self.problems.push(format!("FAILED: {message}"));
    }

    fn skip(&mut self, message: &str) {
        self.skipped += 1;
        self.problems.push(format!("skipped: {message}"));
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

fn run(tally: &mut Tally, notes: &std::path::Path) -> Result<(), String> {
    packages::install(packages::Purpose::Test)?;
    guest::make()?;
    gate(tally, "formatting", "fmt", &["fmt", "--all", "--check"]);
    gate(tally, "lints", "clippy", &["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]);
    let mut build = stage::cargo();
    build.args(["build", "--workspace", "--lib", "--bins"]);
    process::show(&mut build, "building the workspace", BUILD_LIMIT)?;

    let with_nextest = available("nextest");
    let arguments: &[&str] = match with_nextest {
        true => &["nextest", "run", "--workspace", "--no-fail-fast", "--status-level", "skip"],
        false => &["test", "--workspace", "--no-fail-fast", "--lib", "--bins", "--tests"],
    };
    harness(tally, "the tests", arguments, notes);
    harness(tally, "the examples in the documentation", &["test", "--workspace", "--no-fail-fast", "--doc"], notes);

    fuzzing(tally);
    conforming(tally);

    let noted = std::fs::read_to_string(notes).map_err(|e| format!("reading the skips: {e}"))?;
    for line in noted.lines() {
        tally.passed = tally.passed.saturating_sub(1);
        tally.skip(line);
    }
    Ok(())
}

/// A short run of every fuzz target, the same each time; each counts as one test.
fn fuzzing(tally: &mut Tally) {
    println!("fuzzing every parser of outside bytes");
    let targets = match fuzz::build().and_then(|()| fuzz::targets()) {
        Ok(targets) => targets,
        Err(message) => return tally.fail(&message),
    };
    for target in targets {
        match fuzz::run(&target, fuzz::Effort::Repeat { runs: FUZZ_RUNS }) {
            Ok(()) => tally.passed += 1,
            Err(message) => tally.fail(&message),
        }
    }
}

/// The suites over libvirt's own test data, strictly: each counts as one test,
/// which fails when a case comes out otherwise than its list says.
fn conforming(tally: &mut Tally) {
    println!("running the conformance suites");
    match conformance::judge_all() {
        Ok(Ok(suites)) => {
            for suite in suites {
                println!("conformance {}: {} cases", suite.suite, suite.cases);
                match suite.problems.as_slice() {
                    [] => tally.passed += 1,
                    problems => tally.fail(&format!("conformance {}: {}", suite.suite, problems.join("\n  "))),
                }
            }
        }
        Ok(Err(folder)) => {
            let folder = folder.display();
            tally.skip(&format!("NO CONFORMANCE SUITE WAS RUN: there is no corpus at {folder}; set OXIVIRT_CORPUS"));
        }
        Err(message) => tally.fail(&format!("conformance: {message}")),
    }
}

/// One tool whose exit status is the answer.
fn gate(tally: &mut Tally, what: &str, tool: &str, arguments: &[&str]) {
    if !available(tool) {
        return tally.skip(&format!("{what}: cargo {tool} is not installed"));
    }
    println!("checking {what}");
    match process::show(stage::cargo().args(arguments), what, BUILD_LIMIT) {
        Ok(()) => tally.passed += 1,
        Err(message) => tally.fail(&message),
    }
}

/// One test harness whose printed summaries are counted.
fn harness(tally: &mut Tally, what: &str, arguments: &[&str], notes: &std::path::Path) {
    println!("running {what}");
    let mut command = stage::cargo();
    command.args(arguments).env(assets::BUILT, "1").env(skip::NOTES, notes);
    match tee(&mut command, what, TEST_LIMIT) {
        Ok((success, text)) => {
            let counts = summary::counts(&text);
            tally.passed += counts.passed;
            tally.failed += counts.failed;
            tally.skipped += counts.skipped;
            if !success && counts.failed == 0 {
                tally.fail(&format!("{what}: cargo {} failed without a test that did", arguments.join(" ")));
            }
        }
        Err(message) => tally.fail(&message),
    }
}

/// How many inputs each fuzz target is given in a test run; `cargo xtask fuzz` is for more.
const FUZZ_RUNS: u64 = 10_000;
const BUILD_LIMIT: Duration = Duration::from_secs(3600);
const TEST_LIMIT: Duration = Duration::from_secs(3600);

fn available(tool: &str) -> bool {
    let mut command = stage::cargo();
    command.args([tool, "--version"]);
    process::run(&mut command, tool, Duration::from_secs(60)).is_ok_and(|answer| answer.status.success())
}

/// Runs a program with its output both shown and kept; gives back whether it succeeded, and the output.
fn tee(command: &mut Command, what: &str, limit: Duration) -> Result<(bool, String), String> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| format!("{what}: {e}"))?;
    let (lines, kept) = mpsc::channel();
    let follow = |source: Option<Box<dyn Read + Send>>, lines: mpsc::Sender<String>| {
        thread::spawn(move || {
            let Some(source) = source else { return };
            for line in BufReader::new(source).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).into_owned();
                println!("{line}");
                let _ = lines.send(line);
            }
        });
    };
    follow(child.stdout.take().map(|pipe| Box::new(pipe) as _), lines.clone());
    follow(child.stderr.take().map(|pipe| Box::new(pipe) as _), lines);
    let status = process::wait(&mut child, limit);
    if status.is_none() {
        let _ = child.kill();
        let _ = child.wait();
    }
    let mut text = String::new();
    // Ends when both pipes are closed; a stray child that holds one is not waited for.
    while let Ok(line) = kept.recv_timeout(Duration::from_secs(5)) {
        text += &line;
        text.push('\n');
    }
    match status {
        Some(status) => Ok((status.success(), text)),
        None => Err(format!("{what}: not done after {} s", limit.as_secs())),
    }
}
