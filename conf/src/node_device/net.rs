//! Network cards.

use std::collections::BTreeSet;

use oxivirt_core::Result;

use super::number::{require_text, text};
use crate::xml::{Element, Node, Writer};
use crate::xml_enum;

xml_enum! {
    /// State of a card's link, as the kernel names it.
    pub enum LinkState {
        Unknown = "unknown", NotPresent = "notpresent", Down = "down", LowerLayerDown = "lowerlayerdown",
        Testing = "testing", Dormant = "dormant", Up = "up",
    }
}

xml_enum! {
    /// What a card can do by itself, in the order in which it prints.
    pub enum NetFeature {
        Rx = "rx", Tx = "tx", Sg = "sg", Tso = "tso", Gso = "gso", Gro = "gro", Lro = "lro", RxVlan = "rxvlan",
        TxVlan = "txvlan", Ntuple = "ntuple", RxHash = "rxhash", Rdma = "rdma", TxUdpTunnel = "txudptnl",
        SwitchDev = "switchdev",
    }
}

xml_enum! {
    /// The standard of the medium: wire or radio.
    pub enum NetLayer { Ethernet = "80203", Wireless = "80211" }
}

/// `<capability type='net'>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NetDevice {
    /// The host's name of the card.
    pub interface: String,
    /// The hardware address, as written.
    pub address: Option<String>,
    /// The link.
    pub link: NetLink,
    /// What the card can do.
    pub features: BTreeSet<NetFeature>,
    /// Its medium.
    pub layer: Option<NetLayer>,
}

/// `<link speed='1000' state='up'/>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NetLink {
    /// Megabits per second, 0 when unknown.
    pub speed: u32,
    /// Whether packets pass.
    pub state: Option<LinkState>,
}

impl Element for NetLink {
    fn parse(node: Node<'_>) -> Result<Self> {
        Ok(Self { speed: node.value("speed")?.unwrap_or(0), state: node.value("state")? })
    }

    fn format(&self, w: &mut Writer) {
        w.attr_opt("speed", Some(&self.speed).filter(|speed| **speed > 0));
        w.attr_opt("state", self.state.as_ref());
    }
}

impl Element for NetDevice {
    fn parse(node: Node<'_>) -> Result<Self> {
        let layer = node.child("capability").filter(|layer| layer.attr("type").is_some());
        Ok(Self {
            interface: require_text(node, "interface")?,
            address: text(node, "address"),
            link: node.child_element("link")?.unwrap_or_default(),
            features: node.children_named("feature").map(|feature| feature.require("name")).collect::<Result<_>>()?,
            layer: layer.map(|layer| layer.require("type")).transpose()?,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.leaf("interface", &self.interface);
        w.leaf_opt("address", self.address.as_ref());
        w.element_unless_empty("link", &self.link);
        for feature in &self.features {
            w.open("feature");
            w.attr("name", feature);
            w.close();
        }
        if let Some(layer) = &self.layer {
            w.open("capability");
            w.attr("type", layer);
            w.close();
        }
    }
}
