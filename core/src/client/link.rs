//! One connection to a server: any number of calls at a time, their answers,
//! events, streams and signs of life.
//!
//! One thread reads. Callers write for themselves and wait for their own
//! answer; whatever ends the connection ends every wait with the reason.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Transport;
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
    pub(super) limits: Limits,
    serial: AtomicU32,
    /// Whether the server answers questions for signs of life.
    answers_questions: AtomicBool,
    table: Mutex<Table>,
    listener: Listener,
}

#[derive(Default)]
struct Table {
    waiting: HashMap<u32, SyncSender<Answer>>,
    streams: HashMap<u32, Arc<Stream>>,
    ended: Option<Error>,
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
            limits,
            serial: AtomicU32::new(1),
            answers_questions: AtomicBool::new(false),
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

    /// The server was found to answer questions for signs of life: from now
    /// on it is asked when it is silent.
    pub fn expect_signs_of_life(&self) {
        self.0.answers_questions.store(true, Ordering::Relaxed);
    }

    /// Ends the connection; every wait ends with an error.
    pub fn close(&self) {
        let reason = self.0.lost("", "closed here");
        self.0.end(reason, None);
    }
}

impl AsRef<Link> for Link {
    fn as_ref(&self) -> &Link {
        self
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.close();
    }
}

impl Transport for Link {
    fn round_trip(&self, call: &Call, what: &CallDescription, arguments: Vec<u8>) -> Result<Vec<u8>> {
        let inner = &self.0;
        let descriptors = descriptors_of(call, what);
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
        let answer = inner.expect(serial, stream.clone())?;
        if let Err(source) = inner.socket.send(&frame, &descriptors) {
            inner.forget(serial);
            let reason = inner.lost(what.name, &source.to_string());
            inner.end(reason.clone(), Some(CloseReason::ERROR));
            return Err(reason);
        }
        drop(descriptors);
        let answer = match answer.recv_timeout(inner.limits.answer) {
            Ok(answer) => answer,
            Err(RecvTimeoutError::Timeout) => {
                inner.forget(serial);
                let seconds = inner.limits.answer.as_secs();
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
                return Err(Error::decode(&mut Reader::new(&answer.payload))?);
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

    fn expect(&self, serial: u32, stream: Option<Arc<Stream>>) -> Result<mpsc::Receiver<Answer>> {
        let (sender, receiver) = sync_channel(1);
        let mut table = self.table();
        if let Some(ended) = &table.ended {
            return Err(ended.clone());
        }
        table.waiting.insert(serial, sender);
        if let Some(stream) = stream {
            table.streams.insert(serial, stream);
        }
        Ok(receiver)
    }

    fn forget(&self, serial: u32) {
        let mut table = self.table();
        table.waiting.remove(&serial);
        table.streams.remove(&serial);
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
        let mut alive = Alive { heard: Instant::now(), asked: 0 };
        let source = loop {
            if let Err(source) = self.read_one(&mut incoming, &mut alive) {
                break source;
            }
        };
        let (why, told) = match source.kind() {
            io::ErrorKind::UnexpectedEof => ("it hung up".to_owned(), CloseReason::EOF),
            io::ErrorKind::TimedOut => (source.to_string(), CloseReason::KEEPALIVE),
            _ => (source.to_string(), CloseReason::ERROR),
        };
        self.end(self.lost("", &why), Some(told));
    }

    /// Reads and handles one message.
    fn read_one(self: &Arc<Self>, incoming: &mut Incoming, alive: &mut Alive) -> io::Result<()> {
        let mut idle = |heard: bool| alive.look(self, heard);
        let length = incoming.take(&self.socket, LENGTH_SIZE, &mut idle)?;
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
                let waiting = self.table().waiting.remove(&header.serial);
                if let Some(waiting) = waiting {
                    let _ = waiting.try_send(Answer { status: header.status, payload, descriptors });
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

    fn hear(&self, header: &Header, payload: &[u8]) {
        if header.program == Program::KEEPALIVE {
            if header.procedure == PING
                && let Ok(pong) = message::frame(&Header::event(Program::KEEPALIVE, PONG), &[])
            {
                self.socket.send_urgent(pong);
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

/// When a server was last heard.
struct Alive {
    heard: Instant,
    asked: u32,
}

impl Alive {
    /// Asks a silent server for a sign of life; an error gives it up.
    fn look(&mut self, inner: &Inner, heard: bool) -> io::Result<()> {
        if heard {
            (self.heard, self.asked) = (Instant::now(), 0);
            return Ok(());
        }
        let limits = &inner.limits;
        if limits.alive_count == 0 || !inner.answers_questions.load(Ordering::Relaxed) {
            return Ok(());
        }
        let silent = self.heard.elapsed();
        if silent < limits.alive_interval * (self.asked + 1) {
            return Ok(());
        }
        if self.asked >= limits.alive_count {
            let text = format!("no sign of life for {} seconds", silent.as_secs());
            return Err(io::Error::new(io::ErrorKind::TimedOut, text));
        }
        self.asked += 1;
        if let Ok(ping) = message::frame(&Header::event(Program::KEEPALIVE, PING), &[]) {
            inner.socket.send_urgent(ping);
        }
        Ok(())
    }
}

/// What the caller sends along; only some calls may bring descriptors.
fn descriptors_of(call: &Call, what: &CallDescription) -> Vec<OwnedFd> {
    let may = what.name.ends_with("_with_files") || matches!(what.name, "domain_fd_associate" | "domain_open_graphics");
    let most = if may { FDS_MAX as u32 } else { 0 };
    (0..most).map_while(|index| call.take_descriptor(index).ok()).collect()
}

fn rpc(text: String) -> Error {
    Error::new(ErrorCode::RPC, text).in_domain(ErrorDomain::RPC)
}

const PING: i32 = 1;
const PONG: i32 = 2;
