//! `bench`: our daemon beside another one, in one run, as ratios.
//!
//! They take turns, A B A B, workload by workload; the one whose turn it is
//! not is idle. The client is our own and small, the same for both. What is
//! measured comes in groups:
//!
//! * `calls` – both serve `test:///default` from memory, so that it is the
//!   daemon and not a hypervisor.
//! * `starts` – a QEMU guest is started and ended, beside the same QEMU without any daemon.
//! * `guests` – hundreds of QEMU guests at once.

use std::path::PathBuf;
use std::time::Duration;

use oxivirt_tests::assets;
use oxivirt_tests::sandbox::{Program, Sandbox};

use crate::{Outcome, packages, stage};

mod bare;
mod guests;
mod load;
mod report;
mod starts;
mod work;
mod workloads;

use report::Report;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// What is measured
    #[arg(long, value_enum, default_value = "calls")]
    group: Group,
    /// How many guests there are in the group `guests`
    #[arg(long, default_value_t = 300)]
    guests: u32,
    /// The other daemon: a command that stays in the foreground and serves `{sock}`; `{dir}` is a private folder [default: the stock libvirtd]
    #[arg(long)]
    against: Option<String>,
    /// How often each workload is repeated; the median counts
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// How long each measurement of calls takes, in seconds
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// How many domains the largest listing has
    #[arg(long, default_value_t = 10_000)]
    domains: u32,
    /// Leave the build as it is and use this staged folder
    #[arg(long)]
    staged: Option<PathBuf>,
}

pub(crate) fn command(arguments: &Arguments) -> Outcome {
    let (other_name, other) = match &arguments.against {
        Some(command) => ("other", Program::Command(command.clone())),
        None => {
            packages::install(packages::Purpose::Bench)?;
            ("stock", Program::Stock)
        }
    };
    let staged = match &arguments.staged {
        Some(folder) => folder.clone(),
        None => {
            let folder = assets::target_folder()?.join("bench");
            let driver = if arguments.group == Group::Calls { "test" } else { "qemu" };
            stage::lay_out(&folder, &[driver.to_owned()])?;
            folder
        }
    };
    let ours = Program::Oxivirt { daemon: staged.join("bin/oxivirtd"), plugins: staged.join("lib/oxivirt/plugins") };
    let contestants = [Contestant { name: "oxivirt", program: ours }, Contestant { name: other_name, program: other }];
    let rounds = arguments.rounds.max(1);
    match arguments.group {
        Group::Calls => {}
        Group::Starts => return starts::run(rounds, &contestants),
        Group::Guests => return guests::run(rounds, arguments.guests.max(1), &contestants),
    }
    let plan = workloads::Plan {
        rounds,
        span: Duration::try_from_secs_f64(arguments.seconds).map_err(|e| format!("--seconds: {e}"))?,
        domains: arguments.domains.max(1_000),
    };
    let mut report = Report::default();
    workloads::run(&plan, &contestants, &mut report)?;
    print!("{}", report.table(contestants[0].name, contestants[1].name));
    Ok(())
}

/// Things that are measured together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Group {
    /// Calls that are answered from memory
    Calls,
    /// Starting and ending a QEMU guest
    Starts,
    /// Hundreds of QEMU guests at once
    Guests,
}

/// One of the two daemons.
struct Contestant {
    name: &'static str,
    program: Program,
}

impl Contestant {
    fn start(&self) -> Result<Sandbox, String> {
        let mut sandbox = Sandbox::with(self.program.clone())?;
        sandbox.launch().map_err(|e| format!("{}: {e}", self.name))?;
        Ok(sandbox)
    }
}
