//! Storage volumes.

use oxivirt_macros::interface;

use crate::Result;
use crate::call::Call;
use crate::constants::{
    StorageVolCreateFlags, StorageVolDeleteFlags, StorageVolDownloadFlags, StorageVolInfoFlags, StorageVolResizeFlags,
    StorageVolUploadFlags, StorageVolWipeAlgorithm,
};
use crate::types::{StoragePool, StorageVolume, StorageVolumeInfo};

/// Volumes: pieces of storage in a pool. `NO_STORAGE_VOL` when the named one is gone.
#[interface]
pub trait StorageVolumes {
    /// Makes a volume as the `<volume>` document says.
    ///
    /// * Errors: `STORAGE_VOL_EXIST` when the name is taken.
    #[rpc(93, acl = ["storage_vol:create"], write)]
    fn storage_vol_create_xml(
        &self,
        call: &Call,
        pool: &StoragePool,
        xml: &str,
        flags: StorageVolCreateFlags,
    ) -> Result<StorageVolume>;

    /// Removes a volume with its data.
    #[rpc(94, acl = ["storage_vol:delete"], write)]
    fn storage_vol_delete(&self, call: &Call, vol: &StorageVolume, flags: StorageVolDeleteFlags) -> Result<()>;

    /// Finds a volume of a pool by its name.
    #[rpc(95, acl = ["storage_vol:getattr"], high)]
    fn storage_vol_lookup_by_name(&self, call: &Call, pool: &StoragePool, name: &str) -> Result<StorageVolume>;

    /// Finds a volume by its key, which is unique everywhere.
    #[rpc(96, acl = ["storage_vol:getattr"], high)]
    fn storage_vol_lookup_by_key(&self, call: &Call, key: &str) -> Result<StorageVolume>;

    /// Finds a volume by its path on the host.
    #[rpc(97, acl = ["storage_vol:getattr"], high)]
    fn storage_vol_lookup_by_path(&self, call: &Call, path: &str) -> Result<StorageVolume>;

    /// Kind and sizes, in bytes.
    #[rpc(98, acl = ["storage_vol:read"], high)]
    fn storage_vol_get_info(&self, call: &Call, vol: &StorageVolume) -> Result<StorageVolumeInfo>;

    /// The volume as a document.
    #[rpc(99, acl = ["storage_vol:read"], high)]
    fn storage_vol_get_xml_desc(&self, call: &Call, vol: &StorageVolume, flags: u32) -> Result<String>;

    /// Its path on the host.
    #[rpc(100, acl = ["storage_vol:read"], high)]
    fn storage_vol_get_path(&self, call: &Call, vol: &StorageVolume) -> Result<String>;

    /// Makes a volume with the data of another one.
    #[rpc(125, acl = ["storage_vol:create"], write)]
    fn storage_vol_create_xml_from(
        &self,
        call: &Call,
        pool: &StoragePool,
        xml: &str,
        clonevol: &StorageVolume,
        flags: StorageVolCreateFlags,
    ) -> Result<StorageVolume>;

    /// Overwrites the data so that it cannot be read back.
    #[rpc(165, acl = ["storage_vol:format"], write)]
    fn storage_vol_wipe(&self, call: &Call, vol: &StorageVolume, flags: u32) -> Result<()>;

    /// Writes what comes through the stream to the volume, from `offset`; `length` 0 is all.
    #[rpc(208, acl = ["storage_vol:data_write"], write, stream = write)]
    fn storage_vol_upload(
        &self,
        call: &Call,
        vol: &StorageVolume,
        offset: u64,
        length: u64,
        flags: StorageVolUploadFlags,
    ) -> Result<()>;

    /// Sends the volume through the stream, from `offset`; `length` 0 is all.
    #[rpc(209, acl = ["storage_vol:data_read"], write, stream = read)]
    fn storage_vol_download(
        &self,
        call: &Call,
        vol: &StorageVolume,
        offset: u64,
        length: u64,
        flags: StorageVolDownloadFlags,
    ) -> Result<()>;

    /// Overwrites the data in the way the algorithm says.
    #[rpc(259, acl = ["storage_vol:format"], write)]
    fn storage_vol_wipe_pattern(
        &self,
        call: &Call,
        vol: &StorageVolume,
        algorithm: StorageVolWipeAlgorithm,
        flags: u32,
    ) -> Result<()>;

    /// Changes the size, in bytes; `DELTA` means by so much.
    #[rpc(260, acl = ["storage_vol:resize"], write)]
    fn storage_vol_resize(
        &self,
        call: &Call,
        vol: &StorageVolume,
        capacity: u64,
        flags: StorageVolResizeFlags,
    ) -> Result<()>;

    /// Kind and sizes, in bytes.
    #[rpc(378, acl = ["storage_vol:read"], high)]
    fn storage_vol_get_info_flags(
        &self,
        call: &Call,
        vol: &StorageVolume,
        flags: StorageVolInfoFlags,
    ) -> Result<StorageVolumeInfo>;
}
