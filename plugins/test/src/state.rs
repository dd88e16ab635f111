//! What connections share: the host, all that is on it, and their events.
//!
//! Lock order: an object's job (see `oxivirt_conf::object`), then a
//! directory's lock (see `crate::directory`); nobody holds two of a kind.
//! Events are emitted under the job, so that those of one domain arrive in
//! the order in which they happened.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use oxivirt_conf::checkpoint::CheckpointDefinition;
use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::moment::MomentTree;
use oxivirt_conf::object::{self, Definition, JOB_WAIT, JobKind, Private, Table};
use oxivirt_conf::snapshot::SnapshotDefinition;
use oxivirt_core::call::Call;
use oxivirt_core::constants::{DomainEventType, DomainStateCode, RunningReason, StartedDetail};
use oxivirt_core::event::Event;
use oxivirt_core::interface::public_name;
use oxivirt_core::types::{Domain, DomainTime, Uuid};
use oxivirt_core::{Host, Result};

use crate::error::{Own, not_running};
use crate::interfaces::Interfaces;
use crate::networks::Networks;
use crate::node::Node;
use crate::node_devices::Devices;
use crate::storage::Pools;

/// The private part of a domain: there is nothing behind it.
pub(crate) struct Nothing;

impl Private for Nothing {
    type Status = Status;
}

/// What is known of a domain beside its definitions.
#[derive(Clone, Debug)]
pub(crate) struct Status {
    pub(crate) state: DomainStateCode,
    /// Its meaning depends on the state.
    pub(crate) reason: i32,
    pub(crate) autostart: bool,
    /// Whether the definition changed while it ran.
    pub(crate) updated: bool,
    /// Whether it was found running with a script in its network.
    pub(crate) tainted: bool,
    /// Whether there is a saved image that the next start uses up.
    pub(crate) managed_save: bool,
    /// What the guest's clock says.
    pub(crate) time: DomainTime,
    /// Which of the guest's file systems are frozen.
    pub(crate) frozen: [bool; FILE_SYSTEMS.len()],
    /// How I/O threads poll, by their numbers.
    pub(crate) polling: Arc<BTreeMap<u32, Polling>>,
    pub(crate) snapshots: Arc<MomentTree<Arc<SnapshotDefinition>>>,
    pub(crate) checkpoints: Arc<MomentTree<Arc<CheckpointDefinition>>>,
}

/// How an I/O thread polls.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Polling {
    /// Nanoseconds.
    pub(crate) max_ns: u64,
    pub(crate) grow: u32,
    pub(crate) shrink: u32,
}

impl Default for Polling {
    fn default() -> Self {
        Self { max_ns: 32_768, grow: 0, shrink: 0 }
    }
}

/// Where a guest's file systems are mounted.
pub(crate) const FILE_SYSTEMS: [&str; 2] = ["/", "/boot"];

/// What a new guest's clock says, and goes on to say: 17 November 1989.
const TIME: DomainTime = DomainTime { seconds: 627_319_920, nseconds: 0 };

impl Status {
    /// A state for no reason that is known.
    pub(crate) fn new(state: DomainStateCode) -> Self {
        // Most domains have none of these: they share what is empty.
        type Parts = (
            Arc<BTreeMap<u32, Polling>>,
            Arc<MomentTree<Arc<SnapshotDefinition>>>,
            Arc<MomentTree<Arc<CheckpointDefinition>>>,
        );
        static NONE: LazyLock<Parts> = LazyLock::new(Parts::default);
        let (polling, snapshots, checkpoints) = NONE.clone();
        Self {
            state,
            reason: 0,
            autostart: false,
            updated: false,
            tainted: false,
            managed_save: false,
            time: TIME,
            frozen: Default::default(),
            polling,
            snapshots,
            checkpoints,
        }
    }

    /// Goes over to another state.
    pub(crate) fn enter(&mut self, state: DomainStateCode, reason: i32) {
        (self.state, self.reason) = (state, reason);
    }
}

/// Why a domain starts, as its state and as an event say it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start {
    pub(crate) reason: RunningReason,
    pub(crate) detail: StartedDetail,
}

impl Start {
    /// From nothing.
    pub(crate) const BOOTED: Self = Self { reason: RunningReason::BOOTED, detail: StartedDetail::BOOTED };
    /// From a file.
    pub(crate) const RESTORED: Self = Self { reason: RunningReason::RESTORED, detail: StartedDetail::RESTORED };

    /// As the event script is told.
    pub(crate) fn word(self) -> &'static str {
        match self.detail {
            StartedDetail::RESTORED => "restored",
            _ => "booted",
        }
    }
}

pub(crate) type Snapshot = object::Snapshot<DomainDefinition, Status>;
pub(crate) type Object = object::Object<DomainDefinition, Nothing>;
pub(crate) type Job = object::Job<DomainDefinition, Nothing>;

/// A host with all that is on it.
pub(crate) struct State {
    pub(crate) host: Host,
    pub(crate) channel: u64,
    pub(crate) node: Node,
    pub(crate) domains: Table<DomainDefinition, Nothing>,
    pub(crate) networks: Networks,
    pub(crate) interfaces: Interfaces,
    pub(crate) devices: Devices,
    pub(crate) pools: Pools,
}

impl State {
    /// A host with nothing on it.
    pub(crate) fn new(host: Host, node: Node) -> Self {
        Self {
            host,
            channel: host.new_channel(),
            node,
            domains: Table::new(),
            networks: Table::new(),
            interfaces: Interfaces::default(),
            devices: Devices::default(),
            pools: Table::new(),
        }
    }

    /// The domain that a call is about.
    pub(crate) fn find(&self, dom: &Domain) -> Result<Arc<Object>> {
        self.domains.require_uuid(uuid::Uuid::from_bytes(dom.uuid.0), Some(&dom.name)).own()
    }

    /// What is known about the domain that a call is about. Never waits.
    pub(crate) fn read(&self, dom: &Domain) -> Result<Arc<Snapshot>> {
        Ok(self.find(dom)?.snapshot())
    }

    /// As [`State::read`], of a domain that runs.
    pub(crate) fn read_active(&self, dom: &Domain) -> Result<Arc<Snapshot>> {
        let snapshot = self.read(dom)?;
        if snapshot.is_active() { Ok(snapshot) } else { Err(not_running()) }
    }

    /// The right to change the domain that a call is about.
    pub(crate) fn change(&self, call: &Call, dom: &Domain) -> Result<Job> {
        let object = self.find(dom)?;
        begin(&object, call)
    }

    /// As [`State::change`], of a domain that runs.
    pub(crate) fn change_active(&self, call: &Call, dom: &Domain) -> Result<Job> {
        let job = self.change(call, dom)?;
        if job.snapshot().is_active() { Ok(job) } else { Err(not_running()) }
    }

    /// Tells subscribers what happened in the life of a domain.
    pub(crate) fn emit(&self, domain: &Domain, event: DomainEventType, detail: i32) {
        self.emit_event(Event::lifecycle(domain, event, detail));
    }

    /// Tells subscribers of an event; one that cannot be encoded is logged.
    pub(crate) fn emit_event(&self, event: Result<Event>) {
        match event {
            Ok(event) => self.host.emit(self.channel, &event),
            Err(error) => tracing::error!(%error, "cannot tell of an event"),
        }
    }
}

/// Waits for the right to change an object.
pub(crate) fn begin<D: Definition, P: Private>(
    object: &Arc<object::Object<D, P>>,
    call: &Call,
) -> Result<object::Job<D, P>> {
    object.begin_job(JobKind::Modify, &owner(call), Instant::now() + JOB_WAIT).own()
}

/// The object that a document means, ready to be changed: the one with its
/// name and uuid, or a new one as `make` says, which comes with `true`.
///
/// Errors: `OPERATION_FAILED` when another object has its name or uuid.
pub(crate) fn claim<D: Definition, P: Private>(
    table: &Table<D, P>,
    call: &Call,
    definition: &D,
    make: impl Fn() -> (object::Snapshot<D, P::Status>, P),
) -> Result<(object::Job<D, P>, bool)> {
    let namesake = || {
        let found = table.by_uuid(definition.uuid())?;
        (found.snapshot().definition().name() == definition.name()).then_some(found)
    };
    loop {
        if let Some(object) = namesake() {
            match begin(&object, call) {
                Ok(job) => return Ok((job, false)),
                Err(_) if object.is_removed() => continue,
                Err(error) => return Err(error),
            }
        }
        let (snapshot, private) = make();
        match table.insert_with_job(snapshot, private, JobKind::Modify, &owner(call)) {
            Ok(job) => return Ok((job, true)),
            // Somebody else has made it since.
            Err(_) if namesake().is_some() => continue,
            Err(error) => return Err(error),
        }
    }
}

/// Whose job it is.
pub(crate) fn owner(call: &Call) -> String {
    format!("{} of client {}", public_name(call.name()), call.client())
}

/// How calls name domains, of which there may be thousands.
pub(crate) fn references(snapshots: &[&Snapshot]) -> Vec<Domain> {
    // One thing at a time: while one name is waited for, others are on their way.
    let definitions: Vec<&DomainDefinition> = snapshots.iter().map(|snapshot| &**snapshot.definition()).collect();
    let named: Vec<(&str, Uuid)> =
        definitions.iter().map(|definition| (definition.name.as_str(), Uuid(*definition.uuid.as_bytes()))).collect();
    let with_ids = named.into_iter().zip(snapshots);
    with_ids.map(|((name, uuid), snapshot)| Domain::new(name, uuid, snapshot.id().unwrap_or(-1))).collect()
}

/// How calls name a domain.
pub(crate) fn reference(snapshot: &Snapshot) -> Domain {
    let definition = snapshot.definition();
    Domain::new(definition.name.as_str(), Uuid(*definition.uuid.as_bytes()), snapshot.id().unwrap_or(-1))
}
