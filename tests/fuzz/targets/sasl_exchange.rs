//! Exchanges of SASL: refused, never a panic, and nobody comes in without a password.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| oxivirt_daemon::fuzz::sasl_exchange(bytes));
