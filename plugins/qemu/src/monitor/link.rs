//! The two tasks behind a monitor: one reads, one writes.
//!
//! They are apart so that a QEMU that stopped reading still has its events
//! and late answers heard.

use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use oxivirt_core::{Error, Result};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;

use super::message::{Incoming, parse};
use super::{Failure, Handler, runtime};

/// The sending end of one answer.
pub(super) struct Answer(SyncSender<Result<serde_json::Value, Failure>>);

/// The waiting end of one answer.
pub(super) type Wait = Receiver<Result<serde_json::Value, Failure>>;

impl Answer {
    pub(super) fn pair() -> (Self, Wait) {
        let (sender, receiver) = sync_channel(1);
        (Self(sender), receiver)
    }

    /// Gives false when nobody waits any more.
    fn give(self, result: Result<serde_json::Value, Failure>) -> bool {
        // The slot for one value is free: each answer is given once.
        self.0.try_send(result).is_ok()
    }
}

pub(super) struct Request {
    pub(super) id: u64,
    pub(super) line: Vec<u8>,
    /// Descriptors that go with the line.
    pub(super) files: Vec<OwnedFd>,
    pub(super) answer: Answer,
}

/// Handle on both tasks; they end when it is dropped.
pub(super) struct Link {
    pub(super) requests: mpsc::Sender<Request>,
    shared: Arc<Shared>,
    socket: UnixStream,
}

struct Shared {
    domain: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: HashMap<u64, Answer>,
    closed: Option<Failure>,
}

impl Link {
    /// Starts the tasks; the second value hears the greeting.
    pub(super) fn start(domain: &str, stream: UnixStream, handler: Box<dyn Handler>) -> Result<(Self, Wait)> {
        let what = || format!("monitor socket of domain '{domain}'");
        stream.set_nonblocking(true).map_err(|e| Error::system(what(), &e))?;
        let runtime = runtime::handle()?;
        let socket = stream.try_clone().map_err(|e| Error::system(what(), &e))?;
        let stream = {
            let _inside = runtime.enter();
            tokio::net::UnixStream::from_std(stream).map_err(|e| Error::system(what(), &e))?
        };
        let (read, write) = stream.into_split();
        let (greeting, wait) = Answer::pair();
        let shared = Arc::new(Shared { domain: domain.to_owned(), state: Mutex::default() });
        shared.lock().waiting.insert(GREETING, greeting);
        let (requests, queue) = mpsc::channel(QUEUE);
        let writer = runtime.spawn(write_all(shared.clone(), write, queue));
        let reading = shared.clone();
        runtime.spawn(async move {
            let why = read_all(&reading, read, &*handler).await;
            writer.abort();
            let text = reading.close(why);
            handler.closed(&text);
        });
        Ok((Self { requests, shared, socket }, wait))
    }

    /// The reason of the end, or a general one while it is not known yet.
    pub(super) fn why_closed(&self) -> String {
        match &self.shared.lock().closed {
            Some(why) => reason(why),
            None => "connection closed".into(),
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // The reader then sees the end, tells the handler and stops the writer.
        let _ = self.socket.shutdown(std::net::Shutdown::Both);
    }
}

impl Shared {
    /// A poisoned lock only means that some thread panicked elsewhere; the
    /// map itself is always whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self, why: Failure) -> String {
        let waiting = {
            let mut state = self.lock();
            state.closed = Some(why.clone());
            std::mem::take(&mut state.waiting)
        };
        for answer in waiting.into_values() {
            answer.give(Err(why.clone()));
        }
        reason(&why)
    }

    /// An error without an id is about the oldest command that waits: QEMU
    /// answers in order.
    fn complained(&self, failure: Failure) {
        let oldest = self.lock().waiting.keys().copied().filter(|id| *id != GREETING).min();
        match oldest {
            Some(id) => self.answered(id, Err(failure)),
            None => tracing::warn!(domain = %self.domain, ?failure, "QEMU complains about no command"),
        }
    }

    fn answered(&self, id: u64, result: Result<serde_json::Value, Failure>) {
        let answer = self.lock().waiting.remove(&id);
        match answer {
            Some(answer) => {
                if !answer.give(result) {
                    tracing::info!(domain = %self.domain, id, "late monitor answer thrown away");
                }
            }
            None => tracing::warn!(domain = %self.domain, id, "monitor answer to no known command"),
        }
    }
}

/// Sends a line with descriptors, which travel with its first bytes.
async fn write_with(write: &mut OwnedWriteHalf, line: &[u8], files: &[OwnedFd]) -> std::io::Result<()> {
    use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
    let fds: Vec<_> = files.iter().map(AsFd::as_fd).collect();
    let mut space = vec![std::mem::MaybeUninit::uninit(); SendAncillaryMessage::ScmRights(&fds).size()];
    let sent = loop {
        write.writable().await?;
        let stream: &tokio::net::UnixStream = write.as_ref();
        let attempt = stream.try_io(tokio::io::Interest::WRITABLE, || {
            let mut control = SendAncillaryBuffer::new(&mut space);
            if !control.push(SendAncillaryMessage::ScmRights(&fds)) {
                return Err(std::io::Error::from(std::io::ErrorKind::InvalidInput));
            }
            Ok(sendmsg(stream, &[std::io::IoSlice::new(line)], &mut control, SendFlags::NOSIGNAL)?)
        });
        match attempt {
            Ok(sent) => break sent,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    };
    write.write_all(line.get(sent..).unwrap_or_default()).await
}

async fn read_all(shared: &Shared, read: OwnedReadHalf, handler: &dyn Handler) -> Failure {
    let mut reader = BufReader::with_capacity(16 * 1024, read);
    let mut line = Vec::new();
    loop {
        line.clear();
        match read_line(&mut reader, &mut line).await {
            Ok(true) => {}
            Ok(false) => return Failure::Gone("QEMU closed the connection".into()),
            Err(failure) => return failure,
        }
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        match parse(&line) {
            Ok(Incoming::Greeting(value)) => shared.answered(GREETING, Ok(value)),
            Ok(Incoming::Answer { id, result }) => shared.answered(id, result),
            Ok(Incoming::Complaint(failure)) => shared.complained(failure),
            Ok(Incoming::Event(event)) => {
                tracing::debug!(domain = %shared.domain, event = %event.name, "monitor event");
                handler.event(event);
            }
            Err(what) => return Failure::Garbled(what),
        }
    }
}

/// Reads up to a newline; false at a clean end.
async fn read_line(reader: &mut BufReader<OwnedReadHalf>, line: &mut Vec<u8>) -> Result<bool, Failure> {
    loop {
        let buffer = reader.fill_buf().await.map_err(|e| Failure::Gone(e.to_string()))?;
        if buffer.is_empty() {
            return match line.is_empty() {
                true => Ok(false),
                false => Err(Failure::Gone("QEMU closed the connection in the middle of a message".into())),
            };
        }
        let (taken, done) = match buffer.iter().position(|b| *b == b'\n') {
            Some(at) => (at + 1, true),
            None => (buffer.len(), false),
        };
        if line.len() + taken > MAX_LINE {
            return Err(Failure::Garbled(format!("a message longer than {MAX_LINE} bytes")));
        }
        line.extend(buffer.iter().take(taken));
        reader.consume(taken);
        if done {
            return Ok(true);
        }
    }
}

async fn write_all(shared: Arc<Shared>, mut write: OwnedWriteHalf, mut queue: mpsc::Receiver<Request>) {
    while let Some(Request { id, line, files, answer }) = queue.recv().await {
        {
            // Entered before writing: the answer may come before the write returns.
            let mut state = shared.lock();
            if state.closed.is_some() {
                return;
            }
            state.waiting.insert(id, answer);
        }
        let sent = match files.is_empty() {
            true => write.write_all(&line).await,
            false => write_with(&mut write, &line, &files).await,
        };
        if let Err(error) = sent {
            shared.answered(id, Err(Failure::Gone(error.to_string())));
            return;
        }
    }
}

fn reason(why: &Failure) -> String {
    match why {
        Failure::Gone(text) | Failure::Garbled(text) => text.clone(),
        other => format!("{other:?}"),
    }
}

/// Stands for the greeting among the ids; commands count from 1.
const GREETING: u64 = 0;

/// Commands that may wait for a QEMU that does not read.
const QUEUE: usize = 64;

/// `query-qmp-schema` of QEMU 10 is about 0.4 MiB.
const MAX_LINE: usize = 16 << 20;
