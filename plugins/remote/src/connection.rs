//! From a URI to an open connection.

use std::path::PathBuf;

use oxivirt_core::call::Call;
use oxivirt_core::client::{Client, Link, Listener, Opening, Transport, open};
use oxivirt_core::interface::CallDescription;
use oxivirt_core::plugin::OpenFlags;
use oxivirt_core::{Error, Result};

use crate::sasl::Sasl;
use crate::transport::{self, Helper};
use crate::uri::{RemoteUri, TransportKind};

/// Where things of this machine are.
#[derive(Clone, Debug)]
pub struct Places {
    /// Folder of the sockets, such as `/run/libvirt`.
    pub run: PathBuf,
    /// Folder of `auth.conf`, such as `/etc/libvirt`.
    pub config: PathBuf,
}

impl Default for Places {
    fn default() -> Self {
        Self { run: "/run/libvirt".into(), config: "/etc/libvirt".into() }
    }
}

/// A connection and the program that carries it, where there is one.
pub struct Carrier {
    // Dropped first: most programs end with their input.
    link: Link,
    _helper: Option<Helper>,
}

impl AsRef<Link> for Carrier {
    fn as_ref(&self) -> &Link {
        &self.link
    }
}

impl Transport for Carrier {
    fn round_trip(&self, call: &Call, what: &CallDescription, arguments: Vec<u8>) -> Result<Vec<u8>> {
        self.link.round_trip(call, what, arguments)
    }
}

/// Opens a connection.
///
/// * `flags`: `READ_ONLY` uses the read-only socket where there is one.
/// * `listener`: gets events and the end of the connection, on the thread that reads.
/// * Errors: `INVALID_ARG` for a parameter that means nothing, the system's,
///   `AUTH_*`, whatever the server says. Waits at most 30 seconds for a host.
pub fn connect(uri: &RemoteUri, flags: OpenFlags, places: &Places, listener: Listener) -> Result<Client<Carrier>> {
    let carried = transport::connect(uri, flags, places)?;
    let secure = matches!(uri.transport, TransportKind::Unix | TransportKind::Tls | TransportKind::Ssh);
    let sasl = Sasl { uri, places, secure };
    let opening = Opening { flags, peer: uri.peer(), authenticate: &sasl, ..Opening::new(&uri.name) };
    match open(carried.socket, opening, listener) {
        Ok(client) => Ok(Client::new(Carrier { link: client.into_transport(), _helper: carried.helper })),
        Err(error) => Err(explain(error, carried.helper.as_ref())),
    }
}

/// Adds what the program said before it ended.
fn explain(error: Error, helper: Option<&Helper>) -> Error {
    match helper.map(Helper::complaint).filter(|text| !text.is_empty()) {
        Some(text) => error.context(text),
        None => error,
    }
}
