//! The file of SASL users: refused with its line, or written in a form that reads back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| oxivirt_daemon::fuzz::sasl_users(bytes));
