//! `check`: the house rules, held against the workspace as it is.
//!
//! Each rule is one file and gives back what it found wrong, one line per
//! finding. Every rule is also a test, so that `cargo test` alone tells the truth.

use clap::ValueEnum;

use crate::Outcome;

mod docs;
mod layers;
mod wire;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Which rule
    #[arg(value_enum, default_value = "all")]
    rule: Rule,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Rule {
    /// Which crate may depend on which
    Layers,
    /// The interfaces against the wire protocol's published numbers
    Wire,
    /// Crate docs, READMEs, links
    Docs,
    /// Every rule
    All,
}

/// What a rule found wrong.
type Findings = Vec<String>;

/// Holds one rule against the workspace; an error means that it cannot be told.
type Finder = fn() -> Result<Findings, String>;

pub(crate) fn command(arguments: &Arguments) -> Outcome {
    let rules: [(Rule, &str, Finder); 3] = [
        (Rule::Layers, "layers", layers::findings),
        (Rule::Docs, "docs", docs::findings),
        (Rule::Wire, "wire", wire::findings),
    ];
    let mut wrong = 0;
    for (rule, name, findings) in rules {
        if arguments.rule != rule && arguments.rule != Rule::All {
            continue;
        }
        let findings = findings()?;
        println!("check {name}: {}", if findings.is_empty() { "ok" } else { "FAILED" });
        for finding in &findings {
            println!("  {finding}");
        }
        wrong += findings.len();
    }
    match wrong {
        0 => Ok(()),
        _ => Err(format!("{wrong} findings against the house rules")),
    }
}

#[cfg(test)]
mod tests {
    fn clean(findings: Result<super::Findings, String>) {
        let findings = findings.expect("the rule can be checked");
        assert!(findings.is_empty(), "{}", findings.join("\n"));
    }

    #[test]
    fn layers_are_kept() {
        clean(super::layers::findings());
    }

    #[test]
    fn docs_are_in_order() {
        clean(super::docs::findings());
    }
}
