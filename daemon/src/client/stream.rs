//! Byte streams that came with a call: packets on one side, a descriptor of
//! the driver on the other.
//!
//! Nothing is read from the driver while the client does not read, and nothing
//! from the client while too much waits for the driver.
//!
//! UNSAFETY: a descriptor is watched by number; it is owned beside its
//! registration and closed after it.
#![allow(unsafe_code)]

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use oxivirt_core::wire::message::{Header, MessageType, Status};
use oxivirt_core::{Error, ErrorCode, ErrorDomain, Result};
use rustix::fs::OFlags;
use tokio::io::unix::AsyncFd;
use tokio::io::{Interest, Ready};
use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::{Client, error_frame, lock};

/// Bytes of one packet, as clients of any age take them.
const PACKET: usize = 262_120;

/// Bytes that may wait for the driver before the client is not read any more.
const WAITING_MAX: usize = 1 << 20;

/// A stream of one client.
pub(super) struct Stream {
    client: Weak<Client>,
    header: Header,
    inbox: Mutex<Inbox>,
    /// Something came in.
    arrived: Notify,
    /// Something was passed on.
    passed: Notify,
    descriptor: AsyncFd<OwnedFd>,
    reads: bool,
    writes: bool,
    runtime: Handle,
}

#[derive(Default)]
struct Inbox {
    packets: VecDeque<Vec<u8>>,
    written: usize,
    bytes: usize,
    end: Option<End>,
}

/// How a stream ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// The client has sent everything.
    Finished,
    /// Nobody wants it any more.
    Aborted,
}

impl Client {
    /// Joins a driver's descriptor to the stream of a call.
    pub(super) fn prepare_stream(self: &Arc<Self>, header: Header, end: OwnedFd) -> Result<Arc<Stream>> {
        let stream = Arc::new(Stream::new(self, header, end)?);
        let mut streams = lock(&self.streams);
        match streams.contains_key(&header.serial) {
            true => Err(Error::new(ErrorCode::RPC, format!("serial {} has a stream already", header.serial))),
            false => {
                streams.insert(header.serial, stream.clone());
                Ok(stream)
            }
        }
    }

    /// Takes a packet of a stream. Packets of a stream that is over are late,
    /// not wrong: the client did not know yet.
    pub(super) async fn stream_packet(&self, header: Header, payload: &[u8]) {
        let Some(stream) = self.stream(header) else {
            tracing::debug!(client = self.id, serial = header.serial, "packet of no stream");
            return;
        };
        let end = match header.status {
            Status::CONTINUE => {
                if stream.push(payload) {
                    self.pause(stream.wait_for_room()).await;
                }
                return;
            }
            Status::OK => Some(End::Finished),
            Status::ERROR => Some(End::Aborted),
            _ => None,
        };
        match end {
            Some(End::Finished) => stream.finish(),
            Some(End::Aborted) => {
                self.forget_stream(&stream);
                stream.abort();
                self.send(&stream.packet(Status::OK), &[]);
            }
            None => {
                let text = format!("stream aborted with unexpected status {}", header.status.0);
                stream.fail(&Error::new(ErrorCode::RPC, text).in_domain(ErrorDomain::STREAMS));
            }
        }
    }

    /// Refuses a hole, and with it the stream that would be wrong without it.
    pub(super) fn stream_hole(&self, header: Header) {
        if let Some(stream) = self.stream(header) {
            let error = Error::no_support("holes in streams").in_domain(ErrorDomain::STREAMS);
            stream.fail(&error);
        }
    }

    fn stream(&self, header: Header) -> Option<Arc<Stream>> {
        let stream = lock(&self.streams).get(&header.serial).cloned()?;
        (stream.header.program == header.program && stream.header.procedure == header.procedure).then_some(stream)
    }

    fn forget_stream(&self, stream: &Arc<Stream>) {
        let mut streams = lock(&self.streams);
        if streams.get(&stream.header.serial).is_some_and(|other| Arc::ptr_eq(other, stream)) {
            streams.remove(&stream.header.serial);
        }
    }
}

impl Stream {
    fn new(client: &Arc<Client>, header: Header, end: OwnedFd) -> Result<Self> {
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
        let runtime = client.server.daemon().runtime.clone();
        let _inside = runtime.enter();
        // SAFETY: an `OwnedFd` answers with the same number as long as it lives.
        let descriptor =
            unsafe { AsyncFd::register_with_interest(end, interest) }.map_err(|error| failed(error.into()))?;
        Ok(Self {
            client: Arc::downgrade(client),
            header,
            inbox: Mutex::default(),
            arrived: Notify::new(),
            passed: Notify::new(),
            descriptor,
            reads,
            writes,
            runtime: runtime.clone(),
        })
    }

    /// Starts copying; the call's answer is on its way by now.
    pub(super) fn begin(self: Arc<Self>) {
        self.runtime.clone().spawn(async move {
            let copied = tokio::select! {
                result = self.to_client() => result.map(|()| Status::CONTINUE),
                result = self.to_driver() => result,
            };
            let Some(client) = self.client.upgrade() else { return };
            match copied {
                Ok(Status::OK) => {
                    client.forget_stream(&self);
                    client.send(&self.packet(Status::OK), &[]);
                }
                Ok(_) => client.forget_stream(&self),
                Err(source) => self.fail(&Error::system("stream failed", &source).in_domain(ErrorDomain::STREAMS)),
            }
        });
    }

    /// Ends the stream without a word to the client.
    pub(super) fn abort(&self) {
        let mut inbox = self.inbox();
        inbox.end = Some(End::Aborted);
        inbox.packets.clear();
        inbox.bytes = 0;
        drop(inbox);
        self.arrived.notify_one();
        self.passed.notify_waiters();
    }

    /// Ends the stream with an error.
    fn fail(self: &Arc<Self>, error: &Error) {
        self.abort();
        let Some(client) = self.client.upgrade() else { return };
        client.forget_stream(self);
        tracing::debug!(client = client.id, serial = self.header.serial, %error, "stream failed");
        if let Some(frame) = error_frame(self.packet(Status::ERROR), error) {
            client.outgoing.send(frame);
        }
    }

    fn finish(&self) {
        let mut inbox = self.inbox();
        if inbox.end.is_none() {
            inbox.end = Some(End::Finished);
        }
        drop(inbox);
        self.arrived.notify_one();
    }

    /// Queues bytes for the driver; whether so many wait that the client
    /// should wait as well.
    fn push(&self, payload: &[u8]) -> bool {
        let mut inbox = self.inbox();
        // An empty packet says that no more will come, which `finish` says too.
        if payload.is_empty() || inbox.end.is_some() || !self.writes {
            return false;
        }
        inbox.bytes += payload.len();
        inbox.packets.push_back(payload.to_vec());
        let full = inbox.bytes > WAITING_MAX;
        drop(inbox);
        self.arrived.notify_one();
        full
    }

    async fn wait_for_room(&self) {
        loop {
            let passed = self.passed.notified();
            tokio::pin!(passed);
            passed.as_mut().enable();
            if self.inbox().bytes <= WAITING_MAX {
                return;
            }
            passed.await;
        }
    }

    fn packet(&self, status: Status) -> Header {
        Header { kind: MessageType::STREAM, status, ..self.header }
    }

    fn inbox(&self) -> std::sync::MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Copies what the driver writes until it ends, then waits: only the
    /// client ends a stream that went well.
    async fn to_client(&self) -> io::Result<()> {
        if !self.reads {
            return pending().await;
        }
        let mut buffer = Vec::new();
        loop {
            let mut ready = self.descriptor.readable().await?;
            let Some(client) = self.client.upgrade() else { return Ok(()) };
            let outgoing = client.outgoing.clone();
            if outgoing.is_full() {
                drop(client);
                outgoing.wait_for_room().await;
                continue;
            }
            buffer.resize(PACKET, 0);
            let count = match rustix::io::read(self.descriptor.as_fd(), &mut buffer) {
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
            if !self.pass_on(&client, &buffer[..count]) || count == 0 {
                return pending().await;
            }
        }
    }

    /// Sends the client what the driver wrote; false when the stream was ended
    /// meanwhile. Under the inbox' lock, so that nothing follows the word that
    /// ends a stream.
    fn pass_on(&self, client: &Client, bytes: &[u8]) -> bool {
        let inbox = self.inbox();
        if inbox.end == Some(End::Aborted) {
            return false;
        }
        client.send(&self.packet(Status::CONTINUE), bytes);
        true
    }

    /// Copies what the client sends until it finishes or aborts.
    async fn to_driver(&self) -> io::Result<Status> {
        loop {
            let (empty, end) = {
                let inbox = self.inbox();
                (inbox.packets.is_empty(), inbox.end)
            };
            match (empty, end) {
                (_, Some(End::Aborted)) => return Ok(Status::CONTINUE),
                (true, Some(End::Finished)) => return Ok(Status::OK),
                (true, None) => self.arrived.notified().await,
                (false, _) => {
                    tokio::select! {
                        ready = self.descriptor.writable() => {
                            if !self.write_some()? {
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
    fn write_some(&self) -> io::Result<bool> {
        let mut guard = self.inbox();
        let inbox = &mut *guard;
        while let Some(front) = inbox.packets.front() {
            match rustix::io::write(self.descriptor.as_fd(), &front[inbox.written..]) {
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
