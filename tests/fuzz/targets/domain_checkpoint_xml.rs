//! Checkpoints: refused, or printed in a form that reads back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oxivirt_conf::checkpoint::{CheckpointDefinition, CheckpointFormat, CheckpointParse};
use oxivirt_conf::domain::NoHooks;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    // Ends of lines that are written as references are printed as they are, which XML reads as blanks.
    if text.contains("&#") {
        return;
    }
    let format = CheckpointFormat { secure: true, ..CheckpointFormat::default() };
    for redefine in [false, true] {
        let flags = CheckpointParse { redefine, internal: false };
        let Ok((first, _)) = CheckpointDefinition::parse(text, flags, 1, &NoHooks) else { continue };
        let printed = first.format(format).expect("prints");
        let (again, _) = CheckpointDefinition::parse(&printed, flags, 1, &NoHooks).expect("own output reads back");
        assert_eq!(again.format(format).expect("prints"), printed);
    }
});
