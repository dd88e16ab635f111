//! The QEMU driver: guests run by `qemu-system-*` processes.

pub mod capabilities;
pub mod monitor;
pub mod process;
pub mod sys;
