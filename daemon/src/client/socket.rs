//! A client's socket, Unix or TCP.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::{net, os::unix};

use rustix::net::sockopt;
use tokio::io::Interest;
use tokio::net::{TcpStream, UnixStream};
use tokio::runtime::Handle;

/// A connected socket that nobody watches yet; it must not block.
pub(crate) enum Accepted {
    /// Of this host.
    Unix(unix::net::UnixStream),
    /// From anywhere, with where it comes from.
    Tcp(net::TcpStream, SocketAddr),
}

impl Accepted {
    /// Has the socket watched by a loop.
    pub(super) fn watch(self, on: &Handle) -> io::Result<Socket> {
        let _inside = on.enter();
        Ok(match self {
            Self::Unix(socket) => Socket::Unix(UnixStream::from_std(socket)?),
            Self::Tcp(socket, from) => Socket::Tcp(TcpStream::from_std(socket)?, from),
        })
    }
}

/// A connected socket of one kind or the other.
pub(crate) enum Socket {
    /// Of this host; descriptors pass.
    Unix(UnixStream),
    /// From anywhere, with where it comes from.
    Tcp(TcpStream, SocketAddr),
}

impl Socket {
    /// Answers at once rather than waiting for more to send, and notices hosts that vanished.
    pub(crate) fn tune(&self) {
        if let Self::Tcp(socket, _) = self {
            let tuned = socket.set_nodelay(true).and_then(|()| Ok(sockopt::set_socket_keepalive(socket, true)?));
            if let Err(error) = tuned {
                tracing::debug!(%error, "a socket keeps its defaults");
            }
        }
    }

    /// Waits until there is something to read.
    pub(super) async fn readable(&self) -> io::Result<()> {
        match self {
            Self::Unix(socket) => socket.readable().await,
            Self::Tcp(socket, _) => socket.readable().await,
        }
    }

    /// Waits until something can be written.
    pub(super) async fn writable(&self) -> io::Result<()> {
        match self {
            Self::Unix(socket) => socket.writable().await,
            Self::Tcp(socket, _) => socket.writable().await,
        }
    }

    /// Writes what the socket takes now.
    pub(super) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Unix(socket) => socket.try_write(bytes),
            Self::Tcp(socket, _) => socket.try_write(bytes),
        }
    }

    /// Does something with the socket that does not wait.
    pub(super) fn try_io<T>(&self, interest: Interest, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        match self {
            Self::Unix(socket) => socket.try_io(interest, work),
            Self::Tcp(socket, _) => socket.try_io(interest, work),
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Unix(socket) => socket.as_fd(),
            Self::Tcp(socket, _) => socket.as_fd(),
        }
    }
}
