//! `<pci-express>`: the link of a device.

use oxivirt_core::Result;

use crate::xml::{Element, Node, Writer};
use crate::xml_enum;

xml_enum! {
    /// Gigatransfers per second.
    pub enum LinkSpeed {
        Gt2_5 = "2.5", Gt5 = "5", Gt8 = "8", Gt16 = "16", Gt32 = "32", Gt64 = "64",
    }
}

xml_enum! {
    enum Validity { Capable = "cap", State = "sta" }
}

/// What the link could do and what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PciExpress {
    /// At its best.
    pub capable: Option<PciLink>,
    /// Now.
    pub state: Option<PciLink>,
}

/// `<link port='0' speed='2.5' width='4'/>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PciLink {
    /// Number of the port.
    pub port: Option<u32>,
    /// `None` when unknown.
    pub speed: Option<LinkSpeed>,
    /// Count of lanes, 0 when the link is down.
    pub width: u32,
}

impl Element for PciExpress {
    fn parse(node: Node<'_>) -> Result<Self> {
        let mut express = Self::default();
        for child in node.children_named("link") {
            let slot = match child.value("validity")? {
                None => continue,
                Some(Validity::Capable) => &mut express.capable,
                Some(Validity::State) => &mut express.state,
            };
            if slot.is_none() {
                *slot = Some(PciLink::parse(child)?);
            }
        }
        Ok(express)
    }

    fn format(&self, w: &mut Writer) {
        for (validity, link) in [(Validity::Capable, &self.capable), (Validity::State, &self.state)] {
            if let Some(link) = link {
                w.open("link");
                w.attr("validity", &validity);
                link.format(w);
                w.close();
            }
        }
    }
}

impl Element for PciLink {
    fn parse(node: Node<'_>) -> Result<Self> {
        let speed = node.attr("speed").filter(|speed| !speed.is_empty());
        Ok(Self {
            port: node.value("port")?,
            speed: speed.map(|_| node.require("speed")).transpose()?,
            width: node.require("width")?,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.attr_opt("port", self.port.as_ref());
        w.attr_opt("speed", self.speed.as_ref());
        w.attr("width", &self.width);
    }
}
