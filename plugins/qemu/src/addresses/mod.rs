//! Where devices sit: addresses on PCI and other buses.

mod assign;
mod ccw;
mod class;
pub mod pci;
mod spapr_vio;
mod usb;
mod virtio;
mod virtio_mmio;
mod virtio_serial;
mod zpci;

use std::path::Path;

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_core::Result;

use crate::arch::{self, Board, VirtioBus};

pub use usb::assign as assign_usb;

/// Gives every device that needs an address one, and adds the controllers
/// that these need.
///
/// * `host_devices` – the folder with the PCI devices of the host, such as [`HOST_PCI`]; some boards keep those
///   apart that the host hands over as one.
/// * Errors: `XML_ERROR` when two devices were put in one place or a device in
///   a place that does not take it; `INTERNAL_ERROR` when there is no room.
pub fn assign(domain: &mut DomainDefinition, host_devices: &Path) -> Result<()> {
    usb::check(domain)?;
    virtio_serial::assign(domain)?;
    let board = arch::board(domain);
    let channels = board.as_ref().is_some_and(|board| board.virtio == VirtioBus::Ccw);
    let has_pci = board.as_ref().is_none_or(|board| board.pci_root.is_some());
    match board {
        Some(Board { virtio: VirtioBus::Ccw, .. }) => ccw::assign(domain)?,
        Some(Board { virtio: VirtioBus::Mmio, .. }) => virtio_mmio::assign(domain),
        Some(Board { host_bridges: true, .. }) => spapr_vio::assign(domain)?,
        _ => {}
    }
    if channels {
        zpci::assign(domain, zpci::Who::Given)?;
    }
    // A bus that the board does not have cannot be relied on.
    if has_pci {
        assign::assign(domain, host_devices)?;
    }
    if channels {
        zpci::assign(domain, zpci::Who::All)?;
    }
    Ok(())
}

/// Where Linux shows the PCI devices of the host.
pub const HOST_PCI: &str = "/sys/bus/pci/devices";
