//! The socket under a connection: whole frames out, cut frames in, descriptors
//! beside them.

use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, TryLockError};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    Shutdown, recvmsg, send, sendmsg, shutdown,
};

use crate::wire::message::FDS_MAX;

/// How often a reader without bytes looks up.
pub(super) const TICK: Duration = Duration::from_millis(500);

const BUFFER: usize = 64 << 10;

/// A stream socket that many write to and one reads from.
pub(super) struct Socket {
    socket: OwnedFd,
    /// What is left of a frame that the socket did not take whole.
    writing: Mutex<Vec<u8>>,
    /// A sign of life that waits for whoever writes.
    urgent: Mutex<Option<Vec<u8>>>,
    urgent_waits: AtomicBool,
}

impl Socket {
    /// Takes a connected stream socket; a write that takes longer than `limit` fails.
    pub(super) fn new(socket: OwnedFd, limit: Duration) -> io::Result<Self> {
        set_socket_timeout(&socket, Timeout::Send, Some(limit))?;
        set_socket_timeout(&socket, Timeout::Recv, Some(TICK))?;
        Ok(Self { socket, writing: Mutex::default(), urgent: Mutex::default(), urgent_waits: AtomicBool::new(false) })
    }

    /// Writes a whole frame, then its descriptors with one byte each.
    pub(super) fn send(&self, frame: &[u8], descriptors: &[OwnedFd]) -> io::Result<()> {
        let mut left = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::take(&mut *left);
        self.write_all(&before)?;
        self.write_all(frame)?;
        for descriptor in descriptors {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            let one = [descriptor.as_fd()];
            if !control.push(SendAncillaryMessage::ScmRights(&one)) {
                return Err(io::Error::other("no room for a file descriptor"));
            }
            sendmsg(&self.socket, &[IoSlice::new(&[0])], &mut control, SendFlags::NOSIGNAL)?;
        }
        drop(left);
        self.send_urgent_waiting();
        Ok(())
    }

    /// Sends a small frame without ever waiting: at once, or behind the frame
    /// that somebody is just writing.
    pub(super) fn send_urgent(&self, frame: Vec<u8>) {
        *self.urgent.lock().unwrap_or_else(PoisonError::into_inner) = Some(frame);
        self.urgent_waits.store(true, Ordering::SeqCst);
        self.send_urgent_waiting();
    }

    fn send_urgent_waiting(&self) {
        // Again, because one that came while this one was being sent was left to us.
        while self.urgent_waits.load(Ordering::SeqCst) {
            let mut left = match self.writing.try_lock() {
                Ok(left) => left,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                // Whoever writes looks here afterwards.
                Err(TryLockError::WouldBlock) => return,
            };
            self.urgent_waits.store(false, Ordering::SeqCst);
            if let Some(frame) = self.urgent.lock().unwrap_or_else(PoisonError::into_inner).take() {
                left.extend(frame);
            }
            if let Ok(count) = send(&self.socket, &left, SendFlags::NOSIGNAL | SendFlags::DONTWAIT) {
                left.drain(..count);
            }
        }
    }

    fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match send(&self.socket, bytes, SendFlags::NOSIGNAL) {
                Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Err(io::ErrorKind::TimedOut.into()),
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(())
    }

    /// Ends both directions and the reader's wait.
    pub(super) fn shut_down(&self) {
        let _ = shutdown(&self.socket, Shutdown::Both);
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// What was read and not used yet.
pub(super) struct Incoming {
    buffer: Vec<u8>,
    begin: usize,
    end: usize,
    descriptors: VecDeque<OwnedFd>,
}

impl Incoming {
    pub(super) fn new() -> Self {
        Self { buffer: vec![0; BUFFER], begin: 0, end: 0, descriptors: VecDeque::new() }
    }

    /// Waits for `count` bytes. Memory grows with what arrives.
    ///
    /// * `idle`: asked whenever nothing came for a while; its error ends the wait.
    /// * Errors: `UnexpectedEof` when the other side ended.
    pub(super) fn take(
        &mut self,
        socket: &Socket,
        count: usize,
        idle: &mut dyn FnMut(bool) -> io::Result<()>,
    ) -> io::Result<Vec<u8>> {
        let mut taken = Vec::with_capacity(count.min(BUFFER));
        while taken.len() < count {
            if self.begin == self.end {
                self.fill(socket, idle)?;
            }
            let here = (count - taken.len()).min(self.end - self.begin);
            taken.extend_from_slice(self.buffer.get(self.begin..self.begin + here).unwrap_or_default());
            self.begin += here;
        }
        Ok(taken)
    }

    /// The descriptors that came so far, in order.
    pub(super) fn take_descriptors(&mut self, count: usize) -> Option<Vec<OwnedFd>> {
        (count <= self.descriptors.len()).then(|| self.descriptors.drain(..count).collect())
    }

    fn fill(&mut self, socket: &Socket, idle: &mut dyn FnMut(bool) -> io::Result<()>) -> io::Result<()> {
        loop {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS_MAX))];
            let mut control = RecvAncillaryBuffer::new(&mut space);
            let mut into = [IoSliceMut::new(&mut self.buffer)];
            match recvmsg(socket, &mut into, &mut control, RecvFlags::CMSG_CLOEXEC) {
                Ok(message) => {
                    for part in control.drain() {
                        if let RecvAncillaryMessage::ScmRights(came) = part {
                            self.descriptors.extend(came);
                        }
                    }
                    if message.bytes == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    if self.descriptors.len() > 2 * FDS_MAX {
                        return Err(io::Error::other("more file descriptors than a message may have"));
                    }
                    (self.begin, self.end) = (0, message.bytes);
                    return idle(true);
                }
                Err(Errno::AGAIN) => idle(false)?,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}
