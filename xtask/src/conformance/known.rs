//! What does not come out the same yet: `tests/conformance/known/SUITE.txt`, a line `case: reason` each.
//!
//! The lists are exact. A failure that no list names is a step back; a case that a list names and that
//! passes means that the list is out of date.

use std::collections::BTreeMap;
use std::fs;

use oxivirt_tests::assets;

use super::Case;

/// Suite, then case, then the reason.
pub(super) struct Known(BTreeMap<String, BTreeMap<String, String>>);

/// Reads all lists.
pub(super) fn read() -> Result<Known, String> {
    let folder = assets::workspace().join("tests/conformance/known");
    let failed = |e: std::io::Error| format!("{}: {e}", folder.display());
    let mut lists = BTreeMap::new();
    for entry in fs::read_dir(&folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let suite = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        lists.insert(suite, cases(&text).map_err(|line| format!("{}: no reason: {line}", path.display()))?);
    }
    Ok(Known(lists))
}

fn cases(text: &str) -> Result<BTreeMap<String, String>, String> {
    text.lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let (case, reason) = line.split_once(": ").ok_or_else(|| line.to_owned())?;
            Ok((case.to_owned(), reason.to_owned()))
        })
        .collect()
}

impl Known {
    /// What is not as the list of the suite says.
    pub(super) fn judge(&self, suite: &str, cases: &[Case]) -> Vec<String> {
        let listed = self.0.get(suite);
        let mut problems = Vec::new();
        for case in cases {
            let known = listed.is_some_and(|list| list.contains_key(&case.name));
            match (&case.problem, known) {
                (Some(problem), false) => problems.push(format!("{suite}: {}: {problem}", case.name)),
                (None, true) => problems.push(format!("{suite}: {}: passes, but is listed", case.name)),
                _ => {}
            }
        }
        for name in listed.into_iter().flat_map(BTreeMap::keys) {
            if !cases.iter().any(|case| &case.name == name) {
                problems.push(format!("{suite}: {name}: listed, but there is no such case"));
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(name: &str, problem: Option<&str>) -> Case {
        Case { name: name.to_owned(), problem: problem.map(str::to_owned) }
    }

    #[test]
    fn lists_are_exact() {
        let list = cases("# a remark\n\na: because\nb: for: this\ngone: x\n").expect("lines with reasons");
        let known = Known(BTreeMap::from([("s".to_owned(), list)]));
        let run = [case("a", Some("bad")), case("b", None), case("c", Some("worse")), case("d", None)];
        assert_eq!(
            known.judge("s", &run),
            ["s: b: passes, but is listed", "s: c: worse", "s: gone: listed, but there is no such case"]
        );
        assert!(known.judge("other", &[case("x", None)]).is_empty());
        assert!(cases("no reason").is_err());
    }
}
