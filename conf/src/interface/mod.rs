//! The `<interface>` document of host interfaces: ethernet cards, bridges,
//! bonds and VLANs, their addresses, and what they are made of.

mod bond;
mod bridge;
mod definition;
mod link;
mod protocol;
mod vlan;

pub use bond::{Bond, BondMode, BondMonitor, MiiCarrier, ValidateMode};
pub use bridge::InterfaceBridge;
pub use definition::{HostInterface, InterfaceKind, StartMode};
pub use link::{InterfaceLink, LinkState};
pub use protocol::{InterfaceDhcp, InterfaceIp, Protocol};
pub use vlan::InterfaceVlan;

#[cfg(test)]
mod tests;
