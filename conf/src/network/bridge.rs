//! `<bridge>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use crate::xml::{Node, OnOff, Writer};
use crate::xml_enum;

xml_enum! {
    /// Who keeps the table of hardware addresses of the bridge.
    pub enum MacTableManager { Kernel = "kernel", Libvirt = "libvirt" }
}

/// `<bridge name='virbr0' zone='trusted' stp='on' delay='0' macTableManager='kernel'/>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bridge {
    /// `None`, or a pattern with `%d`: chosen by the driver.
    pub name: Option<String>,
    /// Zone of firewalld.
    pub zone: Option<String>,
    /// The spanning tree protocol; on when absent.
    pub stp: Option<OnOff>,
    /// Seconds until traffic passes.
    pub delay: u64,
    pub mac_table_manager: Option<MacTableManager>,
}

impl Bridge {
    /// Whether something is set that only a bridge of the network's own has.
    pub(super) fn is_tuned(&self) -> bool {
        self.zone.is_some() || self.stp.is_some() || self.delay > 0
    }

    /// Prints it; the settings are those of a bridge of the network's `own`.
    pub(super) fn format(&self, own: bool, w: &mut Writer) {
        w.open("bridge");
        w.attr_opt("name", self.name.as_ref());
        w.attr_opt("zone", self.zone.as_ref());
        if own {
            w.attr("stp", &self.stp.unwrap_or(OnOff::On));
            w.attr("delay", &self.delay);
        }
        w.attr_opt("macTableManager", self.mac_table_manager.as_ref());
        w.close_or_drop();
    }

    pub(super) fn parse(node: Node<'_>) -> Result<Self> {
        let text = |name| node.attr(name).filter(|text| !text.is_empty()).map(str::to_owned);
        Ok(Self {
            name: text("name"),
            zone: text("zone"),
            // Everything but `off` has always meant on.
            stp: node.attr("stp").map(|word| OnOff::from(word != "off")),
            delay: node.value("delay")?.unwrap_or(0),
            mac_table_manager: node.value("macTableManager")?,
        })
    }
}

impl super::NetworkDefinition {
    /// Whether the network runs a bridge of its own, as isolated, routed,
    /// translated and open ones do.
    pub fn has_own_bridge(&self) -> bool {
        self.forward.mode.has_own_bridge()
    }
}
