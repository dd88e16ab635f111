//! Listening sockets of every kind, and opening those in the network.
//!
//! UNSAFETY: a descriptor is watched by number; it is owned beside its
//! registration and closed after it.
#![allow(unsafe_code)]

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, ToSocketAddrs};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixListener;
use std::path::Path;

use oxivirt_util::file;
use rustix::net::{AddressFamily, SocketFlags, SocketType, ipproto, sockopt};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::client::Accepted;

/// An open socket that nobody accepts from yet.
#[derive(Debug)]
pub(crate) enum Opened {
    /// For this host.
    Unix(UnixListener),
    /// For the network.
    Tcp(TcpListener),
}

/// A socket that clients are accepted from.
pub(crate) struct Listener(AsyncFd<Opened>);

impl Opened {
    /// A way to accept from the socket, which stays open besides.
    pub(crate) fn listener(&self) -> io::Result<Listener> {
        let socket = match self {
            Self::Unix(socket) => {
                socket.set_nonblocking(true)?;
                Self::Unix(socket.try_clone()?)
            }
            Self::Tcp(socket) => {
                socket.set_nonblocking(true)?;
                Self::Tcp(socket.try_clone()?)
            }
        };
        // SAFETY: a socket answers with the same number as long as it lives.
        Ok(Listener(unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE) }?))
    }

    /// The next client, if one is there.
    fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Unix(listener) => {
                let (socket, _) = listener.accept()?;
                socket.set_nonblocking(true)?;
                Ok(Accepted::Unix(socket))
            }
            Self::Tcp(listener) => {
                let (socket, address) = listener.accept()?;
                socket.set_nonblocking(true)?;
                Ok(Accepted::Tcp(socket, address))
            }
        }
    }
}

impl AsRawFd for Opened {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Self::Unix(socket) => socket.as_raw_fd(),
            Self::Tcp(socket) => socket.as_raw_fd(),
        }
    }
}

impl Listener {
    /// The next client.
    pub(crate) async fn accept(&self) -> io::Result<Accepted> {
        loop {
            let mut ready = self.0.readable().await?;
            match self.0.get_ref().accept() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready.clear_ready(),
                accepted => return accepted,
            }
        }
    }
}

/// Opens a port on one address, or on all of them.
///
/// * `port`: a number or the name of a service.
/// * Errors: an address or service that does not exist, the system's.
pub(crate) fn listen(address: Option<&str>, port: &str, backlog: u32) -> Result<Vec<TcpListener>, String> {
    let number = port_number(port)?;
    let places: Vec<SocketAddr> = match address {
        Some(name) => (name, number)
            .to_socket_addrs()
            .map_err(|error| format!("cannot resolve 'listen_addr' '{name}': {error}"))?
            .collect(),
        None => {
            let all = [IpAddr::V6(Ipv6Addr::UNSPECIFIED), IpAddr::V4(Ipv4Addr::UNSPECIFIED)];
            all.map(|ip| SocketAddr::new(ip, number)).to_vec()
        }
    };
    let mut open: Vec<TcpListener> = Vec::new();
    for place in &places {
        match open_one(*place, backlog) {
            Ok(listener) => open.push(listener),
            // A host without IPv6 still listens.
            Err(rustix::io::Errno::AFNOSUPPORT | rustix::io::Errno::ADDRNOTAVAIL) if places.len() > 1 => {}
            Err(error) => return Err(format!("cannot listen on {place}: {}", io::Error::from(error))),
        }
    }
    match open.is_empty() {
        false => Ok(open),
        true => Err(format!("cannot listen on port {port}: this host has no address for it")),
    }
}

fn open_one(place: SocketAddr, backlog: u32) -> rustix::io::Result<TcpListener> {
    let family = if place.is_ipv6() { AddressFamily::INET6 } else { AddressFamily::INET };
    let socket = rustix::net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, Some(ipproto::TCP))?;
    // A restart need not wait for the last clients' farewells.
    sockopt::set_socket_reuseaddr(&socket, true)?;
    if place.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    rustix::net::bind(&socket, &place)?;
    rustix::net::listen(&socket, i32::try_from(backlog).unwrap_or(i32::MAX))?;
    Ok(TcpListener::from(socket))
}

/// The number of a port; names are those of `/etc/services`.
pub(crate) fn port_number(port: &str) -> Result<u16, String> {
    const SIZE_MAX: usize = 16 << 20;
    if let Ok(number) = port.parse() {
        return Ok(number);
    }
    let text = file::read_text(Path::new("/etc/services"), SIZE_MAX).unwrap_or_default();
    named_port(&text, port).ok_or_else(|| format!("there is no TCP service '{port}' in /etc/services"))
}

fn named_port(services: &str, name: &str) -> Option<u16> {
    services.lines().find_map(|line| {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_whitespace();
        let (first, place) = (words.next()?, words.next()?);
        let number = place.strip_suffix("/tcp")?;
        (first == name || words.any(|alias| alias == name)).then(|| number.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_have_numbers() {
        let text = "# names\nssh 22/tcp\ntftp 69/udp\nlibvirt-tls 16514/tcp virt-tls # encrypted\n";
        assert_eq!(named_port(text, "ssh"), Some(22));
        assert_eq!(named_port(text, "virt-tls"), Some(16514));
        assert_eq!(named_port(text, "tftp"), None);
        assert_eq!(port_number("16509"), Ok(16509));
    }

    #[test]
    fn a_port_is_taken_once() {
        let first = listen(Some("127.0.0.1"), "0", 5).expect("any port");
        let port = first[0].local_addr().expect("bound").port().to_string();
        let error = listen(Some("127.0.0.1"), &port, 5).expect_err("taken");
        assert!(error.contains(&port), "{error}");
    }
}
