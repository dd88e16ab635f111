//! `<sysinfo>`: the strings of firmware tables, of a guest or of a host.
//!
//! [`SysInfo`] is what a domain gives itself; [`HostSysInfo`] is the document
//! about a host, with its processors and memory. The readers make the latter
//! from texts that the host has: [`read_dmi`], [`read_arm`], [`read_ppc`],
//! [`read_s390`]. They open no file.

mod cpuinfo;
mod dmi;
mod host;
mod s390;
mod strings;

pub use cpuinfo::{read_arm, read_ppc};
pub use dmi::read_dmi;
pub use host::HostSysInfo;
pub use s390::read_s390;
pub use strings::{FwCfgEntry, SysInfo, SysInfoEntry, SysInfoType};

/// An entry unless its value is empty; blanks behind are cut off.
fn entry(name: &str, value: &str) -> Option<SysInfoEntry> {
    let value = value.trim_end();
    (!value.is_empty()).then(|| SysInfoEntry { name: name.to_owned(), value: value.to_owned() })
}

/// The parts of a line `key : value`.
fn key_and_value(line: &str) -> Option<(&str, &str)> {
    line.split_once(':').map(|(key, value)| (key.trim(), value.trim()))
}
