//! The interface itself.

use oxivirt_core::{Error, Result};

use super::{Bond, InterfaceBridge, InterfaceLink, InterfaceVlan, Protocol};
use crate::xml::{Document, Element, Node, WriteMode, Writer};
use crate::xml_enum;

xml_enum! {
    /// When an interface comes up.
    pub enum StartMode { None = "none", OnBoot = "onboot", Hotplug = "hotplug" }
}

/// An interface of the host: everything that its document says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HostInterface {
    /// Name of the device.
    pub name: String,
    /// When it comes up; members of another interface say nothing.
    pub start: Option<StartMode>,
    /// Bytes; 0 when not given. Members of another interface say nothing.
    pub mtu: u32,
    /// Addresses; members of another interface have none.
    pub protocols: Vec<Protocol>,
    /// What the host says of the wire; bridges have none.
    pub link: InterfaceLink,
    /// What it is.
    pub kind: InterfaceKind,
}

/// What an interface is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InterfaceKind {
    /// A card.
    Ethernet {
        /// Hardware address, as written.
        mac: Option<String>,
    },
    /// A switch made of other interfaces.
    Bridge(InterfaceBridge),
    /// Several cards as one.
    Bond(Bond),
    /// A tag on another interface.
    Vlan(InterfaceVlan),
}

impl Default for InterfaceKind {
    fn default() -> Self {
        Self::Ethernet { mac: None }
    }
}

const KINDS: [&str; 4] = ["ethernet", "bridge", "bond", "vlan"];

impl InterfaceKind {
    /// The word of `type=`.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Ethernet { .. } => "ethernet",
            Self::Bridge(_) => "bridge",
            Self::Bond(_) => "bond",
            Self::Vlan(_) => "vlan",
        }
    }
}

impl HostInterface {
    /// Reads a document.
    ///
    /// * `xml` – a document whose outermost element is `<interface>`.
    /// * Errors: `XML_DETAIL` not well formed; `XML_ERROR` for the rest.
    pub fn parse(xml: &str) -> Result<Self> {
        let document = Document::parse(xml)?;
        let root = document.root();
        if root.name() != "interface" {
            return Err(Error::xml(format!("expecting root element of 'interface', not '{}'", root.name())));
        }
        Self::parse_node(root)
    }

    /// Reads an `<interface>` inside another document.
    ///
    /// Errors: as for [`Self::parse`].
    pub fn parse_node(node: Node<'_>) -> Result<Self> {
        let mut found = Self::parse_bare(node, &KINDS)?;
        found.start = match node.child("start") {
            Some(start) => start.value("mode")?,
            None => None,
        };
        found.mtu = match node.child("mtu") {
            Some(mtu) => mtu.value("size")?.unwrap_or(0),
            None => 0,
        };
        found.protocols = node.child_elements("protocol")?;
        Ok(found)
    }

    /// Prints the document.
    pub fn format(&self) -> String {
        let mut w = Writer::new(WriteMode::default());
        w.element("interface", self);
        w.finish()
    }

    /// The hardware address, of a card that says it.
    pub fn mac(&self) -> Option<&str> {
        match &self.kind {
            InterfaceKind::Ethernet { mac } => mac.as_deref(),
            _ => None,
        }
    }

    /// Reads the interfaces inside another one, of certain kinds only. A
    /// bridge holds bonds and a bond holds cards: nothing goes deeper.
    pub(super) fn parse_members(node: Node<'_>, kinds: &[&str]) -> Result<Vec<Self>> {
        let mut found = Vec::with_capacity(node.children_named("interface").count());
        for member in node.children_named("interface") {
            found.push(Self::parse_bare(member, kinds)?);
        }
        Ok(found)
    }

    /// Reads what members of other interfaces say too.
    fn parse_bare(node: Node<'_>, kinds: &[&str]) -> Result<Self> {
        let kind: String = node.require("type")?;
        if !kinds.contains(&kind.as_str()) {
            return Err(node.bad_attr("type", &kind, &kinds.join(", ")));
        }
        let name = node.require("name")?;
        let inner = || node.child(&kind).ok_or_else(|| node.missing_child(&kind));
        let kind = match kind.as_str() {
            "bridge" => InterfaceKind::Bridge(InterfaceBridge::parse(inner()?)?),
            "bond" => InterfaceKind::Bond(Bond::parse(inner()?)?),
            "vlan" => InterfaceKind::Vlan(InterfaceVlan::parse(inner()?)?),
            _ => InterfaceKind::Ethernet {
                mac: node.child("mac").and_then(|mac| mac.attr("address")).map(str::to_owned),
            },
        };
        let link = match &kind {
            InterfaceKind::Bridge(_) => None,
            _ => node.child_element("link")?,
        };
        Ok(Self { name, kind, link: link.unwrap_or_default(), ..Self::default() })
    }
}

impl Element for HostInterface {
    fn parse(node: Node<'_>) -> Result<Self> {
        Self::parse_bare(node, &KINDS)
    }

    fn format(&self, w: &mut Writer) {
        w.attr_str("type", self.kind.type_name());
        w.attr("name", &self.name);
        w.force_children();
        if let Some(mode) = &self.start {
            w.open("start");
            w.attr("mode", mode);
            w.close();
        }
        if self.mtu > 0 {
            w.open("mtu");
            w.attr("size", &self.mtu);
            w.close();
        }
        w.elements("protocol", &self.protocols);
        w.element_unless_empty("link", &self.link);
        match &self.kind {
            InterfaceKind::Ethernet { mac: None } => {}
            InterfaceKind::Ethernet { mac: Some(mac) } => {
                w.open("mac");
                w.attr("address", mac);
                w.close();
            }
            InterfaceKind::Bridge(bridge) => w.element("bridge", bridge),
            InterfaceKind::Bond(bond) => w.element("bond", bond),
            InterfaceKind::Vlan(vlan) => w.element("vlan", vlan),
        }
    }
}
