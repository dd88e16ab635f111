//! Interfaces of the host: refused, or printed in a form that reads back the
//! same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oxivirt_conf::interface::HostInterface;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(first) = HostInterface::parse(text) else { return };
    let printed = first.format();
    assert_eq!(HostInterface::parse(&printed).expect("own output reads back").format(), printed);
});
