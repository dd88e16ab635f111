//! How the cases went.

use std::fmt;

/// How one case went.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Passed, with what was answered.
    Passed(Vec<String>),
    /// Not run, for this reason.
    Skipped(String),
    /// Failed, with why.
    Failed(String),
}

/// How the cases went one way.
#[derive(Clone, Debug)]
pub struct Report {
    way: &'static str,
    outcomes: Vec<(&'static str, Outcome)>,
}

impl Report {
    pub(super) fn new(way: &'static str) -> Self {
        Self { way, outcomes: Vec::new() }
    }

    pub(super) fn add(&mut self, name: &'static str, outcome: Outcome) {
        self.outcomes.push((name, outcome));
    }

    /// Every case with its outcome, in order.
    pub fn outcomes(&self) -> &[(&'static str, Outcome)] {
        &self.outcomes
    }

    /// Prints the summary, and fails the running test when a case failed or
    /// when all were skipped.
    pub fn finish(self) -> Self {
        println!("{self}");
        let count = |wanted: fn(&Outcome) -> bool| self.outcomes.iter().filter(|(_, outcome)| wanted(outcome)).count();
        assert_eq!(count(|outcome| matches!(outcome, Outcome::Failed(_))), 0, "{self}");
        assert_ne!(count(|outcome| matches!(outcome, Outcome::Passed(_))), 0, "no case ran: {self}");
        self
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut counts = [0; 3];
        for (name, outcome) in &self.outcomes {
            match outcome {
                Outcome::Passed(_) => counts[0] += 1,
                Outcome::Skipped(reason) => {
                    counts[1] += 1;
                    writeln!(f, "contract ({}): {name} skipped: {reason}", self.way)?;
                }
                Outcome::Failed(reason) => {
                    counts[2] += 1;
                    writeln!(f, "contract ({}): {name} FAILED: {reason}", self.way)?;
                }
            }
        }
        write!(f, "contract ({}): {} passed, {} skipped, {} failed", self.way, counts[0], counts[1], counts[2])
    }
}

/// Fails the running test unless both ways got the same answers in every case.
pub fn same_answers(one: &Report, other: &Report) {
    let mut different = Vec::new();
    for ((name, left), (_, right)) in one.outcomes.iter().zip(&other.outcomes) {
        let (Outcome::Passed(left), Outcome::Passed(right)) = (left, right) else {
            if std::mem::discriminant(left) != std::mem::discriminant(right) {
                different.push(format!("{name}: {left:?} ({}), {right:?} ({})", one.way, other.way));
            }
            continue;
        };
        if let Some((left, right)) = first_difference(left, right) {
            different.push(format!("{name}:\n  {}: {left}\n  {}: {right}", one.way, other.way));
        }
    }
    assert_eq!(one.outcomes.len(), other.outcomes.len(), "both ways run the same cases");
    assert!(different.is_empty(), "answers differ\n{}", different.join("\n"));
}

fn first_difference<'a>(left: &'a [String], right: &'a [String]) -> Option<(&'a str, &'a str)> {
    let at = (0..left.len().max(right.len())).find(|at| left.get(*at) != right.get(*at))?;
    let of = |notes: &'a [String]| notes.get(at).map_or("nothing more", String::as_str);
    Some((of(left), of(right)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(outcomes: &[Outcome]) -> Report {
        let mut report = Report::new("somehow");
        outcomes.iter().for_each(|outcome| report.add("a_case", outcome.clone()));
        report
    }

    fn passed(notes: &[&str]) -> Outcome {
        Outcome::Passed(notes.iter().map(|note| (*note).to_owned()).collect())
    }

    #[test]
    fn equal_answers_are_equal() {
        let skipped = Outcome::Skipped("here".to_owned());
        let one = report(&[passed(&["state: 1"]), skipped.clone()]);
        same_answers(&one.clone().finish(), &one);
        same_answers(&one, &report(&[passed(&["state: 1"]), Outcome::Skipped("there".to_owned())]));
    }

    #[test]
    #[should_panic = "state: 2"]
    fn another_answer_fails() {
        same_answers(&report(&[passed(&["state: 1"])]), &report(&[passed(&["state: 2"])]));
    }

    #[test]
    #[should_panic = "nothing more"]
    fn a_missing_answer_fails() {
        same_answers(&report(&[passed(&["state: 1"])]), &report(&[passed(&[])]));
    }

    #[test]
    #[should_panic = "a_case"]
    fn a_case_that_ran_one_way_only_fails() {
        same_answers(&report(&[passed(&[])]), &report(&[Outcome::Skipped("there".to_owned())]));
    }

    #[test]
    #[should_panic = "1 failed"]
    fn a_failed_case_fails_the_test() {
        report(&[passed(&[]), Outcome::Failed("no".to_owned())]).finish();
    }

    #[test]
    #[should_panic = "no case ran"]
    fn a_driver_that_declares_nothing_fails() {
        use std::collections::BTreeSet;
        use std::sync::Arc;

        use crate::contract::{Quirks, Setup, Subject, recording_host};

        let (_, recorder) = recording_host(std::env::temp_dir());
        let open = Arc::new(|| Ok(Subject::absent(recorder.channel(0))));
        let setup =
            Setup { uri: "none:///", way: "somehow", declared: BTreeSet::new(), open, quirks: Quirks::default() };
        crate::contract::run(&setup).finish();
    }
}
