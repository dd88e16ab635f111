//! A descriptor that can be read and written without waiting.
//!
//! UNSAFETY: a descriptor is watched by number; it is owned beside its
//! registration and closed after it.
#![allow(unsafe_code)]

use std::future::pending;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use oxivirt_core::wire::message::{MessageType, Status};
use oxivirt_core::{Error, Result};
use rustix::fs::OFlags;
use tokio::io::unix::AsyncFd;
use tokio::io::{Interest, Ready};
use tokio::runtime::Handle;

use super::{Outcome, PACKET, Packet, Stream, WAITING_MAX};

/// A socket, pipe or terminal of a driver.
pub(super) struct Descriptor {
    descriptor: AsyncFd<OwnedFd>,
    reads: bool,
    pub(super) writes: bool,
}

impl Descriptor {
    pub(super) fn new(end: OwnedFd, runtime: &Handle) -> Result<Self> {
        let failed = |source: io::Error| Error::system("cannot use the descriptor of a stream", &source);
        let mode = rustix::fs::fcntl_getfl(&end).map_err(|errno| failed(errno.into()))?;
        rustix::fs::fcntl_setfl(&end, mode | OFlags::NONBLOCK).map_err(|errno| failed(errno.into()))?;
        let access = mode & OFlags::RWMODE;
        let (reads, writes) = (access != OFlags::WRONLY, access != OFlags::RDONLY);
        let interest = match (reads, writes) {
            (true, true) => Interest::READABLE | Interest::WRITABLE,
            (true, false) => Interest::READABLE,
            _ => Interest::WRITABLE,
        };
        let _inside = runtime.enter();
        // SAFETY: an `OwnedFd` answers with the same number as long as it lives.
        let descriptor =
            unsafe { AsyncFd::register_with_interest(end, interest) }.map_err(|error| failed(error.into()))?;
        Ok(Self { descriptor, reads, writes })
    }
}

impl Stream {
    /// Copies what the driver writes until it ends, then waits: only the
    /// client ends a stream that went well.
    pub(super) async fn bytes_to_client(&self, end: &Descriptor) -> io::Result<()> {
        if !end.reads {
            return pending().await;
        }
        let mut buffer = Vec::new();
        loop {
            let mut ready = end.descriptor.readable().await?;
            let Some(client) = self.client.upgrade() else { return Ok(()) };
            let outgoing = client.outgoing.clone();
            if outgoing.is_full() {
                drop(client);
                outgoing.wait_for_room().await;
                continue;
            }
            buffer.resize(PACKET, 0);
            let count = match rustix::io::read(end.descriptor.as_fd(), &mut buffer) {
                Ok(count) => count,
                Err(rustix::io::Errno::AGAIN) => {
                    ready.clear_ready_matching(Ready::READABLE);
                    buffer = Vec::new();
                    continue;
                }
                Err(rustix::io::Errno::INTR) => continue,
                // A terminal whose other side is closed.
                Err(rustix::io::Errno::IO) => 0,
                Err(errno) => return Err(errno.into()),
            };
            if !self.pass_on(&client, MessageType::STREAM, &buffer[..count]) || count == 0 {
                return pending().await;
            }
        }
    }

    /// Copies what the client sends until it finishes or aborts.
    pub(super) async fn bytes_to_driver(&self, end: &Descriptor) -> io::Result<Status> {
        loop {
            let (empty, outcome) = {
                let inbox = self.inbox();
                (inbox.packets.is_empty(), inbox.outcome)
            };
            match (empty, outcome) {
                (_, Some(Outcome::Aborted)) => return Ok(Status::CONTINUE),
                (true, Some(Outcome::Finished)) => return Ok(Status::OK),
                (true, None) => self.arrived.notified().await,
                (false, _) => {
                    tokio::select! {
                        ready = end.descriptor.writable() => {
                            if !self.write_some(end)? {
                                ready?.clear_ready_matching(Ready::WRITABLE);
                            }
                        }
                        // Perhaps an abort.
                        () = self.arrived.notified() => {}
                    }
                }
            }
        }
    }

    /// Writes what the driver takes; false when it takes no more.
    fn write_some(&self, end: &Descriptor) -> io::Result<bool> {
        let mut guard = self.inbox();
        let inbox = &mut *guard;
        while let Some(Packet::Data(front)) = inbox.packets.front() {
            match rustix::io::write(end.descriptor.as_fd(), &front[inbox.written..]) {
                Ok(count) => {
                    inbox.written += count;
                    inbox.bytes -= count;
                    if inbox.written == front.len() {
                        inbox.written = 0;
                        inbox.packets.pop_front();
                    }
                }
                Err(rustix::io::Errno::AGAIN) => return Ok(false),
                Err(rustix::io::Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
            if inbox.bytes <= WAITING_MAX {
                self.passed.notify_waiters();
            }
        }
        Ok(true)
    }
}
