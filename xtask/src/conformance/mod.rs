//! `conformance`: how much of libvirt's own test data comes out the same.
//!
//! A suite turns a folder of the corpus into cases. Suites of documents and
//! configuration files run here; those of a driver run in the driver's crate,
//! which the tool may not link: see [`driver`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use oxivirt_tests::assets;
use serde_json::json;

use crate::Outcome;

mod driver;
mod files;
mod known;
mod suites;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only this suite
    suite: Option<String>,
    /// Where the data lies [default: $OXIVIRT_CORPUS, or `shared/corpus` beside the checkout]
    #[arg(long)]
    corpus: Option<PathBuf>,
    /// Write the results as JSON
    #[arg(long)]
    json: Option<PathBuf>,
    /// Fail where the outcome is not what the lists in tests/conformance/known say
    #[arg(long)]
    strict: bool,
    /// List every failure with its reason
    #[arg(long)]
    verbose: bool,
}

/// One case: its name, and why it failed if it did.
#[derive(Debug)]
struct Case {
    name: String,
    problem: Option<String>,
}

/// What a suite does with its part of the corpus.
type Suite = fn(&Path) -> Result<Vec<Case>, String>;

pub(crate) fn command(arguments: &Arguments) -> Outcome {
    let corpus = corpus(arguments.corpus.as_deref());
    if !corpus.is_dir() {
        return Err(format!("there is no corpus at {}: name it with --corpus", corpus.display()));
    }
    let results = run(&corpus, arguments.suite.as_deref())?;
    let known = known::read()?;
    let mut problems = Vec::new();
    for (suite, cases) in &results {
        problems.extend(known.judge(suite, cases));
        let passed = cases.iter().filter(|case| case.problem.is_none()).count();
        println!("{suite:<24} {passed}/{}", cases.len());
        for case in cases.iter().filter(|_| arguments.verbose) {
            if let Some(problem) = &case.problem {
                println!("  {}: {problem}", case.name);
            }
        }
    }
    if let Some(file) = &arguments.json {
        write(&results, file)?;
    }
    match arguments.strict && !problems.is_empty() {
        true => Err(problems.join("\n")),
        false => Ok(()),
    }
}

/// Where the data lies, whether it is there or not.
fn corpus(named: Option<&Path>) -> PathBuf {
    match (named, std::env::var_os("OXIVIRT_CORPUS")) {
        (Some(folder), _) => folder.to_owned(),
        (None, Some(folder)) => folder.into(),
        (None, None) => assets::workspace().join("../shared/corpus"),
    }
}

/// What came out of one suite that was held against the lists of what is known.
pub(crate) struct Judged {
    pub(crate) suite: String,
    pub(crate) cases: usize,
    /// What is not as the lists say; empty when the suite passed.
    pub(crate) problems: Vec<String>,
}

/// Runs every suite strictly; `Ok(Err(_))` names the folder where there is no data.
pub(crate) fn judge_all() -> Result<Result<Vec<Judged>, PathBuf>, String> {
    let corpus = corpus(None);
    if !corpus.is_dir() {
        return Ok(Err(corpus));
    }
    let results = run(&corpus, None)?;
    let known = known::read()?;
    let judged = results.iter().map(|(suite, cases)| Judged {
        suite: suite.clone(),
        cases: cases.len(),
        problems: known.judge(suite, cases),
    });
    Ok(Ok(judged.collect()))
}

type Results = BTreeMap<String, Vec<Case>>;

/// Runs one suite or all that find their data.
fn run(corpus: &Path, only: Option<&str>) -> Result<Results, String> {
    let mut results = Results::new();
    for (name, folder, suite) in suites::SUITES {
        if only.is_some_and(|only| !is(name, only)) {
            continue;
        }
        let folder = corpus.join(folder);
        if folder.is_dir() {
            results.insert((*name).to_owned(), suite(&folder)?);
        } else if only.is_some() {
            return Err(format!("suite {name}: there is no {}", folder.display()));
        }
    }
    // No driver has to be built for a suite that is here under its whole name.
    if !only.is_some_and(|only| suites::SUITES.iter().any(|(name, ..)| *name == only)) {
        driver::run(corpus, only, &mut results)?;
    }
    match only {
        Some(only) if results.is_empty() => Err(format!(
            "there is no suite {only}; there are: {}, and those of the drivers",
            suites::SUITES.iter().map(|(name, ..)| *name).collect::<Vec<_>>().join(", ")
        )),
        _ => Ok(results),
    }
}

/// Whether `wanted` names the suite: `qemu` means `qemu(xml)` and all other parts of it.
fn is(suite: &str, wanted: &str) -> bool {
    suite == wanted || suite.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('('))
}

fn write(results: &Results, file: &Path) -> Outcome {
    let suites: serde_json::Map<_, _> = results
        .iter()
        .map(|(suite, cases)| {
            let failed: Vec<&str> =
                cases.iter().filter(|case| case.problem.is_some()).map(|case| case.name.as_str()).collect();
            let value = json!({ "passed": cases.len() - failed.len(), "total": cases.len(), "failed": failed });
            (suite.clone(), value)
        })
        .collect();
    let text = format!("{:#}\n", json!({ "suites": suites }));
    std::fs::write(file, text).map_err(|e| format!("{}: {e}", file.display()))
}
