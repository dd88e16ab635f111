//! A client at a guest's serial line.

use std::collections::HashMap;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use oxivirt_core::{Error, Result};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::fs::{Mode, OFlags};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

/// What to do with a client that is already there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhenBusy {
    /// Leave it and fail.
    Refuse,
    /// End its session and take its place.
    TakeOver,
}

/// Who is at which line; one client each.
#[derive(Debug, Default)]
pub struct Consoles(Arc<Mutex<HashMap<PathBuf, Arc<OwnedFd>>>>);

impl Consoles {
    /// Opens a guest's terminal.
    ///
    /// * `path` – the terminal that QEMU made.
    /// * Errors: `OPERATION_FAILED` when somebody is there and `when_busy`
    ///   says to refuse; `SYSTEM_ERROR` when it cannot be opened.
    pub fn open(&self, path: &Path, when_busy: WhenBusy) -> Result<Console> {
        let what = |e: rustix::io::Errno| Error::system(format_args!("cannot open '{}'", path.display()), &e.into());
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stop) = table.get(path) {
            if when_busy == WhenBusy::Refuse {
                return Err(Error::operation_failed("Active console session exists for this domain"));
            }
            ring(stop);
        }
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let terminal = rustix::fs::open(path, flags, Mode::empty()).map_err(what)?;
        // Without this the kernel would edit lines and echo on the client's behalf.
        if let Ok(mut settings) = tcgetattr(&terminal) {
            settings.make_raw();
            tcsetattr(&terminal, OptionalActions::Now, &settings).map_err(what)?;
        }
        let stop = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(what)?);
        table.insert(path.to_owned(), stop.clone());
        Ok(Console { terminal: terminal.into(), stop, path: path.to_owned(), table: self.0.clone() })
    }

    /// Ends the session at a line, as when its guest stops.
    pub fn close(&self, path: &Path) {
        if let Some(stop) = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(path) {
            ring(&stop);
        }
    }
}

/// One client's session; it ends when this is dropped.
#[derive(Debug)]
pub struct Console {
    terminal: File,
    stop: Arc<OwnedFd>,
    path: PathBuf,
    table: Arc<Mutex<HashMap<PathBuf, Arc<OwnedFd>>>>,
}

impl Console {
    /// Reads what the guest printed.
    ///
    /// * Returns the number of bytes; 0 means the session is over (guest
    ///   ended, or taken over); none means nothing came within `limit`.
    pub fn read(&self, buffer: &mut [u8], limit: Duration) -> Result<Option<usize>> {
        match self.ready(PollFlags::IN, limit)? {
            Ready::Over => return Ok(Some(0)),
            Ready::Later => return Ok(None),
            Ready::Now => {}
        }
        match rustix::io::read(&self.terminal, buffer) {
            Ok(n) => Ok(Some(n)),
            // QEMU closed its side.
            Err(rustix::io::Errno::IO) => Ok(Some(0)),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => Ok(None),
            Err(e) => Err(self.failed("read from", e)),
        }
    }

    /// Gives the guest input.
    ///
    /// * Returns how many bytes it took; 0 means the session is over; none
    ///   means it took nothing within `limit`.
    pub fn write(&self, bytes: &[u8], limit: Duration) -> Result<Option<usize>> {
        match self.ready(PollFlags::OUT, limit)? {
            Ready::Over => return Ok(Some(0)),
            Ready::Later => return Ok(None),
            Ready::Now => {}
        }
        match rustix::io::write(&self.terminal, bytes) {
            Ok(n) => Ok(Some(n)),
            Err(rustix::io::Errno::IO) => Ok(Some(0)),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => Ok(None),
            Err(e) => Err(self.failed("write to", e)),
        }
    }

    /// Turns the session into a two-way byte stream: a thread copies between
    /// the terminal and the other end of the returned socket until either
    /// side ends.
    pub fn into_stream(self) -> Result<OwnedFd> {
        let (ours, theirs) = UnixStream::pair().map_err(|e| Error::system("cannot make a console stream", &e))?;
        ours.set_nonblocking(true).map_err(|e| Error::system("cannot make a console stream", &e))?;
        std::thread::Builder::new()
            .name("qemu-console".into())
            .spawn(move || self.copy(&ours))
            .map_err(|e| Error::system("cannot start a console thread", &e))?;
        Ok(theirs.into())
    }

    fn copy(&self, peer: &UnixStream) {
        let mut from_guest = Pipe::default();
        let mut from_peer = Pipe::default();
        loop {
            let (terminal_flags, peer_flags) =
                (from_guest.wants_in() | from_peer.wants_out(), from_peer.wants_in() | from_guest.wants_out());
            let mut fds = [
                PollFd::new(&self.terminal, terminal_flags),
                PollFd::new(peer, peer_flags),
                PollFd::new(&self.stop, PollFlags::IN),
            ];
            match poll(&mut fds, None) {
                Err(rustix::io::Errno::INTR) => continue,
                Err(_) => return,
                Ok(_) => {}
            }
            let [terminal, other, stop] = fds.each_ref().map(PollFd::revents);
            let done = !stop.is_empty()
                || from_guest.step(&self.terminal, terminal, peer, other)
                || from_peer.step(peer, other, &self.terminal, terminal)
                || (terminal.intersects(PollFlags::HUP) && !terminal.intersects(PollFlags::IN))
                || (other.intersects(PollFlags::HUP) && !other.intersects(PollFlags::IN));
            if done {
                // What the guest printed last is worth a try.
                from_guest.flush(peer);
                return;
            }
        }
    }

    fn ready(&self, flags: PollFlags, limit: Duration) -> Result<Ready> {
        let timeout = Timespec {
            tv_sec: i64::try_from(limit.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: limit.subsec_nanos().into(),
        };
        let mut fds = [PollFd::new(&self.terminal, flags), PollFd::new(&self.stop, PollFlags::IN)];
        match poll(&mut fds, Some(&timeout)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => Ok(Ready::Later),
            Ok(_) => {
                let [terminal, stop] = fds.each_ref().map(PollFd::revents);
                Ok(match () {
                    () if !stop.is_empty() => Ready::Over,
                    () if terminal.intersects(flags) => Ready::Now,
                    () if terminal.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) => Ready::Over,
                    () => Ready::Later,
                })
            }
            Err(e) => Err(self.failed("wait for", e)),
        }
    }

    fn failed(&self, what: &str, e: rustix::io::Errno) -> Error {
        Error::system(format_args!("cannot {what} '{}'", self.path.display()), &e.into())
    }
}

/// Bytes on their way in one direction.
#[derive(Default)]
struct Pipe {
    waiting: Vec<u8>,
}

impl Pipe {
    fn wants_in(&self) -> PollFlags {
        if self.waiting.is_empty() { PollFlags::IN } else { PollFlags::empty() }
    }

    fn wants_out(&self) -> PollFlags {
        if self.waiting.is_empty() { PollFlags::empty() } else { PollFlags::OUT }
    }

    /// Moves what can be moved; true when a side has ended.
    fn step(&mut self, from: &impl AsFd, readable: PollFlags, to: &impl AsFd, writable: PollFlags) -> bool {
        if self.waiting.is_empty() && readable.intersects(PollFlags::IN) {
            let mut buffer = [0; 4096];
            match rustix::io::read(from, &mut buffer) {
                Ok(0) => return true,
                Ok(n) => self.waiting.extend(buffer.iter().take(n)),
                Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {}
                Err(_) => return true,
            }
            return self.flush(to);
        }
        if !self.waiting.is_empty() && writable.intersects(PollFlags::OUT) {
            return self.flush(to);
        }
        false
    }

    fn flush(&mut self, to: &impl AsFd) -> bool {
        while !self.waiting.is_empty() {
            match rustix::io::write(to, &self.waiting) {
                Ok(n) => drop(self.waiting.drain(..n)),
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => return false,
                Err(_) => return true,
            }
        }
        false
    }
}

enum Ready {
    Now,
    Later,
    Over,
}

impl Drop for Console {
    fn drop(&mut self) {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        if table.get(&self.path).is_some_and(|stop| Arc::ptr_eq(stop, &self.stop)) {
            table.remove(&self.path);
        }
    }
}

fn ring(stop: &OwnedFd) {
    // Only fails when it already rang as often as it can count.
    let _ = rustix::io::write(stop, &1u64.to_ne_bytes());
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

    use super::*;

    const LONG: Duration = Duration::from_secs(10);

    fn terminal() -> (OwnedFd, PathBuf) {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        (master, PathBuf::from(name.to_str().unwrap()))
    }

    #[test]
    fn bytes_go_both_ways_unchanged() {
        let (guest, path) = terminal();
        let console = Consoles::default().open(&path, WhenBusy::Refuse).unwrap();
        assert_eq!(console.write(b"ls\n\x03", LONG).unwrap(), Some(4));
        let mut buffer = [0; 64];
        assert_eq!(rustix::io::read(&guest, &mut buffer).unwrap(), 4);
        assert_eq!(&buffer[..4], b"ls\n\x03");
        rustix::io::write(&guest, b"out\r\n").unwrap();
        assert_eq!(console.read(&mut buffer, LONG).unwrap(), Some(5));
        assert_eq!(&buffer[..5], b"out\r\n");
        assert_eq!(console.read(&mut buffer, Duration::ZERO).unwrap(), None);
        drop(guest);
        assert_eq!(console.read(&mut buffer, LONG).unwrap(), Some(0));
    }

    #[test]
    fn a_stream_carries_both_ways_and_ends_with_the_guest() {
        use std::io::{Read, Write};
        let (guest, path) = terminal();
        let consoles = Consoles::default();
        let mut stream = UnixStream::from(consoles.open(&path, WhenBusy::Refuse).unwrap().into_stream().unwrap());
        stream.set_read_timeout(Some(LONG)).unwrap();
        stream.write_all(b"hello").unwrap();
        let mut buffer = [0; 16];
        assert_eq!(rustix::io::read(&guest, &mut buffer).unwrap(), 5);
        rustix::io::write(&guest, b"login: ").unwrap();
        assert_eq!(stream.read(&mut buffer).unwrap(), 7);
        drop(guest);
        assert_eq!(stream.read(&mut buffer).unwrap(), 0);
    }

    #[test]
    fn a_second_client_is_refused_or_takes_over() {
        let (_guest, path) = terminal();
        let consoles = Consoles::default();
        let first = consoles.open(&path, WhenBusy::Refuse).unwrap();
        let error = consoles.open(&path, WhenBusy::Refuse).unwrap_err();
        assert!(error.message().contains("Active console session exists"), "{error}");
        let second = consoles.open(&path, WhenBusy::TakeOver).unwrap();
        assert_eq!(first.read(&mut [0; 8], LONG).unwrap(), Some(0));
        drop(first);
        assert!(consoles.open(&path, WhenBusy::Refuse).is_err());
        drop(second);
        assert!(consoles.open(&path, WhenBusy::Refuse).is_ok());
    }
}
