//! Stock client programs on the test driver: what they show of our daemon is what they show of the stock one.
//!
//! Each program in `clients/` prints a transcript. It is run against our daemon and against the
//! stock one in the same test, and the transcripts are compared line by line. A line in which the
//! stock daemon says that it does not support something may be better here. What is known to
//! differ stands in `clients/known.txt`, a line `PROGRAM | BEGINNING OF THE LINE | REASON` each.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use oxivirt_tests::sandbox::{Program, Sandbox};
use oxivirt_tests::{process, skip};

use super::Outcome;

const LIMIT: Duration = Duration::from_secs(300);

/// Names the folder with the own tests of libvirt-python, from its source archive.
const SUITE: &str = "OXIVIRT_LIBVIRT_PYTHON_TESTS";

pub(super) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/whole_stack/clients")
}

/// Runs a program against one daemon; the private folder's name is left out of what it says.
fn transcript(sandbox: &Sandbox, program: &[&str]) -> Result<Vec<String>, String> {
    let work = sandbox.root().join("work");
    std::fs::create_dir_all(&work).map_err(|e| e.to_string())?;
    let uri = sandbox.uri("test", "/default");
    let mut command = Command::new(program[0]);
    for word in &program[1..] {
        match *word {
            "{uri}" => command.arg(&uri),
            "{work}" => command.arg(&work),
            "{suite}" => command.arg(std::env::var_os(SUITE).unwrap_or_default()),
            file if file.contains('.') => command.arg(folder().join(file)),
            other => command.arg(other),
        };
    }
    command.env("HOME", &work).env("LANG", "C.UTF-8").env("LIBVIRT_AUTOSTART", "0").current_dir(&work);
    let what = program.join(" ");
    let finished = process::run(&mut command, &what, LIMIT).map_err(|e| sandbox.explain(&e))?;
    if !finished.status.success() {
        return Err(sandbox.explain(&format!("{what}: {}\n{}", finished.status, finished.text())));
    }
    let root = sandbox.root().display().to_string();
    Ok(finished.stdout.lines().map(|line| line.replace(&root, "ROOT")).collect())
}

/// The lines of one transcript that the other has not, in order.
fn missing<'a>(from: &'a [String], other: &[String]) -> Vec<&'a String> {
    let there: BTreeSet<&String> = other.iter().collect();
    from.iter().filter(|line| !there.contains(line)).collect()
}

/// What excuses a line: the stock daemon lacks the call, or the list names it.
fn excused(name: &str, line: &str, other: &[&String]) -> Result<bool, String> {
    let label = line.split(": ").next().unwrap_or_default();
    let lacking = other.iter().any(|stock| stock.starts_with(&format!("{label}: error 3")));
    Ok(lacking || is_known(name, line)?)
}

/// Whether the list names what a line begins with, for a program.
pub(super) fn is_known(name: &str, line: &str) -> Result<bool, String> {
    let file = folder().join("known.txt");
    let known = std::fs::read_to_string(&file).map_err(|e| format!("{}: {e}", file.display()))?;
    Ok(known.lines().filter(|one| !one.starts_with('#')).any(|one| {
        let mut parts = one.splitn(3, " | ");
        parts.next() == Some(name)
            && parts.next().is_some_and(|start| line.trim_start().starts_with(start))
            && parts.next().is_some_and(|reason| !reason.is_empty())
    }))
}

/// Holds the transcripts of one program from both daemons against each other.
fn same(programs: &[&str], program: &[&str]) -> Outcome {
    if skip::lacks(programs) {
        return Ok(());
    }
    let mut stock = Sandbox::with(Program::Stock)?;
    if let Err(reason) = stock.launch() {
        skip::skip(&format!("no stock daemon to compare with: {}", reason.lines().next().unwrap_or_default()));
        return Ok(());
    }
    let ours = Sandbox::start()?;
    let expected = transcript(&stock, program)?;
    let found = transcript(&ours, program)?;
    assert!(expected.len() > 10, "the stock daemon showed next to nothing: {expected:?}");
    let (lost, new) = (missing(&expected, &found), missing(&found, &expected));
    let name = program.iter().find(|word| word.contains('.')).copied().unwrap_or_default();
    let mut problems = Vec::new();
    for (sign, lines) in [("-", &lost), ("+", &new)] {
        for line in lines.iter() {
            if !excused(name, line, &lost)? {
                problems.push(format!("{sign} {line}"));
            }
        }
    }
    match problems.is_empty() {
        true => Ok(()),
        false => Err(format!("{name}, stock daemon -, ours +:\n{}", problems.join("\n"))),
    }
}

#[test]
fn python_sees_the_same() -> Outcome {
    same(&["libvirtd"], &["/usr/bin/python3", "-B", "bindings.py", "{uri}"])
}

#[test]
fn the_own_suite_of_the_python_bindings_passes_the_same() -> Outcome {
    if std::env::var_os(SUITE).is_none() {
        skip::skip(&format!("{SUITE} does not name the folder 'tests' of libvirt-python's source"));
        return Ok(());
    }
    same(&["libvirtd"], &["/usr/bin/python3", "-B", "suite.py", "{uri}", "{suite}"])
}

#[test]
fn perl_sees_the_same() -> Outcome {
    same(&["libvirtd", "perl"], &["perl", "bindings.pl", "{uri}"])
}

#[test]
fn ruby_sees_the_same() -> Outcome {
    same(&["libvirtd", "ruby"], &["ruby", "bindings.rb", "{uri}"])
}

#[test]
fn the_bus_sees_the_same() -> Outcome {
    same(
        &["libvirtd", "libvirt-dbus", "dbus-daemon", "dbus-send", "cc"],
        &["sh", "bus.sh", "{uri}", "{work}", "route.c"],
    )
}

#[test]
fn the_tools_for_guests_see_the_same() -> Outcome {
    same(&["libvirtd", "virt-install", "virt-xml", "virt-clone"], &["sh", "tools.sh", "{uri}", "{work}"])
}
