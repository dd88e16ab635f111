//! What this driver refuses.
//!
//! A file per part of a definition; each says no with the error that a client
//! of the same call would get anywhere, and changes nothing.

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_core::Result;

use crate::capabilities::Emulator;

mod machine;

/// Refuses what the binary, or QEMU in general, cannot do.
///
/// Errors: `CONFIG_UNSUPPORTED`, or `XML_ERROR` for what never makes sense.
pub(crate) fn domain(def: &DomainDefinition, emulator: Option<&Emulator>) -> Result<()> {
    machine::machine(def, emulator)?;
    crate::arch::validate(def, emulator)
}
