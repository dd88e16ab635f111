//! From a prepared launch to a QEMU that answers.

use std::os::fd::OwnedFd;
use std::time::Duration;

use oxivirt_core::{Error, Result};

use super::{Exit, GuestFiles, GuestLog, Launch, Process};
use crate::monitor::{Handler, Monitor};

/// A QEMU that runs and answers.
#[derive(Debug)]
pub struct Running {
    /// Its process.
    pub process: Process,
    /// Its monitor, ready for commands.
    pub monitor: Monitor,
    /// Its log, open for the rest of its life.
    pub log: GuestLog,
}

/// Starts QEMU and waits until its monitor answers.
///
/// * `launch` – already holds the listening end of the monitor.
/// * `heading` – the first line of this run in the log.
/// * `limit` – for QEMU to answer; a QEMU that ends earlier is noticed at once.
/// * Errors: `INTERNAL_ERROR` with QEMU's own last words when it ended;
///   `OPERATION_TIMEOUT` when it does not answer. Nothing runs after an error;
///   the files are the caller's to remove.
pub fn bring_up(
    domain: &str,
    launch: Launch,
    files: &GuestFiles,
    heading: &str,
    handler: Box<dyn Handler>,
    limit: Duration,
) -> Result<Running> {
    let mut log = GuestLog::open(&files.log)?;
    log.heading(heading);
    log.raw(&launch.text());
    let process = launch.start(&log)?;
    match Monitor::connect(domain, &files.monitor, handler, limit) {
        Ok(monitor) => Ok(Running { process, monitor, log }),
        Err(error) => {
            // When QEMU hung up it is on its way out: its words and its exit
            // say more than our side of the story.
            let exit = process.wait(LAST_WORDS);
            let error = match exit {
                Some(exit) => ended(exit, &log.words()),
                None => match log.words().as_str() {
                    "" => error,
                    words => error.context(format_args!("QEMU said '{words}'")),
                },
            };
            if let Err(kill) = process.terminate(Duration::ZERO, true) {
                return Err(error.context(kill.detail()));
            }
            Err(error)
        }
    }
}

/// Opens a monitor's listening socket for a launch; the number is the one
/// that the arguments use.
pub fn monitor_socket(files: &GuestFiles, number: i32) -> Result<(OwnedFd, i32)> {
    Ok((super::listen(&files.monitor)?, number))
}

fn ended(exit: Exit, words: &str) -> Error {
    let how = match exit {
        Exit::Code(code) => format!("exit status {code}"),
        Exit::Signal(number) => format!("signal {number}"),
        Exit::Unknown => "unknown exit".to_owned(),
    };
    match words {
        "" => Error::internal(format!("QEMU unexpectedly closed the monitor ({how})")),
        words => Error::internal(format!("QEMU unexpectedly closed the monitor ({how}): {words}")),
    }
}

/// How long a QEMU that hung up may take to end.
const LAST_WORDS: Duration = Duration::from_secs(2);
