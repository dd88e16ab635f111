//! Load that no honest client makes, and what it costs a daemon.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use rustix::process::{Resource, Rlimit};

use crate::process;
use crate::wire::{Client, Header, Xdr, procedure};

/// What is opened before tampering begins.
const URI: &str = "test:///default";

/// No read or write of a client may take longer.
const LIMIT: Duration = Duration::from_secs(60);

/// How many frames go out on one connection.
const BATCH: u64 = 256;

/// What a process holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Resident memory in KiB.
    pub rss_kib: u64,
    /// Open descriptors.
    pub descriptors: usize,
    /// Threads.
    pub threads: usize,
}

impl Usage {
    /// Reads it for a process.
    ///
    /// Errors: there is no such process, or it may not be looked at.
    pub fn of(pid: i32) -> Result<Usage, String> {
        let file = format!("/proc/{pid}/status");
        let status = fs::read_to_string(&file).map_err(|e| format!("{file}: {e}"))?;
        let value = |key: &str| -> Result<u64, String> {
            let found = status.lines().find_map(|line| line.strip_prefix(key)?.split_whitespace().next()?.parse().ok());
            found.ok_or_else(|| format!("{file} has no {key}"))
        };
        let folder = format!("/proc/{pid}/fd");
        let descriptors = fs::read_dir(&folder).map_err(|e| format!("{folder}: {e}"))?.count();
        let threads = usize::try_from(value("Threads:")?).unwrap_or(usize::MAX);
        Ok(Usage { rss_kib: value("VmRSS:")?, descriptors, threads })
    }

    /// Waits until a process holds no more descriptors than it did.
    ///
    /// Errors: what it holds after `limit`.
    pub fn settles(self, pid: i32, limit: Duration) -> Result<Usage, String> {
        let mut last = self;
        process::wait_for("descriptors to be given back", limit, || {
            last = Usage::of(pid).ok()?;
            (last.descriptors <= self.descriptors).then_some(last)
        })
        .map_err(|e| format!("{e}; before: {self:?}, now: {last:?}"))
    }
}

/// Raises this process's limit of open descriptors, which its children inherit.
///
/// Errors: the system allows fewer than `wanted`.
pub fn allow_descriptors(wanted: u64) -> Result<(), String> {
    let now = rustix::process::getrlimit(Resource::Nofile);
    if now.current.is_none_or(|limit| limit >= wanted) {
        return Ok(());
    }
    let raised = Rlimit { current: Some(wanted), maximum: now.maximum };
    rustix::process::setrlimit(Resource::Nofile, raised).map_err(|e| format!("{wanted} descriptors: {e}"))
}

/// A sequence that looks random and is the same in every run.
#[derive(Debug, Clone)]
pub struct Sequence(u64);

impl Sequence {
    /// Begins at a seed.
    pub fn new(seed: u64) -> Sequence {
        Sequence(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// The next number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.number() >> 11).unwrap_or(0) % end.max(1)
    }

    /// Any byte but a slash: no accident shall make a path out of a name.
    fn byte(&mut self) -> u8 {
        let [.., byte] = self.number().to_be_bytes();
        if byte == b'/' { b'.' } else { byte }
    }

    fn word(&mut self) -> u32 {
        const TELLING: &[u32] = &[0, 1, 2, 3, 16, 255, 1024, 4_194_304, 4_194_305, 0x7fff_ffff, 0x8000_0000, u32::MAX];
        match self.below(3) {
            0 => u32::try_from(self.number() & 0xffff_ffff).unwrap_or(0),
            _ => TELLING[self.below(TELLING.len())],
        }
    }
}

/// A call with arguments that are nearly right, tampered with.
///
/// Its length is right unless `break_length`, so that the daemon goes on to look at the rest.
pub fn tampered(sequence: &mut Sequence, serial: u32, break_length: bool) -> Vec<u8> {
    // Names only: nothing here is a path, so no call can reach a file outside the daemon's folder.
    const NAMES: &[&str] = &["test", "default", "default-pool", "computer", "", "test\u{0}x", "<domain/>", "eth1"];
    let known = 500;
    let number = match sequence.below(32) {
        0 => sequence.word().cast_signed(),
        _ => i32::try_from(sequence.below(known)).unwrap_or(0),
    };
    // Ends the session, after which nothing else would be looked at.
    let number = if number == procedure::CONNECT_CLOSE { procedure::DOMAIN_GET_INFO } else { number };
    let mut payload = Xdr::default();
    for _ in 0..sequence.below(6) {
        payload = match sequence.below(6) {
            0 => payload.unsigned(sequence.word()),
            1 => payload.string(NAMES[sequence.below(NAMES.len())]),
            2 => payload.some_string(NAMES[sequence.below(NAMES.len())]),
            // The domain that is there from the start.
            3 => {
                let uuid = [0x66, 0x95, 0xeb, 1, 0xf6, 0xa4, 0x83, 4, 0x79, 0xaa, 0x97, 0xf2, 0x50, 0x2e, 0x19, 0x3f];
                payload.string("test").bytes(&uuid).unsigned(1)
            }
            4 => payload.unsigned(0),
            _ => {
                let length = sequence.below(64);
                let bytes: Vec<u8> = (0..length).map(|_| sequence.byte()).collect();
                payload.bytes(&bytes)
            }
        };
    }
    let mut header = Header::call(number, serial);
    match sequence.below(64) {
        0 => header.program = [0x2000_8087, 0x2000_8088, 0x6b65_6570, 0x0686_8690, sequence.word()][sequence.below(5)],
        1 => header.version = sequence.word(),
        2 => header.kind = [1, 2, 3, 4, 5, 6, sequence.word()][sequence.below(7)],
        3 => header.status = [1, 2, sequence.word()][sequence.below(3)],
        _ => {}
    }
    let mut frame = header.frame(&payload.0);
    for _ in 0..sequence.below(4) {
        let at = sequence.below(frame.len());
        let first = if break_length { 0 } else { 28 };
        if at >= first
            && let Some(byte) = frame.get_mut(at)
        {
            *byte = sequence.byte();
        }
    }
    frame
}

/// Sends `count` tampered frames from several connections at once; gives back how many connections it took.
///
/// Errors: the daemon accepts no connection any more.
pub fn tampered_frames(socket: &Path, count: u64, connections: usize) -> Result<u64, String> {
    let sent = AtomicU64::new(0);
    let opened = AtomicU64::new(0);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..connections.max(1))
            .map(|worker| {
                let (sent, opened) = (&sent, &opened);
                scope.spawn(move || {
                    let mut sequence = Sequence::new(worker as u64 + 1);
                    while sent.fetch_add(BATCH, Ordering::Relaxed) < count {
                        opened.fetch_add(1, Ordering::Relaxed);
                        batch(socket, &mut sequence).map_err(|e| format!("a new connection: {e}"))?;
                    }
                    Ok(())
                })
            })
            .collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| "a client panicked".to_owned())?)
    })
    .map(|()| opened.into_inner())
}

/// One connection's worth of tampered frames; what the daemon does about them is its own affair.
fn batch(socket: &Path, sequence: &mut Sequence) -> io::Result<()> {
    let stream = raw(socket)?;
    let mut reader = stream.try_clone()?;
    thread::scope(|scope| {
        let drain = scope.spawn(move || {
            let mut sink = vec![0; 1 << 16];
            while reader.read(&mut sink).is_ok_and(|count| count > 0) {}
        });
        let break_length = sequence.below(16) == 0;
        let mut bytes = Vec::with_capacity(1 << 15);
        for serial in 0..u32::try_from(BATCH).unwrap_or(1) {
            bytes.extend_from_slice(&tampered(sequence, serial + 10, break_length));
        }
        let mut writer = &stream;
        // The daemon may end the connection before it has read everything.
        let _ = writer.write_all(&bytes);
        // Some vanish, the others wait for the last answer.
        let how = if sequence.below(8) == 0 { std::net::Shutdown::Both } else { std::net::Shutdown::Write };
        let _ = stream.shutdown(how);
        let _ = drain.join();
    });
    Ok(())
}

/// A connection on which a driver was opened, for bytes of one's own.
fn raw(socket: &Path) -> io::Result<UnixStream> {
    let stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_write_timeout(Some(LIMIT))?;
    let mut hello = Header::call(procedure::AUTH_LIST, 1).frame(&[]);
    let open = Xdr::default().some_string(URI).unsigned(0).0;
    hello.extend_from_slice(&Header::call(procedure::CONNECT_OPEN, 2).frame(&open));
    (&stream).write_all(&hello)?;
    Ok(stream)
}

/// A client that misbehaves in one of several ways for as long as it is kept.
#[derive(Debug)]
pub enum Nuisance {
    /// It is still connected.
    Connected(Client),
    /// It went away or was sent away.
    Gone,
}

/// Connects a client that misbehaves; `number` chooses how.
///
/// Errors: the daemon accepts no connection any more.
pub fn nuisance(socket: &Path, number: usize, sequence: &mut Sequence) -> io::Result<Nuisance> {
    let mut client = Client::connect(socket, LIMIT)?;
    let call = |procedure: i32, payload: &[u8]| Header::call(procedure, 3).frame(payload);
    match number % 6 {
        // Says nothing at all.
        0 => return Ok(Nuisance::Connected(client)),
        // Stops in the middle of a frame.
        1 => {
            let frame = call(procedure::AUTH_LIST, &[]);
            let _ = client.send(frame.get(..1 + sequence.below(27)).unwrap_or_default());
            return Ok(Nuisance::Connected(client));
        }
        // Sends what is no frame.
        2 => {
            let bytes: Vec<u8> = (0..512).map(|_| sequence.byte()).collect();
            let _ = client.send(&bytes);
            return Ok(Nuisance::Connected(client));
        }
        _ => {}
    }
    let _ = client.send(&call(procedure::AUTH_LIST, &[]));
    let _ = client.send(&call(procedure::CONNECT_OPEN, &Xdr::default().some_string(URI).unsigned(0).0));
    match number % 6 {
        // Calls and vanishes.
        3 => {
            let _ = client.send(&call(procedure::CONNECT_LIST_ALL_DOMAINS, &Xdr::default().unsigned(1).unsigned(0).0));
            return Ok(Nuisance::Gone);
        }
        // Calls and never reads.
        4 => {
            for _ in 0..20 {
                let _ = client.send(&call(procedure::CONNECT_GET_LIB_VERSION, &[]));
            }
        }
        // Wants events and never reads them.
        _ => {
            let every_domain = Xdr::default().unsigned(0).unsigned(0).0;
            let _ = client.send(&call(procedure::CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY, &every_domain));
        }
    }
    Ok(Nuisance::Connected(client))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lengths_are_right_unless_they_are_to_be_wrong() {
        let mut sequence = Sequence::new(7);
        for serial in 0..2_000 {
            let frame = tampered(&mut sequence, serial, false);
            let length = u32::from_be_bytes(*frame.first_chunk().unwrap());
            assert_eq!(usize::try_from(length).unwrap(), frame.len());
        }
    }

    #[test]
    fn the_sequence_is_the_same_in_every_run() {
        let (mut one, mut other) = (Sequence::new(3), Sequence::new(3));
        for serial in 0..100 {
            assert_eq!(tampered(&mut one, serial, true), tampered(&mut other, serial, true));
        }
    }

    #[test]
    fn this_process_can_be_looked_at() {
        let usage = Usage::of(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert!(usage.rss_kib > 0 && usage.descriptors > 2 && usage.threads > 0);
    }
}
