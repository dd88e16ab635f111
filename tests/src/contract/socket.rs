//! A driver behind a daemon, called over its socket as a client would.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, PoisonError, mpsc};
use std::time::Duration;

use oxivirt_core::client::{Client, Transport};
use oxivirt_core::constants::DomainEventId;
use oxivirt_core::event::all_events;
use oxivirt_core::interface::{CallDescription, Events, Session};
use oxivirt_core::wire::message::{self, HEADER_SIZE, Header, LENGTH_SIZE, MessageType, Status};
use oxivirt_core::wire::xdr::{Reader, Xdr};
use oxivirt_core::{Call, Error, ErrorCode};

use super::{EventLog, Quirks, SeenEvent, Setup, Subject};

/// How long one answer may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// What the suite needs to reach a driver of the daemon that listens on `socket`.
///
/// * `declared` – the calls that the driver declares, from one of the other ways.
pub fn socket(socket: PathBuf, uri: &'static str, declared: BTreeSet<String>, quirks: Quirks) -> Setup {
    let open = move || {
        let transport = SocketTransport::connect(&socket)?;
        let events = transport.events();
        let client = Client::new(transport);
        Call::internal("open", |call| {
            client.auth_list(call)?;
            client.connect_open(call, Some(uri), 0)?;
            for (id, _) in DomainEventId::ALL {
                client.connect_domain_event_callback_register_any(call, *id, None)?;
            }
            Ok::<_, Error>(())
        })
        .map_err(|error| format!("'{uri}' cannot be opened: {error}"))?;
        Ok(Subject::full(Arc::new(client), events))
    };
    Setup { uri, way: "socket", declared, open: Arc::new(open), quirks }
}

/// One socket, one call at a time; events are kept apart as they come.
pub struct SocketTransport {
    stream: Mutex<(UnixStream, u32)>,
    replies: Mutex<mpsc::Receiver<(Header, Vec<u8>)>>,
    events: Arc<Log>,
}

#[derive(Default)]
struct Log {
    events: Mutex<Vec<SeenEvent>>,
    arrived: Condvar,
}

impl SocketTransport {
    /// Connects to a daemon's socket.
    pub fn connect(socket: &std::path::Path) -> Result<Self, String> {
        let lost = |error: std::io::Error| format!("{}: {error}", socket.display());
        let stream = UnixStream::connect(socket).map_err(lost)?;
        stream.set_write_timeout(Some(ANSWER_LIMIT)).map_err(lost)?;
        let reader = stream.try_clone().map_err(lost)?;
        let (sender, replies) = mpsc::channel();
        let events = Arc::new(Log::default());
        let log = events.clone();
        // Ends with the connection: whoever drops the stream shuts it down.
        std::thread::spawn(move || while read_one(&reader, &sender, &log).is_some() {});
        Ok(Self { stream: Mutex::new((stream, 1)), replies: Mutex::new(replies), events })
    }

    /// Where its events are kept.
    pub fn events(&self) -> Arc<dyn EventLog> {
        self.events.clone()
    }
}

impl Drop for SocketTransport {
    fn drop(&mut self) {
        let (stream, _) = self.stream.get_mut().unwrap_or_else(PoisonError::into_inner);
        let _ = stream.shutdown(std::net::Shutdown::Both);
    }
}

fn read_one(mut stream: &UnixStream, replies: &mpsc::Sender<(Header, Vec<u8>)>, log: &Log) -> Option<()> {
    let mut length = [0; LENGTH_SIZE];
    stream.read_exact(&mut length).ok()?;
    let mut body = vec![0; message::body_length(length).ok()?];
    stream.read_exact(&mut body).ok()?;
    let payload = body.split_off(HEADER_SIZE);
    let header = Header::decode(&mut Reader::new(&body)).ok()?;
    if header.kind != MessageType::MESSAGE {
        return replies.send((header, payload)).ok();
    }
    let known = all_events().find(|event| event.program == header.program && event.callback == header.procedure);
    // In front stands the number of the callback.
    let event = known.and_then(|known| SeenEvent::decode(known.id, payload.get(4..)?));
    log.events.lock().unwrap_or_else(PoisonError::into_inner).extend(event);
    log.arrived.notify_all();
    Some(())
}

impl Transport for SocketTransport {
    fn round_trip(&self, _call: &Call, what: &CallDescription, arguments: Vec<u8>) -> Result<Vec<u8>, Error> {
        let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        let serial = stream.1;
        stream.1 += 1;
        let header = Header {
            program: what.program,
            version: 1,
            procedure: what.number,
            kind: MessageType::CALL,
            serial,
            status: Status::OK,
        };
        let frame = message::frame(&header, &arguments)?;
        let lost = |source: std::io::Error| Error::system(format!("connection lost in {}", what.name), &source);
        stream.0.write_all(&frame).map_err(lost)?;
        let replies = self.replies.lock().unwrap_or_else(PoisonError::into_inner);
        let (reply, payload) = replies.recv_timeout(ANSWER_LIMIT).map_err(|error| match error {
            mpsc::RecvTimeoutError::Timeout => Error::timed_out(format!("no answer to {}", what.name)),
            mpsc::RecvTimeoutError::Disconnected => {
                Error::new(ErrorCode::RPC, format!("the daemon hung up in {}", what.name))
            }
        })?;
        match reply.status {
            Status::OK if reply.serial == serial => Ok(payload),
            Status::ERROR if reply.serial == serial => Err(Error::decode(&mut Reader::new(&payload))?),
            other => Err(Error::new(ErrorCode::RPC, format!("unexpected answer {other:?} to {}", what.name))),
        }
    }
}

impl EventLog for Log {
    fn wait(&self, wanted: usize, limit: Duration) -> Vec<SeenEvent> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let (events, _) = self
            .arrived
            .wait_timeout_while(events, limit, |events| events.len() < wanted)
            .unwrap_or_else(PoisonError::into_inner);
        events.clone()
    }

    fn clear(&self) {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
