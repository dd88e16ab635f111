//! The volumes of pools.

use std::sync::Arc;

use oxivirt_conf::storage_pool::PoolDefinition;
use oxivirt_conf::storage_volume::VolumeDefinition;
use oxivirt_core::call::Call;
use oxivirt_core::types::StorageVolume;
use oxivirt_core::{Error, ErrorCode, ErrorDomain, Result};

use super::data::VolumeData;
use super::pools::need_active;
use super::{Job, Snapshot, Volume, volume_reference};
use crate::directory::Names;
use crate::error::Own;
use crate::state::{State, begin};

impl State {
    /// The volume that a call is about, with its pool. Never waits.
    pub(crate) fn read_volume(&self, vol: &StorageVolume) -> Result<(Arc<Snapshot>, Arc<Volume>)> {
        let pool = self.pool_named(&vol.pool)?.snapshot();
        need_active(&pool)?;
        let volume = find_volume(&pool, &vol.name)?;
        Ok((pool, volume))
    }

    /// The right to change the pool of the volume that a call is about.
    pub(crate) fn change_volume(&self, call: &Call, vol: &StorageVolume) -> Result<(Job, Arc<Volume>)> {
        let job = begin(&self.pool_named(&vol.pool)?, call)?;
        let snapshot = job.snapshot();
        need_active(&snapshot)?;
        let volume = find_volume(&snapshot, &vol.name)?;
        Ok((job, volume))
    }

    /// The pool that a volume is said to be in, running or not. Never waits.
    pub(crate) fn read_pool_of(&self, vol: &StorageVolume) -> Result<Arc<Snapshot>> {
        Ok(self.pool_named(&vol.pool)?.snapshot())
    }

    /// The first volume of running pools that `fits`. Never waits.
    pub(crate) fn search_volumes(&self, fits: impl Fn(&VolumeDefinition) -> bool) -> Option<StorageVolume> {
        self.pools.list().iter().filter(|(_, pool)| pool.is_active()).find_map(|(_, pool)| {
            let found = pool.status.volumes().values().find(|volume| fits(&volume.definition))?;
            Some(volume_reference(pool.definition(), found))
        })
    }
}

/// A volume of a pool by its name.
pub(crate) fn find_volume(pool: &Snapshot, name: &str) -> Result<Arc<Volume>> {
    pool.status.volumes().get(name).cloned().ok_or_else(|| no_volume("name", name))
}

/// There is no such volume.
pub(crate) fn no_volume(what: &str, value: &str) -> Error {
    let text = format!("no storage vol with matching {what} '{value}'");
    Error::new(ErrorCode::NO_STORAGE_VOL, text).in_domain(ErrorDomain::TEST)
}

/// Puts a new volume into a pool.
///
/// * `data` – makes what is in it.
/// * Errors: `OPERATION_FAILED` when the name is taken; `INTERNAL_ERROR` when
///   there is no room; those of `data`.
pub(crate) fn create_volume(
    job: &Job,
    mut definition: VolumeDefinition,
    data: impl FnOnce(u64) -> Result<Arc<VolumeData>>,
) -> Result<StorageVolume> {
    let snapshot = job.snapshot();
    if snapshot.status.volumes().contains_key(&definition.name) {
        return Err(taken()).own();
    }
    if definition.allocation > snapshot.status.space().available {
        let text = format!("Not enough free space in pool for volume '{}'", definition.name);
        return Err(Error::internal(text)).own();
    }
    // Where the pool keeps it is not for the client to say.
    (definition.target.path, definition.key) = (None, None);
    place(snapshot.definition(), &mut definition);
    let volume = Volume { data: data(definition.capacity)?, definition };
    let reference = volume_reference(snapshot.definition(), &volume);
    change_volumes(job, |volumes| {
        volumes.insert(volume.definition.name.clone(), Arc::new(volume));
        Ok(())
    })?;
    Ok(reference)
}

/// Puts a volume into a pool that is being read from a file, which may say
/// path and key, and is not asked whether there is room.
pub(crate) fn add_volume(job: &Job, mut definition: VolumeDefinition) -> Result<()> {
    place(job.snapshot().definition(), &mut definition);
    change_volumes(job, |volumes| {
        let volume = Volume { data: Arc::default(), definition };
        match volumes.insert(volume.definition.name.clone(), Arc::new(volume)) {
            None => Ok(()),
            Some(_) => Err(taken()),
        }
    })
}

/// Changes the volumes of a pool, or nothing on an error.
pub(crate) fn change_volumes(job: &Job, edit: impl FnOnce(&mut Names<Volume>) -> Result<()>) -> Result<()> {
    job.update(|snapshot| edit(Arc::make_mut(&mut snapshot.status.volumes))).own()
}

/// Says where a volume is, unless that is known.
fn place(pool: &PoolDefinition, definition: &mut VolumeDefinition) {
    // Pools that are only reached through the network have no folder.
    let folder = pool.target.path.as_deref().unwrap_or(&pool.name);
    let path = definition.target.path.get_or_insert_with(|| format!("{folder}/{}", definition.name));
    definition.key.get_or_insert_with(|| path.clone());
}

fn taken() -> Error {
    Error::operation_failed("storage vol already exists")
}
