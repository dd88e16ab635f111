//! `<plug>`: what a port was connected to.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use crate::domain::devices::{DirectMode, PciAddress, PciDriver};
use crate::network::MacTableManager;
use crate::xml::{Node, Writer, YesNo};

/// What a port was connected to, by `type=`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plug {
    /// The network's own bridge.
    Network { bridge: String, mac_table_manager: Option<MacTableManager> },
    /// A bridge of the host.
    Bridge { bridge: String, mac_table_manager: Option<MacTableManager> },
    /// An interface of the host, shared.
    Direct { dev: String, mode: DirectMode },
    /// A device of the host, handed over.
    HostdevPci { managed: Option<YesNo>, driver: PciDriver, address: PciAddress },
}

impl Plug {
    /// Reads it; `None` for a port that is not connected yet.
    pub(super) fn parse(node: Node<'_>) -> Result<Option<Self>> {
        let bridge = || -> Result<_> { Ok((node.require("bridge")?, node.value("macTableManager")?)) };
        Ok(Some(match node.attr("type") {
            None | Some("none") => return Ok(None),
            Some("network") => {
                let (bridge, mac_table_manager) = bridge()?;
                Self::Network { bridge, mac_table_manager }
            }
            Some("bridge") => {
                let (bridge, mac_table_manager) = bridge()?;
                Self::Bridge { bridge, mac_table_manager }
            }
            Some("direct") => Self::Direct { dev: node.require("dev")?, mode: node.value("mode")?.unwrap_or_default() },
            Some("hostdev-pci") => Self::HostdevPci {
                managed: node.value("managed")?,
                driver: node.child_element("driver")?.unwrap_or_default(),
                address: node.child_element("address")?.ok_or_else(|| node.missing_child("address"))?,
            },
            Some(other) => {
                return Err(node.bad_attr("type", other, "none, network, bridge, direct, hostdev-pci"));
            }
        }))
    }

    pub(super) fn write(&self, w: &mut Writer) {
        w.open("plug");
        match self {
            Self::Network { bridge, mac_table_manager } | Self::Bridge { bridge, mac_table_manager } => {
                let own = matches!(self, Self::Network { .. });
                w.attr_str("type", if own { "network" } else { "bridge" });
                w.attr("bridge", bridge);
                w.attr_opt("macTableManager", mac_table_manager.as_ref());
            }
            Self::Direct { dev, mode } => {
                w.attr_str("type", "direct");
                w.attr("dev", dev);
                w.attr("mode", mode);
            }
            Self::HostdevPci { managed, driver, address } => {
                w.attr_str("type", "hostdev-pci");
                w.attr_opt("managed", managed.as_ref());
                w.element_unless_empty("driver", driver);
                w.open("address");
                address.format_place(w);
                w.close();
            }
        }
        w.close();
    }
}
