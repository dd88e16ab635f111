//! Whether a guest that goes on running under another definition would notice.
//!
//! A saved guest that is restored, a snapshot that is reverted to and a guest
//! that moves to another host all meet a definition that somebody may have
//! edited. What only the host sees may differ: sources of disks, networks,
//! graphics, pinning, limits, labels, titles. What the guest sees may not: it
//! has booted on that hardware and holds its state.
//!
//! Stock libvirt 11.3.0 lets some changes pass here that the hypervisor would
//! stumble over, or the guest: numbers of queues and their sizes, features of
//! virtio that are switched, places in the PCI hierarchy, firmware of another
//! type. They are refused as well.
//!
//! One file per group of elements; [`at`] walks both definitions in step and
//! makes the refusal.

mod address;
mod at;
mod characters;
mod cpu;
mod display;
mod features;
mod general;
mod host_devices;
mod machine;
mod memory;
mod network;
mod storage;
#[cfg(test)]
mod tests;

use std::fmt;

use oxivirt_core::{Error, Result};

use self::at::At;
use super::{DomainDefinition, DomainHooks};

/// One difference that a guest would see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbiChange {
    /// Where, as an XPath: `/domain/devices/disk[1]/target/@dev`, or
    /// `count(/domain/devices/disk)` for how many there are.
    pub path: String,
    /// What the guest has; `None` when the element or attribute is not there.
    pub old: Option<String>,
    /// What it would get.
    pub new: Option<String>,
}

impl fmt::Display for AbiChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Option<String>| value.as_ref().map_or("nothing".to_owned(), |v| format!("'{v}'"));
        write!(f, "{} cannot change from {} to {}", self.path, shown(&self.old), shown(&self.new))?;
        f.write_str(" since the guest relies on it")
    }
}

impl From<AbiChange> for Error {
    fn from(change: AbiChange) -> Self {
        Error::config_unsupported(change.to_string())
    }
}

impl DomainDefinition {
    /// Refuses to let a guest that has this definition go on with `new`, if
    /// the guest would see the difference: for a saved guest.
    ///
    /// * `hooks` – may allow a single difference
    ///   ([`DomainHooks::allows_abi_change`]) and compare more at the end
    ///   ([`DomainHooks::check_abi_stability`]).
    /// * Errors: `CONFIG_UNSUPPORTED` naming the first difference with its
    ///   path, old and new value; whatever the hook returns.
    pub fn check_abi_stability(&self, new: &Self, hooks: &dyn DomainHooks) -> Result<()> {
        self.compare_abi(new, Balloon::Still, hooks)
    }

    /// As [`DomainDefinition::check_abi_stability`], for a guest that runs
    /// meanwhile, as in a migration: what its balloon holds is not compared.
    pub fn check_running_abi_stability(&self, new: &Self, hooks: &dyn DomainHooks) -> Result<()> {
        self.compare_abi(new, Balloon::Moving, hooks)
    }

    fn compare_abi(&self, new: &Self, balloon: Balloon, hooks: &dyn DomainHooks) -> Result<()> {
        let at = At::root("domain", hooks);
        general::check(self, new, balloon, at)?;
        features::check(&self.features, &new.features, at.child("features"))?;
        cpu::check(self.cpu.as_ref(), new.cpu.as_ref(), at)?;
        let (here, old_devices, new_devices) = (at.child("devices"), &self.devices, &new.devices);
        storage::check(old_devices, new_devices, here)?;
        network::check(old_devices, new_devices, here)?;
        characters::check(old_devices, new_devices, here)?;
        display::check(old_devices, new_devices, here)?;
        host_devices::check(old_devices, new_devices, here)?;
        memory::check(old_devices, new_devices, here)?;
        machine::check(old_devices, new_devices, here)?;
        hooks.check_abi_stability(self, new)
    }
}

/// Whether the guest gives back and takes memory between the two definitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Balloon {
    Still,
    Moving,
}
