//! The `<network>` document.
//!
//! [`NetworkDefinition::parse`] reads a document, lets the driver fill in its
//! defaults and checks the whole; [`NetworkHooks`] is what a driver
//! implements. [`NetworkDefinition::update`] changes one part of a
//! definition, [`NetworkStatus`] is the file about a running network.

mod bridge;
mod defaults;
mod definition;
mod dhcp;
mod dns;
mod dns_domain;
mod firewall;
mod forward;
mod hooks;
mod ip;
mod metadata;
mod namespace;
mod nat;
mod portgroup;
mod status;
mod update;
mod update_dhcp;
mod update_dns;
mod validate;

pub use crate::domain::devices::{PciAddress, PciDriver, PciDriverName};
pub use crate::domain::{FormatFlags, ParseFlags};
pub use crate::net::*;
pub use bridge::{Bridge, MacTableManager};
pub use definition::NetworkDefinition;
pub use dhcp::{Bootp, Dhcp, DhcpHost, DhcpRange, Lease, LeaseUnit};
pub use dns::{Dns, DnsHost, DnsSrv, DnsTxt, Forwarder};
pub use dns_domain::DnsDomain;
pub use firewall::{FirewallAction, FirewallGroup, FirewallRemoval};
pub use forward::{Forward, ForwardDevice, ForwardMode, ForwardTarget};
pub use hooks::{NetworkHooks, NoHooks};
pub use ip::NetworkIp;
pub use namespace::DNSMASQ_NAMESPACE;
pub use nat::Nat;
pub use portgroup::PortGroup;
pub use status::NetworkStatus;
pub use update::{UpdateCommand, UpdateSection};

#[cfg(test)]
mod tests;
#[cfg(test)]
mod update_tests;
