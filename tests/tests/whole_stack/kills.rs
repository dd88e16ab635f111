//! The daemon, or the process of its driver, is killed in the middle of its work with guests.
//!
//! `cargo xtask kills` does the same far longer.

use std::path::Path;

use oxivirt_tests::kills::{self, Plan};
use oxivirt_tests::sandbox::Sandbox;
use oxivirt_tests::{skip, stock};

use super::Outcome;

fn survives(rounds: u32, seed: u64, apart: bool) -> Outcome {
    if skip::lacks(&["virsh", "qemu-system-x86_64"]) {
        return Ok(());
    }
    if !Path::new("/usr/lib/python3/dist-packages/libvirt_qemu.py").is_file() {
        skip::skip("not installed: python3-libvirt");
        return Ok(());
    }
    if stock::chosen() {
        skip::skip("the stock daemon leaves the files of a start that was cut short");
        return Ok(());
    }
    let plan = Plan { rounds, seed, apart, most_findings: 3 };
    let report = kills::run(Sandbox::prepare()?, plan, &mut |line| println!("{line}"))?;
    match report.findings.is_empty() && report.rounds == rounds {
        true => Ok(()),
        false => Err(report.to_string()),
    }
}

#[test]
fn a_daemon_killed_at_work_loses_and_leaves_nothing() -> Outcome {
    survives(12, 7, false)
}

#[test]
fn a_drivers_process_killed_at_work_loses_and_leaves_nothing() -> Outcome {
    survives(4, 8, true)
}
