//! The summaries that test harnesses print.

/// What one harness says it did.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) skipped: u64,
}

/// Adds up every summary in the output of `cargo test` or `cargo nextest run`.
pub(super) fn counts(text: &str) -> Counts {
    let mut counts = Counts::default();
    for line in text.lines() {
        // At the start of a line only: nextest shows what a failed test printed, indented.
        let part = if let Some(rest) = line.strip_prefix("test result: ") {
            rest.split_once(". ").map(|(_, numbers)| numbers)
        } else if line.trim_start().starts_with("Summary [") {
            line.split_once(" run: ").map(|(_, numbers)| numbers)
        } else {
            None
        };
        for item in part.unwrap_or_default().split([';', ',']) {
            add(&mut counts, item);
        }
    }
    counts
}

/// Adds one `12 passed` or `3 failed (1 exec failed)`.
fn add(counts: &mut Counts, item: &str) {
    let mut words = item.split_whitespace();
    let Some(number) = words.next().and_then(|number| number.parse::<u64>().ok()) else {
        return;
    };
    match words.collect::<Vec<_>>().as_slice() {
        ["passed", ..] => counts.passed += number,
        ["failed", ..] | ["exec", "failed", ..] | ["timed", "out", ..] => counts.failed += number,
        ["ignored", ..] | ["skipped", ..] => counts.skipped += number,
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_of_cargo_test_are_added() {
        let text = "test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.1s\n\
                    test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out\n";
        assert_eq!(counts(text), Counts { passed: 6, failed: 2, skipped: 1 });
    }

    #[test]
    fn summaries_of_nextest_are_read() {
        let text =
            "     Summary [   0.512s] 10 tests run: 6 passed (1 slow), 2 failed, 1 exec failed, 1 timed out, 3 skipped";
        assert_eq!(counts(text), Counts { passed: 6, failed: 4, skipped: 3 });
        let quoted = format!("    test result: FAILED. 0 passed; 1 failed; 0 ignored\n{text}");
        assert_eq!(counts(&quoted), counts(text));
    }

    #[test]
    fn other_lines_count_nothing() {
        assert_eq!(counts("12 passed\nrunning 3 tests\n"), Counts::default());
    }
}
