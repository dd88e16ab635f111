//! The port itself.

use oxivirt_core::{Error, ErrorCode, Result};
use uuid::Uuid;

use super::Plug;
use crate::net::{BandwidthLimits, MacAddress, PortOptions, VirtualPort, Vlan, coded};
use crate::xml::{Document, Element, Node, Value, WriteMode, Writer, YesNo};

/// A port: everything that its document says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NetworkPort {
    /// Unique among the ports of a network.
    pub uuid: Uuid,
    /// The guest.
    pub owner: PortOwner,
    /// The group of ports that it belongs to.
    pub group: Option<String>,
    /// Hardware address of the guest's card.
    pub mac: MacAddress,
    /// How it is made known to a switch.
    pub virtualport: Option<VirtualPort>,
    /// Limits, with the class once there is one.
    pub bandwidth: Option<BandwidthLimits>,
    /// Tags.
    pub vlan: Option<Vlan>,
    /// What it may do.
    pub port: Option<PortOptions>,
    /// Whether the guest's own filters for received frames are followed.
    pub trust_guest_rx_filters: Option<YesNo>,
    /// What it was connected to.
    pub plug: Option<Plug>,
}

/// Whose port it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PortOwner {
    /// Name of the guest.
    pub name: String,
    /// And its uuid.
    pub uuid: Uuid,
}

impl NetworkPort {
    /// Reads a document or a state file.
    ///
    /// * `xml` – a document whose outermost element is `<networkport>`.
    /// * Errors: `XML_DETAIL` not well formed; `INTERNAL_ERROR` for a uuid,
    ///   owner or hardware address that is missing or none; `XML_ERROR` and
    ///   `CONFIG_UNSUPPORTED` for the rest.
    pub fn parse(xml: &str) -> Result<Self> {
        let document = Document::parse(xml)?;
        let root = document.root();
        if root.name() != "networkport" {
            return Err(Error::xml(format!("expecting root element of 'networkport', not '{}'", root.name())));
        }
        <Self as Element>::parse(root)
    }

    /// Prints the document.
    pub fn format(&self) -> String {
        let mut w = Writer::new(WriteMode::default());
        w.element("networkport", self);
        w.finish()
    }
}

/// The text of a child as a value, with the code that clients know.
fn required<T: Value>(node: Node<'_>, text: Option<&str>, what: &str) -> Result<T> {
    let Some(text) = text else {
        return Err(coded(ErrorCode::INTERNAL_ERROR, node, format_args!("network port has no {what}")));
    };
    T::parse_value(text).ok_or_else(|| coded(ErrorCode::INTERNAL_ERROR, node, format_args!("'{text}' is no {what}")))
}

impl Element for NetworkPort {
    fn parse(node: Node<'_>) -> Result<Self> {
        let owner = node.child("owner");
        let owner_text =
            |name| owner.and_then(|owner: Node<'_>| owner.child_text(name)).filter(|text| !text.is_empty());
        let mac = node.child("mac");
        Ok(Self {
            uuid: required(node, node.child_text("uuid").as_deref(), "uuid")?,
            owner: PortOwner {
                name: required(node, owner_text("name").as_deref(), "owner name")?,
                uuid: required(node, owner_text("uuid").as_deref(), "owner UUID")?,
            },
            group: node.child_text("group").filter(|group| !group.is_empty()).map(|group| group.into_owned()),
            mac: required(node, mac.and_then(|mac| mac.attr("address")), "mac")?,
            virtualport: node.child_element("virtualport")?,
            bandwidth: node.child("bandwidth").map(BandwidthLimits::of_port).transpose()?,
            vlan: node.child_element("vlan")?,
            port: node.child_element("port")?,
            trust_guest_rx_filters: node.child("rxfilters").map(|rx| rx.value("trustGuest")).transpose()?.flatten(),
            plug: node.child("plug").map(Plug::parse).transpose()?.flatten(),
        })
    }

    fn format(&self, w: &mut Writer) {
        w.leaf("uuid", &self.uuid);
        w.open("owner");
        w.leaf("name", &self.owner.name);
        w.leaf("uuid", &self.owner.uuid);
        w.close();
        w.leaf_opt("group", self.group.as_ref());
        w.open("mac");
        w.attr("address", &self.mac);
        w.close();
        if let Some(port) = &self.virtualport {
            w.element_unless_empty("virtualport", port);
        }
        if let Some(bandwidth) = &self.bandwidth {
            w.element_unless_empty("bandwidth", bandwidth);
        }
        if let Some(vlan) = &self.vlan {
            w.element("vlan", vlan);
        }
        if let Some(port) = &self.port {
            w.element_unless_empty("port", port);
        }
        if let Some(trust) = &self.trust_guest_rx_filters {
            w.open("rxfilters");
            w.attr("trustGuest", trust);
            w.close();
        }
        if let Some(plug) = &self.plug {
            plug.write(w);
        }
    }
}
