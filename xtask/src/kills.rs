//! `kills`: the daemon is killed in the middle of its work with guests, and nothing may be lost or left over.

use std::path::PathBuf;

use oxivirt_tests::kills::{self, Plan};
use oxivirt_tests::sandbox::{Program, Sandbox};
use oxivirt_tests::{assets, process};

use crate::signals::watch_signals;
use crate::{Outcome, packages};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many times the daemon is killed
    #[arg(long, default_value_t = 200)]
    rounds: u32,
    /// Decides what is done and when
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The driver runs in a process of its own, which is killed most of the time
    #[arg(long)]
    apart: bool,
    /// After how many findings it stops
    #[arg(long, default_value_t = 10)]
    findings: usize,
    /// Leave the build as it is and use this staged folder
    #[arg(long)]
    staged: Option<PathBuf>,
}

pub(crate) fn command(arguments: &Arguments) -> Outcome {
    packages::install(packages::Purpose::Test)?;
    let program = match &arguments.staged {
        Some(folder) => {
            Program::Oxivirt { daemon: folder.join("bin/oxivirtd"), plugins: folder.join("lib/oxivirt/plugins") }
        }
        None => Program::Oxivirt { daemon: assets::daemon()?, plugins: assets::plugin_folder()? },
    };
    for program in ["virsh", "qemu-system-x86_64"] {
        process::find_program(program).ok_or_else(|| format!("{program} is not installed"))?;
    }
    if !kills::has_own_network() {
        println!("guests have no network cards: that needs root, a tap device, unshare, nsenter and ip");
    }
    watch_signals()?;
    let Arguments { rounds, seed, apart, findings, .. } = *arguments;
    let plan = Plan { rounds, seed, apart, most_findings: findings };
    let report = kills::run(Sandbox::with(program)?, plan, &mut |line| println!("{line}"))?;
    print!("{report}");
    match report.findings.len() {
        0 => Ok(()),
        count => Err(format!("{count} findings with --seed {seed}")),
    }
}
