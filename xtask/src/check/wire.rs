//! The wire tables that the interfaces derive, against the published numbers.
//!
//! The comparison is a test of `core`, named `wire`; this rule runs it alone.

use std::time::Duration;

use oxivirt_tests::{assets, process};

use super::Findings;

pub(super) fn findings() -> Result<Findings, String> {
    if !assets::workspace().join("core/tests/wire.rs").is_file() {
        return Ok(vec!["core has no test `wire` to hold the interfaces against".to_owned()]);
    }
    let mut command = crate::stage::cargo();
    command.args(["test", "--quiet", "-p", "oxivirt-core", "--test", "wire"]);
    let answer = process::run(&mut command, "the wire test of core", Duration::from_secs(1800))?;
    match answer.status.success() {
        true => Ok(Findings::new()),
        false => Ok(answer.text().lines().map(str::to_owned).collect()),
    }
}
