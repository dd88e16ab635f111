//! Any process of this host, child or not.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::wait_any;

/// How long the kernel gets to end a killed process.
pub(super) const KILL_WAIT: Duration = Duration::from_secs(15);

/// A process id together with when it began, which a later process with the
/// same id does not share. Worth writing to a status file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The process id.
    pub pid: u32,
    /// When it began, in clock ticks since the host started.
    pub start: u64,
}

impl Identity {
    /// The process that has this id now; `Ok(None)` when there is none.
    pub fn of(pid: u32) -> io::Result<Option<Self>> {
        Ok(start_time(pid)?.map(|start| Self { pid, start }))
    }

    /// Whether that very process lives.
    pub fn is_alive(&self) -> bool {
        matches!(stat(self.pid), Ok(Some(stat)) if stat.start == self.start && !stat.ended)
    }
}

/// A hold on one process that stays right when its id is reused.
#[derive(Debug)]
pub struct Handle {
    pid: u32,
    fd: OwnedFd,
}

impl Handle {
    /// Takes hold of the process that has this id now; `Ok(None)` when there is none.
    pub fn open(pid: u32) -> io::Result<Option<Self>> {
        let Some(number) = number(pid) else { return Ok(None) };
        match pidfd_open(number, PidfdFlags::empty()) {
            Ok(fd) => Ok(Some(Self { pid, fd })),
            Err(Errno::SRCH) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Takes hold of exactly that process; `Ok(None)` when it is gone, even
    /// if another one has its id.
    pub fn open_exact(identity: Identity) -> io::Result<Option<Self>> {
        let handle = Self::open(identity.pid)?;
        // Looked at after the open: from then on the handle cannot change its process.
        Ok(handle.filter(|_| identity.is_alive()))
    }

    /// The process id; may belong to another process once this one has ended.
    pub fn id(&self) -> u32 {
        self.pid
    }

    /// Sends a signal; `Ok(false)` when the process has ended.
    pub fn signal(&self, signal: Signal) -> io::Result<bool> {
        match pidfd_send_signal(&self.fd, signal) {
            Ok(()) => Ok(true),
            Err(Errno::SRCH) => Ok(false),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Waits for its end; `false` if it still runs after `limit`.
    pub fn wait(&self, limit: Duration) -> io::Result<bool> {
        wait_any(&[(Some(self.fd.as_fd()), PollFlags::IN)], Instant::now().checked_add(limit))
    }

    /// Asks it to end and kills it after `grace`. Returns whether it ended
    /// by itself in time.
    ///
    /// Errors: [`io::ErrorKind::TimedOut`] when not even killing ends it;
    /// [`io::ErrorKind::PermissionDenied`] for somebody else's process.
    pub fn terminate(&self, grace: Duration) -> io::Result<bool> {
        if !self.signal(Signal::TERM)? || self.wait(grace)? {
            return Ok(true);
        }
        if !self.signal(Signal::KILL)? || self.wait(KILL_WAIT)? {
            return Ok(false);
        }
        Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("process {} still runs {KILL_WAIT:?} after it was killed", self.pid),
        ))
    }
}

/// Readable when the process has ended; nobody needs to be its parent.
impl AsFd for Handle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Whether a process with this id runs; one that has ended and waits to be
/// collected does not.
pub fn is_alive(pid: u32) -> bool {
    matches!(stat(pid), Ok(Some(stat)) if !stat.ended)
}

/// When the process began, in clock ticks since the host started; `Ok(None)`
/// when there is no such process.
pub fn start_time(pid: u32) -> io::Result<Option<u64>> {
    Ok(stat(pid)?.map(|stat| stat.start))
}

/// [`Handle::terminate`] by id: ends the process that has it now. `Ok(true)`
/// also when there is none.
pub fn terminate(pid: u32, grace: Duration) -> io::Result<bool> {
    Handle::open(pid)?.map_or(Ok(true), |handle| handle.terminate(grace))
}

struct Stat {
    ended: bool,
    start: u64,
}

fn stat(pid: u32) -> io::Result<Option<Stat>> {
    match std::fs::read(format!("/proc/{pid}/stat")) {
        Ok(text) => parse_stat(&String::from_utf8_lossy(&text))
            .map(Some)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, format!("'/proc/{pid}/stat' is malformed"))),
        Err(error)
            if error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(Errno::SRCH.raw_os_error()) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Reads the state (field 3) and the start (field 22).
fn parse_stat(text: &str) -> Option<Stat> {
    // The name may hold spaces and brackets; fields count from its end.
    let (_, rest) = text.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?;
    let start = fields.nth(18)?.parse().ok()?;
    Some(Stat { ended: matches!(state, "Z" | "X" | "x"), start })
}

fn number(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().filter(|pid| *pid > 0).and_then(Pid::from_raw)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::process::Command;

    #[test]
    fn a_name_with_brackets_does_not_shift_the_fields() {
        let text = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20";
        let stat = parse_stat(text).unwrap();
        assert_eq!((stat.ended, stat.start), (false, 4711));
        assert!(parse_stat("7 (a) S 1").is_none());
        assert!(parse_stat("").is_none());
    }

    #[test]
    fn this_process_lives_and_absent_ones_do_not() {
        let own = Identity::of(std::process::id()).unwrap().unwrap();
        assert!(own.is_alive() && is_alive(own.pid));
        assert!(!Identity { start: own.start + 1, ..own }.is_alive());
        for absent in [0, u32::MAX] {
            assert!(!is_alive(absent));
            assert!(Handle::open(absent).unwrap().is_none());
            assert!(terminate(absent, Duration::ZERO).unwrap());
        }
    }

    #[test]
    fn an_ended_child_is_dead_before_it_is_collected() {
        let mut child = Command::new("true").spawn().unwrap();
        let handle = Handle::open(child.id()).unwrap().unwrap();
        let identity = Identity { pid: child.id(), start: 1 };
        assert!(Handle::open_exact(identity).unwrap().is_none(), "another start time");
        assert!(handle.wait(Duration::from_secs(10)).unwrap());
        assert!(!is_alive(child.id()));
        child.wait().unwrap();
        assert!(!handle.signal(Signal::KILL).unwrap());
    }

    #[test]
    fn terminate_tells_who_had_to_be_killed() {
        let mut polite = Command::new("sleep").arg("60").spawn().unwrap();
        assert!(terminate(polite.id(), Duration::from_secs(10)).unwrap());
        polite.wait().unwrap();

        use std::io::Read;
        let mut deaf = Command::new("/bin/sh")
            .args(["-c", "trap '' TERM; echo; while :; do read x; done < /dev/zero"])
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        deaf.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        assert!(!terminate(deaf.id(), Duration::from_millis(50)).unwrap());
        deaf.wait().unwrap();
    }
}
