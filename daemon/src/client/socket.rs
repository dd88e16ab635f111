//! A client's socket, Unix or TCP.
//!
//! UNSAFETY: a descriptor is watched by number; it is owned beside its
//! registration and closed after it.
#![allow(unsafe_code)]

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{SendFlags, sockopt};
use tokio::io::Interest;
use tokio::io::unix::{AsyncFd, AsyncFdReadyGuard};
use tokio::runtime::Handle;

/// A connected socket that nobody watches yet; it must not block.
pub(crate) enum Accepted {
    /// Of this host; descriptors pass.
    Unix(UnixStream),
    /// From anywhere, with where it comes from.
    Tcp(TcpStream, SocketAddr),
}

impl Accepted {
    /// Answers at once rather than waiting for more to send, and notices hosts that vanished.
    pub(super) fn tune(&self) {
        if let Self::Tcp(socket, _) = self {
            let tuned = socket.set_nodelay(true).and_then(|()| Ok(sockopt::set_socket_keepalive(socket, true)?));
            if let Err(error) = tuned {
                tracing::debug!(%error, "a socket keeps its defaults");
            }
        }
    }
}

impl From<Accepted> for OwnedFd {
    fn from(accepted: Accepted) -> Self {
        match accepted {
            Accepted::Unix(socket) => socket.into(),
            Accepted::Tcp(socket, _) => socket.into(),
        }
    }
}

/// A connected socket, watched for what comes in.
///
/// That there is room to write is looked for only when there was none: the
/// system would else tell so after every answer that a client reads.
pub(crate) struct Socket(AsyncFd<OwnedFd>);

/// A watch for room to write.
pub(super) struct Room(AsyncFd<OwnedFd>);

impl Socket {
    /// Has a socket that does not block watched by a loop.
    pub(super) fn watch(socket: OwnedFd, on: &Handle) -> io::Result<Self> {
        let _inside = on.enter();
        // SAFETY: an `OwnedFd` answers with the same number as long as it lives.
        Ok(Self(unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE) }?))
    }

    /// Waits until there is something to read.
    pub(super) async fn readable(&self) -> io::Result<AsyncFdReadyGuard<'_, OwnedFd>> {
        self.0.readable().await
    }

    /// Watches for room to write, on the loop of the caller.
    pub(super) fn room(&self) -> io::Result<Room> {
        let again = self.0.get_ref().try_clone()?;
        // SAFETY: as in `watch`.
        Ok(Room(unsafe { AsyncFd::register_with_interest(again, Interest::WRITABLE) }?))
    }

    /// Writes what the socket takes now.
    pub(super) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::net::send(&self.0, bytes, SendFlags::NOSIGNAL | SendFlags::DONTWAIT)?)
    }
}

impl Room {
    /// Waits until something can be written.
    pub(super) async fn writable(&self) -> io::Result<AsyncFdReadyGuard<'_, OwnedFd>> {
        self.0.writable().await
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
