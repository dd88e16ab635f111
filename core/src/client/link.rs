//! One connection to a server: any number of calls at a time, their answers,
//! events, streams and signs of life.
//!
//! One thread reads. Callers write for themselves and wait for their own
//! answer; whatever ends the connection ends every wait with the reason.

use std::collections::{HashMap, HashSet};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Transport;
use super::alive::{Alive, PING, PONG, Rules, sign};
use super::socket::{Incoming, Socket};
use super::stream::Stream;
use crate::call::Call;
use crate::constants::CloseReason;
use crate::event::{CONNECTION_CLOSED, Event};
use crate::interface::CallDescription;
use crate::wire::message::{
    self, FDS_MAX, HEADER_SIZE, Header, LENGTH_SIZE, MessageType, Program, Status, begin, finish,
};
use crate::wire::xdr::{Reader, Xdr};
use crate::{Error, ErrorCode, ErrorDomain, Result};

/// Limits of every wait on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For one answer. Some calls work for hours; signs of life tell earlier
    /// that a server is gone.
    pub answer: Duration,
    /// For one answer until the connection is open; a user may have to find a password.
    pub opening: Duration,
    /// For a server that takes no bytes.
    pub write: Duration,
    /// Silence before the server is asked for a sign of life.
    pub alive_interval: Duration,
    /// Questions without a sign of life before the connection is given up; 0 never gives it up.
    pub alive_count: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            answer: Duration::from_secs(24 * 60 * 60),
            opening: Duration::from_secs(150),
            write: Duration::from_secs(30),
            alive_interval: Duration::from_secs(5),
            alive_count: 5,
        }
    }
}

/// What a server tells without being asked.
#[derive(Clone, Debug)]
pub enum Told {
    /// An event for one callback; the number is the server's.
    Event(i32, Event),
    /// The connection is over, or the server lost its own.
    Closed(CloseReason),
}

/// Takes what a server tells, on the thread that reads: it must not call the server itself.
pub type Listener = Box<dyn Fn(Told) + Send + Sync>;

/// A connection to a server. It ends when this is dropped.
pub struct Link(Arc<Inner>);

pub(super) struct Inner {
    pub(super) peer: String,
    socket: Socket,
    /// Milliseconds that an answer may take now.
    answer_limit: AtomicU64,
    serial: AtomicU32,
    alive: Rules,
    /// Whether descriptors get to the server.
    passes_descriptors: AtomicBool,
    table: Mutex<Table>,
    listener: Listener,
}

#[derive(Default)]
struct Table {
    waiting: HashMap<u32, Waiting>,
    /// Calls whose answer nobody waits for any more.
    given_up: HashSet<u32>,
    streams: HashMap<u32, Arc<Stream>>,
    ended: Option<Error>,
}

/// A call on its way.
struct Waiting {
    program: Program,
    procedure: i32,
    caller: SyncSender<Answer>,
}

struct Answer {
    status: Status,
    payload: Vec<u8>,
    descriptors: Vec<OwnedFd>,
}

impl Link {
    /// Speaks over a connected stream socket.
    ///
    /// * `peer`: names the server in errors, such as `server 'host' (tcp)`.
    /// * `listener`: gets events; called on the thread that reads.
    pub fn start(socket: OwnedFd, peer: String, limits: Limits, listener: Listener) -> Result<Self> {
        let failed = |source: io::Error| Error::system(format!("cannot use the connection to {peer}"), &source);
        let socket = Socket::new(socket, limits.write).map_err(failed)?;
        let inner = Arc::new(Inner {
            peer,
            socket,
            answer_limit: AtomicU64::new(millis(limits.answer)),
            serial: AtomicU32::new(1),
            alive: Rules::new(limits.alive_interval, limits.alive_count),
            passes_descriptors: AtomicBool::new(true),
            table: Mutex::default(),
            listener,
        });
        let reading = inner.clone();
        let spawned = std::thread::Builder::new().name("link".to_owned()).spawn(move || reading.read());
        spawned.map_err(|source| Error::system("no thread for a connection", &source))?;
        Ok(Self(inner))
    }

    /// The server's name in errors.
    pub fn peer(&self) -> &str {
        &self.0.peer
    }

    /// Why the connection ended, if it did.
    pub fn ended(&self) -> Option<Error> {
        self.0.table().ended.clone()
    }

    /// Whether the connection still stands, as far as is known.
    pub fn is_alive(&self) -> bool {
        self.0.table().ended.is_none()
    }

    /// The server was found to answer questions for signs of life: from now
    /// on it is asked when it is silent.
    pub fn expect_signs_of_life(&self) {
        self.0.alive.answered.store(true, Ordering::Relaxed);
    }

    /// How long the server may be silent before it is asked for a sign of life,
    /// and how often it is asked before it is given up: after `interval` times
    /// `count + 1`. Zero for either asks no more.
    ///
    /// * Returns whether the server answers at all.
    pub fn set_keep_alive(&self, interval: Duration, count: u32) -> bool {
        self.0.alive.set(interval, count);
        self.0.alive.answered.load(Ordering::Relaxed)
    }

    /// How long one answer may take from now on.
    pub fn set_answer_limit(&self, limit: Duration) {
        self.0.answer_limit.store(millis(limit), Ordering::Relaxed);
    }

    /// Descriptors would get lost on the way to the server: calls that bring
    /// some are refused from now on.
    pub fn refuse_descriptors(&self) {
        self.0.passes_descriptors.store(false, Ordering::Relaxed);
    }

    /// Whether descriptors get to the server.
    pub fn passes_descriptors(&self) -> bool {
        self.0.passes_descriptors.load(Ordering::Relaxed)
    }

    /// Ends the connection; every wait ends with an error, and the listener is
    /// told that it was wanted.
    pub fn close(&self) {
        self.0.end(self.0.lost("", "closed here"), Some(CloseReason::CLIENT));
    }
}

impl AsRef<Link> for Link {
    fn as_ref(&self) -> &Link {
        self
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.0.end(self.0.lost("", "closed here"), None);
    }
}

impl Transport for Link {
    fn round_trip(&self, call: &Call, what: &CallDescription, arguments: Vec<u8>) -> Result<Vec<u8>> {
        let inner = &self.0;
        let descriptors = descriptors_of(call, what);
        if !descriptors.is_empty() && !self.passes_descriptors() {
            let text = format!("{}: file descriptors do not pass to {}", what.name, inner.peer);
            return Err(Error::new(ErrorCode::OPERATION_UNSUPPORTED, text).in_domain(ErrorDomain::RPC));
        }
        let serial = inner.next_serial();
        let header = Header {
            program: what.program,
            version: 1,
            procedure: what.number,
            kind: if descriptors.is_empty() { MessageType::CALL } else { MessageType::CALL_WITH_FDS },
            serial,
            status: Status::OK,
        };
        let mut out = begin(&header)?;
        if !descriptors.is_empty() {
            out.put_len(descriptors.len(), FDS_MAX, "file descriptors")?;
        }
        out.put_raw(&arguments);
        let frame = finish(out)?;
        let stream = what.stream.map(|_| Arc::new(Stream::new(inner, header, what)));
        let answer = inner.expect(&header, stream.clone())?;
        if let Err(source) = inner.socket.send(&frame, &descriptors) {
            inner.forget(serial);
            let reason = inner.lost(what.name, &source.to_string());
            inner.end(reason.clone(), Some(CloseReason::ERROR));
            return Err(reason);
        }
        drop(descriptors);
        let limit = Duration::from_millis(inner.answer_limit.load(Ordering::Relaxed));
        let answer = match answer.recv_timeout(limit) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Timeout) => {
                inner.forget(serial);
                let seconds = limit.as_secs();
                return Err(Error::timed_out(format!(
                    "no answer from {} to {} within {seconds} seconds",
                    inner.peer, what.name
                )));
            }
            Err(RecvTimeoutError::Disconnected) => {
                let ended = inner.table().ended.clone();
                return Err(match ended {
                    Some(ended) => ended.context(format!("while {} ran", what.name)),
                    None => inner.lost(what.name, "no answer came"),
                });
            }
        };
        match answer.status {
            Status::OK => {}
            Status::ERROR => {
                inner.forget_stream(serial);
                let error = Error::decode(&mut Reader::new(&answer.payload));
                return Err(
                    error.map_err(|why| rpc(format!("malformed error from {} to {}: {why}", inner.peer, what.name)))?
                );
            }
            other => {
                inner.forget_stream(serial);
                return Err(rpc(format!("{} answered {} with status {}", inner.peer, what.name, other.0)));
            }
        }
        for descriptor in answer.descriptors {
            call.give_descriptor(descriptor)?;
        }
        if let Some(stream) = stream {
            stream.join(call)?;
        }
        Ok(answer.payload)
    }
}

impl Inner {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_serial(&self) -> u32 {
        // 0 is for messages that nobody asked for.
        loop {
            let serial = self.serial.fetch_add(1, Ordering::Relaxed);
            if serial != 0 {
                return serial;
            }
        }
    }

    fn expect(&self, header: &Header, stream: Option<Arc<Stream>>) -> Result<mpsc::Receiver<Answer>> {
        let serial = header.serial;
        let (caller, receiver) = sync_channel(1);
        let mut table = self.table();
        if let Some(ended) = &table.ended {
            return Err(ended.clone());
        }
        table.waiting.insert(serial, Waiting { program: header.program, procedure: header.procedure, caller });
        if let Some(stream) = stream {
            table.streams.insert(serial, stream);
        }
        Ok(receiver)
    }

    fn forget(&self, serial: u32) {
        let mut table = self.table();
        table.streams.remove(&serial);
        if table.waiting.remove(&serial).is_some() {
            table.given_up.insert(serial);
        }
    }

    pub(super) fn forget_stream(&self, serial: u32) {
        self.table().streams.remove(&serial);
    }

    /// Sends a packet of a stream.
    pub(super) fn send_packet(self: &Arc<Self>, header: &Header, payload: &[u8]) -> Result<()> {
        let frame = message::frame(header, payload)?;
        self.socket.send(&frame, &[]).map_err(|source| {
            let reason = self.lost("a stream", &source.to_string());
            self.end(reason.clone(), Some(CloseReason::ERROR));
            reason
        })
    }

    /// Says that we are there, unasked: while too much waits for somebody here nothing is read.
    pub(super) fn show_life(&self) {
        if let Some(pong) = sign(PONG) {
            self.socket.send_urgent(pong);
        }
    }

    fn lost(&self, what: &str, why: &str) -> Error {
        let during = if what.is_empty() { String::new() } else { format!(" in {what}") };
        rpc(format!("connection to {} lost{during}: {why}", self.peer))
    }

    /// Ends every wait; the listener hears of it unless it was wanted.
    fn end(&self, reason: Error, told: Option<CloseReason>) {
        let (waiting, streams) = {
            let mut table = self.table();
            if table.ended.is_some() {
                return;
            }
            table.ended = Some(reason.clone());
            (std::mem::take(&mut table.waiting), std::mem::take(&mut table.streams))
        };
        self.socket.shut_down();
        // Whoever waits for an answer sees its sender go.
        drop(waiting);
        for stream in streams.into_values() {
            stream.fail(&reason);
        }
        if let Some(told) = told {
            tracing::debug!(peer = %self.peer, %reason, "connection ended");
            (self.listener)(Told::Closed(told));
        }
    }

    fn read(self: Arc<Self>) {
        let mut incoming = Incoming::new();
        let mut alive = Alive::new();
        let source = loop {
            if let Err(source) = self.read_one(&mut incoming, &mut alive) {
                break source;
            }
        };
        let (why, told) = match source.kind() {
            io::ErrorKind::UnexpectedEof if alive.inside => ("it hung up in a message".to_owned(), CloseReason::EOF),
            io::ErrorKind::UnexpectedEof => ("it hung up".to_owned(), CloseReason::EOF),
            io::ErrorKind::TimedOut => (source.to_string(), CloseReason::KEEPALIVE),
            _ => (source.to_string(), CloseReason::ERROR),
        };
        self.end(self.lost("", &why), Some(told));
    }

    /// Reads and handles one message.
    fn read_one(self: &Arc<Self>, incoming: &mut Incoming, alive: &mut Alive) -> io::Result<()> {
        let idle = |alive: &mut Alive, heard| alive.look(&self.alive, heard, |ping| self.socket.send_urgent(ping));
        alive.inside = false;
        let first = incoming.take(&self.socket, 1, &mut |heard| idle(alive, heard))?;
        alive.inside = true;
        let mut idle = |heard: bool| idle(alive, heard);
        let length = [first, incoming.take(&self.socket, LENGTH_SIZE - 1, &mut idle)?].concat();
        let length = message::body_length(length.try_into().unwrap_or_default()).map_err(io::Error::other)?;
        let mut body = incoming.take(&self.socket, length, &mut idle)?;
        let mut payload = body.split_off(HEADER_SIZE.min(body.len()));
        let header = Header::decode(&mut Reader::new(&body)).map_err(io::Error::other)?;
        let mut descriptors = Vec::new();
        if header.kind == MessageType::REPLY_WITH_FDS {
            let count = Reader::new(&payload).get_len(FDS_MAX, "file descriptors").map_err(io::Error::other)?;
            payload.drain(..LENGTH_SIZE.min(payload.len()));
            incoming.take(&self.socket, count, &mut idle)?;
            descriptors = incoming
                .take_descriptors(count)
                .ok_or_else(|| io::Error::other("fewer file descriptors came than were announced"))?;
        }
        match header.kind {
            MessageType::REPLY | MessageType::REPLY_WITH_FDS => {
                if let Some(caller) = self.caller_of(&header)? {
                    let _ = caller.try_send(Answer { status: header.status, payload, descriptors });
                }
            }
            MessageType::STREAM | MessageType::STREAM_HOLE => {
                let stream = self.table().streams.get(&header.serial).cloned();
                if let Some(stream) = stream {
                    stream.take(&header, payload);
                }
            }
            MessageType::MESSAGE => self.hear(&header, &payload),
            other => return Err(io::Error::other(format!("a message of type {}", other.0))),
        }
        Ok(())
    }

    /// Who waits for an answer; nobody any more is fine, nobody ever is not.
    fn caller_of(&self, header: &Header) -> io::Result<Option<SyncSender<Answer>>> {
        let mut table = self.table();
        let Header { program, procedure, serial, .. } = *header;
        let expected = table.waiting.get(&serial).map(|waiting| (waiting.program, waiting.procedure));
        match expected {
            // Looked at before it is taken out: the caller is to learn why the connection ends.
            Some(expected) if expected != (program, procedure) => {
                let text = format!("call {serial} was to {}, the answer is from {procedure}", expected.1);
                Err(io::Error::other(text))
            }
            Some(_) => Ok(table.waiting.remove(&serial).map(|waiting| waiting.caller)),
            None if table.given_up.remove(&serial) => Ok(None),
            None => Err(io::Error::other(format!("an answer to call {serial}, which nobody made"))),
        }
    }

    fn hear(&self, header: &Header, payload: &[u8]) {
        if header.program == Program::KEEPALIVE {
            if header.procedure == PING {
                self.show_life();
            }
            return;
        }
        if header.program == Program::REMOTE && header.procedure == CONNECTION_CLOSED {
            let reason = i32::decode(&mut Reader::new(payload)).map_or(CloseReason::ERROR, CloseReason);
            (self.listener)(Told::Closed(reason));
            return;
        }
        match Event::from_message(header.program, header.procedure, payload) {
            Some((callback, event)) => (self.listener)(Told::Event(callback, event)),
            None => tracing::debug!(peer = %self.peer, procedure = header.procedure, "unknown event"),
        }
    }
}

/// What the caller sends along; only some calls may bring descriptors.
fn descriptors_of(call: &Call, what: &CallDescription) -> Vec<OwnedFd> {
    let may = what.name.ends_with("_with_files") || matches!(what.name, "domain_fd_associate" | "domain_open_graphics");
    let most = if may { FDS_MAX as u32 } else { 0 };
    (0..most).map_while(|index| call.take_descriptor(index).ok()).collect()
}

fn millis(limit: Duration) -> u64 {
    u64::try_from(limit.as_millis()).unwrap_or(u64::MAX)
}

fn rpc(text: String) -> Error {
    Error::new(ErrorCode::RPC, text).in_domain(ErrorDomain::RPC)
}
