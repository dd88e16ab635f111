//! From a prepared launch to a QEMU that answers.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use oxivirt_core::{Error, Result};

use super::log::entry;
use super::{Exit, GuestFiles, GuestLog, Launch, Process};
use crate::monitor::{Handler, Monitor};
use crate::settings::LogRules;

/// A QEMU that runs and answers.
#[derive(Debug)]
pub struct Running {
    /// Its process.
    pub process: Arc<Process>,
    /// Its monitor, ready for commands.
    pub monitor: Monitor,
    /// Its log, open for the rest of its life.
    pub log: GuestLog,
}

/// Who hears of a process on its way to a QEMU that answers.
#[derive(Clone, Copy)]
pub struct Told<'a> {
    /// Writes down that it exists, before it is QEMU; an error ends it.
    pub known: &'a dyn Fn(&Process) -> Result<()>,
    /// Is given the process as soon as it is QEMU, so that others can end it.
    pub started: &'a dyn Fn(&Arc<Process>),
}

/// Starts QEMU and waits until its monitor answers.
///
/// * `launch` – already holds the listening end of the monitor.
/// * `rules` – how its output is written down; `heading` – the first line of this run in the log.
/// * `told` – who hears of the process.
/// * `limit` – for QEMU to answer; a QEMU that ends earlier is noticed at once.
/// * Errors: `INTERNAL_ERROR` with QEMU's own last words when it ended;
///   `OPERATION_TIMEOUT` when it does not answer. Nothing runs after an error;
///   the files are the caller's to remove.
pub fn bring_up(
    domain: &str,
    launch: Launch,
    files: &GuestFiles,
    (rules, heading): (&LogRules, &str),
    handler: Box<dyn Handler>,
    limit: Duration,
    told: Told<'_>,
) -> Result<Running> {
    let mut log = GuestLog::begin(&files.log, rules, &(entry(heading) + &launch.text()))?;
    let process = launch.start(&mut log, told.known)?;
    let process = Arc::new(process);
    (told.started)(&process);
    match Monitor::connect_while(domain, &files.monitor, handler, limit, &|| process.is_alive()) {
        Ok(monitor) => Ok(Running { process, monitor, log }),
        Err(error) => {
            // When QEMU hung up it is on its way out: its words and its exit
            // say more than our side of the story.
            if let Some(exit) = process.wait(LAST_WORDS) {
                return Err(ended(domain, exit, &log.words()));
            }
            let killed = process.terminate(Duration::ZERO, true);
            let error = match log.words().as_str() {
                "" => error,
                words => error.context(format_args!("QEMU said '{words}'")),
            };
            match killed {
                Ok(_) => Err(error),
                Err(kill) => Err(error.context(kill.detail())),
            }
        }
    }
}

/// Opens a monitor's listening socket for a launch; the number is the one
/// that the arguments use.
pub fn monitor_socket(files: &GuestFiles, number: i32) -> Result<(OwnedFd, i32)> {
    Ok((super::listen(&files.monitor)?, number))
}

fn ended(domain: &str, exit: Exit, words: &str) -> Error {
    let how = match exit {
        Exit::Code(code) => format!("exit status {code}"),
        Exit::Signal(number) => format!("signal {number}"),
        Exit::Unknown => "unknown exit".to_owned(),
    };
    match words {
        "" => Error::internal(format!("QEMU unexpectedly closed the monitor (vm='{domain}'), {how}")),
        words => Error::internal(format!("QEMU unexpectedly closed the monitor (vm='{domain}'), {how}: {words}")),
    }
}

/// How long a QEMU that hung up may take to end.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The variables that every QEMU has: the daemon's own, where they say how programs run, and places of the guest's.
pub(crate) fn environment(files: &GuestFiles) -> Vec<(String, std::ffi::OsString)> {
    let below = |part: &str| files.state.join(part).into_os_string();
    let passed = |names: &'static [&str]| {
        names.iter().filter_map(|name| Some(((*name).to_owned(), std::env::var_os(name)?))).collect::<Vec<_>>()
    };
    let mut all = vec![("LC_ALL".to_owned(), "C".into())];
    all.extend(passed(&["LD_PRELOAD", "LD_LIBRARY_PATH"]));
    all.push(("PATH".into(), std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into())));
    all.push(("HOME".into(), files.state.as_os_str().to_owned()));
    all.extend(passed(&["USER", "LOGNAME", "TMPDIR"]));
    all.extend([
        ("XDG_DATA_HOME".into(), below(".local/share")),
        ("XDG_CACHE_HOME".into(), below(".cache")),
        ("XDG_CONFIG_HOME".into(), below(".config")),
    ]);
    all
}
