//! A part of a file: read or written on threads that may wait, one piece at a
//! time, holes as holes.

use std::fs::File;
use std::future::pending;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt, FileTypeExt};
use std::sync::Arc;

use oxivirt_core::call::FileRange;
use oxivirt_core::wire::message::{MessageType, Status};
use oxivirt_core::wire::xdr::{Writer, Xdr};
use rustix::fs::{FallocateFlags, SeekFrom};
use rustix::io::Errno;

use super::{HOLE_WEIGHT, Outcome, PACKET, Packet, Stream, WAITING_MAX};

/// A part of a file.
pub(super) struct Part {
    file: Arc<File>,
    range: FileRange,
    /// From the client into the file; else the other way.
    pub(super) writes: bool,
}

/// What comes next in a file.
enum Piece {
    Data(Vec<u8>),
    Hole(u64),
    End,
}

/// Bytes of zeros that are written at a time where a file cannot have holes.
const ZEROS: usize = 1 << 20;

impl Part {
    pub(super) fn new(file: OwnedFd, range: FileRange, writes: bool) -> Self {
        Self { file: Arc::new(file.into()), range, writes }
    }

    /// Behind the last byte, where the range has one.
    fn end(&self) -> Option<u64> {
        (self.range.length > 0).then(|| self.range.offset.saturating_add(self.range.length))
    }
}

impl Stream {
    /// Sends the file, then waits: only the client ends a stream that went well.
    pub(super) async fn file_to_client(&self, part: &Part) -> io::Result<()> {
        let mut at = part.range.offset;
        loop {
            let Some(client) = self.client.upgrade() else { return Ok(()) };
            let outgoing = client.outgoing.clone();
            if outgoing.is_full() {
                drop(client);
                outgoing.wait_for_room().await;
                continue;
            }
            let (file, end, sparse) = (part.file.clone(), part.end(), part.range.sparse);
            let piece = self.on_thread(move || next(&file, at, end, sparse)).await?;
            let passed = match &piece {
                Piece::Data(data) => {
                    at += data.len() as u64;
                    self.pass_on(&client, MessageType::STREAM, data)
                }
                Piece::Hole(length) => {
                    at += length;
                    self.pass_on(&client, MessageType::STREAM_HOLE, &hole(*length)?)
                }
                Piece::End => {
                    self.pass_on(&client, MessageType::STREAM, &[]);
                    false
                }
            };
            if !passed {
                return pending().await;
            }
        }
    }

    /// Writes what the client sends until it finishes or aborts. What was
    /// written is on disk before the end is confirmed.
    pub(super) async fn stream_to_file(&self, part: &Part) -> io::Result<Status> {
        let mut at = part.range.offset;
        loop {
            let (packet, outcome) = {
                let mut inbox = self.inbox();
                let packet = inbox.packets.pop_front();
                inbox.bytes -= match &packet {
                    Some(Packet::Data(data)) => data.len(),
                    Some(Packet::Hole(_)) => HOLE_WEIGHT,
                    None => 0,
                };
                if inbox.bytes <= WAITING_MAX {
                    self.passed.notify_waiters();
                }
                (packet, inbox.outcome)
            };
            if outcome == Some(Outcome::Aborted) {
                return Ok(Status::CONTINUE);
            }
            let file = part.file.clone();
            match (packet, outcome) {
                (Some(Packet::Data(data)), _) => {
                    let next = fitting(part, at, data.len() as u64)?;
                    self.on_thread(move || file.write_all_at(&data, at)).await?;
                    at = next;
                }
                (Some(Packet::Hole(length)), _) => {
                    let end = fitting(part, at, length)?;
                    while at < end && self.inbox().outcome != Some(Outcome::Aborted) {
                        let file = file.clone();
                        at = self.on_thread(move || clear(&file, at, end)).await?;
                    }
                }
                (None, Some(_)) => {
                    self.on_thread(move || file.sync_data()).await?;
                    return Ok(Status::OK);
                }
                (None, None) => self.arrived.notified().await,
            }
        }
    }

    /// Runs what may wait for a disk.
    async fn on_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        self.runtime.spawn_blocking(work).await.map_err(io::Error::other)?
    }
}

/// The message body of a hole.
pub(super) fn hole(length: u64) -> io::Result<Vec<u8>> {
    let mut out = Writer::new();
    let length = i64::try_from(length).map_err(io::Error::other)?;
    length.encode(&mut out).and_then(|()| 0u32.encode(&mut out)).map_err(io::Error::other)?;
    Ok(out.into_bytes())
}

/// Where `length` bytes from `at` end, if the range has room for them.
fn fitting(part: &Part, at: u64, length: u64) -> io::Result<u64> {
    let next = at.checked_add(length).ok_or(Errno::FBIG)?;
    match part.end() {
        Some(end) if next > end => Err(Errno::NOSPC.into()),
        _ => Ok(next),
    }
}

/// What stands at `at`: some data, or a whole hole if holes matter.
fn next(file: &File, at: u64, end: Option<u64>, sparse: bool) -> io::Result<Piece> {
    let mut limit = end.unwrap_or(u64::MAX);
    if at >= limit {
        return Ok(Piece::End);
    }
    if sparse {
        match rustix::fs::seek(file, SeekFrom::Data(at)) {
            Ok(data) if data > at => return Ok(Piece::Hole(data.min(limit) - at)),
            Ok(_) => limit = limit.min(rustix::fs::seek(file, SeekFrom::Hole(at))?),
            // Nothing but a hole up to the end of the file.
            Err(Errno::NXIO) => {
                let size = rustix::fs::seek(file, SeekFrom::End(0))?.min(limit);
                return Ok(if size > at { Piece::Hole(size - at) } else { Piece::End });
            }
            // Not every file knows its holes.
            Err(Errno::INVAL | Errno::OPNOTSUPP) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
    let mut data = vec![0; usize::try_from(limit - at).unwrap_or(PACKET).min(PACKET)];
    let count = file.read_at(&mut data, at)?;
    data.truncate(count);
    Ok(if count == 0 { Piece::End } else { Piece::Data(data) })
}

/// Makes zeros from `at` on, up to `end` if it can; returns how far it came.
fn clear(file: &File, at: u64, end: u64) -> io::Result<u64> {
    let metadata = file.metadata()?;
    let is_device = metadata.file_type().is_block_device();
    let size = if is_device { end } else { metadata.len() };
    if at >= size {
        file.set_len(end)?;
        return Ok(end);
    }
    let stop = end.min(size);
    match rustix::fs::fallocate(file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, at, stop - at) {
        Ok(()) => Ok(stop),
        Err(Errno::OPNOTSUPP | Errno::NODEV | Errno::NOSYS | Errno::INVAL) => {
            let count = usize::try_from(stop - at).unwrap_or(ZEROS).min(ZEROS);
            file.write_all_at(&vec![0; count], at)?;
            Ok(at + count as u64)
        }
        Err(errno) => Err(errno.into()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn pieces(file: &File, range: (u64, Option<u64>), sparse: bool) -> Vec<(bool, u64)> {
        let mut found = Vec::new();
        let mut at = range.0;
        loop {
            let (is_data, length) = match next(file, at, range.1, sparse).unwrap() {
                Piece::Data(data) => (true, data.len() as u64),
                Piece::Hole(length) => (false, length),
                Piece::End => return found,
            };
            found.push((is_data, length));
            at += length;
        }
    }

    #[test]
    fn holes_are_found_and_made() {
        const BLOCK: u64 = 1 << 16;
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&vec![1; BLOCK as usize], BLOCK).unwrap();
        file.set_len(4 * BLOCK).unwrap();
        assert_eq!(pieces(&file, (0, None), true), [(false, BLOCK), (true, BLOCK), (false, 2 * BLOCK)]);
        assert_eq!(pieces(&file, (BLOCK / 2, Some(2 * BLOCK)), true), [(false, BLOCK / 2), (true, BLOCK)]);
        assert_eq!(pieces(&file, (0, None), false).iter().map(|(_, length)| length).sum::<u64>(), 4 * BLOCK);

        let mut at = BLOCK;
        while at < 6 * BLOCK {
            at = clear(&file, at, 6 * BLOCK).unwrap();
        }
        assert_eq!(file.metadata().unwrap().len(), 6 * BLOCK);
        let mut all = vec![1; 6 * BLOCK as usize];
        file.read_exact_at(&mut all, 0).unwrap();
        assert!(all.iter().all(|byte| *byte == 0));
    }

    #[test]
    fn nothing_is_written_beyond_a_range() {
        let range = FileRange { offset: 10, length: 5, sparse: true };
        let part = Part::new(tempfile::tempfile().unwrap().into(), range, true);
        assert_eq!(fitting(&part, 10, 5).unwrap(), 15);
        assert_eq!(fitting(&part, 12, 4).unwrap_err().raw_os_error(), Some(Errno::NOSPC.raw_os_error()));
        assert!(fitting(&part, u64::MAX, 2).is_err());
    }
}
