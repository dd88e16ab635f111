//! Volumes in pools of each type: refused, or printed in a form that reads back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oxivirt_conf::storage_pool::PoolType;
use oxivirt_conf::storage_volume::{CapacityRule, VolumeDefinition};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    // Ends of lines that are written as references are printed as they are, which XML reads as blanks.
    if text.contains("&#") {
        return;
    }
    // One for each kind of formats: images, partitions, none.
    for kind in [PoolType::Dir, PoolType::Disk, PoolType::Logical] {
        let Ok(first) = VolumeDefinition::parse(text, kind, CapacityRule::Optional) else { continue };
        let printed = first.format();
        let again = VolumeDefinition::parse(&printed, kind, CapacityRule::Required).expect("own output reads back");
        assert_eq!(again.format(), printed);
    }
});
