//! Bytes from a socket, cut into frames.
//!
//! A length is believed only after it was held against the limits, and memory
//! grows with what arrived, never with what was announced.

use std::io;

use oxivirt_core::Result;
use oxivirt_core::wire::message::{LENGTH_SIZE, body_length};
use tokio::io::{AsyncRead, AsyncReadExt};

const START: usize = 16 * 1024;

/// A buffer that holds what was read and not used yet.
pub(super) struct Frames {
    bytes: Vec<u8>,
    begin: usize,
    end: usize,
}

impl Frames {
    /// An empty buffer.
    pub(super) fn new() -> Self {
        Self { bytes: vec![0; START], begin: 0, end: 0 }
    }

    /// The next whole frame without its length, if it is there.
    ///
    /// Errors: `RPC` for a length that no frame can have.
    pub(super) fn next(&mut self) -> Result<Option<&[u8]>> {
        let here = &self.bytes[self.begin..self.end];
        let Some(length) = here.first_chunk::<LENGTH_SIZE>() else { return Ok(None) };
        let body = body_length(*length)?;
        if here.len() < LENGTH_SIZE + body {
            return Ok(None);
        }
        let start = self.begin + LENGTH_SIZE;
        self.begin = start + body;
        Ok(Some(&self.bytes[start..self.begin]))
    }

    /// Reads what is there; 0 bytes mean that the other side ended.
    pub(super) async fn read(&mut self, source: &mut (impl AsyncRead + Unpin)) -> io::Result<usize> {
        self.make_room();
        let count = source.read(&mut self.bytes[self.end..]).await?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use oxivirt_core::wire::message::{Header, Program, frame};
    use proptest::prelude::*;

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
                            Ok(Some(frame)) => found.push(frame.to_vec()),
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
