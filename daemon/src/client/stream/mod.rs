//! Streams that came with a call: packets on one side, a descriptor of the
//! driver on the other.
//!
//! Nothing is read from the driver while the client does not read, and nothing
//! from the client while too much waits for the driver.

mod bytes;
mod file;
mod packets;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use oxivirt_core::wire::message::{Header, MessageType, Status};
use oxivirt_core::wire::xdr::{Reader, Xdr};
use oxivirt_core::{Error, ErrorCode, ErrorDomain, Result};
use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::context::StreamEnd;
use super::{Client, error_frame, lock};

/// Bytes of one packet, as clients of any age take them.
const PACKET: usize = 262_120;

/// What a waiting hole counts, in bytes.
const HOLE_WEIGHT: usize = 64;

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
    end: End,
    runtime: Handle,
}

/// The driver's end.
enum End {
    Bytes(bytes::Descriptor),
    File(file::Part),
    Packets(packets::Peer),
}

/// What came from the client.
enum Packet {
    Data(Vec<u8>),
    /// So many bytes are zeros.
    Hole(u64),
}

#[derive(Default)]
struct Inbox {
    packets: VecDeque<Packet>,
    /// Bytes of the first packet that were passed on.
    written: usize,
    bytes: usize,
    outcome: Option<Outcome>,
}

/// How a stream ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// The client has sent everything.
    Finished,
    /// Nobody wants it any more.
    Aborted,
}

impl Client {
    /// Joins what a driver handed over to the stream of a call.
    pub(super) fn prepare_stream(
        self: &Arc<Self>,
        header: Header,
        end: StreamEnd,
        writes: bool,
    ) -> Result<Arc<Stream>> {
        let end = match end {
            StreamEnd::Bytes(end) => End::Bytes(bytes::Descriptor::new(end, self.place.handle())?),
            StreamEnd::Packets(end) => End::Packets(packets::Peer::new(end, self.place.handle())?),
            StreamEnd::File(file, range) => End::File(file::Part::new(file, range, writes)),
        };
        let stream = Arc::new(Stream::new(self, header, end));
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
            Status::OK => Some(Outcome::Finished),
            Status::ERROR => Some(Outcome::Aborted),
            _ => None,
        };
        match end {
            Some(Outcome::Finished) => stream.finish(),
            Some(Outcome::Aborted) => {
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

    /// Takes a hole; a stream that cannot have holes ends there.
    pub(super) async fn stream_hole(&self, header: Header, payload: &[u8]) {
        let Some(stream) = self.stream(header) else { return };
        match stream.take_hole(payload) {
            Ok(true) => self.pause(stream.wait_for_room()).await,
            Ok(false) => {}
            Err(error) => stream.fail(&error.in_domain(ErrorDomain::STREAMS)),
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
    fn new(client: &Arc<Client>, header: Header, end: End) -> Self {
        let runtime = client.place.handle().clone();
        Self {
            client: Arc::downgrade(client),
            header,
            inbox: Mutex::default(),
            arrived: Notify::new(),
            passed: Notify::new(),
            end,
            runtime,
        }
    }

    /// Starts copying; the call's answer is on its way by now.
    pub(super) fn begin(self: Arc<Self>) {
        self.runtime.clone().spawn(async move {
            let copied = match &self.end {
                End::Bytes(end) => tokio::select! {
                    result = self.bytes_to_client(end) => result.map(|()| Status::CONTINUE),
                    result = self.bytes_to_driver(end) => result,
                },
                End::Packets(end) => tokio::select! {
                    result = self.packets_to_client(end) => result,
                    result = self.packets_to_driver(end) => result,
                },
                End::File(part) if part.writes => self.stream_to_file(part).await,
                End::File(part) => tokio::select! {
                    result = self.file_to_client(part) => result.map(|()| Status::CONTINUE),
                    outcome = self.ended() => Ok(outcome),
                },
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
        inbox.outcome = Some(Outcome::Aborted);
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
        if inbox.outcome.is_none() {
            inbox.outcome = Some(Outcome::Finished);
        }
        drop(inbox);
        self.arrived.notify_one();
    }

    /// Queues bytes for the driver; whether so many wait that the client
    /// should wait as well.
    fn push(&self, payload: &[u8]) -> bool {
        let mut inbox = self.inbox();
        // An empty packet says that no more will come, which `finish` says too.
        if payload.is_empty() || inbox.outcome.is_some() || !self.writes() {
            return false;
        }
        inbox.bytes += payload.len();
        inbox.packets.push_back(Packet::Data(payload.to_vec()));
        let full = inbox.bytes > WAITING_MAX;
        drop(inbox);
        self.arrived.notify_one();
        full
    }

    fn writes(&self) -> bool {
        match &self.end {
            End::Bytes(end) => end.writes,
            End::File(part) => part.writes,
            End::Packets(_) => true,
        }
    }

    /// Queues a hole: a length, and flags that must be 0. Returns what
    /// [`Self::push`] returns.
    fn take_hole(&self, payload: &[u8]) -> Result<bool> {
        if !matches!(&self.end, End::File(part) if part.writes) && !matches!(&self.end, End::Packets(_)) {
            return Err(Error::no_support("holes in this stream"));
        }
        let mut input = Reader::new(payload);
        let (length, flags) = (i64::decode(&mut input)?, u32::decode(&mut input)?);
        let length = u64::try_from(length).ok().filter(|_| flags == 0 && input.rest().is_empty());
        let length = length.ok_or_else(|| Error::new(ErrorCode::RPC, "malformed hole"))?;
        let mut inbox = self.inbox();
        if inbox.outcome.is_none() && length > 0 {
            // A hole weighs a little, so that endless holes wait like data do.
            inbox.bytes += HOLE_WEIGHT;
            inbox.packets.push_back(Packet::Hole(length));
        }
        let full = inbox.bytes > WAITING_MAX;
        drop(inbox);
        self.arrived.notify_one();
        Ok(full)
    }

    /// Waits until the client ends the stream.
    async fn ended(&self) -> Status {
        loop {
            match self.inbox().outcome {
                Some(Outcome::Finished) => return Status::OK,
                Some(Outcome::Aborted) => return Status::CONTINUE,
                None => {}
            }
            self.arrived.notified().await;
        }
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

    /// Sends the client what the driver wrote; false when the stream was ended
    /// meanwhile. Under the inbox' lock, so that nothing follows the word that
    /// ends a stream.
    fn pass_on(&self, client: &Client, kind: MessageType, bytes: &[u8]) -> bool {
        let inbox = self.inbox();
        if inbox.outcome == Some(Outcome::Aborted) {
            return false;
        }
        client.send(&Header { kind, ..self.packet(Status::CONTINUE) }, bytes);
        true
    }
}
