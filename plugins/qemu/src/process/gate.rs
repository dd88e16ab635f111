//! Holding a child back until somebody has written down that it exists.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command};
use std::time::Duration;

use oxivirt_core::{Error, Result};

use super::Process;
use crate::sys;

/// Stands before a program that is about to be run.
///
/// The child tells its number and waits; it ends with the thread that starts
/// it, so a daemon that is killed meanwhile leaves none behind.
pub(crate) struct Gate {
    ours: UnixStream,
    theirs: UnixStream,
}

impl Gate {
    /// Puts a gate before the program of a command.
    pub(crate) fn before(command: &mut Command) -> std::io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_read_timeout(Some(LIMIT))?;
        sys::wait_for_leave(command, theirs.try_clone()?);
        Ok(Self { ours, theirs })
    }

    /// Starts the child, tells of it, and lets it pass.
    ///
    /// Errors: what `failed` makes of a child that cannot be started;
    /// `OPERATION_TIMEOUT` when it says nothing; those of `known`. After an
    /// error there is no child.
    pub(crate) fn pass(
        self,
        mut command: Command,
        known: &dyn Fn(&Process) -> Result<()>,
        failed: &dyn Fn(std::io::Error) -> Error,
    ) -> Result<Process> {
        let Self { mut ours, theirs } = self;
        std::thread::scope(|scope| {
            // Starting blocks until the child has become the program.
            let starting = std::thread::Builder::new().name("qemu-spawn".into()).spawn_scoped(scope, move || {
                let started = command.spawn();
                // Nobody writes any more; whoever waits for a child's word shall not.
                let _ = theirs.shutdown(Shutdown::Both);
                started
            });
            let starting = starting.map_err(failed)?;
            let ready = arrived(&mut ours).map(|pid| {
                let process = Process::find(pid)?;
                known(&process)?;
                ours.write_all(&[1]).map_err(|e| Error::system("cannot let a child go on", &e))?;
                Ok(process)
            });
            if !matches!(ready, Ok(Ok(_))) {
                // The child reads the end and gives up.
                let _ = ours.shutdown(Shutdown::Both);
            }
            let started = starting.join().map_err(|_| Error::internal("the thread that starts a child panicked"))?;
            match (ready, started) {
                (Ok(Ok(mut process)), Ok(child)) => {
                    process.adopt(child);
                    Ok(process)
                }
                (Ok(Err(error)), Err(_)) => Err(error),
                (_, Err(error)) => Err(failed(error)),
                (Ok(Err(error)), Ok(child)) => {
                    end(child);
                    Err(error)
                }
                (Err(silent), Ok(child)) => {
                    end(child);
                    let text = format!("a child has not come up within {} s: {silent}", LIMIT.as_secs());
                    Err(Error::timed_out(text))
                }
            }
        })
    }
}

/// Waits for the child's number.
fn arrived(gate: &mut UnixStream) -> std::io::Result<i32> {
    let mut number = [0; 4];
    gate.read_exact(&mut number)?;
    Ok(i32::from_ne_bytes(number))
}

fn end(mut child: Child) {
    // It is on its way out already, or must be.
    let _ = child.kill();
    let _ = child.wait();
}

/// A fork and a few system calls take no longer, however busy the host is.
const LIMIT: Duration = Duration::from_secs(30);
