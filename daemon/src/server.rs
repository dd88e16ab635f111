//! One server: its clients, their limits, its threads.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use oxivirt_core::Result;
use tokio::sync::Notify;

use crate::client::Client;
use crate::daemon::Daemon;
use crate::network::Listener;
use crate::sasl::Sasl;
use crate::settings::{Auth, Limits};
use crate::tls::Tls;
use crate::workers::{Size, Workers};

/// Which socket a client came through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// For everything.
    ReadWrite,
    /// For looking.
    ReadOnly,
    /// For looking after the daemon.
    Admin,
    /// For everything, from anywhere.
    Tcp,
    /// The same, encrypted.
    Tls,
}

/// How clients of each door prove who they are.
#[derive(Default)]
pub(crate) struct Admission {
    /// Of the read-write socket.
    pub(crate) read_write: Auth,
    /// Of the read-only socket.
    pub(crate) read_only: Auth,
    /// Of the plain network socket.
    pub(crate) tcp: Auth,
    /// Of the encrypted one, besides the certificate.
    pub(crate) tls: Auth,
    /// Certificates, where there is an encrypted socket.
    pub(crate) tls_context: Option<Arc<Tls>>,
    /// Passwords, where a socket wants them.
    pub(crate) sasl: Option<Sasl>,
}

/// A server and everything that belongs to its clients.
pub(crate) struct Server {
    /// Its name for administrators.
    pub(crate) name: &'static str,
    limits: Mutex<Limits>,
    /// Its threads.
    pub(crate) workers: Workers,
    admission: Admission,
    daemon: OnceLock<&'static Daemon>,
    clients: Mutex<BTreeMap<u64, Arc<Client>>>,
    /// Clients that did not prove yet who they are.
    anonymous: AtomicUsize,
    next: AtomicU64,
    /// Seconds since the first client came.
    clock: AtomicU64,
    /// Somebody left or proved who they are.
    room: Notify,
    /// Somebody came.
    came: Notify,
    closed: AtomicBool,
}

impl Server {
    /// A server without clients.
    pub(crate) fn new(name: &'static str, limits: Limits, admission: Admission) -> Self {
        let size = Size { min: limits.min_workers, max: limits.max_workers, urgent: limits.prio_workers };
        Self {
            name,
            limits: Mutex::new(limits),
            workers: Workers::new(size),
            admission,
            daemon: OnceLock::new(),
            clients: Mutex::default(),
            anonymous: AtomicUsize::new(0),
            next: AtomicU64::new(1),
            clock: AtomicU64::new(0),
            room: Notify::new(),
            came: Notify::new(),
            closed: AtomicBool::new(false),
        }
    }

    /// Says which daemon it belongs to; before it listens.
    pub(crate) fn belongs_to(&self, daemon: &'static Daemon) {
        let _ = self.daemon.set(daemon);
    }

    /// The daemon it belongs to.
    pub(crate) fn daemon(&self) -> &'static Daemon {
        self.daemon.get().expect("set before the first socket is opened")
    }

    /// What it allows.
    pub(crate) fn limits(&self) -> Limits {
        *self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what it allows, unless `change` refuses; clients that are there stay.
    pub(crate) fn change_limits(&self, change: impl FnOnce(&mut Limits) -> Result<()>) -> Result<()> {
        let mut limits = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        let mut new = *limits;
        change(&mut new)?;
        *limits = new;
        drop(limits);
        self.workers.resize(Size { min: new.min_workers, max: new.max_workers, urgent: new.prio_workers });
        self.room.notify_waiters();
        Ok(())
    }

    /// How clients of a door prove who they are.
    pub(crate) fn auth(&self, door: Door) -> Auth {
        match door {
            Door::ReadWrite => self.admission.read_write,
            Door::ReadOnly => self.admission.read_only,
            Door::Tcp => self.admission.tcp,
            Door::Tls => self.admission.tls,
            Door::Admin => Auth::None,
        }
    }

    /// How clients prove who they are, with what that takes.
    pub(crate) fn admission(&self) -> &Admission {
        &self.admission
    }

    /// Whether clients of a door need prove nothing.
    pub(crate) fn trusts(&self, door: Door) -> bool {
        self.auth(door) == Auth::None
    }

    /// A number for a client.
    pub(crate) fn next_client(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Seconds, counted while there are clients.
    pub(crate) fn clock(&self) -> u64 {
        self.clock.load(Ordering::Relaxed)
    }

    /// Keeps a client.
    pub(crate) fn add(&self, client: Arc<Client>) {
        if !client.is_authenticated() {
            self.anonymous.fetch_add(1, Ordering::AcqRel);
        }
        let mut clients = self.clients();
        clients.insert(client.id, client);
        if clients.len() == 1 {
            self.came.notify_one();
        }
    }

    /// Lets go of a client.
    pub(crate) fn remove(&self, client: &Client) {
        self.clients().remove(&client.id);
        if !client.is_authenticated() {
            self.anonymous.fetch_sub(1, Ordering::AcqRel);
        }
        self.room.notify_waiters();
    }

    /// A client has proved who it is.
    pub(crate) fn authenticated(&self) {
        self.anonymous.fetch_sub(1, Ordering::AcqRel);
        self.room.notify_waiters();
    }

    /// How many clients there are, and how many of them are unproved.
    pub(crate) fn count(&self) -> (usize, usize) {
        (self.clients().len(), self.anonymous.load(Ordering::Acquire))
    }

    /// The clients, in the order they came.
    pub(crate) fn list(&self) -> Vec<Arc<Client>> {
        self.clients().values().cloned().collect()
    }

    /// Finds a client.
    pub(crate) fn find(&self, id: u64) -> Option<Arc<Client>> {
        self.clients().get(&id).cloned()
    }

    /// Accepts clients for good, never more than allowed.
    pub(crate) async fn accept(&'static self, listener: Listener, door: Door) {
        loop {
            let accepted = listener.accept().await;
            // Whoever proves nothing makes room, but only when somebody else is there.
            self.wait_for_room().await;
            if self.closed.load(Ordering::Acquire) {
                return;
            }
            match accepted {
                Ok(socket) => Client::start(self, door, socket),
                Err(error) => {
                    // Out of descriptors most likely: some may be freed soon.
                    tracing::error!(server = self.name, %error, "cannot accept a client");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    /// Looks after the clients once a second while there are any, for good.
    pub(crate) async fn look_after(&self) {
        loop {
            if self.clients().is_empty() && self.workers.gauge().queued == 0 {
                self.came.notified().await;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
            let clock = self.clock.fetch_add(1, Ordering::Relaxed) + 1;
            if self.workers.gauge().queued > 0 {
                self.workers.refill();
            }
            for client in self.list() {
                client.look_after(clock);
            }
        }
    }

    /// Accepts nobody any more and says goodbye to everyone.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.room.notify_waiters();
        for client in self.list() {
            client.close();
        }
    }

    async fn wait_for_room(&self) {
        loop {
            let left = self.room.notified();
            tokio::pin!(left);
            left.as_mut().enable();
            let (clients, anonymous) = self.count();
            let limits = self.limits();
            let full = clients >= limits.clients || anonymous >= limits.anonymous_clients;
            if !full || self.closed.load(Ordering::Acquire) {
                return;
            }
            let oldest = self.clients().values().find(|client| client.is_stranger()).cloned();
            match oldest {
                Some(client) => client.abort("others want to come in, and it did not prove who it is"),
                None => tracing::warn!(server = self.name, clients, anonymous, "no more clients are let in"),
            }
            left.await;
        }
    }

    fn clients(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Client>>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
