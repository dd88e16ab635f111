//! Storage pools and their volumes. A pool's volumes are part of its status,
//! so that a reader sees both at the same moment.

mod conflict;
mod data;
mod pools;
mod sources;
mod volumes;

use std::sync::Arc;

use oxivirt_conf::object::{self, Private, Table};
use oxivirt_conf::storage_pool::{PoolDefinition, PoolType};
use oxivirt_conf::storage_volume::VolumeDefinition;
use oxivirt_core::types::{StoragePool, StorageVolume, Uuid};

use crate::directory::Names;
pub(crate) use data::VolumeData;
pub(crate) use pools::{parse, parse_volume};
pub(crate) use sources::find as find_sources;
pub(crate) use volumes::{add_volume, change_volumes, create_volume, find_volume, no_volume};

/// Bytes that every pool has.
const CAPACITY: u64 = 100 << 30;

/// The private part of a pool: there is nothing behind it.
pub(crate) struct NoPlace;

impl Private for NoPlace {
    type Status = Status;
}

/// What is known of a pool beside its definitions.
#[derive(Clone, Default)]
pub(crate) struct Status {
    pub(crate) autostart: bool,
    volumes: Arc<Names<Volume>>,
    /// The adapter that was made for it and goes with it.
    adapter: Option<Arc<str>>,
}

/// One volume.
#[derive(Clone)]
pub(crate) struct Volume {
    pub(crate) definition: VolumeDefinition,
    pub(crate) data: Arc<VolumeData>,
}

pub(crate) type Pools = Table<PoolDefinition, NoPlace>;
pub(crate) type Snapshot = object::Snapshot<PoolDefinition, Status>;
pub(crate) type Job = object::Job<PoolDefinition, NoPlace>;
type Object = object::Object<PoolDefinition, NoPlace>;

/// Sizes of a pool in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Space {
    pub(crate) capacity: u64,
    pub(crate) allocation: u64,
    pub(crate) available: u64,
}

impl Status {
    /// The volumes by name.
    pub(crate) fn volumes(&self) -> &Names<Volume> {
        &self.volumes
    }

    /// What the volumes take.
    pub(crate) fn space(&self) -> Space {
        let sizes = self.volumes.values().map(|volume| volume.definition.allocation);
        let allocation = sizes.fold(0, u64::saturating_add);
        Space { capacity: CAPACITY, allocation, available: CAPACITY.saturating_sub(allocation) }
    }
}

/// How calls name a pool.
pub(crate) fn reference(snapshot: &Snapshot) -> StoragePool {
    let definition = snapshot.definition();
    StoragePool { name: definition.name.as_str().into(), uuid: Uuid(*definition.uuid.as_bytes()) }
}

/// How calls name a volume of a pool.
pub(crate) fn volume_reference(pool: &PoolDefinition, volume: &Volume) -> StorageVolume {
    let (name, key) = (volume.definition.name.as_str(), volume.definition.key.as_deref().unwrap_or_default());
    StorageVolume { pool: pool.name.as_str().into(), name: name.into(), key: key.into() }
}

/// The document of a pool with its present sizes.
///
/// * `inactive` – as it will be at its next start.
pub(crate) fn document(snapshot: &Snapshot, inactive: bool) -> String {
    let Space { capacity, allocation, available } = snapshot.status.space();
    let definition = if inactive { snapshot.inactive_definition() } else { snapshot.definition() };
    PoolDefinition { capacity, allocation, available, ..PoolDefinition::clone(definition) }.format()
}

/// Types that this driver runs: every one, for it makes nothing of any.
pub(crate) fn runs(_kind: PoolType) -> bool {
    true
}
