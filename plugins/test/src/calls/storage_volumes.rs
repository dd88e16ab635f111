//! Storage volumes.

use std::sync::Arc;

use oxivirt_conf::storage_pool::PoolType;
use oxivirt_core::call::{Call, FileRange};
use oxivirt_core::constants::{
    StorageVolCreateFlags, StorageVolDeleteFlags, StorageVolDownloadFlags, StorageVolInfoFlags, StorageVolResizeFlags,
    StorageVolUploadFlags, StorageVolWipeAlgorithm, StorageVolumeType,
};
use oxivirt_core::interface::{StorageVolumes, implements};
use oxivirt_core::types::{StoragePool, StorageVolume, StorageVolumeInfo};
use oxivirt_core::{Error, Result};

use crate::TestConnection;
use crate::error::{Own, check_flags};
use crate::storage::{self, Snapshot, Volume, change_volumes, create_volume, find_volume, no_volume, volume_reference};

#[implements]
impl StorageVolumes for TestConnection {
    fn storage_vol_create_xml(
        &self,
        call: &Call,
        pool: &StoragePool,
        xml: &str,
        flags: StorageVolCreateFlags,
    ) -> Result<StorageVolume> {
        check_flags(flags.0, StorageVolCreateFlags::VALIDATE.0, "storage_vol_create_xml")?;
        let job = self.state().change_active_pool(call, pool)?;
        let validate = flags.contains(StorageVolCreateFlags::VALIDATE);
        let definition = storage::parse_volume(xml, job.snapshot().definition().kind, validate)?;
        create_volume(&job, definition, |_| Ok(Arc::default()))
    }

    fn storage_vol_delete(&self, call: &Call, vol: &StorageVolume, flags: StorageVolDeleteFlags) -> Result<()> {
        check_flags(flags.0, 0, "storage_vol_delete")?;
        let (job, _) = self.state().change_volume(call, vol)?;
        change_volumes(&job, |volumes| {
            volumes.remove(vol.name.as_str());
            Ok(())
        })
    }

    #[quick]
    fn storage_vol_lookup_by_name(&self, _call: &Call, pool: &StoragePool, name: &str) -> Result<StorageVolume> {
        let snapshot = self.state().read_active_pool(pool)?;
        Ok(volume_reference(snapshot.definition(), &*find_volume(&snapshot, name)?))
    }

    #[quick]
    fn storage_vol_lookup_by_key(&self, _call: &Call, key: &str) -> Result<StorageVolume> {
        let found = self.state().search_volumes(|volume| volume.key.as_deref() == Some(key));
        found.ok_or_else(|| no_volume("key", key))
    }

    #[quick]
    fn storage_vol_lookup_by_path(&self, _call: &Call, path: &str) -> Result<StorageVolume> {
        let found = self.state().search_volumes(|volume| volume.target.path.as_deref() == Some(path));
        found.ok_or_else(|| no_volume("path", path))
    }

    #[quick]
    fn storage_vol_get_info(&self, _call: &Call, vol: &StorageVolume) -> Result<StorageVolumeInfo> {
        let (pool, volume) = self.state().read_volume(vol)?;
        Ok(info(&pool, &volume, volume.definition.allocation))
    }

    #[quick]
    fn storage_vol_get_xml_desc(&self, _call: &Call, vol: &StorageVolume, flags: u32) -> Result<String> {
        check_flags(flags, 0, "storage_vol_get_xml_desc")?;
        Ok(self.state().read_volume(vol)?.1.definition.format())
    }

    #[quick]
    fn storage_vol_get_path(&self, _call: &Call, vol: &StorageVolume) -> Result<String> {
        let (_, volume) = self.state().read_volume(vol)?;
        let missing = || Error::internal(format!("volume '{}' has no path", vol.name));
        volume.definition.target.path.clone().ok_or_else(missing).own()
    }

    fn storage_vol_create_xml_from(
        &self,
        call: &Call,
        pool: &StoragePool,
        xml: &str,
        clonevol: &StorageVolume,
        flags: StorageVolCreateFlags,
    ) -> Result<StorageVolume> {
        check_flags(flags.0, StorageVolCreateFlags::VALIDATE.0, "storage_vol_create_xml_from")?;
        let job = self.state().change_active_pool(call, pool)?;
        let validate = flags.contains(StorageVolCreateFlags::VALIDATE);
        let definition = storage::parse_volume(xml, job.snapshot().definition().kind, validate)?;
        let (_, original) = self.state().read_volume(clonevol)?;
        create_volume(&job, definition, |capacity| original.data.copy(capacity).map(Arc::new))
    }

    fn storage_vol_wipe(&self, call: &Call, vol: &StorageVolume, flags: u32) -> Result<()> {
        check_flags(flags, 0, "storage_vol_wipe")?;
        self.state().change_volume(call, vol)?.1.data.wipe()
    }

    fn storage_vol_upload(
        &self,
        call: &Call,
        vol: &StorageVolume,
        offset: u64,
        length: u64,
        flags: StorageVolUploadFlags,
    ) -> Result<()> {
        check_flags(flags.0, StorageVolUploadFlags::SPARSE_STREAM.0, "storage_vol_upload")?;
        let sparse = flags.contains(StorageVolUploadFlags::SPARSE_STREAM);
        self.open_volume(call, vol, FileRange { offset, length, sparse })
    }

    fn storage_vol_download(
        &self,
        call: &Call,
        vol: &StorageVolume,
        offset: u64,
        length: u64,
        flags: StorageVolDownloadFlags,
    ) -> Result<()> {
        check_flags(flags.0, StorageVolDownloadFlags::SPARSE_STREAM.0, "storage_vol_download")?;
        let sparse = flags.contains(StorageVolDownloadFlags::SPARSE_STREAM);
        self.open_volume(call, vol, FileRange { offset, length, sparse })
    }

    fn storage_vol_wipe_pattern(
        &self,
        call: &Call,
        vol: &StorageVolume,
        algorithm: StorageVolWipeAlgorithm,
        flags: u32,
    ) -> Result<()> {
        check_flags(flags, 0, "storage_vol_wipe_pattern")?;
        // Memory that is given back leaves nothing to write patterns over.
        if !matches!(algorithm, StorageVolWipeAlgorithm::ZERO | StorageVolWipeAlgorithm::TRIM) {
            return Err(Error::no_support(format!("wiping algorithm {}", algorithm.0))).own();
        }
        self.state().change_volume(call, vol)?.1.data.wipe()
    }

    fn storage_vol_resize(
        &self,
        call: &Call,
        vol: &StorageVolume,
        capacity: u64,
        flags: StorageVolResizeFlags,
    ) -> Result<()> {
        use StorageVolResizeFlags as F;
        check_flags(flags.0, (F::ALLOCATE | F::DELTA | F::SHRINK).0, "storage_vol_resize")?;
        let (job, volume) = self.state().change_volume(call, vol)?;
        let old = volume.definition.capacity;
        let wanted = match (flags.contains(F::DELTA), flags.contains(F::SHRINK)) {
            (false, _) => Some(capacity),
            (true, false) => old.checked_add(capacity),
            (true, true) => old.checked_sub(capacity),
        };
        let wanted = wanted.filter(|wanted| i64::try_from(*wanted).is_ok());
        let wanted = wanted.ok_or_else(|| Error::invalid_arg("the volume cannot become that large or small")).own()?;
        if wanted < old && !flags.contains(F::SHRINK) {
            let text = "Can't shrink capacity below current capacity unless shrink flag explicitly specified";
            return Err(Error::invalid_arg(text)).own();
        }
        let mut changed = Volume::clone(&volume);
        let definition = &mut changed.definition;
        definition.capacity = wanted;
        if flags.contains(F::ALLOCATE) {
            let more = wanted.saturating_sub(definition.allocation);
            if more > job.snapshot().status.space().available {
                return Err(Error::operation_failed("Not enough space left in storage pool")).own();
            }
            definition.allocation = wanted;
        }
        if wanted < old {
            definition.allocation = definition.allocation.min(wanted);
        }
        changed.data.resize(wanted)?;
        change_volumes(&job, |volumes| {
            volumes.insert(changed.definition.name.clone(), Arc::new(changed));
            Ok(())
        })
    }

    #[quick]
    fn storage_vol_get_info_flags(
        &self,
        _call: &Call,
        vol: &StorageVolume,
        flags: StorageVolInfoFlags,
    ) -> Result<StorageVolumeInfo> {
        check_flags(flags.0, StorageVolInfoFlags::GET_PHYSICAL.0, "storage_vol_get_info_flags")?;
        let (pool, volume) = self.state().read_volume(vol)?;
        let definition = &volume.definition;
        let physical = flags.contains(StorageVolInfoFlags::GET_PHYSICAL);
        Ok(info(&pool, &volume, if physical { definition.capacity } else { definition.allocation }))
    }
}

impl TestConnection {
    /// Joins the data of a volume to the stream that came with the call; a
    /// range without length ends with the volume.
    fn open_volume(&self, call: &Call, vol: &StorageVolume, mut range: FileRange) -> Result<()> {
        let (_, volume) = self.state().read_volume(vol)?;
        let capacity = volume.definition.capacity;
        let room = capacity.checked_sub(range.offset).filter(|room| range.length <= *room && *room > 0);
        let Some(room) = room else {
            let (offset, length) = (range.offset, range.length);
            let text =
                format!("{length} bytes from {offset} are not within the {capacity} bytes of volume '{}'", vol.name);
            return Err(Error::invalid_arg(text)).own();
        };
        if range.length == 0 {
            range.length = room;
        }
        call.open_file(volume.data.open(capacity)?, range)
    }
}

/// What is known of a volume in short.
///
/// * `allocation` – the size to tell in that place.
fn info(pool: &Snapshot, volume: &Volume, allocation: u64) -> StorageVolumeInfo {
    // What a volume is follows from its pool, whatever its document says.
    use PoolType as P;
    let kind = match pool.definition().kind {
        P::Dir | P::Fs | P::NetFs | P::Vstorage => StorageVolumeType::FILE,
        P::Logical | P::Disk | P::Iscsi | P::Scsi | P::Mpath | P::Zfs => StorageVolumeType::BLOCK,
        P::IscsiDirect | P::Rbd | P::Sheepdog | P::Gluster => StorageVolumeType::NETWORK,
    };
    StorageVolumeInfo { r#type: kind.0 as i8, capacity: volume.definition.capacity, allocation }
}
