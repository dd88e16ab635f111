//! A driver's end that speaks in packets: data, holes, confirmations, failures.
//!
//! UNSAFETY: a descriptor is watched by number; it is owned beside its
//! registration and closed after it.
#![allow(unsafe_code)]

use std::future::pending;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use oxivirt_core::packets::{DATA_MAX, PACKET_MAX, Packet};
use oxivirt_core::wire::message::{MessageType, Status};
use oxivirt_core::{Error, Result};
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};
use tokio::io::unix::AsyncFd;
use tokio::io::{Interest, Ready};
use tokio::runtime::Handle;

use super::{HOLE_WEIGHT, Outcome, Packet as Waiting, Stream, WAITING_MAX};

/// A socket of a driver that keeps the boundaries of messages.
pub(super) struct Peer(AsyncFd<OwnedFd>);

impl Peer {
    pub(super) fn new(end: OwnedFd, runtime: &Handle) -> Result<Self> {
        let failed = |source: io::Error| Error::system("cannot use the packets of a stream", &source);
        let mode = rustix::fs::fcntl_getfl(&end).map_err(|errno| failed(errno.into()))?;
        rustix::fs::fcntl_setfl(&end, mode | OFlags::NONBLOCK).map_err(|errno| failed(errno.into()))?;
        let _inside = runtime.enter();
        // SAFETY: an `OwnedFd` answers with the same number as long as it lives.
        unsafe { AsyncFd::register_with_interest(end, Interest::READABLE | Interest::WRITABLE) }
            .map(Self)
            .map_err(|error| failed(error.into()))
    }

    async fn receive(&self) -> io::Result<Option<Packet>> {
        let mut buffer = vec![0; PACKET_MAX];
        loop {
            let mut ready = self.0.readable().await?;
            match rustix::net::recv(self.0.as_fd(), &mut buffer[..], RecvFlags::empty()) {
                Ok((0, _)) => return Ok(None),
                Ok((count, _)) => {
                    return Packet::decode(buffer.get(..count).unwrap_or_default()).map(Some).map_err(io::Error::other);
                }
                Err(Errno::AGAIN) => ready.clear_ready_matching(Ready::READABLE),
                // It hung up without reading everything; what it said before that is still here.
                Err(Errno::INTR | Errno::CONNRESET) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    async fn send(&self, packet: &Packet) -> io::Result<()> {
        let message = packet.encode().map_err(io::Error::other)?;
        loop {
            let mut ready = self.0.writable().await?;
            match rustix::net::send(self.0.as_fd(), &message, SendFlags::NOSIGNAL) {
                Ok(_) => return Ok(()),
                Err(Errno::AGAIN) => ready.clear_ready_matching(Ready::WRITABLE),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

impl Stream {
    /// Passes on what the driver says until it confirms the end or breaks the stream.
    pub(super) async fn packets_to_client(self: &Arc<Self>, end: &Peer) -> io::Result<Status> {
        loop {
            let Some(client) = self.client.upgrade() else { return Ok(Status::CONTINUE) };
            let outgoing = client.outgoing.clone();
            if outgoing.is_full() {
                drop(client);
                outgoing.wait_for_room().await;
                continue;
            }
            drop(client);
            let packet = end.receive().await?;
            let Some(client) = self.client.upgrade() else { return Ok(Status::CONTINUE) };
            let passed = match packet {
                Some(Packet::Data(data)) => self.pass_on(&client, MessageType::STREAM, &data),
                Some(Packet::Hole(length)) => {
                    self.pass_on(&client, MessageType::STREAM_HOLE, &super::file::hole(length)?)
                }
                Some(Packet::End) => self.pass_on(&client, MessageType::STREAM, &[]),
                Some(Packet::Confirmed) => return Ok(Status::OK),
                Some(Packet::Failed(error)) => {
                    self.fail(&error);
                    return Ok(Status::CONTINUE);
                }
                Some(Packet::Abort) | None => {
                    self.fail(&Error::operation_failed("the driver gave up the stream"));
                    return Ok(Status::CONTINUE);
                }
            };
            if !passed {
                return pending().await;
            }
        }
    }

    /// Says something to the driver. One that has hung up is not waited for
    /// here: why it did is read by the other direction, which then ends both.
    async fn say(&self, end: &Peer, packet: &Packet) {
        if end.send(packet).await.is_err() {
            pending().await
        }
    }

    /// Passes on what the client sends; its end waits for the driver's word.
    pub(super) async fn packets_to_driver(&self, end: &Peer) -> io::Result<Status> {
        loop {
            let (packet, outcome) = {
                let mut inbox = self.inbox();
                (inbox.packets.pop_front(), inbox.outcome)
            };
            if outcome == Some(Outcome::Aborted) {
                // Hanging up says so.
                return Ok(Status::CONTINUE);
            }
            let weight = match packet {
                Some(Waiting::Data(data)) => {
                    for part in data.chunks(DATA_MAX) {
                        self.say(end, &Packet::Data(part.to_vec())).await;
                    }
                    data.len()
                }
                Some(Waiting::Hole(length)) => {
                    self.say(end, &Packet::Hole(length)).await;
                    HOLE_WEIGHT
                }
                None if outcome == Some(Outcome::Finished) => {
                    self.say(end, &Packet::End).await;
                    loop {
                        self.arrived.notified().await;
                        if self.inbox().outcome == Some(Outcome::Aborted) {
                            return Ok(Status::CONTINUE);
                        }
                    }
                }
                None => {
                    self.arrived.notified().await;
                    continue;
                }
            };
            let mut inbox = self.inbox();
            inbox.bytes = inbox.bytes.saturating_sub(weight);
            if inbox.bytes <= WAITING_MAX {
                self.passed.notify_waiters();
            }
        }
    }
}
