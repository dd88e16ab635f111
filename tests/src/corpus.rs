//! Data from outside the repository: recorded cases and published facts.
//!
//! They lie in `shared/` beside the checkout, or where `OXIVIRT_CORPUS` and
//! `OXIVIRT_FACTS` say. A test that needs them and does not find them is
//! skipped, and the skip is counted.

use std::path::{Path, PathBuf};

use crate::skip;

/// The folder of one suite of cases, or `None` after skipping the test.
pub fn suite(name: &str) -> Option<PathBuf> {
    present(beside("OXIVIRT_CORPUS", "corpus").join(name), "OXIVIRT_CORPUS")
}

/// One file of facts, or `None` after skipping the test.
pub fn facts(name: &str) -> Option<PathBuf> {
    present(beside("OXIVIRT_FACTS", "facts").join(name), "OXIVIRT_FACTS")
}

fn beside(variable: &str, folder: &str) -> PathBuf {
    match std::env::var_os(variable) {
        Some(path) => path.into(),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared").join(folder),
    }
}

fn present(path: PathBuf, variable: &str) -> Option<PathBuf> {
    match path.exists() {
        true => Some(path),
        false => {
            skip::skip(&format!("nothing at '{}': set {variable}", path.display()));
            None
        }
    }
}
