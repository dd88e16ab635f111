//! Snapshots: refused, or printed in a form that reads back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oxivirt_conf::domain::NoHooks;
use oxivirt_conf::snapshot::{SnapshotDefinition, SnapshotFormat, SnapshotParse};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    // Ends of lines that are written as references are printed as they are, which XML reads as blanks.
    if text.contains("&#") {
        return;
    }
    let format = SnapshotFormat { secure: true, ..SnapshotFormat::default() };
    for redefine in [false, true] {
        let flags = SnapshotParse { redefine, disks: true, internal: false };
        let Ok((first, _)) = SnapshotDefinition::parse(text, flags, 1, &NoHooks) else { continue };
        let printed = first.format(format).expect("prints");
        let (again, _) = SnapshotDefinition::parse(&printed, flags, 1, &NoHooks).expect("own output reads back");
        assert_eq!(again.format(format).expect("prints"), printed);
    }
});
