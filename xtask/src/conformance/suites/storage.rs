//! Pools, volumes, and what a host can do with pools.

use std::path::Path;

use oxivirt_conf::storage_pool::{PoolDefinition, PoolType};
use oxivirt_conf::storage_pool_capabilities::StoragePoolCapabilities;
use oxivirt_conf::storage_volume::{CapacityRule, VolumeDefinition};

use super::super::Case;
use super::super::files::{Answers, Refused, documents};

/// Pools of all types.
pub(super) fn pools(folder: &Path) -> Result<Vec<Case>, String> {
    documents("storagepool", folder, Answers::BesideOrStable, |_, input| Ok(PoolDefinition::parse(input)?.format()))
}

/// What a host can do with pools; which types it can run is read from the document.
pub(super) fn capabilities(folder: &Path) -> Result<Vec<Case>, String> {
    documents(
        "storagepool(caps)",
        folder,
        Answers::Same,
        |_, input| Ok(StoragePoolCapabilities::parse(input)?.format()),
    )
}

/// Volumes, each read for the type of pool that it is in.
pub(super) fn volumes(folder: &Path) -> Result<Vec<Case>, String> {
    documents("storagevol", folder, Answers::BesideOrStable, |name, input| {
        // The data leaves out sizes that are taken from elsewhere when a volume is copied.
        let parsed = VolumeDefinition::parse(input, pool_of(name, input), CapacityRule::Optional);
        Ok::<_, Refused>(parsed?.format())
    })
}

/// The type of the pool that a volume is in. A name may say it; else a block device is a partition of a disk,
/// and anything else a file in a folder.
fn pool_of(name: &str, input: &str) -> PoolType {
    let words: Vec<&str> = name.split('-').collect();
    let named = PoolType::ALL.iter().copied().find(|kind| words.contains(&kind.as_str()));
    let is_block = ["<volume type='block'", "<volume type=\"block\""].iter().any(|start| input.contains(start));
    named.unwrap_or(if is_block { PoolType::Disk } else { PoolType::Dir })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_types_say_the_pool() {
        assert_eq!(pool_of("vol-logical-backing", "<volume type='block'>"), PoolType::Logical);
        assert_eq!(pool_of("vol-partition", "<volume type='block'>"), PoolType::Disk);
        assert_eq!(pool_of("vol-file", "<volume>"), PoolType::Dir);
    }
}
