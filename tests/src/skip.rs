//! Tests that cannot run here, told apart from those that passed.
//!
//! The standard harness knows no skip at run time: a test that returns early
//! passed. Such a test calls [`skip`] first, and the one who counts reads it.

use std::fs::OpenOptions;
use std::io::Write;

use crate::process::find_program;

/// Names the file that collects skips, one line each; set by `cargo xtask test`.
pub const NOTES: &str = "OXIVIRT_SKIPS";

/// Says that the running test is skipped, and why. The caller returns afterwards.
///
/// The reason names what is missing, such as `no /dev/kvm`.
pub fn skip(reason: &str) {
    let name = std::thread::current().name().unwrap_or("a test").to_owned();
    let line = format!("{name}: {}\n", reason.replace('\n', " "));
    eprint!("SKIPPED {line}");
    if let Some(file) = std::env::var_os(NOTES) {
        let written = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&file)
            .and_then(|mut file| file.write_all(line.as_bytes()));
        assert!(written.is_ok(), "the skip cannot be recorded in {}", file.display());
    }
}

/// Skips the running test when a program is not installed; the caller returns on `true`.
pub fn lacks(programs: &[&str]) -> bool {
    let missing: Vec<&str> = programs.iter().copied().filter(|name| find_program(name).is_none()).collect();
    if !missing.is_empty() {
        skip(&format!("not installed: {}", missing.join(", ")));
    }
    !missing.is_empty()
}
