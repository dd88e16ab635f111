//! `key = value` files: read or refused with a line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use oxivirt_util::config::Config;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = Config::parse("fuzz.conf", text);
    }
});
