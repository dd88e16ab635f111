//! A server of the tests: honest until told otherwise.

use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread::JoinHandle;

use oxivirt_core::wire::message::{self, HEADER_SIZE, Header, LENGTH_SIZE, MessageType, Program, Status};
use oxivirt_core::wire::xdr::{Reader, Writer, Xdr};

use super::place::{SOON, text};

/// The call that the tests ask, `connect_get_hostname`.
pub(crate) const HOSTNAME: i32 = 59;

const AUTH_LIST: i32 = 66;
const SUPPORTS_FEATURE: i32 = 60;

/// What it answers when asked for its name.
pub(crate) const NAME: &str = "impostor";

/// A server for one client.
pub(crate) struct Impostor {
    folder: tempfile::TempDir,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Impostor {
    /// Serves one client as `behaviour` says.
    pub(crate) fn start(
        behaviour: impl FnOnce(&mut Peer) -> io::Result<()> + Send + 'static,
    ) -> Result<Impostor, String> {
        let folder = tempfile::tempdir().map_err(text)?;
        let listener = UnixListener::bind(folder.path().join("s")).map_err(text)?;
        let serve = move || {
            let (stream, _) = listener.accept()?;
            stream.set_read_timeout(Some(SOON))?;
            stream.set_write_timeout(Some(SOON))?;
            behaviour(&mut Peer { stream })
        };
        let thread = std::thread::Builder::new().name("impostor".to_owned()).spawn(serve).map_err(text)?;
        Ok(Impostor { folder, thread: Some(thread) })
    }

    /// Its folder, with its socket `s`.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The URI that leads here.
    pub(crate) fn uri(&self) -> String {
        format!("test+unix:///default?socket={}/s", self.folder.path().display())
    }

    /// Waits until the behaviour is over.
    pub(crate) fn end(mut self) -> Result<(), String> {
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(ended)) => ended.map_err(|error| format!("the server of the tests: {error}")),
            _ => Err("the server of the tests panicked".to_owned()),
        }
    }
}

/// The client of an impostor.
pub(crate) struct Peer {
    /// The connection.
    pub(crate) stream: UnixStream,
}

impl Peer {
    /// Reads one message.
    pub(crate) fn read(&mut self) -> io::Result<(Header, Vec<u8>)> {
        let mut length = [0; LENGTH_SIZE];
        self.stream.read_exact(&mut length)?;
        let length = message::body_length(length).map_err(io::Error::other)?;
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        let header = Header::decode(&mut Reader::new(&body)).map_err(io::Error::other)?;
        Ok((header, body.split_off(HEADER_SIZE)))
    }

    /// Answers honestly until a call of one procedure comes; answers questions
    /// for signs of life as well.
    pub(crate) fn until(&mut self, procedure: i32) -> io::Result<Header> {
        loop {
            let (header, payload) = self.read()?;
            if header.program == Program::KEEPALIVE {
                if header.procedure == 1 {
                    self.send(&Header::event(Program::KEEPALIVE, 2), &[])?;
                }
            } else if header.procedure == procedure && header.program == Program::REMOTE {
                return Ok(header);
            } else {
                self.answer(&header, &payload)?;
            }
        }
    }

    /// Answers honestly until the client goes.
    pub(crate) fn serve(&mut self) -> io::Result<()> {
        match self.until(i32::MAX) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(()),
            other => other.map(drop),
        }
    }

    /// Answers one call honestly.
    pub(crate) fn answer(&mut self, header: &Header, _payload: &[u8]) -> io::Result<()> {
        let mut out = Writer::new();
        match header.procedure {
            // Nothing has to be proved.
            AUTH_LIST => {
                out.put_u32(1);
                out.put_u32(0);
            }
            SUPPORTS_FEATURE => out.put_u32(1),
            HOSTNAME => NAME.to_owned().encode(&mut out).map_err(io::Error::other)?,
            _ => {}
        }
        self.send(&header.reply(Status::OK), &out.into_bytes())
    }

    /// Sends one message.
    pub(crate) fn send(&mut self, header: &Header, payload: &[u8]) -> io::Result<()> {
        let frame = message::frame(header, payload).map_err(io::Error::other)?;
        self.stream.write_all(&frame)
    }

    /// Sends one message of another kind.
    pub(crate) fn send_as(&mut self, header: &Header, kind: MessageType, payload: &[u8]) -> io::Result<()> {
        self.send(&Header { kind, ..*header }, payload)
    }
}
