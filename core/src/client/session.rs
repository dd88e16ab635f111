//! From a socket to an open connection: authentication, opening, features.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

use super::link::Listener;
use super::{Client, Limits, Link, Request};
use crate::call::Call;
use crate::interface::{Features, Session};
use crate::plugin::OpenFlags;
use crate::types::{List, TypedParam};
use crate::{Error, ErrorCode, ErrorDomain, Result};

/// Proves to a server who we are, where it asks for more than it can see.
pub trait Authenticate {
    /// Goes through an exchange of SASL; the calls are `auth_sasl_*`.
    fn sasl(&self, call: &Call, client: &Client<Link>) -> Result<()>;

    /// Chooses one of the ways that the server offers: 0 none, 1 SASL, 2 polkit.
    ///
    /// * Errors: `AUTH_FAILED` when none of them will do.
    fn choose(&self, offered: &[i32]) -> Result<i32> {
        Ok(offered.first().copied().unwrap_or(NONE))
    }
}

/// Knows no secret: refuses what it would need one for.
pub struct Refused;

impl Authenticate for Refused {
    fn sasl(&self, _: &Call, client: &Client<Link>) -> Result<()> {
        let text = format!("{} asks for SASL, for which nothing is configured", client.transport().peer());
        Err(Error::new(ErrorCode::AUTH_FAILED, text).in_domain(ErrorDomain::AUTH))
    }
}

/// What to open, as whom, within which limits.
pub struct Opening<'a> {
    /// The URI as the server is to see it, without transport; empty for the server's choice.
    pub uri: &'a str,
    /// Whether only to look.
    pub flags: OpenFlags,
    /// Names the server in errors.
    pub peer: String,
    /// Limits of every wait.
    pub limits: Limits,
    /// On whose behalf; empty for ourselves. Told before the opening, which only our own daemon takes.
    pub identity: Vec<TypedParam>,
    /// Answers challenges.
    pub authenticate: &'a dyn Authenticate,
}

impl<'a> Opening<'a> {
    /// Opens `uri` as ourselves.
    pub fn new(uri: &'a str) -> Self {
        Self {
            uri,
            flags: OpenFlags::EMPTY,
            peer: "the server".to_owned(),
            limits: Limits::default(),
            identity: Vec::new(),
            authenticate: &Refused,
        }
    }
}

/// How long a server may take to accept a connection to its Unix socket.
const ACCEPT_LIMIT: Duration = Duration::from_secs(30);

/// Connects to the Unix socket at `path`; waits at most 30 seconds while its queue is full.
///
/// * Errors: the system's, naming the socket.
pub fn connect_unix(path: &Path) -> Result<OwnedFd> {
    let connected = || {
        let address = SocketAddrUnix::new(path)?;
        let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        set_socket_timeout(&socket, Timeout::Send, Some(ACCEPT_LIMIT))?;
        connect(&socket, &address)?;
        Ok(socket)
    };
    connected().map_err(|errno: Errno| {
        let source = match errno {
            Errno::AGAIN => io::Error::new(
                io::ErrorKind::TimedOut,
                format!("nobody accepted it within {} seconds", ACCEPT_LIMIT.as_secs()),
            ),
            other => other.into(),
        };
        Error::system(format!("cannot connect to socket '{}'", path.display()), &source)
    })
}

/// Opens a connection over a connected socket.
///
/// * `listener`: gets events and the end of the connection; it must not call the server itself.
/// * Errors: `AUTH_*` when the server does not let us in; whatever it says to the opening.
pub fn open(socket: OwnedFd, opening: Opening<'_>, listener: Listener) -> Result<Client<Link>> {
    let limits = opening.limits;
    let client = Client::new(Link::start(socket, opening.peer, limits, listener)?);
    client.transport().set_answer_limit(limits.opening.min(limits.answer));
    Call::with(&Request::new("connect_open"), |call| {
        authenticate(call, &client, opening.authenticate)?;
        if !opening.identity.is_empty() {
            client.connect_set_identity(call, &List::new(opening.identity)?, 0)?;
        }
        let flags = if opening.flags.contains(OpenFlags::READ_ONLY) { OpenFlags::READ_ONLY } else { OpenFlags::EMPTY };
        client.connect_open(call, Some(opening.uri).filter(|uri| !uri.is_empty()), flags.0)?;
        if client.connect_supports_feature(call, PROGRAM_KEEPALIVE).unwrap_or_default() != 0 {
            client.transport().expect_signs_of_life();
        }
        if client.connect_supports_feature(call, FD_PASSING).unwrap_or_default() == 0 {
            client.transport().refuse_descriptors();
        }
        if client.connect_supports_feature(call, REMOTE_CLOSE_CALLBACK).unwrap_or_default() != 0 {
            // Drivers without a connection of their own have nothing to tell.
            let _ = client.connect_register_close_callback(call);
        }
        Ok(())
    })?;
    client.transport().set_answer_limit(limits.answer);
    Ok(client)
}

fn authenticate(call: &Call, client: &Client<Link>, with: &dyn Authenticate) -> Result<()> {
    let offered = client.auth_list(call)?.into_vec();
    match with.choose(&offered)? {
        NONE => Ok(()),
        SASL => with.sasl(call, client),
        POLKIT => client.auth_polkit(call).map(drop),
        other => {
            let text = format!("{} asks for authentication of unknown kind {other}", client.transport().peer());
            Err(Error::new(ErrorCode::AUTH_FAILED, text).in_domain(ErrorDomain::AUTH))
        }
    }
}

const NONE: i32 = 0;
const SASL: i32 = 1;
const POLKIT: i32 = 2;
const FD_PASSING: i32 = 8;
const PROGRAM_KEEPALIVE: i32 = 10;
const REMOTE_CLOSE_CALLBACK: i32 = 15;
