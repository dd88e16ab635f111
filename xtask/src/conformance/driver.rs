//! Suites that a driver brings along, such as command lines.
//!
//! A driver with data suites has an example program `conformance`, a file or
//! a folder with a `main.rs`. It is run as `conformance CORPUS [SUITE]` and
//! prints one line per case, the fields parted by tabs: suite, case, and `ok`
//! or the reason of the failure. A suite that it does not have is no line at
//! all.

use std::path::Path;
use std::time::Duration;

use oxivirt_tests::{assets, process};

use super::{Case, Results};
use crate::stage;

pub(super) fn run(corpus: &Path, only: Option<&str>, results: &mut Results) -> Result<(), String> {
    for name in assets::plugin_names() {
        let examples = assets::workspace().join("plugins").join(&name).join("examples");
        if !["conformance.rs", "conformance/main.rs"].iter().any(|file| examples.join(file).is_file()) {
            continue;
        }
        let corpus = corpus.canonicalize().map_err(|e| format!("{}: {e}", corpus.display()))?;
        let mut command = stage::cargo();
        command.args(["run", "--quiet", "-p", &format!("oxivirt-driver-{name}"), "--example", "conformance", "--"]);
        command.arg(corpus).args(only);
        let what = format!("the suites of the {name} driver");
        let answer = process::succeed(&mut command, &what, Duration::from_secs(1800))?;
        for line in answer.stdout.lines() {
            let (suite, case) = parse(line).ok_or_else(|| format!("{what}: an odd line: {line}"))?;
            if only.is_none_or(|only| super::is(suite, only)) {
                results.entry(suite.to_owned()).or_default().push(case);
            }
        }
    }
    Ok(())
}

fn parse(line: &str) -> Option<(&str, Case)> {
    let mut fields = line.splitn(3, '\t');
    let (suite, name, outcome) = (fields.next()?, fields.next()?, fields.next()?);
    let problem = (outcome != "ok").then(|| outcome.to_owned());
    Some((suite, Case { name: name.to_owned(), problem }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_suite_case_and_outcome() {
        let (suite, case) = parse("argv\tdisk\tline 3: expected a\tb").expect("three fields");
        assert_eq!((suite, case.name.as_str()), ("argv", "disk"));
        assert_eq!(case.problem.as_deref(), Some("line 3: expected a\tb"));
        assert!(parse("argv\tdisk\tok").is_some_and(|(_, case)| case.problem.is_none()));
        assert!(parse("just text").is_none());
    }
}
