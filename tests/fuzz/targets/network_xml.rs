//! Networks and their status files: refused, or printed in a form that reads
//! back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oxivirt_conf::network::{FormatFlags, NetworkDefinition, NetworkStatus, NoHooks, ParseFlags};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(status) = NetworkStatus::parse(text, &NoHooks) {
        let Ok(printed) = status.format() else { return };
        let again = NetworkStatus::parse(&printed, &NoHooks).expect("own output reads back");
        assert_eq!(again.format().expect("prints"), printed);
    }
    let Ok(first) = NetworkDefinition::parse(text, ParseFlags::default(), &NoHooks) else { return };
    let Ok(printed) = first.format(FormatFlags::default()) else { return };
    let again = NetworkDefinition::parse(&printed, ParseFlags::default(), &NoHooks).expect("own output reads back");
    assert_eq!(again.format(FormatFlags::default()).expect("prints"), printed);
});
