//! Capabilities of pools: refused, or printed in a form that reads back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oxivirt_conf::storage_pool_capabilities::StoragePoolCapabilities;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(first) = StoragePoolCapabilities::parse(text) else { return };
    assert_eq!(StoragePoolCapabilities::parse(&first.format()).expect("own output reads back"), first);
});
