//! Where devices sit: addresses on PCI and other buses.

mod assign;
pub mod pci;
mod usb;
mod virtio_serial;

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_core::Result;

pub use usb::assign as assign_usb;

/// Gives every device that needs an address one, and adds the controllers
/// that these need.
///
/// Errors: `XML_ERROR` when two devices were put in one place or a device in
/// a place that does not take it; `INTERNAL_ERROR` when there is no room.
pub fn assign(domain: &mut DomainDefinition) -> Result<()> {
    virtio_serial::assign(domain)?;
    assign::assign(domain)
}
