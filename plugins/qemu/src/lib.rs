//! The QEMU driver: guests run by `qemu-system-*` processes.

pub mod addresses;
pub mod aliases;
pub mod capabilities;
pub mod command;
pub mod console;
pub mod document;
pub mod guests;
pub mod hooks;
pub mod lifecycle;
pub mod monitor;
pub mod process;
pub mod state;
pub mod sys;
