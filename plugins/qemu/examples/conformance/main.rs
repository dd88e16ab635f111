//! The driver's suites of recorded cases: `conformance CORPUS [SUITE]`.
//!
//! Prints one line per case, the fields parted by tabs: suite, case, and `ok`
//! or the first thing that is wrong. Each module is a folder of the corpus or
//! a part of one; a suite whose data is missing is left out.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;

mod active;
mod args;
mod capabilities;
mod cases;
mod circumstances;
mod descriptors;
mod domaincaps;
mod emulators;
mod host;
mod hotplug;
mod memory_lock;
mod nbdkits;
mod neighbours;
mod status;
mod vcpus;
mod vhost_users;
mod willing;
mod xml;

/// What one case came to: the first thing that is wrong, if any.
type Outcome = Result<(), String>;

/// A case by name.
type Case = (String, Outcome);

/// What a suite does with the corpus.
type Suite = fn(&Path) -> Result<Vec<Case>, String>;

/// Every suite: its name, the folder of the corpus that it needs, and what it does.
const SUITES: &[(&str, &str, Suite)] = &[
    ("qemu(xml)", "qemu", xml::suite),
    ("qemu(args)", "qemu", args::suite),
    ("qemu-active", "qemu-active", active::suite),
    ("qemu-hotplug", "qemu-hotplug", hotplug::suite),
    ("qemu-status", "qemu-status", status::suite),
    ("domaincaps", "domaincaps", domaincaps::generated),
    ("qemucaps2xml", "qemucaps2xml", capabilities::suite),
    ("firmware", "firmware", descriptors::suite),
    ("nbdkit", "nbdkit", nbdkits::suite),
    ("vhostuser", "vhostuser", vhost_users::suite),
    ("qemu-memlock", "qemu-memlock", memory_lock::suite),
    ("domaincaps(document)", "domaincaps", domaincaps::unchanged),
];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(corpus) = arguments.next() else {
        eprintln!("usage: conformance CORPUS [SUITE]");
        return ExitCode::FAILURE;
    };
    let only = arguments.next();
    for (name, folder, suite) in SUITES {
        if only.as_deref().is_some_and(|only| !is(name, only)) || !Path::new(&corpus).join(folder).is_dir() {
            continue;
        }
        match suite(Path::new(&corpus)) {
            Ok(cases) => {
                for (case, outcome) in cases {
                    let outcome = outcome.err().map_or("ok".to_owned(), |problem| problem.replace('\n', " "));
                    println!("{name}\t{case}\t{outcome}");
                }
            }
            Err(error) => {
                eprintln!("suite {name}: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}

/// Whether `wanted` names the suite: `qemu` means `qemu(xml)` and all other parts of it.
fn is(suite: &str, wanted: &str) -> bool {
    suite == wanted || suite.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('('))
}

/// Runs one case; a panic in it is a failure of that case alone.
fn judged(judge: impl FnOnce() -> Outcome) -> Outcome {
    catch_unwind(AssertUnwindSafe(judge)).unwrap_or_else(|_| Err("panicked".to_owned()))
}
