//! Sockets that the service manager opened for us.
//!
//! UNSAFETY: the service manager says by number which descriptors are ours;
//! nobody else in this program knows or closes them.
#![allow(unsafe_code)]

use std::net::TcpListener;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixListener;

use rustix::net::AddressFamily;

use crate::network::{Opened, port_number};
use crate::server::Door;
use crate::settings::Network;

/// The passed sockets with what each is for; empty when started by hand.
///
/// What a socket is for is told by the name of its unit; without one by its
/// path or port.
///
/// Errors: a descriptor that is no listening socket, or of unknown purpose.
pub(crate) fn sockets(network: &Network) -> Result<Vec<(Door, Opened)>, String> {
    let numbers =
        sd_notify::listen_fds_with_names().map_err(|error| format!("sockets from the service manager: {error}"))?;
    let mut all = Vec::new();
    for (number, name) in numbers {
        // SAFETY: only looked at, and not kept.
        let announced = unsafe { BorrowedFd::borrow_raw(number) };
        rustix::io::fcntl_getfd(announced)
            .map_err(|error| format!("descriptor {number} of the service manager is not open: {error}"))?;
        // SAFETY: announced for this process, open, and taken once.
        let socket = unsafe { OwnedFd::from_raw_fd(number) };
        let at = |error: &dyn std::fmt::Display| format!("descriptor {number} is no listening socket: {error}");
        let family = rustix::net::sockopt::socket_domain(socket.as_fd()).map_err(|error| at(&error))?;
        all.push(match family {
            AddressFamily::UNIX => {
                let listener = UnixListener::from(socket);
                let address = listener.local_addr().map_err(|error| at(&error))?;
                let path = address.as_pathname().and_then(|path| path.file_name()).unwrap_or_default();
                let path = path.to_string_lossy();
                let door = local_door(&path)
                    .ok_or_else(|| format!("descriptor {number} is a socket of unknown purpose: '{path}'"))?;
                (door, Opened::Unix(listener))
            }
            AddressFamily::INET | AddressFamily::INET6 => {
                let listener = TcpListener::from(socket);
                let port = listener.local_addr().map_err(|error| at(&error))?.port();
                let door = remote_door(&name, port, network).ok_or_else(|| {
                    format!("descriptor {number}, unit '{name}', is a network socket of unknown purpose on port {port}")
                })?;
                (door, Opened::Tcp(listener))
            }
            other => return Err(format!("descriptor {number} is a socket of unknown family {}", other.as_raw())),
        });
    }
    Ok(all)
}

fn local_door(path: &str) -> Option<Door> {
    match path {
        name if name.ends_with("-admin-sock") => Some(Door::Admin),
        name if name.ends_with("-sock-ro") => Some(Door::ReadOnly),
        name if name.ends_with("-sock") => Some(Door::ReadWrite),
        _ => None,
    }
}

fn remote_door(unit: &str, port: u16, network: &Network) -> Option<Door> {
    let is = |configured: &str| port_number(configured) == Ok(port);
    match unit {
        name if name.ends_with("-tls.socket") => Some(Door::Tls),
        name if name.ends_with("-tcp.socket") => Some(Door::Tcp),
        _ if is(&network.tls_port) => Some(Door::Tls),
        _ if is(&network.tcp_port) => Some(Door::Tcp),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Auth;

    #[test]
    fn units_and_ports_tell_the_purpose() {
        let network = Network {
            tls: true,
            tcp: true,
            tls_port: "16514".to_owned(),
            tcp_port: "16509".to_owned(),
            address: None,
            tls_auth: Auth::None,
            tcp_auth: Auth::None,
        };
        for (unit, port, wanted) in [
            ("libvirtd-tls.socket", 1, Some(Door::Tls)),
            ("libvirtd-tcp.socket", 16514, Some(Door::Tcp)),
            ("oxivirtd-tls.socket", 5, Some(Door::Tls)),
            ("unknown", 16514, Some(Door::Tls)),
            ("", 16509, Some(Door::Tcp)),
            ("odd.socket", 80, None),
        ] {
            assert_eq!(remote_door(unit, port, &network), wanted, "{unit} {port}");
        }
        assert_eq!(local_door("libvirt-sock-ro"), Some(Door::ReadOnly));
        assert_eq!(local_door("other"), None);
    }
}
