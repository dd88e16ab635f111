//! What this driver refuses.
//!
//! A file per part of a definition; each says no with the error that a client
//! of the same call would get anywhere, and changes nothing.

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_core::{Error, ErrorCode, Result};

use crate::capabilities::Emulator;

mod controller;
mod cpu;
mod devices;
mod disk;
mod hostdev;
mod machine;
mod memory;
mod platform;

/// Refuses what the binary, or QEMU in general, cannot do.
///
/// Errors: `CONFIG_UNSUPPORTED`, or `XML_ERROR` for what never makes sense.
pub(crate) fn domain(def: &DomainDefinition, emulator: Option<&Emulator>) -> Result<()> {
    machine::machine(def, emulator)?;
    cpu::cpu(def)?;
    memory::memory(def)?;
    platform::features(def, emulator)?;
    platform::iommus(def)?;
    controller::controllers(def)?;
    disk::disks(def, emulator)?;
    hostdev::hostdevs(def)?;
    devices::devices(def)?;
    crate::arch::validate(def, emulator)
}

/// What QEMU does not have.
fn unsupported<T>(text: impl Into<String>) -> Result<T> {
    Err(Error::config_unsupported(text))
}

/// What makes no sense anywhere.
fn refuse<T>(text: impl Into<String>) -> Result<T> {
    Err(Error::xml(text))
}

/// What refers to something that is not there.
fn dangling<T>(text: impl Into<String>) -> Result<T> {
    Err(Error::new(ErrorCode::XML_DETAIL, text))
}
