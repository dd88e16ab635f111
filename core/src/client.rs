//! The interface traits over a transport: the client side of the wire.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::call::Call;
use crate::interface::CallDescription;
use crate::wire::message::{self, HEADER_SIZE, Header, LENGTH_SIZE, MessageType, Status};
use crate::wire::xdr::{Reader, Xdr};
use crate::{Error, ErrorCode, Result};

/// Carries one call to a server and its answer back.
pub trait Transport: Send + Sync {
    /// Sends `arguments` and waits for the answer's payload; an error reply
    /// becomes the error.
    fn round_trip(&self, call: &Call, what: &CallDescription, arguments: Vec<u8>) -> Result<Vec<u8>>;
}

/// Every interface, spoken over `T`.
pub struct Client<T>(T);

impl<T> Client<T> {
    /// Speaks over `transport`.
    pub fn new(transport: T) -> Self {
        Self(transport)
    }

    /// The transport.
    pub fn transport(&self) -> &T {
        &self.0
    }
}

/// One Unix socket, one call at a time.
pub struct UnixTransport {
    stream: Mutex<UnixStream>,
    serial: AtomicU32,
}

impl UnixTransport {
    /// Connects to the socket at `path`; every later wait ends after `limit`.
    pub fn connect(path: &Path, limit: Duration) -> Result<Self> {
        let failed = |source: &std::io::Error| Error::system(format!("cannot connect to '{}'", path.display()), source);
        let stream = UnixStream::connect(path).map_err(|source| failed(&source))?;
        stream.set_read_timeout(Some(limit)).map_err(|source| failed(&source))?;
        stream.set_write_timeout(Some(limit)).map_err(|source| failed(&source))?;
        Ok(Self { stream: Mutex::new(stream), serial: AtomicU32::new(1) })
    }
}

impl Transport for UnixTransport {
    fn round_trip(&self, _call: &Call, what: &CallDescription, arguments: Vec<u8>) -> Result<Vec<u8>> {
        let header = Header {
            program: what.program,
            version: 1,
            procedure: what.number,
            kind: MessageType::CALL,
            serial: self.serial.fetch_add(1, Ordering::Relaxed),
            status: Status::OK,
        };
        let frame = message::frame(&header, &arguments)?;
        let mut stream = self.stream.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let lost = |source: std::io::Error| match source.kind() {
            std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut => {
                Error::timed_out(format!("no answer to {}", what.name))
            }
            _ => Error::system(format!("connection lost in {}", what.name), &source),
        };
        stream.write_all(&frame).map_err(lost)?;
        loop {
            let mut length = [0; LENGTH_SIZE];
            stream.read_exact(&mut length).map_err(lost)?;
            let mut body = vec![0; message::body_length(length)?];
            stream.read_exact(&mut body).map_err(lost)?;
            let (head, payload) = body.split_at(HEADER_SIZE);
            let reply = Header::decode(&mut Reader::new(head))?;
            if reply.kind != MessageType::REPLY || reply.serial != header.serial {
                continue;
            }
            return match reply.status {
                Status::OK => Ok(payload.to_vec()),
                Status::ERROR => Err(Error::decode(&mut Reader::new(payload))?),
                other => Err(Error::new(ErrorCode::RPC, format!("unexpected status {other:?} in a reply"))),
            };
        }
    }
}
