//! Bytes from a socket, cut into frames.
//!
//! A length is believed only after it was held against the limits, and memory
//! grows with what arrived, never with what was announced. Descriptors come
//! behind their frame, each with one byte of its own.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;

use oxivirt_core::wire::message::{FDS_MAX, HEADER_SIZE, LENGTH_SIZE, MessageType, body_length};
use oxivirt_core::{Error, ErrorCode, Result};

const START: usize = 16 * 1024;

/// Where bytes and descriptors come from.
pub(super) trait Source {
    /// Reads what is there into `buffer`; 0 bytes mean that the other side ended.
    async fn receive(&mut self, buffer: &mut [u8], descriptors: &mut VecDeque<OwnedFd>) -> io::Result<usize>;
}

/// A buffer that holds what was read and not used yet.
pub(super) struct Frames {
    bytes: Vec<u8>,
    begin: usize,
    end: usize,
    descriptors: VecDeque<OwnedFd>,
}

/// A whole frame.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    /// Header and payload; the count of descriptors stands between them.
    pub(super) bytes: &'a [u8],
    /// What came with it.
    pub(super) descriptors: Vec<OwnedFd>,
}

impl Frames {
    /// An empty buffer.
    pub(super) fn new() -> Self {
        Self { bytes: vec![0; START], begin: 0, end: 0, descriptors: VecDeque::new() }
    }

    /// The next whole frame without its length, if it is there.
    ///
    /// Errors: `RPC` for a length that no frame can have, and for descriptors
    /// that are too many or missing.
    pub(super) fn next(&mut self) -> Result<Option<Frame<'_>>> {
        if self.descriptors.len() > FDS_MAX {
            return Err(Error::new(ErrorCode::RPC, "more file descriptors than a message may have"));
        }
        let here = &self.bytes[self.begin..self.end];
        let Some(length) = here.first_chunk::<LENGTH_SIZE>() else { return Ok(None) };
        let body = body_length(*length)?;
        let wanted = announced_descriptors(here.get(LENGTH_SIZE..LENGTH_SIZE + body).unwrap_or_default())?;
        if here.len() < LENGTH_SIZE + body + wanted {
            return Ok(None);
        }
        if wanted > self.descriptors.len() {
            return Err(Error::new(ErrorCode::RPC, format!("{wanted} file descriptors were announced, fewer came")));
        }
        let descriptors = self.descriptors.drain(..wanted).collect();
        let start = self.begin + LENGTH_SIZE;
        self.begin = start + body + wanted;
        Ok(Some(Frame { bytes: &self.bytes[start..start + body], descriptors }))
    }

    /// Reads what is there; 0 bytes mean that the other side ended.
    pub(super) async fn read(&mut self, source: &mut impl Source) -> io::Result<usize> {
        self.make_room();
        let count = source.receive(&mut self.bytes[self.end..], &mut self.descriptors).await?;
        self.end += count;
        Ok(count)
    }

    fn make_room(&mut self) {
        if self.begin == self.end {
            (self.begin, self.end) = (0, 0);
            if self.bytes.len() > START {
                // A large frame must not keep its memory.
                self.bytes = vec![0; START];
            }
        }
        if self.end == self.bytes.len() {
            if self.begin > 0 {
                self.bytes.copy_within(self.begin..self.end, 0);
                self.end -= self.begin;
                self.begin = 0;
            } else {
                self.bytes.resize(self.bytes.len() * 2, 0);
            }
        }
    }
}

/// How many descriptors follow a frame.
fn announced_descriptors(frame: &[u8]) -> Result<usize> {
    const KIND_AT: usize = 12;
    let number = |at: usize| {
        let bytes = frame.get(at..)?.first_chunk::<4>()?;
        Some(u32::from_be_bytes(*bytes))
    };
    if number(KIND_AT) != u32::try_from(MessageType::CALL_WITH_FDS.0).ok() {
        return Ok(0);
    }
    match number(HEADER_SIZE).map(|count| count as usize) {
        Some(count) if count <= FDS_MAX => Ok(count),
        Some(count) => Err(Error::new(ErrorCode::RPC, format!("{count} file descriptors are more than {FDS_MAX}"))),
        None => Err(Error::new(ErrorCode::RPC, "a message with file descriptors does not say how many")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oxivirt_core::wire::message::{Header, Program, frame};
    use proptest::prelude::*;

    impl Source for &[u8] {
        async fn receive(&mut self, buffer: &mut [u8], _: &mut VecDeque<OwnedFd>) -> io::Result<usize> {
            io::Read::read(self, buffer)
        }
    }

    /// Feeds bytes in pieces and gathers the frames.
    fn cut(bytes: &[u8], piece: usize) -> (Vec<Vec<u8>>, bool) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            let (mut frames, mut found) = (Frames::new(), Vec::new());
            for mut part in bytes.chunks(piece) {
                while !part.is_empty() {
                    frames.read(&mut part).await.expect("memory never fails");
                    loop {
                        match frames.next() {
                            Ok(Some(frame)) => found.push(frame.bytes.to_vec()),
                            Ok(None) => break,
                            Err(_) => return (found, true),
                        }
                    }
                }
            }
            (found, false)
        })
    }

    #[test]
    fn frames_of_all_sizes_come_out_whole() {
        let mut bytes = Vec::new();
        let sizes = [0, 4, 100, START, 3 * START + 8, 4];
        for size in sizes {
            bytes.extend(frame(&Header::event(Program::REMOTE, 107), &vec![7; size]).expect("small"));
        }
        for piece in [1, 7, 4096, bytes.len()] {
            let (found, failed) = cut(&bytes, piece);
            assert!(!failed);
            assert_eq!(found.iter().map(|frame| frame.len() - 24).collect::<Vec<_>>(), sizes);
        }
    }

    #[test]
    fn an_announced_size_reserves_nothing() {
        let mut frames = Frames::new();
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            frames.read(&mut 33_554_436u32.to_be_bytes().as_slice()).await.expect("memory never fails");
        });
        assert!(frames.next().expect("within the limit").is_none());
        assert!(frames.bytes.len() <= START);
    }

    proptest! {
        #[test]
        fn any_bytes_are_cut_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..2000), piece in 1usize..64) {
            cut(&bytes, piece);
        }
    }
}
