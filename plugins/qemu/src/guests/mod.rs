//! Guests and what can be done with them.
//!
//! [`Guests`] is the driver without its public face: every operation is a
//! method that returns a core result and reports through an
//! [`EventSink`](crate::lifecycle::EventSink). Whoever asks a monitor or
//! changes a guest holds the guest's job; readers use snapshots only.

mod agent;
mod block;
mod borrowing;
mod chain;
mod change;
mod cpus;
mod define;
mod devices;
mod dirty_rate;
mod displays;
mod dump;
mod firmware;
mod happenings;
mod host;
mod images;
mod interfaces;
mod iothreads;
mod launch;
mod load;
mod memory;
mod monitor;
mod pins;
mod reports;
mod screen;
mod scripts;
mod served;
mod start;
pub(crate) mod stats;
mod status;
mod stop;
mod sweep;
#[cfg(test)]
mod tests;
mod threads;
mod throttle;
mod tune;
mod vcpus;

use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use oxivirt_conf::object::{JOB_WAIT, JobKind};
use oxivirt_core::Result;
use uuid::Uuid;

use crate::capabilities::Catalog;
use crate::console::Consoles;
use crate::lifecycle::{EventSink, Lifecycle, Notice, Subject};
use crate::neighbours::Neighbours;
use crate::process::{Folders, PortPool};
use crate::settings::Settings;
use crate::state::{Job, Object, Snapshot, Table};

pub(crate) use agent::{FileSystem, GuestCard, GuestCpu, Kinds, Seat};
pub use change::RebootMode;
pub use define::Undefine;
pub(crate) use dump::DumpOptions;
pub(crate) use host::RealHost;
pub(crate) use images::{GivenImages, Giver};
pub(crate) use interfaces::{card_at, interface_stats, leased_addresses, seen_addresses};
pub(crate) use iothreads::KNOWN as IOTHREAD_PARAMS;
pub(crate) use pins::Pinned;
pub(crate) use reports::show_channels;
pub use start::StartOptions;
pub(crate) use throttle::throttle;
pub(crate) use tune::{SCHEDULER, live_params, scheduler, with_living};
pub use vcpus::{read_vcpus, switch_vcpus};
pub(crate) use vcpus::{set_vcpu_stored, set_vcpus_stored};

/// Every guest of this driver.
pub struct Guests {
    /// The table; reading it never waits.
    pub table: Table,
    /// Where files are.
    pub folders: Folders,
    /// The host's QEMU binaries.
    pub catalog: Arc<Catalog>,
    /// Clients at serial lines.
    pub consoles: Consoles,
    ports: PortPool,
    /// Descriptors that clients gave for disks.
    pub(crate) images: Arc<GivenImages>,
    settings: Mutex<Arc<Settings>>,
    neighbours: OnceLock<Arc<dyn Neighbours>>,
    sink: Box<dyn EventSink>,
    me: OnceLock<Weak<Guests>>,
}

impl Guests {
    /// No guests yet; [`load`](Self::load) finds them.
    pub fn new(folders: Folders, catalog: Arc<Catalog>, sink: Box<dyn EventSink>) -> Arc<Self> {
        let guests = Arc::new(Self {
            table: Table::new(),
            folders,
            catalog,
            consoles: Consoles::default(),
            ports: PortPool::default(),
            images: Arc::default(),
            settings: Mutex::default(),
            neighbours: OnceLock::new(),
            sink,
            me: OnceLock::new(),
        });
        // Set once, right here.
        let _ = guests.me.set(Arc::downgrade(&guests));
        guests
    }

    /// What the host's administrator chose, for whatever starts now.
    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes that; guests that run keep what they were started with.
    pub fn configure(&self, settings: Settings) {
        *self.settings.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
    }

    fn weak(&self) -> Weak<Self> {
        self.me.get().cloned().unwrap_or_default()
    }

    /// Begins a job on a guest with the usual limit.
    pub fn job(&self, object: &Arc<Object>, kind: JobKind, owner: &str) -> Result<Job> {
        let job = object.begin_job(kind, owner, Instant::now() + JOB_WAIT)?;
        if let Some(monitor) = job.private().run().as_ref().and_then(|run| run.connection.as_ref()) {
            monitor.held_by(owner);
        }
        Ok(job)
    }

    /// Finds a guest and begins a changing job on it.
    pub fn modify(&self, uuid: Uuid, owner: &str) -> Result<Job> {
        let object = self.table.require_uuid(uuid, None)?;
        self.job(&object, JobKind::Modify, owner)
    }

    /// Finds a guest and begins an asking job on it.
    pub fn query(&self, uuid: Uuid, owner: &str) -> Result<Job> {
        let object = self.table.require_uuid(uuid, None)?;
        self.job(&object, JobKind::Query, owner)
    }

    fn tell(&self, snapshot: &Snapshot, notice: Notice) {
        let definition = snapshot.definition();
        let subject = Subject {
            name: definition.name.clone(),
            uuid: definition.uuid.into_bytes(),
            id: snapshot.id().unwrap_or(-1),
        };
        tracing::info!(domain = %subject.name, ?notice, "guest event");
        self.sink.notice(&subject, notice);
    }

    /// Tells that title, description or metadata changed.
    pub(crate) fn tell_metadata(&self, job: &Job, kind: i32, uri: Option<&str>) {
        self.tell(&job.snapshot(), Notice::Metadata(kind, uri.map(str::to_owned)));
    }

    fn tell_lifecycle(&self, snapshot: &Snapshot, event: Lifecycle) {
        self.tell(snapshot, Notice::Lifecycle(event));
    }
}

/// How long one monitor command may take while its caller waits.
pub(crate) const ANSWER: Duration = Duration::from_secs(10);

/// How long QEMU may take from its start to its first answer.
pub(crate) const BRING_UP: Duration = Duration::from_secs(30);
