//! The network itself.

use oxivirt_core::{Error, ErrorCode, Result};
use uuid::Uuid;

use super::bridge::Bridge;
use super::dns_domain::DnsDomain;
use super::{
    Dns, FormatFlags, Forward, ForwardMode, NetworkHooks, NetworkIp, ParseFlags, PortGroup, namespace, validate,
};
use crate::domain::parse_metadata;
use crate::net::{BandwidthLimits, MacAddress, PortOptions, Route, VirtualPort, Vlan, coded};
use crate::object::Definition;
use crate::xml::{Document, Element, Node, RawElement, Writer, YesNo};

/// A network: everything that its document says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NetworkDefinition {
    /// Unique among networks of a driver; without `/`.
    pub name: String,
    /// Made when the document has none.
    pub uuid: Uuid,
    /// One line for people.
    pub title: Option<String>,
    /// Any text for people.
    pub description: Option<String>,
    /// Other programs' elements, the whole `<metadata>`.
    pub metadata: Option<Box<RawElement>>,
    /// Ports that are in use; shown in live documents only, never read.
    pub connections: u32,
    /// Whether guests may speak IPv6 among themselves where the network has
    /// no address of that family.
    pub ipv6: bool,
    /// Whether a guest's own filters for received frames are followed.
    pub trust_guest_rx_filters: Option<YesNo>,
    /// How guests reach the world.
    pub forward: Forward,
    /// The bridge, its own or one of the host.
    pub bridge: Bridge,
    /// Bytes; 0 when not given.
    pub mtu: u32,
    /// Hardware address of the bridge.
    pub mac: Option<MacAddress>,
    /// The DNS domain.
    pub domain: Option<DnsDomain>,
    /// The name server.
    pub dns: Dns,
    /// Tags of all ports.
    pub vlan: Option<Vlan>,
    /// Limits of the network as a whole.
    pub bandwidth: Option<BandwidthLimits>,
    /// What ports may do.
    pub port: Option<PortOptions>,
    /// Addresses of the host in the network.
    pub ips: Vec<NetworkIp>,
    /// Static routes of the host.
    pub routes: Vec<Route>,
    /// How ports are made known to a switch.
    pub virtualport: Option<VirtualPort>,
    /// Settings for kinds of ports.
    pub portgroups: Vec<PortGroup>,
    /// Lines for the configuration file of dnsmasq.
    pub dnsmasq_options: Vec<String>,
}

impl NetworkDefinition {
    /// Reads a document, with the driver's defaults and all checks.
    ///
    /// * `xml` – a document whose outermost element is `<network>`.
    /// * Of the flags only `SKIP_POST_PARSE` and `SKIP_VALIDATE` count here;
    ///   hooks see all.
    /// * Errors: `XML_DETAIL` not well formed, or a name, DNS record or limit
    ///   that lacks something; `NO_NAME`; `XML_ERROR` a value that means
    ///   nothing; `CONFIG_UNSUPPORTED` one that cannot be had;
    ///   `INTERNAL_ERROR` a range of addresses that is none; or whatever a
    ///   hook returns.
    pub fn parse(xml: &str, flags: ParseFlags, hooks: &dyn NetworkHooks) -> Result<Self> {
        let document = Document::parse(xml)?.with_mode(flags.mode());
        let root = document.root();
        if root.name() != "network" {
            return Err(Error::xml(format!("expecting root element of 'network', not '{}'", root.name())));
        }
        Self::parse_node(root, flags, hooks)
    }

    /// Reads a `<network>` inside another document.
    pub fn parse_node(node: Node<'_>, flags: ParseFlags, hooks: &dyn NetworkHooks) -> Result<Self> {
        let mut def = <Self as Element>::parse(node)?;
        if !flags.has(ParseFlags::SKIP_POST_PARSE) {
            def.complete(flags, hooks)?;
        }
        Ok(def)
    }

    /// Runs the driver's defaults and the checks once more, for a definition
    /// that was put together or changed in memory.
    pub fn complete(&mut self, flags: ParseFlags, hooks: &dyn NetworkHooks) -> Result<()> {
        hooks.post_parse(self, flags)?;
        if !flags.has(ParseFlags::SKIP_VALIDATE) {
            validate::run(self)?;
            hooks.validate(self, flags)?;
        }
        Ok(())
    }

    /// Prints the document; only `INACTIVE` counts, which leaves out who is
    /// connected and what a physical function was found to have.
    ///
    /// Errors: `INTERNAL_ERROR` for a definition without name.
    pub fn format(&self, flags: FormatFlags) -> Result<String> {
        if self.name.is_empty() {
            return Err(Error::internal("a network without name cannot be printed"));
        }
        let mut w = Writer::new(flags.mode());
        w.element("network", self);
        Ok(w.finish())
    }

    /// The group of ports for a port that names `name`, or names none.
    pub fn portgroup(&self, name: Option<&str>) -> Option<&PortGroup> {
        match name {
            Some(name) => self.portgroups.iter().find(|group| group.name == name),
            None => self.portgroups.iter().find(|group| group.is_default),
        }
    }
}

impl Element for NetworkDefinition {
    fn parse(node: Node<'_>) -> Result<Self> {
        let text = |name: &str| node.child_text(name).map(|t| t.into_owned()).filter(|t| !t.is_empty());
        let name = text("name").ok_or_else(|| Error::new(ErrorCode::NO_NAME, ""))?;
        if name.contains('/') {
            return Err(Error::new(ErrorCode::XML_DETAIL, format!("name '{name}' cannot contain '/'")));
        }
        let uuid = match node.child("uuid") {
            None => Uuid::new_v4(),
            Some(uuid) => {
                let malformed = |_| coded(ErrorCode::INTERNAL_ERROR, uuid, "malformed uuid element");
                uuid.text_value().map_err(malformed)?
            }
        };
        let title = text("title");
        if let Some(title) = title.as_ref().filter(|t| t.contains('\n')) {
            return Err(Error::xml(format!("the title '{title}' has more than one line")));
        }
        let mac = match node.child("mac").filter(|mac| mac.attr("address").is_some()) {
            None => None,
            Some(mac) => {
                let address: MacAddress = mac.require("address")?;
                if address.is_multicast() {
                    return Err(mac.bad_attr("address", &address.to_string(), "a unicast address"));
                }
                Some(address)
            }
        };
        Ok(Self {
            name,
            uuid,
            title,
            description: text("description"),
            metadata: node
                .child("metadata")
                .and_then(parse_metadata)
                .filter(|metadata| metadata.elements().next().is_some())
                .map(Box::new),
            connections: 0,
            ipv6: node.value("ipv6")?.unwrap_or(YesNo::No).is_yes(),
            trust_guest_rx_filters: node.value("trustGuestRxFilters")?,
            forward: node.child("forward").map(Forward::parse).transpose()?.unwrap_or_default(),
            bridge: node.child("bridge").map(Bridge::parse).transpose()?.unwrap_or_default(),
            mtu: match node.child("mtu") {
                Some(mtu) => mtu.value("size")?.unwrap_or(0),
                None => 0,
            },
            mac,
            domain: node.child("domain").map(DnsDomain::parse).transpose()?.flatten(),
            dns: node.child_element("dns")?.unwrap_or_default(),
            vlan: node.child_element("vlan")?,
            bandwidth: node.child("bandwidth").map(BandwidthLimits::of_network).transpose()?,
            port: node.child_element("port")?,
            ips: node.child_elements("ip")?,
            routes: node.child_elements("route")?,
            virtualport: node.child("virtualport").map(VirtualPort::with_type).transpose()?,
            portgroups: node.child_elements("portgroup")?,
            dnsmasq_options: namespace::parse(node)?,
        })
    }

    fn format(&self, w: &mut Writer) {
        namespace::write_declaration(&self.dnsmasq_options, w);
        if w.mode().live && self.connections > 0 {
            w.attr("connections", &self.connections);
        }
        if self.ipv6 {
            w.attr_str("ipv6", "yes");
        }
        w.attr_opt("trustGuestRxFilters", self.trust_guest_rx_filters.as_ref());
        w.leaf("name", &self.name);
        w.leaf("uuid", &self.uuid);
        w.leaf_opt("title", self.title.as_ref());
        w.leaf_opt("description", self.description.as_ref());
        if let Some(metadata) = &self.metadata {
            metadata.write_libxml(w);
        }
        self.forward.write(w);
        self.bridge.format(self.has_own_bridge(), w);
        if self.mtu > 0 {
            w.open("mtu");
            w.attr("size", &self.mtu);
            w.close();
        }
        if let Some(mac) = &self.mac {
            w.open("mac");
            w.attr("address", mac);
            w.close();
        }
        if let Some(domain) = &self.domain {
            domain.write(w);
        }
        w.element_unless_empty("dns", &self.dns);
        if let Some(vlan) = &self.vlan {
            w.element("vlan", vlan);
        }
        if let Some(bandwidth) = &self.bandwidth {
            w.element_unless_empty("bandwidth", bandwidth);
        }
        if let Some(port) = &self.port {
            w.element_unless_empty("port", port);
        }
        w.elements("ip", &self.ips);
        w.elements("route", &self.routes);
        if let Some(port) = &self.virtualport {
            w.element_unless_empty("virtualport", port);
        }
        w.elements("portgroup", &self.portgroups);
        namespace::write(&self.dnsmasq_options, w);
    }
}

impl NetworkDefinition {
    /// Whether the network's guests get addresses from the host.
    pub fn has_dhcp(&self) -> bool {
        self.ips.iter().any(|ip| !ip.dhcp.is_empty())
    }

    /// Whether the network forwards nothing.
    pub fn is_isolated(&self) -> bool {
        self.forward.mode == ForwardMode::None
    }
}

impl Definition for NetworkDefinition {
    const NOUN: &'static str = "network";
    const MISSING: ErrorCode = ErrorCode::NO_NETWORK;

    fn name(&self) -> &str {
        &self.name
    }

    fn uuid(&self) -> Uuid {
        self.uuid
    }
}
