//! Plugins in processes of their own.
//!
//! Such a process is this very program, started for one plugin. The daemon
//! keeps everything that clients see: sockets, authentication, access rules,
//! subscriptions. Each connection to a driver there has a socket of its own, on
//! which the ordinary protocol is spoken by the client of `core`; everything
//! else (events, the log, services for drivers) goes over one line, see
//! `message`. Both are socket pairs, which nobody else can open.
//!
//! * In the daemon: `keeper` looks after the process of one plugin,
//!   `process` is one of them, `listener` hears what it says, `carrier` is a
//!   client's connection there.
//! * In the process: `inside`, with the services that its drivers see.

mod carrier;
mod channels;
pub(crate) mod inside;
mod keeper;
mod line;
mod listener;
mod message;
mod process;
mod services;

use std::ffi::OsString;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use oxivirt_core::plugin::OpenFlags;
use oxivirt_core::plugin::loader::Plugin;
use oxivirt_core::plugin::registry::{self, DriverState, HostedDriver};
use oxivirt_core::types::TypedParam;
use oxivirt_core::{Call, Connection, Error, Result};

use crate::client::{Accepted, Client, Proxy};
use crate::daemon::Daemon;
use crate::hooks::Wishes;
use crate::options::Options;
use crate::server::{Admission, Door, Server};
use crate::settings::{Isolation, Limits, Settings};
use carrier::Carrier;
use keeper::Keeper;
use line::Line;
use message::{Message, Orders, Start};

/// What of hosting belongs to one program.
#[derive(Default)]
pub(crate) struct Hosting {
    keepers: Mutex<Vec<Arc<Keeper>>>,
    /// In a hosting process: the line to the daemon.
    front: OnceLock<Arc<Line>>,
    /// In the daemon: where drivers of hosting processes are clients.
    drivers: OnceLock<Server>,
}

/// What every hosting process is started with.
#[derive(Clone, Debug)]
struct Given {
    arguments: Vec<OsString>,
    start_limit: Duration,
}

/// Starts plugins in processes of their own, as the configuration says.
pub(crate) struct Hoster {
    daemon: &'static Daemon,
    isolation: Isolation,
    orders: Orders,
    given: Given,
}

impl Hosting {
    /// A client acts for somebody else from now on; its connection may be in
    /// another process.
    pub(crate) fn stands_for(&self, client: u64, identity: &[TypedParam]) -> Result<()> {
        let all = self.keepers().clone();
        all.iter().try_for_each(|keeper| keeper.stands_for(client, identity))
    }

    /// Tells every process of a changed configuration.
    pub(crate) fn change(&self, settings: &Settings) {
        let all = self.keepers().clone();
        all.iter().for_each(|keeper| keeper.order(orders(&settings.hooks, &settings.main)));
    }

    /// In a hosting process: a client's connection is open, and its events
    /// come on this channel. Said before the client has its answer.
    pub(crate) fn opened(&self, tag: u64, channel: u64) -> Result<()> {
        self.front.get().map_or(Ok(()), |line| line.send(&Message::Opened { tag, channel }, None))
    }

    fn keepers(&self) -> MutexGuard<'_, Vec<Arc<Keeper>>> {
        self.keepers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hoster {
    /// Starts what `settings` say should be apart.
    pub(crate) fn new(daemon: &'static Daemon, settings: &Settings, options: &Options) -> Self {
        let root = options.root.iter().flat_map(|root| {
            let root = std::path::absolute(root).unwrap_or_else(|_| root.clone());
            ["--root".into(), root.into_os_string()]
        });
        let given = Given { arguments: root.collect(), start_limit: settings.isolation.start_limit };
        let orders = orders(&settings.hooks, &settings.main);
        Self { daemon, isolation: settings.isolation.clone(), orders, given }
    }

    /// Names that are to run apart and are none of `found`.
    pub(crate) fn unknown<'a>(&'a self, found: &[&str]) -> Vec<&'a str> {
        self.isolation.unknown(found)
    }
}

impl registry::Hosting for Hoster {
    fn host(&self, plugin: &Plugin) -> Option<Vec<DriverState>> {
        if !self.isolation.concerns(plugin.module.name().as_str()) {
            return None;
        }
        let count = plugin.module.drivers().len();
        let started = Keeper::start(self.daemon, plugin.clone(), self.given.clone(), self.orders.clone());
        let (keeper, starts) = match started {
            Ok(started) => started,
            Err(error) => return Some((0..count).map(|_| DriverState::Failed(error.clone())).collect()),
        };
        self.daemon.hosting.keepers().push(keeper.clone());
        let hosted = |driver| DriverState::Hosted(Box::new(Hosted { keeper: keeper.clone(), driver }));
        let starts = starts.unwrap_or_else(|| vec![Start::Ready; count]);
        let missing = || Start::Failed(Error::internal("its process did not say what came of it"));
        let starts = starts.into_iter().chain(std::iter::repeat_with(missing)).take(count);
        let states = starts.enumerate().map(|(driver, start)| match start {
            Start::Ready => hosted(driver),
            Start::Declined(reason) => DriverState::Declined(reason),
            Start::Failed(error) => DriverState::Failed(error),
        });
        Some(states.collect())
    }
}

/// One driver of a plugin that is hosted.
struct Hosted {
    keeper: Arc<Keeper>,
    driver: usize,
}

impl HostedDriver for Hosted {
    fn open(&self, call: &Call, uri: &str, flags: OpenFlags) -> Result<Connection> {
        Carrier::open(&self.keeper, self.driver, call, uri, flags)
    }

    fn reload(&self) -> Result<()> {
        self.keeper.reload(self.driver)
    }

    fn stop(&self) {
        self.keeper.stop();
    }

    fn process(&self) -> Option<u32> {
        self.keeper.serving().map(|process| process.pid)
    }
}

/// Serves a driver of a hosting process that wants to open a connection: as
/// the daemon itself, which it would be otherwise.
fn serve_driver(daemon: &'static Daemon, socket: UnixStream) {
    let server = daemon.hosting.drivers.get_or_init(|| {
        let server = Server::new("drivers", unlimited(daemon.main.limits()), Admission::default());
        server.belongs_to(daemon);
        server
    });
    static LOOKED_AFTER: OnceLock<()> = OnceLock::new();
    LOOKED_AFTER.get_or_init(|| drop(daemon.runtime.spawn(server.look_after())));
    serve(server, socket, Proxy { tag: None, client: 0 });
}

/// Serves whoever is at the other end of a socket pair.
fn serve(server: &'static Server, socket: UnixStream, proxy: Proxy) {
    match socket.set_nonblocking(true) {
        Ok(()) => Client::start_for(server, Door::ReadWrite, Accepted::Unix(socket), Some(proxy)),
        Err(error) => tracing::error!(%error, "a connection between processes is lost"),
    }
}

/// The daemon limits its clients itself.
fn unlimited(limits: Limits) -> Limits {
    Limits {
        clients: usize::MAX,
        anonymous_clients: usize::MAX,
        client_requests: 100_000,
        keepalive_interval: None,
        ..limits
    }
}

fn orders(wishes: &Wishes, limits: &Limits) -> Orders {
    let number = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    Orders {
        script: wishes.script.as_ref().map(|path| path.to_string_lossy().into_owned()),
        events: wishes.events.clone(),
        script_limit: wishes.limit.as_secs(),
        workers: [number(limits.min_workers), number(limits.max_workers), number(limits.prio_workers)],
    }
}
