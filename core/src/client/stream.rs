//! The stream that came with a call: wire packets on one side, whoever made
//! the call on the other.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::link::Inner;
use crate::call::Call;
use crate::interface::CallDescription;
use crate::packets::{DATA_MAX, Packet, PacketEnd};
use crate::wire::message::{Header, MessageType, Status};
use crate::wire::xdr::{Reader, Writer, Xdr};
use crate::{Error, ErrorCode, ErrorDomain, Result};

/// Bytes that may wait for the caller before the connection is not read any more.
const WAITING_MAX: usize = 4 << 20;

/// What a packet counts beside its bytes, so that holes count as well.
const PACKET_COST: usize = 64;

/// How often the server is shown meanwhile that we are there.
const LIFE_INTERVAL: Duration = Duration::from_secs(2);

/// How long a caller may leave them there before its stream is given up.
const STALL_LIMIT: Duration = Duration::from_secs(60);

/// How long the server may take to confirm the end of a stream: it may have
/// much to bring to a disk.
const FINISH_LIMIT: Duration = Duration::from_secs(600);

/// Zeros that stand for a part of a hole where holes cannot pass.
const ZEROS: usize = 64 << 10;

/// One stream of a connection.
pub(super) struct Stream {
    link: Weak<Inner>,
    header: Header,
    name: &'static str,
    inbox: Mutex<Inbox>,
    changed: Condvar,
}

#[derive(Default)]
struct Inbox {
    packets: VecDeque<Packet>,
    /// What the packets count.
    bytes: usize,
    /// The server has ended it: confirmed, or why not.
    ended: Option<Result<()>>,
    /// Nobody here wants it any more.
    dropped: bool,
}

impl Inbox {
    fn put(&mut self, packet: Packet) {
        let data = if let Packet::Data(data) = &packet { data.len() } else { 0 };
        self.bytes += data + PACKET_COST;
        self.packets.push_back(packet);
    }

    fn clear(&mut self) {
        self.packets.clear();
        self.bytes = 0;
    }

    fn is_full(&self) -> bool {
        self.bytes > WAITING_MAX && !self.dropped && self.ended.is_none()
    }
}

impl Stream {
    pub(super) fn new(link: &Arc<Inner>, header: Header, what: &CallDescription) -> Self {
        let header = Header { kind: MessageType::STREAM, ..header };
        Self { link: Arc::downgrade(link), header, name: what.name, inbox: Mutex::default(), changed: Condvar::new() }
    }

    /// Takes a packet from the server; waits while too much waits for the caller.
    pub(super) fn take(&self, header: &Header, payload: Vec<u8>) {
        let mut inbox = self.inbox();
        if inbox.dropped || inbox.ended.is_some() {
            return;
        }
        match (header.kind, header.status) {
            (MessageType::STREAM_HOLE, _) => match hole_length(&payload) {
                Some(length) => inbox.put(Packet::Hole(length)),
                None => inbox.ended = Some(Err(broken(self.name, "a malformed hole"))),
            },
            (_, Status::CONTINUE) if payload.is_empty() => inbox.put(Packet::End),
            (_, Status::CONTINUE) => inbox.put(Packet::Data(payload)),
            (_, Status::OK) => inbox.ended = Some(Ok(())),
            (_, Status::ERROR) => {
                let error = Error::decode(&mut Reader::new(&payload)).unwrap_or_else(|error| error);
                inbox.ended = Some(Err(error));
            }
            (_, other) => inbox.ended = Some(Err(broken(self.name, &format!("status {}", other.0)))),
        }
        let over = inbox.ended.is_some();
        self.changed.notify_all();
        self.wait_for_room(inbox);
        if over && let Some(link) = self.link.upgrade() {
            link.forget_stream(self.header.serial);
        }
    }

    /// Waits while too much waits for the caller; one that takes nothing loses its stream.
    fn wait_for_room<'a>(&'a self, mut inbox: MutexGuard<'a, Inbox>) {
        let until = Instant::now() + STALL_LIMIT;
        while inbox.is_full() {
            if Instant::now() >= until {
                drop(inbox);
                let seconds = STALL_LIMIT.as_secs();
                return self.give_up(broken(self.name, &format!("its reader took nothing for {seconds} seconds")));
            }
            let waited = self.changed.wait_timeout_while(inbox, LIFE_INTERVAL, |inbox| inbox.is_full());
            let (still, result) = waited.unwrap_or_else(PoisonError::into_inner);
            inbox = still;
            if result.timed_out()
                && let Some(link) = self.link.upgrade()
            {
                // The server's questions are behind what is not read yet.
                drop(inbox);
                link.show_life();
                inbox = self.inbox();
            }
        }
    }

    /// Ends it for the caller and for the server.
    fn give_up(&self, reason: Error) {
        let mut inbox = self.inbox();
        let over = inbox.ended.is_some() || inbox.dropped;
        inbox.clear();
        inbox.ended.get_or_insert(Err(reason));
        self.changed.notify_all();
        drop(inbox);
        self.leave(!over);
    }

    /// The connection is over.
    pub(super) fn fail(&self, reason: &Error) {
        let mut inbox = self.inbox();
        if inbox.ended.is_none() {
            inbox.ended = Some(Err(reason.clone()));
        }
        self.changed.notify_all();
    }

    /// Joins it to whoever made the call: as packets, or as bytes where the host knows no packets.
    pub(super) fn join(self: Arc<Self>, call: &Call) -> Result<()> {
        let (near, far) = PacketEnd::pair()?;
        match call.open_packets(far) {
            Ok(()) => return self.carry_packets(Arc::new(near)),
            Err(error) if error.is_no_support() => {}
            Err(error) => {
                self.abort();
                return Err(error);
            }
        }
        let pair = UnixStream::pair().map_err(|source| Error::system("cannot make a stream", &source));
        let joined = pair.and_then(|(near, far)| {
            call.open_stream(far.into())?;
            self.clone().carry_bytes(near)
        });
        if joined.is_err() {
            self.abort();
        }
        joined
    }

    fn carry_packets(self: Arc<Self>, near: Arc<PacketEnd>) -> Result<()> {
        let (stream, end) = (self.clone(), near.clone());
        spawn(move || {
            stream.packets_down(&end);
            end.hang_up();
        })?;
        spawn(move || {
            self.packets_up(&near);
        })
    }

    fn packets_down(&self, end: &PacketEnd) {
        while let Some(packet) = self.next() {
            let sent = match packet {
                Packet::Data(data) => data.chunks(DATA_MAX).try_for_each(|part| end.send(&Packet::Data(part.to_vec()))),
                other => end.send(&other),
            };
            if sent.is_err() {
                break;
            }
        }
        let ended = self.inbox().ended.clone();
        let _ = match ended {
            Some(Ok(())) => end.send(&Packet::Confirmed),
            Some(Err(error)) => end.send(&Packet::Failed(error)),
            None => Ok(()),
        };
    }

    fn packets_up(&self, end: &PacketEnd) {
        loop {
            let sent = match end.receive() {
                Ok(Some(Packet::Data(data))) => self.send(Status::CONTINUE, &data),
                Ok(Some(Packet::Hole(length))) => self.send_hole(length),
                Ok(Some(Packet::End)) => {
                    if self.send(Status::OK, &[]).is_ok() {
                        self.wait_for_end();
                    }
                    return;
                }
                // Hung up without an end: nobody wants it any more.
                _ => return self.abort(),
            };
            if sent.is_err() {
                return;
            }
        }
    }

    fn carry_bytes(self: Arc<Self>, near: UnixStream) -> Result<()> {
        let up = near.try_clone().map_err(|source| Error::system("cannot copy a stream's end", &source))?;
        let stream = self.clone();
        spawn(move || {
            stream.bytes_down(&near);
            let _ = near.shutdown(std::net::Shutdown::Both);
        })?;
        spawn(move || self.bytes_up(&up))
    }

    fn bytes_down(&self, mut end: &UnixStream) {
        while let Some(packet) = self.next() {
            let written = match packet {
                Packet::Data(data) => end.write_all(&data),
                Packet::Hole(mut length) => {
                    let zeros = [0; ZEROS];
                    let mut written = Ok(());
                    while length > 0 && written.is_ok() {
                        let part = usize::try_from(length).unwrap_or(ZEROS).min(ZEROS);
                        written = end.write_all(zeros.get(..part).unwrap_or_default());
                        length -= part as u64;
                    }
                    written
                }
                _ => end.shutdown(std::net::Shutdown::Write),
            };
            if written.is_err() {
                return;
            }
        }
    }

    fn bytes_up(&self, mut end: &UnixStream) {
        let mut buffer = vec![0; DATA_MAX];
        loop {
            match end.read(&mut buffer) {
                Ok(0) | Err(_) => break,
                Ok(count) => {
                    if self.send(Status::CONTINUE, buffer.get(..count).unwrap_or_default()).is_err() {
                        return;
                    }
                }
            }
        }
        if self.send(Status::OK, &[]).is_ok() {
            self.wait_for_end();
        }
    }

    /// The next packet for the caller; absent when the server ended the stream or nobody wants it.
    fn next(&self) -> Option<Packet> {
        let inbox = self.inbox();
        let waits = |inbox: &mut Inbox| inbox.packets.is_empty() && inbox.ended.is_none() && !inbox.dropped;
        let mut inbox = self.changed.wait_while(inbox, waits).unwrap_or_else(PoisonError::into_inner);
        let packet = inbox.packets.pop_front()?;
        if let Packet::Data(data) = &packet {
            inbox.bytes = inbox.bytes.saturating_sub(data.len());
        }
        inbox.bytes = inbox.bytes.saturating_sub(PACKET_COST);
        self.changed.notify_all();
        Some(packet)
    }

    fn wait_for_end(&self) {
        let waits = |inbox: &mut Inbox| inbox.ended.is_none() && !inbox.dropped;
        let waited = self.changed.wait_timeout_while(self.inbox(), FINISH_LIMIT, waits);
        let (mut inbox, result) = waited.unwrap_or_else(PoisonError::into_inner);
        if result.timed_out() {
            let seconds = FINISH_LIMIT.as_secs();
            let text = format!("the end of the stream of {} was not confirmed within {seconds} seconds", self.name);
            inbox.ended = Some(Err(Error::timed_out(text).in_domain(ErrorDomain::STREAMS)));
            self.changed.notify_all();
        }
    }

    fn send(&self, status: Status, payload: &[u8]) -> Result<()> {
        self.send_as(&Header { status, ..self.header }, payload)
    }

    fn send_hole(&self, length: u64) -> Result<()> {
        let mut out = Writer::new();
        let length = i64::try_from(length).map_err(|_| broken(self.name, "a hole beyond any file"))?;
        length.encode(&mut out)?;
        0u32.encode(&mut out)?;
        let header = Header { kind: MessageType::STREAM_HOLE, status: Status::CONTINUE, ..self.header };
        self.send_as(&header, &out.into_bytes())
    }

    fn send_as(&self, header: &Header, payload: &[u8]) -> Result<()> {
        if self.inbox().ended.is_some() {
            return Err(broken(self.name, "it is over"));
        }
        match self.link.upgrade() {
            Some(link) => link.send_packet(header, payload),
            None => Err(broken(self.name, "the connection is over")),
        }
    }

    /// Tells the server that nobody wants it any more.
    fn abort(&self) {
        let mut inbox = self.inbox();
        let over = inbox.ended.is_some() || inbox.dropped;
        inbox.dropped = true;
        inbox.clear();
        self.changed.notify_all();
        drop(inbox);
        self.leave(!over);
    }

    /// Takes it from the connection; the server is told unless it knows.
    fn leave(&self, tell: bool) {
        let Some(link) = self.link.upgrade() else { return };
        link.forget_stream(self.header.serial);
        if tell {
            let _ = link.send_packet(&Header { status: Status::ERROR, ..self.header }, &[]);
        }
    }

    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn spawn(work: impl FnOnce() + Send + 'static) -> Result<()> {
    let spawned = std::thread::Builder::new().name("stream".to_owned()).spawn(work);
    spawned.map(drop).map_err(|source| Error::system("no thread for a stream", &source))
}

fn hole_length(payload: &[u8]) -> Option<u64> {
    let mut input = Reader::new(payload);
    let length = i64::decode(&mut input).ok()?;
    u64::try_from(length).ok()
}

fn broken(name: &str, why: &str) -> Error {
    Error::new(ErrorCode::RPC, format!("stream of {name}: {why}")).in_domain(ErrorDomain::STREAMS)
}
