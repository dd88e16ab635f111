//! TLS over TCP. One thread stands between the encrypted socket and a plain
//! one, so that nobody else has to know.

mod files;
mod verify;

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use oxivirt_core::{Error, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustls::{CertificateError, ClientConnection};
use rustls_pki_types::ServerName;

use super::tcp;
use crate::connection::Places;
use crate::uri::RemoteUri;
use files::{config, refused};

/// The usual port.
const PORT: u16 = 16514;

/// How long the greeting may take.
const GREETING_LIMIT: Duration = Duration::from_secs(30);

/// Bytes that may wait for one side before the other is not read any more.
const WAITING_MAX: usize = 256 << 10;

pub(super) fn connect(uri: &RemoteUri, places: &Places) -> Result<OwnedFd> {
    let config = Arc::new(config(uri, places)?);
    let host = if uri.host.is_empty() { "localhost" } else { &uri.host };
    let name = ServerName::try_from(host.to_owned())
        .map_err(|error| Error::invalid_arg(format!("host '{host}' cannot be checked: {error}")))?;
    let mut session = ClientConnection::new(config, name).map_err(|error| refused(error.to_string()))?;
    let mut stream = tcp::connect(uri, PORT)?;
    greet(&mut session, &mut stream).map_err(|source| refused(format!("greeting '{host}': {}", explain(&source))))?;
    let failed = |source: io::Error| Error::system("cannot join a TLS session to a socket", &source);
    let (near, far) = UnixStream::pair().map_err(failed)?;
    stream.set_nonblocking(true).and_then(|()| far.set_nonblocking(true)).map_err(failed)?;
    let carry = move || {
        if let Err(error) = carry(&mut session, &mut stream, &far) {
            tracing::debug!(%error, "a TLS session ended");
        }
    };
    std::thread::Builder::new().name("tls".to_owned()).spawn(carry).map_err(failed)?;
    Ok(near.into())
}

/// The handshake, and the byte with which the server lets us in.
fn greet(session: &mut ClientConnection, stream: &mut TcpStream) -> io::Result<()> {
    let mut welcome = [0];
    let mut limited = Limited { stream, until: Instant::now() + GREETING_LIMIT };
    match rustls::Stream::new(session, &mut limited).read_exact(&mut welcome) {
        Ok(()) if welcome == [1] => Ok(()),
        Ok(()) => Err(io::Error::other("the server does not accept our certificate")),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(io::Error::new(
            ErrorKind::UnexpectedEof,
            "the server hung up, which is how some refuse a certificate or the lack of one",
        )),
        Err(error) => Err(error),
    }
}

/// What went wrong, in words for operators.
fn explain(error: &io::Error) -> String {
    use CertificateError as Wrong;
    let cause = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let what = match cause {
        Some(rustls::Error::InvalidCertificate(wrong)) => match wrong {
            Wrong::Expired | Wrong::ExpiredContext { .. } => "has expired",
            Wrong::NotValidYet | Wrong::NotValidYetContext { .. } => "is not valid yet",
            Wrong::NotValidForName | Wrong::NotValidForNameContext { .. } => "is not for this host",
            Wrong::UnknownIssuer | Wrong::BadSignature => "is not signed by an authority in our cacert.pem",
            Wrong::Revoked => "was revoked by its authority",
            Wrong::InvalidPurpose | Wrong::InvalidPurposeContext { .. } => "is not for servers",
            _ => return error.to_string(),
        },
        Some(rustls::Error::AlertReceived(alert)) => return format!("the server refuses us: {alert:?}"),
        _ => return error.to_string(),
    };
    format!("the server's certificate {what}")
}

/// A stream that ends at a time, however little comes at a time.
struct Limited<'a> {
    stream: &'a mut TcpStream,
    until: Instant,
}

impl Limited<'_> {
    fn left(&self) -> io::Result<Option<Duration>> {
        match self.until.checked_duration_since(Instant::now()) {
            Some(left) if !left.is_zero() => Ok(Some(left)),
            _ => Err(too_late()),
        }
    }
}

fn too_late() -> io::Error {
    let text = format!("the server did not end its greeting within {} seconds", GREETING_LIMIT.as_secs());
    io::Error::new(ErrorKind::TimedOut, text)
}

impl Read for Limited<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(self.left()?)?;
        let read = self.stream.read(buffer);
        read.map_err(|error| if error.kind() == ErrorKind::WouldBlock { too_late() } else { error })
    }
}

impl Write for Limited<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(self.left()?)?;
        let written = self.stream.write(buffer);
        written.map_err(|error| if error.kind() == ErrorKind::WouldBlock { too_late() } else { error })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// Copies both ways until either side ends.
fn carry(session: &mut ClientConnection, stream: &mut TcpStream, mut plain: &UnixStream) -> io::Result<()> {
    let mut waiting: Vec<u8> = Vec::new();
    let mut buffer = vec![0; 64 << 10];
    let mut ended = false;
    loop {
        // What was decrypted goes to our side.
        while waiting.len() < WAITING_MAX && !ended {
            match session.reader().read(&mut buffer) {
                Ok(0) => ended = true,
                Ok(count) => waiting.extend_from_slice(buffer.get(..count).unwrap_or_default()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        match plain.write(&waiting) {
            _ if waiting.is_empty() => {}
            Ok(count) => drop(waiting.drain(..count)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        while session.wants_write() {
            match session.write_tls(stream) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        if ended && waiting.is_empty() {
            return Ok(());
        }
        let (mut outside, mut inside) = (PollFlags::empty(), PollFlags::empty());
        if waiting.len() < WAITING_MAX && !ended {
            outside |= PollFlags::IN;
        }
        if session.wants_write() {
            outside |= PollFlags::OUT;
        } else {
            inside |= PollFlags::IN;
        }
        if !waiting.is_empty() {
            inside |= PollFlags::OUT;
        }
        let came = wait(stream, outside, plain, inside)?;
        let readable = PollFlags::IN | PollFlags::HUP | PollFlags::ERR;
        if came[0].intersects(readable) && !ended {
            match session.read_tls(stream) {
                Ok(0) => ended = true,
                Ok(_) => {
                    session.process_new_packets().map_err(io::Error::other)?;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        if came[1].intersects(readable) && !session.wants_write() {
            match plain.read(&mut buffer) {
                Ok(0) => {
                    session.send_close_notify();
                    let _ = session.write_tls(stream);
                    return Ok(());
                }
                Ok(count) => session.writer().write_all(buffer.get(..count).unwrap_or_default())?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Waits until one of two sockets is ready for what is wanted of it. One of
/// which nothing is wanted is left out: that it hung up would wake us again and again.
fn wait(
    outside: &TcpStream,
    of_outside: PollFlags,
    inside: &UnixStream,
    of_inside: PollFlags,
) -> io::Result<[PollFlags; 2]> {
    let limit = Timespec { tv_sec: 60, tv_nsec: 0 };
    let mut all = Vec::with_capacity(2);
    if !of_outside.is_empty() {
        all.push(PollFd::new(outside, of_outside));
    }
    if !of_inside.is_empty() {
        all.push(PollFd::new(inside, of_inside));
    }
    match poll(&mut all, Some(&limit)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(errno) => return Err(errno.into()),
    }
    let mut came = all.iter().map(PollFd::revents);
    let outside = if of_outside.is_empty() { None } else { came.next() };
    let inside = if of_inside.is_empty() { None } else { came.next() };
    Ok([outside, inside].map(|came| came.unwrap_or(PollFlags::empty())))
}
