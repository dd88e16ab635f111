//! A small blocking client of the wire protocol, written apart from the daemon's own code.
//!
//! It exists to say things that no stock client says (frames that are wrong in
//! every way) and to measure calls without the cost of a client library.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// The number of the main program.
pub const REMOTE_PROGRAM: u32 = 0x2000_8086;

/// Its version.
pub const REMOTE_VERSION: u32 = 1;

/// The longest frame that either side may send, its length field left out.
pub const LONGEST: u32 = 33_554_432;

/// What `Header::kind` says in an event.
const EVENT: u32 = 2;

/// Numbers of the procedures that are called here.
pub mod procedure {
    #![allow(missing_docs)]
    pub const CONNECT_OPEN: i32 = 1;
    pub const CONNECT_CLOSE: i32 = 2;
    pub const DOMAIN_CREATE: i32 = 9;
    pub const DOMAIN_CREATE_XML: i32 = 10;
    pub const DOMAIN_DESTROY: i32 = 12;
    pub const DOMAIN_GET_XML_DESC: i32 = 14;
    pub const DOMAIN_GET_INFO: i32 = 16;
    pub const DOMAIN_LOOKUP_BY_NAME: i32 = 23;
    pub const DOMAIN_LOOKUP_BY_UUID: i32 = 24;
    pub const DOMAIN_UNDEFINE: i32 = 35;
    pub const DOMAIN_RESUME: i32 = 28;
    pub const DOMAIN_SUSPEND: i32 = 34;
    pub const AUTH_LIST: i32 = 66;
    pub const CONNECT_GET_LIB_VERSION: i32 = 157;
    pub const DOMAIN_SCREENSHOT: i32 = 211;
    pub const DOMAIN_GET_STATE: i32 = 212;
    pub const DOMAIN_SET_METADATA: i32 = 264;
    pub const CONNECT_LIST_ALL_DOMAINS: i32 = 273;
    pub const CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY: i32 = 316;
    pub const CONNECT_DOMAIN_EVENT_CALLBACK_DEREGISTER_ANY: i32 = 317;
    pub const DOMAIN_EVENT_CALLBACK_LIFECYCLE: i32 = 318;
    pub const CONNECT_GET_ALL_DOMAIN_STATS: i32 = 344;
    pub const DOMAIN_DEFINE_XML_FLAGS: i32 = 350;
}

/// The fields of a frame before its payload, without the length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Which protocol.
    pub program: u32,
    /// Which version of it.
    pub version: u32,
    /// Which procedure.
    pub procedure: i32,
    /// 0 call, 1 reply, 2 event, 3 stream.
    pub kind: u32,
    /// Ties a reply to its call.
    pub serial: u32,
    /// 0 good, 1 error, 2 more follows.
    pub status: u32,
}

impl Header {
    /// The header of a call of the main program.
    pub fn call(procedure: i32, serial: u32) -> Header {
        Header { program: REMOTE_PROGRAM, version: REMOTE_VERSION, procedure, kind: 0, serial, status: 0 }
    }

    /// The header and a payload as a frame with the right length.
    pub fn frame(&self, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(28 + payload.len()).unwrap_or(u32::MAX);
        let mut frame = Xdr::default().unsigned(length);
        for word in [self.program, self.version, self.procedure.cast_unsigned(), self.kind, self.serial, self.status] {
            frame = frame.unsigned(word);
        }
        frame.0.extend_from_slice(payload);
        frame.0
    }
}

/// What came back: the header and the payload.
#[derive(Debug)]
pub struct Answer {
    /// The fields before the payload.
    pub header: Header,
    /// The result, or the error when `header.status` is 1.
    pub payload: Vec<u8>,
}

/// A payload in the making; every item takes a multiple of four bytes, big end first.
#[derive(Debug, Default, Clone)]
pub struct Xdr(
    /// The bytes so far.
    pub Vec<u8>,
);

impl Xdr {
    /// Adds a 32-bit number.
    pub fn unsigned(mut self, number: u32) -> Xdr {
        self.0.extend_from_slice(&number.to_be_bytes());
        self
    }

    /// Adds a string.
    pub fn string(self, text: &str) -> Xdr {
        let mut xdr = self.unsigned(u32::try_from(text.len()).unwrap_or(u32::MAX));
        xdr.0.extend_from_slice(text.as_bytes());
        xdr.0.resize(xdr.0.len().next_multiple_of(4), 0);
        xdr
    }

    /// Adds a string that might be absent, present.
    pub fn some_string(self, text: &str) -> Xdr {
        self.unsigned(1).string(text)
    }

    /// Adds bytes as they are.
    pub fn bytes(mut self, bytes: &[u8]) -> Xdr {
        self.0.extend_from_slice(bytes);
        self
    }
}

/// One connection to a daemon's socket.
#[derive(Debug)]
pub struct Client {
    stream: UnixStream,
    serial: u32,
    events: VecDeque<Answer>,
}

impl Client {
    /// Connects; nothing is said yet. Every later read or write that takes longer than `limit` fails.
    pub fn connect(socket: &Path, limit: Duration) -> io::Result<Client> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(limit))?;
        stream.set_write_timeout(Some(limit))?;
        Ok(Client { stream, serial: 0, events: VecDeque::new() })
    }

    /// Connects and opens a driver, as a client library does first.
    pub fn open(socket: &Path, uri: &str, limit: Duration) -> io::Result<Client> {
        let mut client = Client::connect(socket, limit)?;
        client.call(procedure::AUTH_LIST, &[])?;
        client.call(procedure::CONNECT_OPEN, &Xdr::default().some_string(uri).unsigned(0).0)?;
        Ok(client)
    }

    /// Calls a procedure of the main program and gives back its result.
    ///
    /// Errors: the connection broke or timed out, or the daemon answered with an
    /// error, whose number and text make the message.
    pub fn call(&mut self, procedure: i32, payload: &[u8]) -> io::Result<Vec<u8>> {
        let answer = self.ask(procedure, payload)?;
        match answer.header.status {
            0 => Ok(answer.payload),
            _ => Err(io::Error::other(format!("procedure {procedure}: {}", describe(&answer.payload)))),
        }
    }

    /// Calls a procedure of the main program and gives back the answer, good or bad.
    pub fn ask(&mut self, procedure: i32, payload: &[u8]) -> io::Result<Answer> {
        self.serial += 1;
        let header = Header::call(procedure, self.serial);
        self.send(&header.frame(payload))?;
        loop {
            let answer = self.receive()?;
            match (answer.header.kind, answer.header.serial, answer.header.procedure) {
                (EVENT, ..) => self.events.push_back(answer),
                (_, serial, number) if serial == self.serial && number == procedure => return Ok(answer),
                _ => return Err(io::Error::other(format!("an answer to something else: {:?}", answer.header))),
            }
        }
    }

    /// The next event, whether it came already or not.
    pub fn next_event(&mut self) -> io::Result<Answer> {
        if let Some(event) = self.events.pop_front() {
            return Ok(event);
        }
        let answer = self.receive()?;
        match answer.header.kind {
            EVENT => Ok(answer),
            _ => Err(io::Error::other(format!("no event: {:?}", answer.header))),
        }
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Says that nothing more will be sent.
    pub fn finish(&mut self) -> io::Result<()> {
        self.stream.shutdown(std::net::Shutdown::Write)
    }

    /// Reads one frame.
    ///
    /// Errors: `UnexpectedEof` when the daemon closed the connection, `InvalidData` when the length makes no sense.
    pub fn receive(&mut self) -> io::Result<Answer> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length);
        if !(28..=LONGEST).contains(&length) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a frame of {length} bytes")));
        }
        let mut words = [[0; 4]; 6];
        for word in &mut words {
            self.stream.read_exact(word)?;
        }
        let [program, version, procedure, kind, serial, status] = words.map(u32::from_be_bytes);
        let mut payload = vec![0; usize::try_from(length).unwrap_or(28) - 28];
        self.stream.read_exact(&mut payload)?;
        let header = Header { program, version, procedure: procedure.cast_signed(), kind, serial, status };
        Ok(Answer { header, payload })
    }
}

/// Number, domain and text of an error's payload, for people.
pub fn describe(payload: &[u8]) -> String {
    let word =
        |at: usize| payload.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_be_bytes);
    let length = usize::try_from(word(12)).unwrap_or(0);
    let text = payload.get(16..).and_then(|rest| rest.get(..length)).unwrap_or_default();
    format!("error {} of {}: {}", word(0), word(4), String::from_utf8_lossy(text))
}
