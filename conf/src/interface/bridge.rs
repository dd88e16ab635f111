//! `<bridge>`: a switch made of other interfaces.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use super::HostInterface;
use crate::xml::{Element, Node, OnOff, Writer};

/// `<bridge stp='off' delay='0.01'>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InterfaceBridge {
    pub stp: Option<OnOff>,
    /// Seconds, as written.
    pub delay: Option<String>,
    /// Ethernet cards, bonds and VLANs.
    pub interfaces: Vec<HostInterface>,
}

impl Element for InterfaceBridge {
    fn parse(node: Node<'_>) -> Result<Self> {
        Ok(Self {
            // Other words have always been passed over.
            stp: node.attr("stp").and_then(OnOff::from_word),
            delay: node.value("delay")?,
            interfaces: HostInterface::parse_members(node, &["ethernet", "bond", "vlan"])?,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.attr_opt("stp", self.stp.as_ref());
        w.attr_opt("delay", self.delay.as_ref());
        w.force_children();
        w.elements("interface", &self.interfaces);
    }
}
