//! Case files: found by walking a folder, compared byte by byte.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use oxivirt_tests::assets;

use super::Case;

/// The files of a folder that end so, by name, sorted; `ending` is cut off the name.
pub(super) fn named(folder: &Path, ending: &str) -> Result<Vec<(String, String)>, String> {
    let failed = |e: std::io::Error| format!("{}: {e}", folder.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if let Some(stem) = name.strip_suffix(ending) {
            found.push((stem.to_owned(), text(&path)?));
        }
    }
    found.sort();
    Ok(found)
}

/// The text of a file; bytes that are no text are replaced.
pub(super) fn text(path: &Path) -> Result<String, String> {
    let bytes = fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Where the answers of a suite of documents lie.
pub(super) enum Answers {
    /// `in/NAME.xml` and `out/NAME.xml`; where the answer is missing the input is its own answer, and an
    /// answer without an input must print unchanged.
    Beside,
    /// As `Beside`, but an input without an answer is in no printed form: it must be accepted, and what is
    /// printed must print unchanged.
    BesideOrStable,
    /// `NAME.xml` is both.
    Same,
}

/// Why a document is not printed: the text of the error.
pub(super) struct Refused(String);

impl<T: std::fmt::Display> From<T> for Refused {
    fn from(error: T) -> Self {
        Self(error.to_string())
    }
}

/// A suite that reads documents and prints them, byte for byte.
///
/// `print` is given the name of the case and its text. Inputs that must be refused have `-invalid` in their
/// name and no answer, or stand in the list [`refused`] of the suite.
pub(super) fn documents(
    suite: &str,
    folder: &Path,
    answers: Answers,
    print: impl Fn(&str, &str) -> Result<String, Refused>,
) -> Result<Vec<Case>, String> {
    let (mut inputs, outputs) = match answers {
        Answers::Beside | Answers::BesideOrStable => {
            (named(&folder.join("in"), ".xml")?, named(&folder.join("out"), ".xml")?)
        }
        Answers::Same => (named(folder, ".xml")?, Vec::new()),
    };
    let alone = |(name, _): &&(String, String)| !inputs.iter().any(|(other, _)| other == name);
    let alone: Vec<_> = outputs.iter().filter(alone).cloned().collect();
    inputs.extend(alone);
    let refused = refused(suite)?;
    let judge = |name: &str, input: &str| {
        let unanswered = !outputs.iter().any(|(other, _)| other == name);
        let must_fail = refused.iter().any(|other| other == name) || (name.contains("-invalid") && unanswered);
        match (print(name, input), must_fail) {
            (Err(_), true) => Ok(()),
            (Ok(_), true) => Err("accepted, must be refused".to_owned()),
            (Err(Refused(error)), false) => Err(format!("refused: {error}")),
            (Ok(printed), false) => match outputs.iter().find(|(other, _)| other == name) {
                Some((_, answer)) => same(answer, &printed),
                None if matches!(answers, Answers::BesideOrStable) => match print(name, &printed) {
                    Ok(again) => same(&printed, &again),
                    Err(Refused(error)) => Err(format!("refuses what it printed: {error}")),
                },
                None => same(input, &printed),
            },
        }
    };
    Ok(inputs.iter().map(|(name, input)| case(name, || judge(name, input))).collect())
}

/// The names in `tests/conformance/refused/SUITE.txt`: inputs without an answer because they are refused.
fn refused(suite: &str) -> Result<Vec<String>, String> {
    let file = assets::workspace().join(format!("tests/conformance/refused/{suite}.txt"));
    match fs::read_to_string(&file) {
        Ok(text) => Ok(text.lines().map(str::to_owned).collect()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(format!("{}: {error}", file.display())),
    }
}

/// Runs one case; a panic in it is a failure of that case alone.
pub(super) fn case(name: &str, judge: impl FnOnce() -> Result<(), String>) -> Case {
    let outcome = catch_unwind(AssertUnwindSafe(judge)).unwrap_or_else(|_| Err("panicked".to_owned()));
    Case { name: name.to_owned(), problem: outcome.err() }
}

/// Equal, or the first line that is not.
pub(super) fn same(expected: &str, found: &str) -> Result<(), String> {
    if expected == found {
        return Ok(());
    }
    let (mut left, mut right) = (expected.lines(), found.lines());
    for number in 1.. {
        match (left.next(), right.next()) {
            (None, None) => break,
            (a, b) if a == b => {}
            (a, b) => {
                let show = |line: Option<&str>| line.map_or("nothing".to_owned(), |line| format!("`{line}`"));
                return Err(format!("line {number}: expected {}, found {}", show(a), show(b)));
            }
        }
    }
    Err("the ends of lines differ".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_difference_is_named() {
        assert_eq!(same("a\nb\n", "a\nb\n"), Ok(()));
        assert_eq!(same("a\nb\n", "a\nc\n"), Err("line 2: expected `b`, found `c`".into()));
        assert_eq!(same("a\nb\n", "a\n"), Err("line 2: expected `b`, found nothing".into()));
        assert!(same("a", "a\n").is_err());
    }

    #[test]
    fn a_panic_is_one_failed_case() {
        assert_eq!(case("x", || panic!("on purpose")).problem.as_deref(), Some("panicked"));
    }
}
