//! Where devices sit: addresses on PCI and other buses.

pub mod pci;
