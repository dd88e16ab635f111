//! The end of a process' output, in memory that two processes share.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

/// The last part of what a process printed.
///
/// It lives in a nameless file: eight bytes that count everything, one that is
/// set at the end of the output, then the text.
#[derive(Debug)]
pub struct LastWords {
    file: File,
    total: u64,
    text: Vec<u8>,
}

impl LastWords {
    /// Of a process that has said nothing yet.
    pub fn new() -> io::Result<Self> {
        let fd = rustix::fs::memfd_create("last-words", rustix::fs::MemfdFlags::CLOEXEC)?;
        Ok(Self::of(fd))
    }

    /// Those that another process keeps, or will read.
    pub fn of(file: OwnedFd) -> Self {
        Self { file: file.into(), total: 0, text: Vec::new() }
    }

    /// A second handle on the same words, for the one that adds to them.
    pub fn shared(&self) -> io::Result<Self> {
        Ok(Self::of(self.descriptor()?))
    }

    /// The file, to be given to another process.
    pub fn descriptor(&self) -> io::Result<OwnedFd> {
        Ok(self.file.try_clone()?.into())
    }

    /// Adds what was printed. Errors are nobody's business: these words are only a help.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.total = self.total.saturating_add(bytes.len() as u64);
        let keep = bytes.len().min(LIMIT);
        let excess = (self.text.len() + keep).saturating_sub(LIMIT);
        self.text.drain(..excess);
        self.text.extend_from_slice(bytes.get(bytes.len() - keep..).unwrap_or_default());
        self.store(false);
    }

    /// Tells that nothing follows.
    pub(super) fn end(&mut self) {
        self.store(true);
    }

    fn store(&self, ended: bool) {
        let mut whole = Vec::with_capacity(HEAD + self.text.len());
        whole.extend_from_slice(&self.total.to_le_bytes());
        whole.push(u8::from(ended));
        whole.extend_from_slice(&self.text);
        let _ = self.file.write_all_at(&whole, 0);
    }

    /// Waits until the output has ended; false when `limit` passed first.
    pub fn wait(&self, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        loop {
            if self.load().get(HEAD - 1) == Some(&1) {
                return true;
            }
            if Instant::now() >= end {
                return false;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// What there is, at most 4 KiB.
    pub fn read(&self) -> String {
        String::from_utf8_lossy(self.load().get(HEAD..).unwrap_or_default()).into_owned()
    }

    fn load(&self) -> Vec<u8> {
        let mut whole = vec![0; HEAD + LIMIT];
        let mut length = 0;
        while let Some(rest) = whole.get_mut(length..).filter(|rest| !rest.is_empty()) {
            match self.file.read_at(rest, length as u64) {
                Ok(0) | Err(_) => break,
                Ok(read) => length += read,
            }
        }
        whole.truncate(length);
        whole
    }
}

const HEAD: usize = 9;

/// Enough for any reason, small enough for an error's text.
const LIMIT: usize = 4096;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_the_end_stays() {
        let mut words = LastWords::new().unwrap();
        assert_eq!(words.read(), "");
        for number in 0..2000 {
            words.add(format!("line {number}\n").as_bytes());
        }
        let text = words.read();
        assert_eq!(text.len(), LIMIT);
        assert!(text.ends_with("line 1998\nline 1999\n"));
        words.add(&[b'z'; LIMIT + 5]);
        assert_eq!(words.read(), "z".repeat(LIMIT));
    }
}
