//! Ways to a server; each ends in a connected stream socket.

mod command;
mod ssh;
mod tcp;
mod tls;
pub(crate) mod unix;

use std::os::fd::OwnedFd;

use oxivirt_core::Result;
use oxivirt_core::plugin::OpenFlags;

pub(crate) use command::Helper;

use crate::connection::Places;
use crate::defaults::Defaults;
use crate::uri::{RemoteUri, TransportKind};

/// A connected socket, and the program behind it.
pub(crate) struct Carried {
    pub(crate) socket: OwnedFd,
    pub(crate) helper: Option<Helper>,
}

/// Reaches the server of a URI.
pub(crate) fn connect(uri: &RemoteUri, flags: OpenFlags, places: &Places, defaults: &Defaults) -> Result<Carried> {
    let plain = |socket: OwnedFd| Carried { socket, helper: None };
    match uri.transport {
        TransportKind::Unix => unix::connect(uri, flags, places, defaults).map(plain),
        TransportKind::Tcp => tcp::connect(uri, tcp::PORT).map(OwnedFd::from).map(plain),
        TransportKind::Tls => tls::connect(uri, places).map(plain),
        TransportKind::Ssh => ssh::connect(uri, flags, defaults),
        TransportKind::Ext => command::ext(uri),
    }
}
