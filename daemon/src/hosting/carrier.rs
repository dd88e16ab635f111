//! A connection to a driver in a hosting process.
//!
//! Calls go over a socket of their own. When the process ends, those under way
//! fail; the connection is opened again in the next process, by the keeper or
//! by the first call that comes.

use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use oxivirt_core::client::{Client, Limits, Link, Request, Transport};
use oxivirt_core::interface::{CallDescription, Session};
use oxivirt_core::object::Object;
use oxivirt_core::plugin::{ForeignConnection, OpenFlags};
use oxivirt_core::types::{List, TypedParam};
use oxivirt_core::{Call, Connection, Error, ErrorCode, ErrorDomain, Result};

use super::keeper::Keeper;
use super::process::Process;

/// How long a call waits for a process that is being started.
const WAIT_LIMIT: Duration = Duration::from_secs(10);

/// How long a process may write to a client of its own, which reads all the time.
const WRITE_LIMIT: Duration = Duration::from_secs(30);

/// One connection.
pub(super) struct Carrier {
    keeper: Arc<Keeper>,
    /// Which driver of the plugin.
    driver: usize,
    uri: String,
    flags: OpenFlags,
    /// Number of the client in the daemon.
    pub(super) client: u64,
    identity: Mutex<Vec<TypedParam>>,
    /// The daemon's channel for its events, once it was open.
    channel: OnceLock<u64>,
    open: Mutex<Option<Open>>,
}

/// A socket to a process.
struct Open {
    generation: u64,
    /// The process' channel for the events.
    channel: u64,
    client: Arc<Client<Link>>,
}

/// Why a connection was not opened.
enum Failure {
    /// The process went away.
    Lost(Error),
    /// The driver said so.
    Refused(Error),
}

/// What calls are made on; the connection ends with it.
pub(super) struct Held(Arc<Carrier>);

impl Carrier {
    /// Opens a connection for whoever calls.
    pub(super) fn open(
        keeper: &Arc<Keeper>,
        driver: usize,
        call: &Call,
        uri: &str,
        flags: OpenFlags,
    ) -> Result<Connection> {
        let carrier = Arc::new(Self {
            keeper: keeper.clone(),
            driver,
            uri: uri.to_owned(),
            flags: if flags.contains(OpenFlags::READ_ONLY) { OpenFlags::READ_ONLY } else { OpenFlags::EMPTY },
            client: call.client(),
            identity: Mutex::new(call.identity()),
            channel: OnceLock::new(),
            open: Mutex::default(),
        });
        carrier.link().map_err(|failure| match failure {
            Failure::Refused(error) => error,
            Failure::Lost(error) => {
                let text = format!("'{uri}': {}", error.detail());
                Error::new(ErrorCode::NO_CONNECT, text).in_domain(ErrorDomain::RPC)
            }
        })?;
        keeper.remember(&carrier);
        let channel = carrier.channel.get().copied().unwrap_or_default();
        let name = keeper.driver_name(driver).to_owned();
        let object = Object::new(Client::new(Held(carrier)));
        Ok(ForeignConnection::new(object, <Client<Held>>::TABLES, channel, &name).into_connection())
    }

    /// Opens it again in the present process, if it is not open there.
    pub(super) fn reopen(&self) {
        if let Err(Failure::Lost(error) | Failure::Refused(error)) = self.link() {
            tracing::warn!(client = self.client, uri = self.uri, %error, "a connection is not back yet");
        }
    }

    /// The client says that it acts for somebody else now.
    pub(super) fn stand_for(&self, identity: &[TypedParam]) -> Result<()> {
        *lock(&self.identity) = identity.to_vec();
        let client = lock(&self.open).as_ref().map(|open| open.client.clone());
        // One that is not open will be opened with it.
        client
            .filter(|client| client.transport().ended().is_none())
            .map_or(Ok(()), |client| introduce(&client, identity))
    }

    /// The open socket; opens one where there is none.
    fn link(&self) -> Result<Arc<Client<Link>>, Failure> {
        let until = Instant::now() + WAIT_LIMIT;
        let mut open = lock(&self.open);
        if let Some(there) = &*open
            && there.client.transport().ended().is_none()
        {
            return Ok(there.client.clone());
        }
        self.leave(open.take());
        let mut lost = None;
        loop {
            let process = self.keeper.process(self.driver, lost, until).map_err(Failure::Lost)?;
            match self.open_in(&process) {
                Ok(new) => return Ok(open.insert(new).client.clone()),
                Err(Failure::Lost(_)) => lost = Some(process.generation),
                Err(refused) => return Err(refused),
            }
        }
    }

    fn open_in(&self, process: &Process) -> Result<Open, Failure> {
        let failed = |source: std::io::Error| Failure::Refused(Error::system("no socket for a connection", &source));
        let (ours, theirs) = UnixStream::pair().map_err(failed)?;
        let tag = self.keeper.new_tag();
        let given = self.keeper.forget_on_drop(tag);
        process.hand_over(tag, self.client, theirs).map_err(Failure::Lost)?;
        let limits = Limits { write: WRITE_LIMIT, alive_count: 0, ..Limits::default() };
        let peer = format!("driver {} (process {})", self.keeper.driver_name(self.driver), process.pid);
        let link = Link::start(ours.into(), peer, limits, Box::new(|_| {})).map_err(Failure::Refused)?;
        let client = Client::new(link);
        let opened = introduce(&client, &lock(&self.identity)).and_then(|()| {
            Call::with(&Request::new("connect_open"), |call| client.connect_open(call, Some(&self.uri), self.flags.0))
        });
        let channel = opened.and_then(|()| self.keeper.channel(tag, process));
        drop(given);
        let channel = channel.map_err(|error| match client.transport().ended() {
            Some(_) => Failure::Lost(error),
            None => Failure::Refused(error),
        })?;
        let gone = || Failure::Lost(Error::new(ErrorCode::RPC, format!("process {} ended", process.pid)));
        let outer = self.keeper.join(process.generation, channel, self.channel.get().copied()).ok_or_else(gone)?;
        let _ = self.channel.set(outer);
        Ok(Open { generation: process.generation, channel, client: Arc::new(client) })
    }

    fn leave(&self, open: Option<Open>) {
        if let (Some(open), Some(outer)) = (open, self.channel.get()) {
            self.keeper.leave(open.generation, open.channel, *outer);
        }
    }
}

impl Transport for Held {
    fn round_trip(&self, call: &Call, what: &CallDescription, arguments: Vec<u8>) -> Result<Vec<u8>> {
        let client = self.0.link().map_err(|failure| match failure {
            Failure::Lost(error) | Failure::Refused(error) => error.in_domain(ErrorDomain::RPC),
        })?;
        client.transport().round_trip(call, what, arguments)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.leave(lock(&self.0.open).take());
        self.0.keeper.forget(&self.0);
    }
}

/// Says for whom the calls are; without anything they are the daemon's own.
fn introduce(client: &Client<Link>, identity: &[TypedParam]) -> Result<()> {
    if identity.is_empty() {
        return Ok(());
    }
    let identity = List::new(identity.to_vec())?;
    Call::with(&Request::new("connect_set_identity"), |call| client.connect_set_identity(call, &identity, 0))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
