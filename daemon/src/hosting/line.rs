//! The socket between the daemon and a hosting process: whole messages, with
//! a descriptor beside those that bring one.

use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut, Read};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use oxivirt_core::{Error, ErrorCode, ErrorDomain, Result};
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, send, sendmsg,
};

use super::message::{Message, SIZE_MAX};

/// Descriptors that may be on their way at a time.
const DESCRIPTORS_MAX: usize = 64;

/// The writing side; the other one is a [`LineReader`].
pub(super) struct Line {
    socket: UnixStream,
    /// Whether a message was cut short: nothing after it would be understood.
    broken: Mutex<bool>,
}

impl Line {
    /// Takes one end.
    ///
    /// * `limit`: how long the other side may take nothing before a message fails.
    pub(super) fn new(socket: UnixStream, limit: Option<Duration>) -> io::Result<Self> {
        socket.set_write_timeout(limit)?;
        Ok(Self { socket, broken: Mutex::new(false) })
    }

    /// What comes from the other side.
    pub(super) fn reader(&self) -> io::Result<LineReader> {
        Ok(LineReader { socket: self.socket.try_clone()?, descriptors: VecDeque::new() })
    }

    /// Sends a message; waits while the other side does not read.
    ///
    /// Errors: `RPC` when the other side is gone.
    pub(super) fn send(&self, message: &Message, descriptor: Option<BorrowedFd<'_>>) -> Result<()> {
        let bytes = message.encode()?;
        let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = match *broken {
            true => Err(Errno::PIPE),
            false => self.write(&bytes, descriptor),
        };
        sent.map_err(|errno| {
            *broken = true;
            let text = format!("the other process does not listen: {}", io::Error::from(errno));
            Error::new(ErrorCode::RPC, text).in_domain(ErrorDomain::RPC)
        })
    }

    fn write(&self, bytes: &[u8], descriptor: Option<BorrowedFd<'_>>) -> rustix::io::Result<()> {
        let mut left = bytes;
        if let Some(descriptor) = descriptor {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            let one = [descriptor];
            if !control.push(SendAncillaryMessage::ScmRights(&one)) {
                return Err(Errno::NOBUFS);
            }
            let count = retry(|| sendmsg(&self.socket, &[IoSlice::new(left)], &mut control, SendFlags::NOSIGNAL))?;
            left = left.get(count..).unwrap_or_default();
        }
        while !left.is_empty() {
            let count = retry(|| send(&self.socket, left, SendFlags::NOSIGNAL))?;
            left = left.get(count..).unwrap_or_default();
        }
        Ok(())
    }

    /// Ends it for both sides.
    pub(super) fn shut_down(&self) {
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
    }
}

fn retry<T>(mut work: impl FnMut() -> rustix::io::Result<T>) -> rustix::io::Result<T> {
    loop {
        match work() {
            Err(Errno::INTR) => {}
            other => return other,
        }
    }
}

/// The reading side.
pub(super) struct LineReader {
    socket: UnixStream,
    descriptors: VecDeque<OwnedFd>,
}

impl LineReader {
    /// Waits for the next message, and the descriptor where one comes with it;
    /// absent when the other side is gone.
    ///
    /// Errors: what is wrong with the message; nothing after it can be read.
    pub(super) fn next(&mut self) -> io::Result<Option<(Message, Option<OwnedFd>)>> {
        let Some(length) = self.take(4)? else { return Ok(None) };
        let length = u32::from_be_bytes(*length.first_chunk().unwrap_or(&[0; 4])) as usize;
        if length > SIZE_MAX {
            return Err(io::Error::other(format!("a message of {length} bytes")));
        }
        let Some(bytes) = self.take(length)? else { return Ok(None) };
        let message = Message::decode(&bytes).map_err(io::Error::other)?;
        let descriptor = match message.brings_descriptor() {
            true => Some(self.descriptors.pop_front().ok_or_else(|| io::Error::other("a descriptor is missing"))?),
            false => None,
        };
        Ok(Some((message, descriptor)))
    }

    /// Memory grows with what arrives.
    fn take(&mut self, count: usize) -> io::Result<Option<Vec<u8>>> {
        const STEP: usize = 64 << 10;
        let mut taken = Vec::new();
        while taken.len() < count {
            let before = taken.len();
            taken.resize(count.min(before + STEP), 0);
            let got = self.receive(taken.get_mut(before..).unwrap_or_default())?;
            if got == 0 {
                return Ok(None);
            }
            taken.truncate(before + got);
        }
        Ok(Some(taken))
    }
}

impl LineReader {
    fn receive(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut into = [IoSliceMut::new(buffer)];
        let message = retry(|| recvmsg(self.socket.as_fd(), &mut into, &mut control, RecvFlags::CMSG_CLOEXEC));
        let message = match message {
            Err(Errno::CONNRESET) => return Ok(0),
            other => other?,
        };
        for part in control.drain() {
            if let RecvAncillaryMessage::ScmRights(came) = part {
                self.descriptors.extend(came);
            }
        }
        match self.descriptors.len() > DESCRIPTORS_MAX {
            true => Err(io::Error::other("more descriptors than were announced")),
            false => Ok(message.bytes),
        }
    }
}

/// Passes what a process prints on to the log, line by line, until nobody is
/// left who could print.
pub(super) fn pass_on(mut from: impl Read, mut line: impl FnMut(&str)) {
    const LINE_MAX: usize = 8 << 10;
    let (mut waiting, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        for byte in buffer.get(..count).unwrap_or_default() {
            if *byte != b'\n' && waiting.len() < LINE_MAX {
                waiting.push(*byte);
                continue;
            }
            line(String::from_utf8_lossy(&waiting).trim_end());
            waiting.clear();
        }
    }
    if !waiting.is_empty() {
        line(String::from_utf8_lossy(&waiting).trim_end());
    }
}

#[cfg(test)]
mod tests {
    use oxivirt_core::wire::message::Program;

    use super::*;

    fn pair() -> (Line, Line) {
        let (one, other) = UnixStream::pair().expect("a pair");
        (Line::new(one, None).expect("settable"), Line::new(other, None).expect("settable"))
    }

    #[test]
    fn messages_and_descriptors_arrive_in_order() {
        let (near, far) = pair();
        let mut reader = far.reader().expect("one more");
        let (mine, theirs) = UnixStream::pair().expect("a pair");
        let payload = vec![7; 300_000];
        let event = Message::Event { channel: 1, program: Program(2), procedure: 3, payload };
        let sender = std::thread::spawn(move || {
            near.send(&Message::Pong, None).expect("read");
            near.send(&Message::Connect, Some(theirs.as_fd())).expect("read");
            drop(theirs);
            near.send(&event, None).expect("read");
        });
        assert!(matches!(reader.next(), Ok(Some((Message::Pong, None)))));
        match reader.next() {
            Ok(Some((Message::Connect, Some(came)))) => {
                drop(UnixStream::from(came));
                assert_eq!((&mine).read(&mut [0]).expect("the other end"), 0);
            }
            other => panic!("{other:?}"),
        }
        match reader.next() {
            Ok(Some((Message::Event { payload, .. }, None))) => assert_eq!(payload.len(), 300_000),
            other => panic!("{other:?}"),
        }
        sender.join().expect("sent");
        assert!(matches!(reader.next(), Ok(None)), "the other side is gone");
        assert!(far.send(&Message::Pong, None).is_err());
    }

    #[test]
    fn nonsense_ends_the_line() {
        let (near, far) = pair();
        let mut reader = far.reader().expect("one more");
        near.write(&[0xff; 8], None).expect("room");
        assert!(reader.next().expect_err("too long").to_string().contains("4294967295 bytes"));
        let (near, far) = pair();
        let mut reader = far.reader().expect("one more");
        near.send(&Message::Connect, None).expect("room");
        assert!(reader.next().expect_err("no descriptor").to_string().contains("missing"));
    }

    #[test]
    fn what_is_printed_comes_line_by_line() {
        let mut lines = Vec::new();
        pass_on(&b"one\ntwo \n\nlast"[..], |line| lines.push(line.to_owned()));
        assert_eq!(lines, ["one", "two", "", "last"]);
    }
}
