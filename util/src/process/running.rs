//! A child of this process.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus};
use std::time::Duration;

use rustix::process::{Pid, Signal};

use super::handle::{Handle, KILL_WAIT};

/// A child that was started and has not been collected.
///
/// Dropping it leaves the child running; it must then be ended and collected
/// by whoever inherits it, so prefer [`Running::stop`].
#[derive(Debug)]
pub struct Running {
    child: Child,
    handle: Handle,
    name: String,
}

impl Running {
    /// Starts `command` as the leader of a new process group.
    ///
    /// Its standard streams are as set on `command`. Errors name the program.
    pub fn spawn(command: &mut Command) -> io::Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .process_group(0)
            .spawn()
            .map_err(|error| io::Error::new(error.kind(), format!("cannot start '{name}': {error}")))?;
        // An uncollected child keeps its id, so this names the right process.
        match Handle::open(child.id()) {
            Ok(Some(handle)) => Ok(Self { child, handle, name }),
            failed => {
                let _ = child.kill();
                let _ = child.wait();
                Err(failed.err().unwrap_or_else(|| io::Error::other(format!("cannot watch the child '{name}'"))))
            }
        }
    }

    /// The program as it was named.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process id, valid until it is collected.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// A descriptor-based handle on the same process.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// The writing end of its standard input, if piped and not yet taken.
    pub fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.child.stdin.take()
    }

    /// The reading end of its standard output, if piped and not yet taken.
    pub fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }

    /// The reading end of its standard error, if piped and not yet taken.
    pub fn take_stderr(&mut self) -> Option<ChildStderr> {
        self.child.stderr.take()
    }

    /// Waits for its end and collects it; `Ok(None)` if it still runs after `limit`.
    pub fn wait(&mut self, limit: Duration) -> io::Result<Option<ExitStatus>> {
        if !self.handle.wait(limit)? {
            return Ok(None);
        }
        self.child.wait().map(Some)
    }

    /// Asks its group to end, kills the group after `grace`, and collects it.
    ///
    /// Errors: [`io::ErrorKind::TimedOut`] when the kernel cannot end it
    /// either (a process stuck in a device).
    pub fn stop(&mut self, grace: Duration) -> io::Result<ExitStatus> {
        if let Some(status) = self.child.try_wait()? {
            return Ok(status);
        }
        self.signal_group(Signal::TERM)?;
        let ended = self.handle.wait(grace)?;
        // Members of the group that outlive their leader go too. The leader
        // is not collected yet, so the number of the group is still ours.
        self.signal_group(Signal::KILL)?;
        if !ended && !self.handle.wait(KILL_WAIT)? {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("'{}' (process {}) cannot be killed", self.name, self.id()),
            ));
        }
        self.child.wait()
    }

    fn signal_group(&self, signal: Signal) -> io::Result<()> {
        match rustix::process::kill_process_group(Pid::from_child(&self.child), signal) {
            // A group of which only a collected or foreign part is left.
            Ok(()) | Err(rustix::io::Errno::SRCH | rustix::io::Errno::PERM) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }
}

/// Readable when the child has ended.
impl AsFd for Running {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::process::is_alive;
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;

    #[test]
    fn wait_and_stop() {
        let mut child = Running::spawn(Command::new("sleep").arg("60")).unwrap();
        assert!(child.wait(Duration::from_millis(1)).unwrap().is_none());
        let status = child.stop(Duration::from_secs(10)).unwrap();
        assert!(!status.success());
        assert_eq!(child.stop(Duration::ZERO).unwrap(), status, "stopping twice is harmless");
    }

    #[test]
    fn stop_kills_what_ignores_it_with_its_group() {
        let script = "trap '' TERM; sleep 60 & echo $!; wait; wait; sleep 60";
        let mut child = Running::spawn(Command::new("/bin/sh").arg("-c").arg(script).stdout(Stdio::piped())).unwrap();
        let mut line = String::new();
        BufReader::new(child.take_stdout().unwrap()).read_line(&mut line).unwrap();
        let grandchild: u32 = line.trim().parse().unwrap();
        let watched = Handle::open(grandchild).unwrap();
        let status = child.stop(Duration::from_millis(50)).unwrap();
        assert!(!status.success());
        if let Some(handle) = watched {
            assert!(handle.wait(Duration::from_secs(10)).unwrap());
        }
        assert!(!is_alive(grandchild));
    }
}
