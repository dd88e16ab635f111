//! `<link>`: what the host says of the wire.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use crate::xml::{Element, Node, Writer};
use crate::xml_enum;

xml_enum! {
    pub enum LinkState {
        Unknown = "unknown", NotPresent = "notpresent", Down = "down", LowerLayerDown = "lowerlayerdown",
        Testing = "testing", Dormant = "dormant", Up = "up",
    }
}

/// `<link speed='1000' state='up'/>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InterfaceLink {
    /// Mbit per second, from 1.
    pub speed: Option<u32>,
    pub state: Option<LinkState>,
}

impl Element for InterfaceLink {
    fn parse(node: Node<'_>) -> Result<Self> {
        Ok(Self { speed: node.value("speed")?.filter(|speed| *speed > 0), state: node.value("state")? })
    }

    fn format(&self, w: &mut Writer) {
        w.attr_opt("speed", self.speed.as_ref());
        w.attr_opt("state", self.state.as_ref());
    }
}
