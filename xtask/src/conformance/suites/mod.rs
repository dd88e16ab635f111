//! The suites of documents and configuration files: one file per subject.

use super::Suite;

mod configuration;
mod domain;

/// Every suite: its name, its folder in the corpus, and what it does there.
pub(super) const SUITES: &[(&str, &str, Suite)] = &[
    ("conf", "conf", configuration::configuration),
    ("domain-generic", "domain-generic", domain::generic),
    ("domain-unchanged", "qemu", domain::unchanged),
];
