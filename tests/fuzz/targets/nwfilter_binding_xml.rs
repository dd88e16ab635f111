//! Filter bindings: refused, or printed in a form that reads back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oxivirt_conf::nwfilter_binding::NwFilterBinding;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(first) = NwFilterBinding::parse(text) else { return };
    let printed = first.format();
    let again = NwFilterBinding::parse(&printed).expect("own output reads back");
    assert_eq!(again.format(), printed);
});
