//! One process, held so that its number cannot come to mean another.

use std::os::fd::{AsFd, OwnedFd};
use std::process::Child;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use oxivirt_core::{Error, Result};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// How a process ended, as far as can be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It returned this.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
    /// It is gone; it was not a child of this daemon.
    Unknown,
}

/// A QEMU process, ours or one left by an earlier daemon.
#[derive(Debug)]
pub struct Process {
    pid: i32,
    start_time: u64,
    pidfd: OwnedFd,
    child: Mutex<Reap>,
}

#[derive(Debug)]
enum Reap {
    Child(Child),
    Done(Exit),
    NotOurs,
}

impl Process {
    /// Notes that it is a child of this daemon, which has to be asked how it ended.
    pub(super) fn adopt(&mut self, child: Child) {
        self.child = Mutex::new(Reap::Child(child));
    }

    /// Holds a process found by number.
    ///
    /// Errors: `SYSTEM_ERROR` when there is none.
    pub fn find(pid: i32) -> Result<Self> {
        let number = Pid::from_raw(pid).ok_or_else(|| Error::internal(format!("'{pid}' is no process number")))?;
        let pidfd = pidfd_open(number, PidfdFlags::empty())
            .map_err(|e| Error::system(format_args!("cannot hold process {pid}"), &e.into()))?;
        let start_time = start_time(pid)
            .ok_or_else(|| Error::operation_failed(format!("process {pid} ended while it was looked at")))?;
        Ok(Self { pid, start_time, pidfd, child: Mutex::new(Reap::NotOurs) })
    }

    /// Its number.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// When it started, in ticks since boot; with the number this names the
    /// process for good.
    pub fn start_time(&self) -> u64 {
        self.start_time
    }

    /// Waits for the end; none when `limit` passed first.
    pub fn wait(&self, limit: Duration) -> Option<Exit> {
        let end = Instant::now() + limit;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let timeout = rustix::event::Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: left.subsec_nanos().into(),
            };
            let mut fds = [PollFd::new(&self.pidfd, PollFlags::IN)];
            match poll(&mut fds, Some(&timeout)) {
                Ok(0) => return None,
                Ok(_) => return Some(self.reap()),
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return None,
            }
        }
    }

    /// Whether it still runs.
    pub fn is_alive(&self) -> bool {
        self.wait(Duration::ZERO).is_none()
    }

    /// Sends a signal; one that already ended is a success.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        match pidfd_send_signal(self.pidfd.as_fd(), signal) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(e) => Err(Error::system(format_args!("cannot signal process {}", self.pid), &e.into())),
        }
    }

    /// Ends it: asks with SIGTERM, and after `patience` forces with SIGKILL.
    ///
    /// * Errors: `SYSTEM_ERROR` "Failed to terminate process" when even that
    ///   did not end it within some seconds (it hangs in the kernel).
    /// * Blocks up to `patience` plus 15 seconds.
    pub fn terminate(&self, patience: Duration, force: bool) -> Result<Exit> {
        // One that was stopped would only hear the request once it goes on.
        if patience > Duration::ZERO && !(force && self.is_stopped()) {
            self.signal(Signal::TERM)?;
            if let Some(exit) = self.wait(patience) {
                return Ok(exit);
            }
            if !force {
                return Err(busy(self.pid));
            }
        }
        self.signal(Signal::KILL)?;
        self.wait(AFTER_KILL).ok_or_else(|| busy(self.pid))
    }

    /// Whether somebody stopped it, as with SIGSTOP.
    fn is_stopped(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        let state = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_ascii_whitespace().next());
        matches!(state, Some("T" | "t"))
    }

    /// Only after the pidfd said that it ended, so `wait` returns at once.
    fn reap(&self) -> Exit {
        use std::os::unix::process::ExitStatusExt;
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        let exit = match &mut *child {
            Reap::Done(exit) => return *exit,
            Reap::NotOurs => Exit::Unknown,
            Reap::Child(child) => match child.wait() {
                Ok(status) => match (status.code(), status.signal()) {
                    (Some(code), _) => Exit::Code(code),
                    (None, Some(signal)) => Exit::Signal(signal),
                    (None, None) => Exit::Unknown,
                },
                Err(_) => Exit::Unknown,
            },
        };
        *child = Reap::Done(exit);
        exit
    }
}

fn busy(pid: i32) -> Error {
    Error::system(format_args!("Failed to terminate process {pid}"), &std::io::Error::from(rustix::io::Errno::BUSY))
}

/// Field 22 of `/proc/PID/stat`, counted after the command in brackets.
fn start_time(pid: i32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(19)?.parse().ok()
}

/// How long a killed process may take to disappear.
pub(super) const AFTER_KILL: Duration = Duration::from_secs(15);
