//! Pools and their volumes.

use oxivirt_core::call::Call;
use oxivirt_core::constants::StorageXmlFlags;
use oxivirt_core::host::Host;
use oxivirt_core::interface::{Connect, StoragePools, StorageVolumes, implements};
use oxivirt_core::plugin::{Driver, OpenFlags, Opened, Start};
use oxivirt_core::types::{StoragePool, StorageVolume, StorageVolumeInfo};
use oxivirt_core::{Error, ErrorCode, Result};

use super::{Shelf, active, uuid_of};

/// Serves `storage:///`.
pub struct StorageDriver(Shelf);

/// A connection of it.
pub struct Volumes(Shelf);

impl Driver for StorageDriver {
    type Connection = Volumes;

    fn start(host: Host) -> Result<Start<Self>> {
        Ok(Start::Ready(Self(Shelf::of(host))))
    }

    fn open(&self, _: &Call, _: &str, _: OpenFlags) -> Result<Opened<Volumes>> {
        Ok(Opened { connection: Volumes(self.0.clone()), channel: 0 })
    }
}

impl Volumes {
    fn pool(&self, name: &str) -> Result<String> {
        self.0.read(&format!("pools/{name}"), ErrorCode::NO_STORAGE_POOL)
    }

    /// The number of its type, and its path.
    fn volume(&self, pool: &str, name: &str) -> Result<(i8, String)> {
        let text = self.0.read(&format!("pools/{pool}.volumes/{name}"), ErrorCode::NO_STORAGE_VOL)?;
        let (kind, path) = text.trim().split_once(' ').ok_or_else(|| Error::internal("a volume without a path"))?;
        Ok((kind.parse().map_err(|_| Error::internal("a volume without a type"))?, path.to_owned()))
    }
}

#[implements]
impl Connect for Volumes {
    fn connect_get_type(&self, _: &Call) -> Result<String> {
        Ok("Storage".to_owned())
    }
}

#[implements]
impl StoragePools for Volumes {
    fn storage_pool_lookup_by_name(&self, _: &Call, name: &str) -> Result<StoragePool> {
        self.pool(name)?;
        Ok(StoragePool { name: name.into(), uuid: uuid_of(name) })
    }

    fn storage_pool_is_active(&self, _: &Call, pool: &StoragePool) -> Result<bool> {
        Ok(active(&self.pool(&pool.name)?).is_some())
    }

    fn storage_pool_get_xml_desc(&self, _: &Call, pool: &StoragePool, _: StorageXmlFlags) -> Result<String> {
        self.pool(&pool.name)
    }
}

#[implements]
impl StorageVolumes for Volumes {
    fn storage_vol_lookup_by_name(&self, _: &Call, pool: &StoragePool, name: &str) -> Result<StorageVolume> {
        let (_, path) = self.volume(&pool.name, name)?;
        Ok(StorageVolume { pool: pool.name.clone(), name: name.into(), key: path.into() })
    }

    fn storage_vol_get_info(&self, _: &Call, vol: &StorageVolume) -> Result<StorageVolumeInfo> {
        let (kind, _) = self.volume(&vol.pool, &vol.name)?;
        Ok(StorageVolumeInfo { r#type: kind, capacity: 0, allocation: 0 })
    }

    fn storage_vol_get_path(&self, _: &Call, vol: &StorageVolume) -> Result<String> {
        self.volume(&vol.pool, &vol.name).map(|(_, path)| path)
    }
}
