//! Ports of networks: refused, or printed in a form that reads back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oxivirt_conf::network_port::NetworkPort;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(first) = NetworkPort::parse(text) else { return };
    let printed = first.format();
    assert_eq!(NetworkPort::parse(&printed).expect("own output reads back").format(), printed);
});
