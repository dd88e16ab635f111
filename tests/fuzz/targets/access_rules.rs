//! The file of access rules: refused with its lines, or able to decide.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| oxivirt_daemon::fuzz::access_rules(bytes));
