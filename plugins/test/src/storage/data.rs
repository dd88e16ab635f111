//! What is in a volume: memory that behaves as a file, taken when it is first
//! needed. What was never written takes no room.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use oxivirt_core::{Error, ErrorDomain, Result};
use rustix::fs::{MemfdFlags, SeekFrom, memfd_create, seek};
use rustix::io::Errno;

/// Bytes that are copied at once.
const PIECE: usize = 1 << 20;

/// The data of a volume.
#[derive(Default)]
pub(crate) struct VolumeData(Mutex<Option<File>>);

impl VolumeData {
    /// Opens it with a place of its own to read and write at.
    ///
    /// * `capacity` – bytes of the volume.
    /// * Errors: `SYSTEM_ERROR` when there is no room for it.
    pub(crate) fn open(&self, capacity: u64) -> Result<OwnedFd> {
        let mut file = self.file();
        let open = match &*file {
            Some(known) => reopen(known),
            None => make(capacity).and_then(|made| reopen(file.insert(made))),
        };
        open.map(OwnedFd::from).map_err(failed)
    }

    /// Makes it larger or smaller.
    pub(crate) fn resize(&self, capacity: u64) -> Result<()> {
        self.file().as_ref().map_or(Ok(()), |file| file.set_len(capacity)).map_err(failed)
    }

    /// Forgets everything that was written.
    pub(crate) fn wipe(&self) -> Result<()> {
        let file = self.file();
        let Some(file) = &*file else { return Ok(()) };
        // Streams that are under way go on with the same file.
        let wipe = || -> io::Result<()> {
            let length = file.metadata()?.len();
            file.set_len(0)?;
            file.set_len(length)
        };
        wipe().map_err(failed)
    }

    /// A copy for a volume of `capacity` bytes; holes stay holes.
    pub(crate) fn copy(&self, capacity: u64) -> Result<Self> {
        let file = self.file();
        let Some(from) = &*file else { return Ok(Self::default()) };
        let copy = || -> io::Result<File> {
            let (from, to) = (reopen(from)?, make(capacity)?);
            copy_data(&from, &to, capacity)?;
            Ok(to)
        };
        Ok(Self(Mutex::new(Some(copy().map_err(failed)?))))
    }

    fn file(&self) -> MutexGuard<'_, Option<File>> {
        // The file is put in at one step, so it is whole even after a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn failed(source: io::Error) -> Error {
    Error::system("cannot keep the data of a volume", &source).in_domain(ErrorDomain::STORAGE)
}

fn make(capacity: u64) -> io::Result<File> {
    let file = File::from(memfd_create("volume", MemfdFlags::CLOEXEC)?);
    file.set_len(capacity)?;
    Ok(file)
}

/// Opens a file once more: a copied descriptor would share its position.
fn reopen(file: &File) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

/// Copies what was written in the first `limit` bytes.
fn copy_data(from: &File, to: &File, limit: u64) -> io::Result<()> {
    let mut buffer = vec![0; PIECE];
    let mut at = 0;
    while at < limit {
        at = match seek(from, SeekFrom::Data(at)) {
            Ok(at) if at < limit => at,
            Ok(_) | Err(Errno::NXIO) => break,
            Err(error) => return Err(error.into()),
        };
        let end = seek(from, SeekFrom::Hole(at))?.min(limit);
        while at < end {
            let most = usize::try_from(end - at).unwrap_or(PIECE).min(PIECE);
            let Some(piece) = buffer.get_mut(..most) else { break };
            let read = from.read_at(piece, at)?;
            if read == 0 {
                return Ok(());
            }
            to.write_all_at(piece.get(..read).unwrap_or_default(), at)?;
            at += read as u64;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::os::unix::fs::MetadataExt;

    use super::*;

    fn read(data: &VolumeData, at: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![9; length];
        File::from(data.open(0).unwrap()).read_exact_at(&mut bytes, at).unwrap();
        bytes
    }

    #[test]
    fn what_is_written_is_there_until_it_is_wiped() {
        const SIZE: u64 = 10 << 30;
        let data = VolumeData::default();
        File::from(data.open(SIZE).unwrap()).write_all_at(b"here", SIZE - 4).unwrap();
        assert_eq!(read(&data, SIZE - 4, 4), b"here");
        let copy = data.copy(SIZE).unwrap();
        assert_eq!(read(&copy, SIZE - 4, 4), b"here");
        let file = File::from(copy.open(SIZE).unwrap());
        assert!(file.metadata().unwrap().blocks() < 1000, "holes take no room");
        data.wipe().unwrap();
        assert_eq!(read(&data, SIZE - 4, 4), [0; 4]);
        assert_eq!(read(&copy, SIZE - 4, 4), b"here", "the copy is its own");
        copy.resize(SIZE / 2).unwrap();
        assert_eq!(file.metadata().unwrap().len(), SIZE / 2);
    }

    #[test]
    fn a_shorter_copy_ends_where_it_ends() {
        let data = VolumeData::default();
        File::from(data.open(8).unwrap()).write_all_at(b"abcdefgh", 0).unwrap();
        let copy = data.copy(3).unwrap();
        let file = File::from(copy.open(3).unwrap());
        assert_eq!(file.metadata().unwrap().len(), 3);
        assert_eq!(read(&copy, 0, 3), b"abc");
    }
}
