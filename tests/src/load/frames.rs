//! Frames that are nearly right, in numbers.

use std::io::{self, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::bodies::TEST_DOMAIN;
use super::{Bodies, LIMIT, Sequence, URI};
use crate::wire::{Header, Xdr, procedure};

/// How many frames go out on one connection.
const BATCH: u64 = 256;

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
            1 => payload.string(sequence.pick::<&str>(NAMES)),
            2 => payload.some_string(sequence.pick::<&str>(NAMES)),
            // The domain that is there from the start.
            3 => payload.string("test").bytes(&TEST_DOMAIN).unsigned(1),
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

/// What came of many frames.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Flood {
    /// How many connections it took.
    pub connections: u64,
    /// How many frames were answered; after one that is no frame the connection is over.
    pub answered: u64,
}

/// Sends `count` tampered frames from several connections at once.
///
/// Errors: the daemon accepts no connection any more.
pub fn tampered_frames(socket: &Path, count: u64, connections: usize) -> Result<Flood, String> {
    flood(socket, count, connections, &|sequence| {
        let break_length = sequence.below(16) == 0;
        Box::new(move |sequence, serial| tampered(sequence, serial, break_length))
    })
}

/// The same with calls whose arguments have the right form and are then tampered with, see [`Bodies`].
///
/// Errors: as for [`tampered_frames`].
pub fn tampered_bodies(socket: &Path, count: u64, connections: usize) -> Result<Flood, String> {
    let bodies = Bodies::of_every_call();
    flood(socket, count, connections, &|_| Box::new(|sequence, serial| bodies.tampered(sequence, serial)))
}

/// Makes the frame with a serial number.
type Maker<'a> = Box<dyn FnMut(&mut Sequence, u32) -> Vec<u8> + 'a>;

fn flood<'a>(
    socket: &Path,
    count: u64,
    connections: usize,
    maker: &(dyn Fn(&mut Sequence) -> Maker<'a> + Sync),
) -> Result<Flood, String> {
    let [sent, opened, answered] = [const { AtomicU64::new(0) }; 3];
    thread::scope(|scope| {
        let workers: Vec<_> = (0..connections.max(1))
            .map(|worker| {
                let (sent, opened, answered) = (&sent, &opened, &answered);
                scope.spawn(move || {
                    let mut sequence = Sequence::new(count.wrapping_add(worker as u64) + 1);
                    while sent.fetch_add(BATCH, Ordering::Relaxed) < count {
                        opened.fetch_add(1, Ordering::Relaxed);
                        let mut make = maker(&mut sequence);
                        let count = batch(socket, &mut sequence, &mut make);
                        answered.fetch_add(count.map_err(|e| format!("a new connection: {e}"))?, Ordering::Relaxed);
                    }
                    Ok(())
                })
            })
            .collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| "a client panicked".to_owned())?)
    })
    .map(|()| Flood { connections: opened.into_inner(), answered: answered.into_inner() })
}

/// One connection's worth of frames; gives back how many were answered. What the daemon does about them is its own affair.
fn batch(socket: &Path, sequence: &mut Sequence, make: &mut Maker<'_>) -> io::Result<u64> {
    let stream = raw(socket)?;
    let mut reader = stream.try_clone()?;
    thread::scope(|scope| {
        let drain = scope.spawn(move || {
            let mut reader = BufReader::with_capacity(1 << 16, &mut reader);
            std::iter::from_fn(|| pass_over(&mut reader)).count() as u64
        });
        let mut bytes = Vec::with_capacity(1 << 15);
        for serial in 0..u32::try_from(BATCH).unwrap_or(1) {
            bytes.extend_from_slice(&make(sequence, serial + 10));
        }
        let mut writer = &stream;
        // The daemon may end the connection before it has read everything.
        let _ = writer.write_all(&bytes);
        // Some vanish, the others wait for the last answer.
        let how = if sequence.below(8) == 0 { std::net::Shutdown::Both } else { std::net::Shutdown::Write };
        let _ = stream.shutdown(how);
        // The first two are those of the opening.
        Ok(drain.join().unwrap_or(0).saturating_sub(2))
    })
}

/// Passes over one frame that the daemon sent; `None` at the end.
fn pass_over(reader: &mut impl Read) -> Option<()> {
    let mut length = [0; 4];
    reader.read_exact(&mut length).ok()?;
    let rest = u64::from(u32::from_be_bytes(length)).checked_sub(4)?;
    (io::copy(&mut reader.take(rest), &mut io::sink()).ok()? == rest).then_some(())
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
