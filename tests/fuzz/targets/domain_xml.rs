//! Domain documents: refused, or printed in a form that reads back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oxivirt_conf::domain::{DomainDefinition, FormatFlags, NoHooks, ParseFlags};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(first) = DomainDefinition::parse(text, ParseFlags::default(), &NoHooks) else { return };
    let Ok(printed) = first.format(FormatFlags::default()) else { return };
    let again = DomainDefinition::parse(&printed, ParseFlags::default(), &NoHooks).expect("own output reads back");
    assert_eq!(again.format(FormatFlags::default()).expect("prints"), printed);
});
