//! Storage pools.

use std::sync::Arc;

use oxivirt_conf::object::Definition;
use oxivirt_conf::storage_pool::{PoolType, tidy_path};
use oxivirt_conf::storage_pool_capabilities::StoragePoolCapabilities;
use oxivirt_core::abi::RString;
use oxivirt_core::call::Call;
use oxivirt_core::constants::{
    ListStoragePoolsFlags, StoragePoolBuildFlags, StoragePoolCreateFlags, StoragePoolDefineFlags,
    StoragePoolDeleteFlags, StoragePoolEventType, StoragePoolState, StorageXmlFlags,
};
use oxivirt_core::event::Event;
use oxivirt_core::interface::{StoragePools, implements};
use oxivirt_core::types::{Counted, List, StoragePool, StoragePoolInfo, StorageVolume, Uuid, limit};
use oxivirt_core::{Error, ErrorCode, Result};

use super::filter::{of_two, passes};
use super::listing::{count, most};
use crate::TestConnection;
use crate::error::{Own, check_flags};
use crate::storage::{self, Snapshot, Space, document, reference, volume_reference};

#[implements]
impl StoragePools for TestConnection {
    #[quick]
    fn connect_num_of_storage_pools(&self, _call: &Call) -> Result<i32> {
        count(self.pool_names(true).len())
    }

    #[quick]
    fn connect_list_storage_pools(&self, _call: &Call, maxnames: i32) -> Result<List<RString, { limit::LIST }>> {
        List::new(self.pool_names(true).into_iter().take(most(maxnames)).collect())
    }

    #[quick]
    fn connect_num_of_defined_storage_pools(&self, _call: &Call) -> Result<i32> {
        count(self.pool_names(false).len())
    }

    #[quick]
    fn connect_list_defined_storage_pools(
        &self,
        _call: &Call,
        maxnames: i32,
    ) -> Result<List<RString, { limit::LIST }>> {
        List::new(self.pool_names(false).into_iter().take(most(maxnames)).collect())
    }

    fn connect_find_storage_pool_sources(
        &self,
        _call: &Call,
        r#type: &str,
        src_spec: Option<&str>,
        flags: u32,
    ) -> Result<String> {
        check_flags(flags, 0, "connect_find_storage_pool_sources")?;
        storage::find_sources(r#type, src_spec)
    }

    fn storage_pool_create_xml(&self, call: &Call, xml: &str, flags: StoragePoolCreateFlags) -> Result<StoragePool> {
        check_flags(flags.0, 0, "storage_pool_create_xml")?;
        self.state().run_pool(call, storage::parse(xml, false)?)
    }

    fn storage_pool_define_xml(&self, call: &Call, xml: &str, flags: StoragePoolDefineFlags) -> Result<StoragePool> {
        check_flags(flags.0, StoragePoolDefineFlags::VALIDATE.0, "storage_pool_define_xml")?;
        let definition = storage::parse(xml, flags.contains(StoragePoolDefineFlags::VALIDATE))?;
        self.state().define_pool(call, definition)
    }

    fn storage_pool_create(&self, call: &Call, pool: &StoragePool, flags: StoragePoolCreateFlags) -> Result<()> {
        check_flags(flags.0, 0, "storage_pool_create")?;
        let state = self.state();
        state.start_pool(&state.change_pool(call, pool)?)
    }

    fn storage_pool_build(&self, call: &Call, pool: &StoragePool, flags: StoragePoolBuildFlags) -> Result<()> {
        check_flags(flags.0, 0, "storage_pool_build")?;
        let state = self.state();
        // The place is in memory and there already.
        let job = state.change_inactive_pool(call, pool)?;
        state.tell_pool(&reference(&job.snapshot()), StoragePoolEventType::CREATED);
        Ok(())
    }

    fn storage_pool_destroy(&self, call: &Call, pool: &StoragePool) -> Result<()> {
        let state = self.state();
        state.stop_pool(&state.change_pool(call, pool)?)
    }

    fn storage_pool_delete(&self, call: &Call, pool: &StoragePool, flags: StoragePoolDeleteFlags) -> Result<()> {
        check_flags(flags.0, 0, "storage_pool_delete")?;
        let state = self.state();
        let job = state.change_inactive_pool(call, pool)?;
        state.tell_pool(&reference(&job.snapshot()), StoragePoolEventType::DELETED);
        Ok(())
    }

    fn storage_pool_undefine(&self, call: &Call, pool: &StoragePool) -> Result<()> {
        let state = self.state();
        let job = state.change_inactive_pool(call, pool)?;
        state.pools.remove(&job);
        state.tell_pool(&reference(&job.snapshot()), StoragePoolEventType::UNDEFINED);
        Ok(())
    }

    fn storage_pool_refresh(&self, call: &Call, pool: &StoragePool, flags: u32) -> Result<()> {
        check_flags(flags, 0, "storage_pool_refresh")?;
        let state = self.state();
        // Nobody else can change the volumes, so there is nothing to be seen.
        let job = state.change_active_pool(call, pool)?;
        state.emit_event(Event::storage_pool_refresh(&reference(&job.snapshot())));
        Ok(())
    }

    #[quick]
    fn storage_pool_lookup_by_name(&self, _call: &Call, name: &str) -> Result<StoragePool> {
        Ok(reference(&self.state().pools.require_name(name).own()?.snapshot()))
    }

    #[quick]
    fn storage_pool_lookup_by_uuid(&self, _call: &Call, uuid: &Uuid) -> Result<StoragePool> {
        self.pool_by_uuid(uuid).map(|snapshot| reference(&snapshot))
    }

    #[quick]
    fn storage_pool_lookup_by_volume(&self, _call: &Call, vol: &StorageVolume) -> Result<StoragePool> {
        self.state().read_pool_of(vol).map(|snapshot| reference(&snapshot))
    }

    #[quick]
    fn storage_pool_get_info(&self, _call: &Call, pool: &StoragePool) -> Result<StoragePoolInfo> {
        let snapshot = self.state().read_pool(pool)?;
        let state = if snapshot.is_active() { StoragePoolState::RUNNING } else { StoragePoolState::INACTIVE };
        let Space { capacity, allocation, available } = snapshot.status.space();
        Ok(StoragePoolInfo { state: state.0 as u8, capacity, allocation, available })
    }

    #[quick]
    fn storage_pool_get_xml_desc(&self, _call: &Call, pool: &StoragePool, flags: StorageXmlFlags) -> Result<String> {
        check_flags(flags.0, StorageXmlFlags::INACTIVE.0, "storage_pool_get_xml_desc")?;
        let snapshot = self.state().read_pool(pool)?;
        Ok(document(&snapshot, flags.contains(StorageXmlFlags::INACTIVE)))
    }

    #[quick]
    fn storage_pool_get_autostart(&self, _call: &Call, pool: &StoragePool) -> Result<bool> {
        Ok(self.state().read_pool(pool)?.status.autostart)
    }

    fn storage_pool_set_autostart(&self, call: &Call, pool: &StoragePool, autostart: bool) -> Result<()> {
        let job = self.state().change_pool(call, pool)?;
        job.update(|snapshot| {
            if !snapshot.is_persistent() {
                return Err(Error::invalid_arg("pool has no config file"));
            }
            snapshot.status.autostart = autostart;
            Ok(())
        })
        .own()
    }

    #[quick]
    fn storage_pool_num_of_volumes(&self, _call: &Call, pool: &StoragePool) -> Result<i32> {
        count(self.state().read_active_pool(pool)?.status.volumes().len())
    }

    #[quick]
    fn storage_pool_list_volumes(
        &self,
        _call: &Call,
        pool: &StoragePool,
        maxnames: i32,
    ) -> Result<List<RString, { limit::LIST }>> {
        let snapshot = self.state().read_active_pool(pool)?;
        let names = snapshot.status.volumes().keys().map(|name| name.as_str().into());
        List::new(names.take(most(maxnames)).collect())
    }

    #[quick]
    fn storage_pool_is_active(&self, _call: &Call, pool: &StoragePool) -> Result<bool> {
        Ok(self.pool_by_uuid(&pool.uuid)?.is_active())
    }

    #[quick]
    fn storage_pool_is_persistent(&self, _call: &Call, pool: &StoragePool) -> Result<bool> {
        Ok(self.pool_by_uuid(&pool.uuid)?.is_persistent())
    }

    #[quick]
    fn connect_list_all_storage_pools(
        &self,
        _call: &Call,
        need_results: bool,
        flags: ListStoragePoolsFlags,
    ) -> Result<Counted<List<StoragePool, { limit::LIST }>>> {
        let known = ListStoragePoolsFlags::ALL.iter().fold(0, |known, (flag, _)| known | flag.0);
        check_flags(flags.0, known, "connect_list_all_storage_pools")?;
        let all = self.state().pools.list();
        let fitting = all.iter().filter(|(_, snapshot)| fits(snapshot, flags));
        Counted::answer(need_results, fitting.map(|(_, snapshot)| reference(snapshot)).collect())
    }

    #[quick]
    fn storage_pool_list_all_volumes(
        &self,
        _call: &Call,
        pool: &StoragePool,
        need_results: bool,
        flags: u32,
    ) -> Result<Counted<List<StorageVolume, { limit::LIST }>>> {
        check_flags(flags, 0, "storage_pool_list_all_volumes")?;
        let snapshot = self.pool_by_uuid(&pool.uuid)?;
        if !snapshot.is_active() {
            return Err(Error::operation_invalid("storage pool is not active")).own();
        }
        let volumes = snapshot.status.volumes().values();
        let pool = snapshot.definition();
        Counted::answer(need_results, volumes.map(|volume| volume_reference(pool, volume)).collect())
    }

    #[quick]
    fn storage_pool_lookup_by_target_path(&self, _call: &Call, path: &str) -> Result<StoragePool> {
        let wanted = tidy_path(path);
        let all = self.state().pools.list();
        let found = all.iter().find(|(_, snapshot)| {
            let target = snapshot.definition().target.path.as_deref();
            snapshot.is_active() && target == Some(wanted.as_str())
        });
        let missing =
            || Error::new(ErrorCode::NO_STORAGE_POOL, format!("no storage pool with matching target path '{path}'"));
        found.map(|(_, snapshot)| reference(snapshot)).ok_or_else(missing).own()
    }

    #[quick]
    fn connect_get_storage_pool_capabilities(&self, _call: &Call, flags: u32) -> Result<String> {
        check_flags(flags, 0, "connect_get_storage_pool_capabilities")?;
        Ok(StoragePoolCapabilities::new(storage::runs).format())
    }
}

impl TestConnection {
    fn pool_names(&self, active: bool) -> Vec<RString> {
        let all = self.state().pools.list();
        let fitting = all.iter().filter(|(_, snapshot)| snapshot.is_active() == active);
        fitting.map(|(_, snapshot)| snapshot.definition().name().into()).collect()
    }

    /// A pool by its uuid, with an error that names just that.
    fn pool_by_uuid(&self, uuid: &Uuid) -> Result<Arc<Snapshot>> {
        let uuid = uuid::Uuid::from_bytes(uuid.0);
        Ok(self.state().pools.require_uuid(uuid, None).own()?.snapshot())
    }
}

/// Whether a pool passes the filters of a listing.
fn fits(snapshot: &Snapshot, flags: ListStoragePoolsFlags) -> bool {
    use ListStoragePoolsFlags as F;
    let kinds = PoolType::ALL.iter().fold(0, |all, kind| all | flag_of(*kind).0);
    passes(
        flags.0,
        &[
            of_two(snapshot.is_active(), F::ACTIVE.0, F::INACTIVE.0),
            of_two(snapshot.is_persistent(), F::PERSISTENT.0, F::TRANSIENT.0),
            of_two(snapshot.status.autostart, F::AUTOSTART.0, F::NO_AUTOSTART.0),
            (kinds, flag_of(snapshot.definition().kind).0),
        ],
    )
}

/// The flag for pools of one type.
fn flag_of(kind: PoolType) -> ListStoragePoolsFlags {
    use ListStoragePoolsFlags as F;
    use PoolType as T;
    match kind {
        T::Dir => F::DIR,
        T::Fs => F::FS,
        T::NetFs => F::NETFS,
        T::Logical => F::LOGICAL,
        T::Disk => F::DISK,
        T::Iscsi => F::ISCSI,
        T::IscsiDirect => F::ISCSI_DIRECT,
        T::Scsi => F::SCSI,
        T::Mpath => F::MPATH,
        T::Rbd => F::RBD,
        T::Sheepdog => F::SHEEPDOG,
        T::Gluster => F::GLUSTER,
        T::Zfs => F::ZFS,
        T::Vstorage => F::VSTORAGE,
    }
}
