//! Storage pools.

use oxivirt_macros::interface;

use crate::Result;
use crate::abi::RString;
use crate::call::Call;
use crate::constants::{
    ListStoragePoolsFlags, StoragePoolBuildFlags, StoragePoolCreateFlags, StoragePoolDefineFlags,
    StoragePoolDeleteFlags, StorageXmlFlags,
};
use crate::types::{Counted, List, StoragePool, StoragePoolInfo, StorageVolume, Uuid, limit};

/// Storage pools: places that hold volumes. `NO_STORAGE_POOL` when the named one is gone.
#[interface]
pub trait StoragePools {
    /// How many pools are active.
    #[rpc(71, acl = ["connect:search_storage_pools"], filter = ["storage_pool:getattr"], high)]
    fn connect_num_of_storage_pools(&self, call: &Call) -> Result<i32>;

    /// Names of at most `maxnames` active pools.
    #[rpc(72, acl = ["connect:search_storage_pools"], filter = ["storage_pool:getattr"], high)]
    fn connect_list_storage_pools(&self, call: &Call, maxnames: i32) -> Result<List<RString, { limit::LIST }>>;

    /// How many pools are defined and not active.
    #[rpc(73, acl = ["connect:search_storage_pools"], filter = ["storage_pool:getattr"], high)]
    fn connect_num_of_defined_storage_pools(&self, call: &Call) -> Result<i32>;

    /// Names of at most `maxnames` pools that are defined and not active.
    #[rpc(74, acl = ["connect:search_storage_pools"], filter = ["storage_pool:getattr"], high)]
    fn connect_list_defined_storage_pools(&self, call: &Call, maxnames: i32) -> Result<List<RString, { limit::LIST }>>;

    /// Sources of a pool type that can be found, as a `<sources>` document.
    #[rpc(75, acl = ["connect:detect_storage_pools"], write)]
    fn connect_find_storage_pool_sources(
        &self,
        call: &Call,
        r#type: &str,
        src_spec: Option<&str>,
        flags: u32,
    ) -> Result<String>;

    /// Starts a pool that lives until it is stopped.
    #[rpc(76, acl = ["storage_pool:start", "storage_pool:write"], write)]
    fn storage_pool_create_xml(&self, call: &Call, xml: &str, flags: StoragePoolCreateFlags) -> Result<StoragePool>;

    /// Defines a pool, or changes the definition of one.
    #[rpc(77, acl = ["storage_pool:write", "storage_pool:save"], high, write)]
    fn storage_pool_define_xml(&self, call: &Call, xml: &str, flags: StoragePoolDefineFlags) -> Result<StoragePool>;

    /// Starts a defined pool.
    ///
    /// * Errors: `OPERATION_INVALID` when it is active.
    #[rpc(78, acl = ["storage_pool:start"], write)]
    fn storage_pool_create(&self, call: &Call, pool: &StoragePool, flags: StoragePoolCreateFlags) -> Result<()>;

    /// Makes the place itself: folder, file system, partition table, volume group.
    #[rpc(79, acl = ["storage_pool:format"], write)]
    fn storage_pool_build(&self, call: &Call, pool: &StoragePool, flags: StoragePoolBuildFlags) -> Result<()>;

    /// Stops a pool; its data stay.
    #[rpc(80, acl = ["storage_pool:stop"], high, write)]
    fn storage_pool_destroy(&self, call: &Call, pool: &StoragePool) -> Result<()>;

    /// Removes the place itself with its data.
    #[rpc(81, acl = ["storage_pool:format"], write)]
    fn storage_pool_delete(&self, call: &Call, pool: &StoragePool, flags: StoragePoolDeleteFlags) -> Result<()>;

    /// Removes the definition.
    ///
    /// * Errors: `OPERATION_INVALID` while it is active.
    #[rpc(82, acl = ["storage_pool:delete"], high, write)]
    fn storage_pool_undefine(&self, call: &Call, pool: &StoragePool) -> Result<()>;

    /// Looks again at what volumes there are.
    #[rpc(83, acl = ["storage_pool:refresh"], write)]
    fn storage_pool_refresh(&self, call: &Call, pool: &StoragePool, flags: u32) -> Result<()>;

    /// Finds a pool by its name.
    #[rpc(84, acl = ["storage_pool:getattr"], high)]
    fn storage_pool_lookup_by_name(&self, call: &Call, name: &str) -> Result<StoragePool>;

    /// Finds a pool by its UUID.
    #[rpc(85, acl = ["storage_pool:getattr"], high)]
    fn storage_pool_lookup_by_uuid(&self, call: &Call, uuid: &Uuid) -> Result<StoragePool>;

    /// The pool that a volume is in.
    #[rpc(86, acl = ["storage_pool:getattr"], high)]
    fn storage_pool_lookup_by_volume(&self, call: &Call, vol: &StorageVolume) -> Result<StoragePool>;

    /// State and sizes, in bytes.
    #[rpc(87, acl = ["storage_pool:read"], high)]
    fn storage_pool_get_info(&self, call: &Call, pool: &StoragePool) -> Result<StoragePoolInfo>;

    /// The pool as a document.
    #[rpc(88, acl = ["storage_pool:read"], high)]
    fn storage_pool_get_xml_desc(&self, call: &Call, pool: &StoragePool, flags: StorageXmlFlags) -> Result<String>;

    /// Whether it starts with the daemon.
    #[rpc(89, acl = ["storage_pool:read"], high)]
    fn storage_pool_get_autostart(&self, call: &Call, pool: &StoragePool) -> Result<bool>;

    /// Whether it is to start with the daemon.
    #[rpc(90, acl = ["storage_pool:write"], high, write)]
    fn storage_pool_set_autostart(&self, call: &Call, pool: &StoragePool, autostart: bool) -> Result<()>;

    /// How many volumes it has.
    ///
    /// * Errors: `OPERATION_INVALID` when it is not active.
    #[rpc(91, acl = ["storage_pool:search_storage_vols"], filter = ["storage_vol:getattr"], high)]
    fn storage_pool_num_of_volumes(&self, call: &Call, pool: &StoragePool) -> Result<i32>;

    /// Names of at most `maxnames` of its volumes.
    #[rpc(92, acl = ["storage_pool:search_storage_vols"], filter = ["storage_vol:getattr"], high)]
    fn storage_pool_list_volumes(
        &self,
        call: &Call,
        pool: &StoragePool,
        maxnames: i32,
    ) -> Result<List<RString, { limit::LIST }>>;

    /// Whether it runs.
    #[rpc(154, acl = ["storage_pool:read"], high)]
    fn storage_pool_is_active(&self, call: &Call, pool: &StoragePool) -> Result<bool>;

    /// Whether it is defined.
    #[rpc(155, acl = ["storage_pool:read"], high)]
    fn storage_pool_is_persistent(&self, call: &Call, pool: &StoragePool) -> Result<bool>;

    /// Pools, or only their number.
    #[rpc(281, acl = ["connect:search_storage_pools"], filter = ["storage_pool:getattr"], high)]
    fn connect_list_all_storage_pools(
        &self,
        call: &Call,
        need_results: bool,
        flags: ListStoragePoolsFlags,
    ) -> Result<Counted<List<StoragePool, { limit::LIST }>>>;

    /// The volumes of a pool, or only their number.
    #[rpc(282, acl = ["storage_pool:search_storage_vols"], filter = ["storage_vol:getattr"], high)]
    fn storage_pool_list_all_volumes(
        &self,
        call: &Call,
        pool: &StoragePool,
        need_results: bool,
        flags: u32,
    ) -> Result<Counted<List<StorageVolume, { limit::LIST }>>>;

    /// Finds a pool by the path it is mounted at.
    #[rpc(391, acl = ["storage_pool:getattr"], high)]
    fn storage_pool_lookup_by_target_path(&self, call: &Call, path: &str) -> Result<StoragePool>;

    /// Which pool types and volume formats there are, as a `<storagepoolCapabilities>` document.
    #[rpc(403, acl = ["connect:read"])]
    fn connect_get_storage_pool_capabilities(&self, call: &Call, flags: u32) -> Result<String>;
}
