//! The QEMU driver: guests run by `qemu-system-*` processes.

pub mod monitor;
