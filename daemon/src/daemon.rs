//! The daemon as its drivers see it, and as its clients do.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use oxivirt_core::event::Event;
use oxivirt_core::host::{Folder, HostServices, LogLevel, LogRecord};
use oxivirt_core::plugin::registry::Registry;
use oxivirt_core::plugin::{DriverKind, OpenFlags};
use oxivirt_core::types::Uuid;
use oxivirt_core::{Call, Connection, Error, ErrorCode, Result};
use oxivirt_util::paths::Root;
use tokio::runtime::Handle;
use tokio::sync::Notify;

use crate::access::Access;
use crate::hooks::{Hooks, Wishes};
use crate::hosting::Hosting;
use crate::logging::{self, Place};
use crate::loops::Loops;
use crate::pace::Paces;
use crate::polkit::Polkit;
use crate::server::Server;
use crate::subscriptions::Subscriptions;

/// Everything that lives as long as the program.
pub(crate) struct Daemon {
    /// Where its own tasks run.
    pub(crate) runtime: Handle,
    /// Where those of its clients run.
    pub(crate) loops: Arc<Loops>,
    /// How long its drivers take.
    pub(crate) paces: Paces,
    /// Where its files are.
    pub(crate) root: Root,
    /// For ordinary clients.
    pub(crate) main: Server,
    /// For administrators.
    pub(crate) admin: Server,
    /// Who decides about local processes.
    pub(crate) polkit: Polkit,
    /// Who wants which events.
    pub(crate) subscriptions: Subscriptions,
    /// The operator's scripts.
    pub(crate) hooks: Hooks,
    /// Plugins in processes of their own.
    pub(crate) hosting: Hosting,
    /// Seconds without need after which it ends; 0 never.
    pub(crate) idle_limit: AtomicU64,
    /// Told when that changes.
    pub(crate) idle_limit_changed: Notify,
    /// Told when an administrator wants it to end.
    pub(crate) ending: Notify,
    /// Where the log goes when nothing else is said.
    pub(crate) default_output: OnceLock<Place>,
    /// Who decides on access to objects, if anybody.
    access: RwLock<Option<Arc<Access>>>,
    /// The uuid of the host, once it is known.
    pub(crate) host_uuid: OnceLock<Uuid>,
    registry: OnceLock<Registry>,
    /// Whether drivers serve, for those who wait for it.
    serves: (Mutex<bool>, Condvar),
    next_channel: AtomicU64,
    /// Who asks the daemon to stay; one entry per request.
    inhibitors: Mutex<Vec<String>>,
}

impl Daemon {
    /// A daemon without drivers, there for good.
    pub(crate) fn new(
        runtime: Handle,
        loops: Arc<Loops>,
        root: Root,
        main: Server,
        admin: Server,
        scripts: Wishes,
    ) -> &'static Self {
        let hooks = Hooks::new(root.config().join("hooks"), scripts);
        let daemon: &'static Self = Box::leak(Box::new(Self {
            polkit: Polkit::new(runtime.clone()),
            runtime,
            loops,
            paces: Paces::default(),
            root,
            main,
            admin,
            subscriptions: Subscriptions::default(),
            hooks,
            hosting: Hosting::default(),
            idle_limit: AtomicU64::new(0),
            idle_limit_changed: Notify::new(),
            ending: Notify::new(),
            default_output: OnceLock::new(),
            access: RwLock::default(),
            host_uuid: OnceLock::new(),
            registry: OnceLock::new(),
            serves: Default::default(),
            next_channel: AtomicU64::new(1),
            inhibitors: Mutex::default(),
        }));
        daemon.main.belongs_to(daemon);
        daemon.admin.belongs_to(daemon);
        daemon
    }

    /// Who decides on access to objects; `None` lets everybody do everything.
    pub(crate) fn access(&self) -> Option<Arc<Access>> {
        self.access.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes over who decides, for every client from its next call on.
    pub(crate) fn set_access(&self, access: Option<Access>) {
        *self.access.write().unwrap_or_else(PoisonError::into_inner) = access.map(Arc::new);
    }

    /// Takes over the started drivers.
    pub(crate) fn serve(&self, registry: Registry) {
        if self.registry.set(registry).is_err() {
            tracing::error!("drivers were started twice");
        }
        *self.serves.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.serves.1.notify_all();
    }

    /// The started drivers.
    pub(crate) fn registry(&self) -> Option<&Registry> {
        self.registry.get()
    }

    /// Ends the daemon after so many seconds without need; 0 never.
    pub(crate) fn set_idle_limit(&self, seconds: u64) {
        self.idle_limit.store(seconds, Ordering::Relaxed);
        self.idle_limit_changed.notify_one();
    }

    /// The servers by name.
    pub(crate) fn servers(&self) -> [&Server; 2] {
        [&self.main, &self.admin]
    }

    /// Opens a connection for a client.
    ///
    /// * `uri`: absent means the first hypervisor that serves.
    pub(crate) fn open(&self, call: &Call, uri: Option<&str>, flags: OpenFlags) -> Result<Connection> {
        let registry = self.registry_soon()?;
        let Some(uri) = uri else { return self.open_any(registry, call, flags) };
        match uri.split_once(':') {
            Some((scheme, _)) if !scheme.is_empty() => registry.open(call, uri, flags),
            _ => Err(Error::new(ErrorCode::NO_CONNECT, format!("URI '{uri}' does not include a driver name"))),
        }
    }

    /// The started drivers. One of them that asks for another right behind its own start waits for it.
    fn registry_soon(&self) -> Result<&Registry> {
        if self.registry().is_none() {
            let (serves, changed) = &self.serves;
            let serves = serves.lock().unwrap_or_else(PoisonError::into_inner);
            drop(changed.wait_timeout_while(serves, START_PATIENCE, |serves| !*serves));
        }
        let late = || Error::timed_out(format!("drivers are still being started after {START_PATIENCE:?}"));
        self.registry().ok_or_else(late)
    }

    fn open_any(&self, registry: &Registry, call: &Call, flags: OpenFlags) -> Result<Connection> {
        // The test driver is always willing and never what was meant.
        let serving = registry.drivers().iter().filter(|entry| entry.serves());
        let ready = serving.filter(|entry| entry.module.kind() == DriverKind::HYPERVISOR);
        let schemes = ready.flat_map(|entry| entry.module.schemes().as_slice().to_vec());
        let mut last = None;
        for scheme in schemes.filter(|scheme| scheme.as_str() != "test") {
            let path = if self.root.is_session() { "session" } else { "system" };
            for uri in [format!("{scheme}:///{path}"), format!("{scheme}:///")] {
                match registry.open(call, &uri, flags) {
                    Ok(connection) => return Ok(connection),
                    Err(error) => last = last.or(Some(error)),
                }
            }
        }
        Err(last
            .unwrap_or_else(|| Error::new(ErrorCode::NO_CONNECT, "an absent URI: no hypervisor driver serves here")))
    }

    /// Who asks the daemon to stay.
    pub(crate) fn inhibitors(&self) -> BTreeSet<String> {
        self.inhibitors.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// How long a driver that asks for another one waits until all are started.
const START_PATIENCE: Duration = Duration::from_secs(30);

impl HostServices for Daemon {
    fn emit(&self, channel: u64, event: &Event) {
        self.subscriptions.emit(channel, event);
    }

    fn new_channel(&self) -> u64 {
        self.next_channel.fetch_add(1, Ordering::Relaxed)
    }

    fn log(&self, record: &LogRecord) {
        logging::write_foreign(record);
    }

    fn log_level(&self) -> LogLevel {
        logging::foreign_level()
    }

    fn folder(&self, folder: Folder) -> String {
        let folders = self.root.folders();
        let path = match folder {
            Folder::STATE => &folders.state,
            Folder::RUN => &folders.run,
            Folder::CACHE => &folders.cache,
            Folder::LOG => &folders.log,
            _ => &folders.config,
        };
        path.display().to_string()
    }

    fn is_privileged(&self) -> bool {
        !self.root.is_session() && rustix::process::geteuid().is_root()
    }

    fn connect(&self, uri: &str, flags: OpenFlags) -> Result<Connection> {
        Call::internal("connect_open", |call| self.open(call, Some(uri), flags))
    }

    fn inhibit_shutdown(&self, holder: &str, inhibit: bool) {
        let mut all = self.inhibitors.lock().unwrap_or_else(PoisonError::into_inner);
        match inhibit {
            true => all.push(holder.to_owned()),
            false => {
                if let Some(at) = all.iter().position(|other| other == holder) {
                    all.swap_remove(at);
                }
            }
        }
    }

    fn run_hook(
        &self,
        driver: &str,
        object: &str,
        operation: &str,
        sub_operation: &str,
        extra: &str,
        xml: &str,
    ) -> Result<String> {
        self.hooks.run(driver, [object, operation, sub_operation, extra], xml)
    }

    fn host_uuid(&self) -> Option<Uuid> {
        self.host_uuid.get().copied()
    }

    fn run_event_script(&self, object: &str, name: &str, event: &str, qualifier: &str, extra: &str) -> Result<()> {
        self.hooks.event([object, name, event, qualifier, extra])
    }
}
