//! `<device>`: a device of the host.
//!
//! A [`NodeDeviceDefinition`] has a name, a place in the tree of devices and
//! [`Capability`] values that say what it is and can do, one file per kind.

mod ap;
mod capability;
mod ccw;
mod definition;
mod mdev;
mod net;
mod number;
mod pci;
mod pci_express;
mod scsi;
mod storage;
mod system;
mod usb;
mod vpd;

pub use ap::{ApMatrix, ApQueue};
pub use capability::{Capability, CapabilityKind, DrmType};
pub use ccw::{CcwAddress, CcwDevice, CcwGroup, CcwGroupType, CcwMember, CcwState, CssDevice};
pub use definition::{DeviceView, NodeDeviceDefinition, ParentHba, ParseAs};
pub use mdev::{MdevConfig, MdevDevice, MdevType};
pub use net::{LinkState, NetDevice, NetFeature, NetLayer, NetLink};
pub use pci::{HardwareId, IommuGroup, PciDevice, PciHeader, VirtualFunctions};
pub use pci_express::{LinkSpeed, PciExpress, PciLink};
pub use scsi::{FcHost, FcRemotePort, ScsiDevice, ScsiHost, ScsiTarget, VportOps};
pub use storage::{Blocks, RemovableMedia, StorageDevice};
pub use system::SystemDevice;
pub use usb::{UsbDevice, UsbInterface};
pub use vpd::{Vpd, VpdReadOnly, VpdReadWrite};

#[cfg(test)]
mod tests;
