//! What a driver adds to the reading of a document.

use oxivirt_core::Result;

use super::devices::DeviceMut;
use super::{AbiChange, DomainDefinition, ParseFlags};

/// A driver's part in [`DomainDefinition::parse`]. Every method has a default
/// that does nothing; a driver keeps its own data in the implementing struct.
/// An error of any method fails the parse with that error.
pub trait DomainHooks {
    /// Before anything generic is filled in: architecture, machine, emulator.
    fn basic_post_parse(&self, def: &mut DomainDefinition, flags: ParseFlags) -> Result<()> {
        let _ = (def, flags);
        Ok(())
    }

    /// Fills in the defaults of one device.
    ///
    /// `def` is the domain around it; the list of this device's own kind is
    /// empty during the call.
    fn device_post_parse(&self, device: DeviceMut<'_>, def: &DomainDefinition, flags: ParseFlags) -> Result<()> {
        let _ = (device, def, flags);
        Ok(())
    }

    /// Fills in the defaults of the whole: implied devices, CPU, features.
    fn definition_post_parse(&self, def: &mut DomainDefinition, flags: ParseFlags) -> Result<()> {
        let _ = (def, flags);
        Ok(())
    }

    /// Gives an address to every device that needs one and has none.
    fn assign_addresses(&self, def: &mut DomainDefinition, flags: ParseFlags) -> Result<()> {
        let _ = (def, flags);
        Ok(())
    }

    /// Refuses what the hypervisor cannot do; code `CONFIG_UNSUPPORTED`.
    fn validate(&self, def: &DomainDefinition, flags: ParseFlags) -> Result<()> {
        let _ = (def, flags);
        Ok(())
    }

    /// Refuses a change between two definitions of one guest that it would see
    /// and that only the driver knows about, such as something in its own
    /// namespace; code `CONFIG_UNSUPPORTED`. Called when all else is the same.
    fn check_abi_stability(&self, old: &DomainDefinition, new: &DomainDefinition) -> Result<()> {
        let _ = (old, new);
        Ok(())
    }

    /// Whether a guest of this hypervisor can live with one difference that is
    /// otherwise refused.
    fn allows_abi_change(&self, change: &AbiChange) -> bool {
        let _ = change;
        false
    }

    /// The first three bytes of generated hardware addresses.
    fn mac_prefix(&self) -> [u8; 3] {
        [0x52, 0x54, 0x00]
    }

    /// What the generic post-parse may add on its own.
    fn adds_implied_controllers(&self) -> bool {
        true
    }
}

/// No driver: only what is the same for all of them.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHooks;

impl DomainHooks for NoHooks {}
