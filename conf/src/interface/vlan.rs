//! `<vlan>`: a tag on another interface.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use crate::xml::{Element, Node, Writer};

/// `<vlan tag='42'><interface name='eth0'/></vlan>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InterfaceVlan {
    /// As written.
    pub tag: String,
    /// The interface below.
    pub dev: String,
}

impl Element for InterfaceVlan {
    fn parse(node: Node<'_>) -> Result<Self> {
        let tag = node.require("tag")?;
        let below = node.child("interface").ok_or_else(|| node.missing_child("interface"))?;
        Ok(Self { tag, dev: below.require("name")? })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("tag", &self.tag);
        w.open("interface");
        w.attr("name", &self.dev);
        w.close();
    }
}
