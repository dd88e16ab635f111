//! From a URI to an open connection.

use std::path::PathBuf;
use std::time::Duration;

use oxivirt_core::call::Call;
use oxivirt_core::client::{Client, Limits, Link, Listener, Opening, Transport, open};
use oxivirt_core::host::Folder;
use oxivirt_core::interface::CallDescription;
use oxivirt_core::plugin::OpenFlags;
use oxivirt_core::wire::xdr::{Reader, Writer, Xdr};
use oxivirt_core::{Error, Host, Result};

use crate::defaults::Defaults;
use crate::sasl::Sasl;
use crate::transport::{self, Helper};
use crate::uri::{RemoteUri, TransportKind};

/// Where things of this machine are.
#[derive(Clone, Debug)]
pub struct Places {
    /// Folder of the sockets, such as `/run/libvirt`.
    pub run: PathBuf,
    /// Folder of `libvirt.conf` and `auth.conf`, such as `/etc/libvirt`.
    pub config: PathBuf,
    /// Folder of certificates, such as `/etc/pki`.
    pub pki: PathBuf,
}

impl Default for Places {
    fn default() -> Self {
        Self { run: "/run/libvirt".into(), config: "/etc/libvirt".into(), pki: "/etc/pki".into() }
    }
}

impl Places {
    /// Those of a daemon.
    pub(crate) fn of(host: &Host) -> Self {
        let (run, config) = (host.folder(Folder::RUN), host.folder(Folder::CONFIG));
        // One user's daemon has its configuration elsewhere, and the system's certificates.
        let pki = match config.strip_prefix("/").is_ok() && config.ends_with("etc/libvirt") {
            true => config.with_file_name("pki"),
            false => "/etc/pki".into(),
        };
        Self { run, config, pki }
    }
}

/// A connection and the program that carries it, where there is one.
pub struct Carrier {
    // Dropped first: most programs end with their input.
    link: Link,
    _helper: Option<Helper>,
    transport: TransportKind,
}

impl Carrier {
    /// Whether the connection still stands, as far as is known.
    pub fn is_alive(&self) -> bool {
        self.link.is_alive()
    }

    /// Whether everything on the way to the server is encrypted.
    pub fn is_encrypted(&self) -> bool {
        matches!(self.transport, TransportKind::Tls | TransportKind::Ssh)
    }

    /// Whether nobody can listen on the way to the server: it is encrypted, or does not leave this machine.
    pub fn is_secure(&self) -> bool {
        self.is_encrypted() || self.transport == TransportKind::Unix
    }

    /// See [`Link::set_keep_alive`].
    pub fn set_keep_alive(&self, interval: Duration, count: u32) -> bool {
        self.link.set_keep_alive(interval, count)
    }

    /// Ends the connection; every wait ends with an error.
    pub fn close(&self) {
        self.link.close();
    }

    /// What only this side of the connection knows; the server sees its own socket alone.
    fn is_out_of_question(&self, name: &str, arguments: &[u8]) -> bool {
        match name {
            "connect_supports_feature" => {
                let feature = i32::decode(&mut Reader::new(arguments));
                feature.is_ok_and(|feature| feature == FD_PASSING) && !self.link.passes_descriptors()
            }
            "connect_is_secure" => !self.is_secure(),
            _ => false,
        }
    }
}

impl AsRef<Link> for Carrier {
    fn as_ref(&self) -> &Link {
        &self.link
    }
}

impl Transport for Carrier {
    fn round_trip(&self, call: &Call, what: &CallDescription, arguments: Vec<u8>) -> Result<Vec<u8>> {
        if self.is_out_of_question(what.name, &arguments) {
            let mut no = Writer::new();
            0i32.encode(&mut no)?;
            return Ok(no.into_bytes());
        }
        self.link.round_trip(call, what, arguments)
    }
}

/// File descriptors pass both ways.
const FD_PASSING: i32 = 8;

/// Opens a connection.
///
/// * `flags`: `READ_ONLY` uses the read-only socket where there is one.
/// * `listener`: gets events and the end of the connection, on the thread that reads.
/// * Errors: `INVALID_ARG` for a parameter that means nothing, the system's,
///   `AUTH_*`, whatever the server says. Waits at most 30 seconds for a host,
///   and 150 for each answer until it is open.
pub fn connect(uri: &RemoteUri, flags: OpenFlags, places: &Places, listener: Listener) -> Result<Client<Carrier>> {
    let defaults = Defaults::read(&places.config)?;
    let carried = transport::connect(uri, flags, places, &defaults)?;
    let transport = uri.transport;
    let secure = matches!(transport, TransportKind::Unix | TransportKind::Tls | TransportKind::Ssh);
    let sasl = Sasl { uri, places, secure };
    let limits =
        Limits { alive_interval: defaults.alive_interval, alive_count: defaults.alive_count, ..Limits::default() };
    let opening = Opening { flags, peer: uri.peer(), limits, authenticate: &sasl, ..Opening::new(&uri.name) };
    match open(carried.socket, opening, listener) {
        Ok(client) => {
            let link = client.into_transport();
            if transport != TransportKind::Unix {
                // The server may well see a Unix socket: that of a program in between.
                link.refuse_descriptors();
            }
            Ok(Client::new(Carrier { link, _helper: carried.helper, transport }))
        }
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
