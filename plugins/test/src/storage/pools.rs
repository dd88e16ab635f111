//! The life of a pool.

use std::sync::Arc;

use oxivirt_conf::node_device::ParentHba;
use oxivirt_conf::object::JobKind;
use oxivirt_conf::storage_pool::{Adapter, PoolDefinition, PoolType};
use oxivirt_conf::storage_volume::{CapacityRule, VolumeDefinition};
use oxivirt_core::call::Call;
use oxivirt_core::constants::StoragePoolEventType;
use oxivirt_core::event::Event;
use oxivirt_core::types::StoragePool;
use oxivirt_core::{Error, ErrorCode, ErrorDomain, Result};

use super::conflict::share_source;
use super::{Job, NoPlace, Object, Snapshot, Status, reference};
use crate::error::Own;
use crate::node_devices::{NewAdapter, by_wwn};
use crate::schema;
use crate::state::{State, begin, claim};

/// Reads the document of a pool that a client sent.
///
/// * `validate` – holds it against the published schema first.
pub(crate) fn parse(xml: &str, validate: bool) -> Result<PoolDefinition> {
    if validate {
        schema::check(xml, "storagepool.rng", ErrorDomain::STORAGE)?;
    }
    PoolDefinition::parse(xml).map_err(in_storage)
}

/// Reads the document of a volume that a client sent.
///
/// * `kind` – of the pool that it will be in.
/// * `validate` – as for [`parse`].
pub(crate) fn parse_volume(xml: &str, kind: PoolType, validate: bool) -> Result<VolumeDefinition> {
    if validate {
        schema::check(xml, "storagevol.rng", ErrorDomain::STORAGE)?;
    }
    VolumeDefinition::parse(xml, kind, CapacityRule::Required).map_err(in_storage)
}

pub(super) fn in_storage(error: Error) -> Error {
    error.in_domain(ErrorDomain::STORAGE)
}

/// Refuses a pool that does not run.
pub(crate) fn need_active(snapshot: &Snapshot) -> Result<()> {
    if snapshot.is_active() {
        return Ok(());
    }
    let text = format!("storage pool '{}' is not active", snapshot.definition().name);
    Err(Error::operation_invalid(text)).own()
}

/// Refuses a pool that runs.
pub(crate) fn need_inactive(snapshot: &Snapshot) -> Result<()> {
    if !snapshot.is_active() {
        return Ok(());
    }
    let text = format!("storage pool '{}' is active", snapshot.definition().name);
    Err(Error::operation_invalid(text)).own()
}

impl State {
    /// The pool that a call is about.
    fn find_pool(&self, pool: &StoragePool) -> Result<Arc<Object>> {
        let found = self.pools.by_uuid(uuid::Uuid::from_bytes(pool.uuid.0));
        found.ok_or_else(|| no_pool(&pool.name))
    }

    /// What is known about the pool that a call is about. Never waits.
    pub(crate) fn read_pool(&self, pool: &StoragePool) -> Result<Arc<Snapshot>> {
        Ok(self.find_pool(pool)?.snapshot())
    }

    /// As [`State::read_pool`], of a pool that runs.
    pub(crate) fn read_active_pool(&self, pool: &StoragePool) -> Result<Arc<Snapshot>> {
        let snapshot = self.read_pool(pool)?;
        need_active(&snapshot)?;
        Ok(snapshot)
    }

    /// The right to change the pool that a call is about.
    pub(crate) fn change_pool(&self, call: &Call, pool: &StoragePool) -> Result<Job> {
        begin(&self.find_pool(pool)?, call)
    }

    /// As [`State::change_pool`], of a pool that runs.
    pub(crate) fn change_active_pool(&self, call: &Call, pool: &StoragePool) -> Result<Job> {
        let job = self.change_pool(call, pool)?;
        need_active(&job.snapshot())?;
        Ok(job)
    }

    /// As [`State::change_pool`], of a pool that does not run.
    pub(crate) fn change_inactive_pool(&self, call: &Call, pool: &StoragePool) -> Result<Job> {
        let job = self.change_pool(call, pool)?;
        need_inactive(&job.snapshot())?;
        Ok(job)
    }

    /// The pool of that name; volumes name theirs so.
    pub(super) fn pool_named(&self, name: &str) -> Result<Arc<Object>> {
        self.pools.by_name(name).ok_or_else(|| no_pool(name))
    }

    /// Puts in a pool that runs already, as files have them; `fill` gives it
    /// its volumes.
    pub(crate) fn add_pool(&self, definition: PoolDefinition, fill: impl FnOnce(&Job) -> Result<()>) -> Result<()> {
        self.check_source(&definition)?;
        let definition = Arc::new(definition);
        let snapshot = Snapshot::active(Arc::clone(&definition), Some(definition), None, Status::default());
        let owner = "the file of the host";
        let job = self.pools.insert_with_job(snapshot, NoPlace, JobKind::Modify, owner).map_err(in_storage)?;
        fill(&job)
    }

    /// Defines a pool or changes the definition of the one that has its uuid.
    pub(crate) fn define_pool(&self, call: &Call, definition: PoolDefinition) -> Result<StoragePool> {
        self.check_source(&definition)?;
        let definition = Arc::new(definition);
        let make = || (Snapshot::inactive(Arc::clone(&definition), Status::default()), NoPlace);
        let (job, new) = claim(&self.pools, call, &*definition, make).map_err(in_storage)?;
        if !new {
            job.update(|snapshot| {
                snapshot.store(Arc::clone(&definition));
                Ok(())
            })
            .own()?;
        }
        let pool = reference(&job.snapshot());
        self.tell_pool(&pool, StoragePoolEventType::DEFINED);
        Ok(pool)
    }

    /// Starts a pool that lives until it is stopped, whether or not it was defined.
    pub(crate) fn run_pool(&self, call: &Call, definition: PoolDefinition) -> Result<StoragePool> {
        self.check_source(&definition)?;
        let definition = Arc::new(definition);
        let make = || (Snapshot::active(Arc::clone(&definition), None, None, Status::default()), NoPlace);
        let (job, new) = claim(&self.pools, call, &*definition, make).map_err(in_storage)?;
        if !new && job.snapshot().is_active() {
            let text = format!("pool is already active as '{}'", definition.name);
            return Err(in_storage(Error::operation_invalid(text)));
        }
        if let Err(error) = self.enter(&job, &definition, false) {
            if new {
                self.pools.remove(&job);
            }
            return Err(error);
        }
        Ok(reference(&job.snapshot()))
    }

    /// Makes a defined pool run.
    pub(crate) fn start_pool(&self, job: &Job) -> Result<()> {
        let snapshot = job.snapshot();
        need_inactive(&snapshot)?;
        self.enter(job, snapshot.inactive_definition(), true)
    }

    /// Makes a pool run as `definition` says.
    fn enter(&self, job: &Job, definition: &Arc<PoolDefinition>, stays: bool) -> Result<()> {
        let adapter = self.make_adapter(definition)?;
        job.update(|snapshot| {
            snapshot.start(Arc::clone(definition), None);
            if !stays {
                snapshot.forget_stored();
            }
            snapshot.status.adapter = adapter.map(Arc::from);
            Ok(())
        })
        .own()?;
        self.tell_pool(&reference(&job.snapshot()), StoragePoolEventType::STARTED);
        Ok(())
    }

    /// Makes a running pool not run; one that is not defined goes.
    pub(crate) fn stop_pool(&self, job: &Job) -> Result<()> {
        let before = job.snapshot();
        need_active(&before)?;
        if let Some(adapter) = &before.status.adapter
            && self.devices.get(adapter).is_some()
        {
            self.destroy_device(adapter)?;
        }
        if !before.is_persistent() {
            // Before it stops, so that no listing shows it off.
            self.pools.remove(job);
        }
        job.update(|snapshot| {
            snapshot.stop();
            snapshot.status.adapter = None;
            Ok(())
        })
        .own()?;
        self.tell_pool(&reference(&before), StoragePoolEventType::STOPPED);
        Ok(())
    }

    /// Tells subscribers what happened in the life of a pool.
    pub(crate) fn tell_pool(&self, pool: &StoragePool, event: StoragePoolEventType) {
        self.emit_event(Event::storage_pool_lifecycle(pool, event, 0));
    }

    /// Refuses a pool whose source another one has.
    fn check_source(&self, definition: &PoolDefinition) -> Result<()> {
        for (_, snapshot) in self.pools.list().iter() {
            let known = [Some(snapshot.definition()), snapshot.stored()];
            let mut others = known.into_iter().flatten().filter(|known| known.name != definition.name);
            if others.any(|known| share_source(known, definition)) {
                let text = format!("Storage source conflict with pool: '{}'", snapshot.definition().name);
                return Err(in_storage(Error::operation_failed(text)));
            }
        }
        Ok(())
    }

    /// Makes the virtual adapter that a pool is on, unless it is there.
    fn make_adapter(&self, definition: &PoolDefinition) -> Result<Option<String>> {
        let Some(Adapter::FcHost(host)) = &definition.source.adapter else { return Ok(None) };
        if by_wwn(&self.devices.all(), &host.wwnn, &host.wwpn).is_some() {
            return Ok(None);
        }
        let parent_hba =
            ParentHba { wwnn_wwpn: host.parent.wwnn_wwpn.clone(), fabric_wwn: host.parent.fabric_wwn.clone() };
        self.create_adapter(&NewAdapter {
            purpose: &definition.name,
            parent: host.parent.name.as_deref(),
            parent_hba: &parent_hba,
            wwnn: Some(&host.wwnn),
            wwpn: Some(&host.wwpn),
        })
        .map(Some)
    }
}

fn no_pool(name: &str) -> Error {
    let text = format!("no storage pool with matching name '{name}'");
    Error::new(ErrorCode::NO_STORAGE_POOL, text).in_domain(ErrorDomain::TEST)
}
