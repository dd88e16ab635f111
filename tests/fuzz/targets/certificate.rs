//! Certificates of clients: their subject, or nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| oxivirt_daemon::fuzz::certificate(bytes));
