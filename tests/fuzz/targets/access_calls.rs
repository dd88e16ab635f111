//! Documents and arguments, as access control reads them before a driver does.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| oxivirt_daemon::fuzz::access_calls(bytes));
