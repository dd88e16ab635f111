//! `<portgroup>`: settings for a kind of ports.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use crate::net::{BandwidthLimits, VirtualPort, Vlan};
use crate::xml::{Element, Node, Writer, YesNo};

/// `<portgroup name='engineering' default='yes'>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PortGroup {
    pub name: String,
    /// Whether it is for ports that name no group.
    pub is_default: bool,
    pub trust_guest_rx_filters: Option<YesNo>,
    pub vlan: Option<Vlan>,
    /// Parameters that the network leaves open.
    pub virtualport: Option<VirtualPort>,
    pub bandwidth: Option<BandwidthLimits>,
}

impl Element for PortGroup {
    fn parse(node: Node<'_>) -> Result<Self> {
        let name = node.attr("name").filter(|name| !name.is_empty()).ok_or_else(|| node.missing_attr("name"))?;
        Ok(Self {
            name: name.to_owned(),
            is_default: node.attr("default") == Some("yes"),
            trust_guest_rx_filters: node.value("trustGuestRxFilters")?,
            vlan: node.child_element("vlan")?,
            virtualport: node.child_element("virtualport")?,
            bandwidth: node.child("bandwidth").map(BandwidthLimits::of_network).transpose()?,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("name", &self.name);
        if self.is_default {
            w.attr_str("default", "yes");
        }
        w.attr_opt("trustGuestRxFilters", self.trust_guest_rx_filters.as_ref());
        w.force_children();
        if let Some(vlan) = &self.vlan {
            w.element("vlan", vlan);
        }
        if let Some(port) = &self.virtualport {
            w.element_unless_empty("virtualport", port);
        }
        if let Some(bandwidth) = &self.bandwidth {
            w.element_unless_empty("bandwidth", bandwidth);
        }
    }
}
