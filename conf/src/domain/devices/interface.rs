//! `<interface>`: network cards.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use std::fmt;
use std::str::FromStr;

use oxivirt_core::Result;

use super::address::{DeviceInfo, PciAddress, VirtioOptions};
use super::char_source::{CharReconnect, SocketMode};
use super::storage::{format_status, status_child};
use crate::xml::{Element, Node, OnOff, RawElement, Value, Writer, YesNo};
use crate::xml_enum;

/// A hardware address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct MacAddress(pub [u8; 6]);

impl MacAddress {
    /// Whether it names a group instead of one card.
    pub const fn is_multicast(self) -> bool {
        self.0[0] & 1 == 1
    }
}

impl FromStr for MacAddress {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut bytes = [0_u8; 6];
        let mut parts = text.split(':');
        for byte in &mut bytes {
            let part = parts.next().ok_or(())?;
            let valid = (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_hexdigit());
            *byte = u8::from_str_radix(part, 16).ok().filter(|_| valid).ok_or(())?;
        }
        if parts.next().is_some() { Err(()) } else { Ok(Self(bytes)) }
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl Value for MacAddress {
    fn parse_value(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn allowed() -> String {
        "six bytes in hexadecimal joined by ':'".to_owned()
    }

    fn write_value(&self, out: &mut String) {
        use std::fmt::Write;
        // Writing to a String does not fail.
        let _ = write!(out, "{self}");
    }
}

xml_enum! {
    pub enum MacType { Generated = "generated", Static = "static" }
}

/// `<interface>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Interface {
    /// `None`: made after parsing.
    pub mac: Option<MacAddress>,
    pub mac_type: Option<MacType>,
    pub mac_check: Option<YesNo>,
    pub trust_guest_rx_filters: Option<YesNo>,
    pub source: InterfaceSource,
    /// Addresses and routes of the host's end.
    pub host_ip: IpInfo,
    pub backend_domain: Option<String>,
    pub vlan: Option<Vlan>,
    pub virtualport: Option<VirtualPort>,
    pub bandwidth: Option<BandwidthLimits>,
    pub port: Option<PortOptions>,
    /// Addresses and routes of the guest's end.
    pub guest_ip: IpInfo,
    pub port_forwards: Vec<PortForward>,
    pub script: Option<Script>,
    pub downscript: Option<Script>,
    pub target: Option<InterfaceTarget>,
    /// Names inside a container.
    pub guest: Option<GuestName>,
    /// `virtio`, `e1000e`, …; a word since each driver has its own.
    pub model: Option<String>,
    pub driver: InterfaceDriver,
    pub backend: Option<Backend>,
    pub filterref: Option<FilterRef>,
    pub tune: Option<InterfaceTune>,
    pub link: Option<Link>,
    pub mtu: Option<Mtu>,
    pub teaming: Option<Teaming>,
    pub coalesce: Option<Coalesce>,
    pub info: DeviceInfo,
    /// `<actual>`: what a network turned out to be, in status files.
    pub actual: Option<RawElement>,
}

/// What the card is connected to, by `type=`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum InterfaceSource {
    #[default]
    User,
    /// `passt` may bind to one host interface.
    UserOn { dev: String },
    Ethernet,
    VhostUser { path: Option<String>, mode: Option<VhostUserMode>, dev: Option<String>, reconnect: Option<CharReconnect> },
    Server(SocketSource),
    Client(SocketSource),
    Mcast(SocketSource),
    Udp(SocketSource),
    Network { network: String, portgroup: Option<String>, portid: Option<uuid::Uuid>, bridge: Option<String> },
    Bridge { bridge: String, mac_table_manager: Option<String> },
    Internal { name: Option<String> },
    Direct { dev: Option<String>, mode: DirectMode },
    Hostdev { managed: Option<YesNo>, address: Option<PciAddress> },
    Vdpa { dev: String },
    Null,
    Vds { switchid: uuid::Uuid, portid: Option<i64>, portgroupid: Option<String>, connectionid: Option<i64> },
}

xml_enum! {
    pub enum VhostUserMode { Server = "server", Client = "client" }
}

xml_enum! {
    /// How a host interface is shared.
    pub enum DirectMode { Vepa = "vepa", Private = "private", Bridge = "bridge", Passthrough = "passthrough" }
}

/// A tunnel over a host socket.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SocketSource {
    pub address: Option<String>,
    pub port: u16,
    /// UDP only: the own end.
    pub local: Option<(Option<String>, u16)>,
}

/// `<ip>` and `<route>` elements.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct IpInfo {
    #[xml(children = "ip")]
    pub ips: Vec<IpAddress>,
    #[xml(children = "route")]
    pub routes: Vec<Route>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IpAddress {
    pub address: std::net::IpAddr,
    pub prefix: Option<u8>,
    pub peer: Option<String>,
}

impl Element for IpAddress {
    fn parse(node: Node<'_>) -> Result<Self> {
        let text = node.attr("address").ok_or_else(|| node.missing_attr("address"))?;
        let address: std::net::IpAddr = text.parse().map_err(|_| node.bad_attr("address", text, "an IP address"))?;
        if let Some(family @ ("ipv4" | "ipv6")) = node.attr("family")
            && (family == "ipv4") != address.is_ipv4()
        {
            return Err(node.error(format_args!("address '{text}' does not belong to family '{family}'")));
        }
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix: Option<u8> = node.value("prefix")?.filter(|p| *p > 0);
        if let Some(long) = prefix.filter(|p| *p > longest) {
            return Err(node.bad_attr("prefix", &long.to_string(), &format!("at most {longest}")));
        }
        Ok(Self { address, prefix, peer: node.value("peer")? })
    }

    fn format(&self, w: &mut Writer) {
        w.attr_str("address", &self.address.to_string());
        w.attr_str("family", if self.address.is_ipv4() { "ipv4" } else { "ipv6" });
        w.attr_opt("prefix", self.prefix.as_ref());
        w.attr_opt("peer", self.peer.as_ref());
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Route {
    #[xml(attr)]
    pub family: Option<String>,
    #[xml(attr)]
    pub address: Option<String>,
    #[xml(attr)]
    pub netmask: Option<String>,
    #[xml(attr)]
    pub prefix: Option<u32>,
    #[xml(attr)]
    pub gateway: Option<String>,
    #[xml(attr)]
    pub metric: Option<u32>,
}

xml_enum! {
    pub enum NativeMode { Tagged = "tagged", Untagged = "untagged" }
}

/// `<vlan trunk='yes'><tag id='42'/></vlan>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Vlan {
    #[xml(attr)]
    pub trunk: Option<YesNo>,
    #[xml(children = "tag")]
    pub tags: Vec<VlanTag>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct VlanTag {
    #[xml(attr)]
    pub id: u16,
    #[xml(attr = "nativeMode")]
    pub native_mode: Option<NativeMode>,
}

/// `<virtualport type='openvswitch'>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct VirtualPort {
    #[xml(attr = "type")]
    pub kind: Option<String>,
    #[xml(child)]
    pub parameters: VirtualPortParameters,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct VirtualPortParameters {
    #[xml(attr)]
    pub managerid: Option<u8>,
    #[xml(attr)]
    pub typeid: Option<u32>,
    #[xml(attr)]
    pub typeidversion: Option<u8>,
    #[xml(attr)]
    pub instanceid: Option<uuid::Uuid>,
    #[xml(attr)]
    pub interfaceid: Option<uuid::Uuid>,
    #[xml(attr)]
    pub profileid: Option<String>,
}

/// `<bandwidth>`; KiB per second, bursts in KiB.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct BandwidthLimits {
    #[xml(child)]
    pub inbound: Option<BandwidthLimit>,
    #[xml(child)]
    pub outbound: Option<BandwidthLimit>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct BandwidthLimit {
    #[xml(attr)]
    pub average: Option<u64>,
    #[xml(attr)]
    pub peak: Option<u64>,
    #[xml(attr)]
    pub floor: Option<u64>,
    #[xml(attr)]
    pub burst: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct PortOptions {
    #[xml(attr)]
    pub isolated: Option<YesNo>,
}

xml_enum! {
    pub enum ForwardProtocol { Tcp = "tcp", Udp = "udp" }
}

/// `<portForward proto='tcp'>` of a user interface.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct PortForward {
    #[xml(attr)]
    pub proto: ForwardProtocol,
    #[xml(attr)]
    pub address: Option<String>,
    #[xml(attr)]
    pub dev: Option<String>,
    #[xml(children = "range")]
    pub ranges: Vec<PortRange>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct PortRange {
    #[xml(attr)]
    pub start: u16,
    #[xml(attr)]
    pub end: Option<u16>,
    #[xml(attr)]
    pub to: Option<u16>,
    #[xml(attr)]
    pub exclude: Option<YesNo>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Script {
    #[xml(attr)]
    pub path: String,
}

/// `<target dev='vnet0' managed='no'/>`: the host's name of the card.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct InterfaceTarget {
    #[xml(attr)]
    pub dev: Option<String>,
    #[xml(attr)]
    pub managed: Option<YesNo>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct GuestName {
    #[xml(attr)]
    pub dev: Option<String>,
    #[xml(attr, live)]
    pub actual: Option<String>,
}

xml_enum! {
    pub enum InterfaceDriverName { Qemu = "qemu", Vhost = "vhost", Vfio = "vfio", Kvm = "kvm", Xen = "xen" }
}

xml_enum! {
    pub enum TxMode { Iothread = "iothread", Timer = "timer" }
}

/// `<driver>` of a network card.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct InterfaceDriver {
    #[xml(attr)]
    pub name: Option<InterfaceDriverName>,
    #[xml(attr)]
    pub txmode: Option<TxMode>,
    #[xml(attr)]
    pub ioeventfd: Option<OnOff>,
    #[xml(attr)]
    pub event_idx: Option<OnOff>,
    #[xml(attr)]
    pub queues: Option<u32>,
    #[xml(attr)]
    pub rx_queue_size: Option<u32>,
    #[xml(attr)]
    pub tx_queue_size: Option<u32>,
    #[xml(attr)]
    pub rss: Option<OnOff>,
    #[xml(attr)]
    pub rss_hash_report: Option<OnOff>,
    #[xml(flatten)]
    pub virtio: VirtioOptions,
    #[xml(child)]
    pub host: Option<HostOffloads>,
    #[xml(child)]
    pub guest: Option<GuestOffloads>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct HostOffloads {
    #[xml(attr)]
    pub csum: Option<OnOff>,
    #[xml(attr)]
    pub gso: Option<OnOff>,
    #[xml(attr)]
    pub tso4: Option<OnOff>,
    #[xml(attr)]
    pub tso6: Option<OnOff>,
    #[xml(attr)]
    pub ecn: Option<OnOff>,
    #[xml(attr)]
    pub ufo: Option<OnOff>,
    #[xml(attr)]
    pub mrg_rxbuf: Option<OnOff>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct GuestOffloads {
    #[xml(attr)]
    pub csum: Option<OnOff>,
    #[xml(attr)]
    pub tso4: Option<OnOff>,
    #[xml(attr)]
    pub tso6: Option<OnOff>,
    #[xml(attr)]
    pub ecn: Option<OnOff>,
    #[xml(attr)]
    pub ufo: Option<OnOff>,
}

xml_enum! {
    pub enum BackendType { Default = "default", Passt = "passt" }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Backend {
    #[xml(attr = "type")]
    pub kind: Option<BackendType>,
    #[xml(attr)]
    pub tap: Option<String>,
    #[xml(attr)]
    pub vhost: Option<String>,
    #[xml(attr)]
    pub hostname: Option<String>,
    #[xml(attr)]
    pub fqdn: Option<String>,
    #[xml(attr = "logFile")]
    pub log_file: Option<String>,
}

/// `<filterref filter='clean-traffic'>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct FilterRef {
    #[xml(attr)]
    pub filter: String,
    #[xml(children = "parameter")]
    pub parameters: Vec<FilterParameter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct FilterParameter {
    #[xml(attr)]
    pub name: String,
    #[xml(attr)]
    pub value: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct InterfaceTune {
    #[xml(leaf)]
    pub sndbuf: Option<u64>,
}

xml_enum! {
    pub enum LinkState { Up = "up", Down = "down" }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Link {
    #[xml(attr)]
    pub state: LinkState,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Mtu {
    #[xml(attr)]
    pub size: u32,
}

xml_enum! {
    pub enum TeamingType { Persistent = "persistent", Transient = "transient" }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Teaming {
    #[xml(attr = "type")]
    pub kind: TeamingType,
    /// Alias of the card that stays.
    #[xml(attr)]
    pub persistent: Option<String>,
}

/// `<coalesce><rx><frames max='7'/></rx></coalesce>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Coalesce {
    pub rx_max_frames: Option<u32>,
}

impl Element for Coalesce {
    fn parse(node: Node<'_>) -> Result<Self> {
        let frames = node.child("rx").and_then(|rx| rx.child("frames"));
        Ok(Self { rx_max_frames: frames.map(|f| f.value("max")).transpose()?.flatten() })
    }

    fn format(&self, w: &mut Writer) {
        if let Some(max) = &self.rx_max_frames {
            w.open("rx");
            w.open("frames");
            w.attr("max", max);
            w.close();
            w.close();
        }
    }
}

impl InterfaceSource {
    /// The word of `type=`.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::User | Self::UserOn { .. } => "user",
            Self::Ethernet => "ethernet",
            Self::VhostUser { .. } => "vhostuser",
            Self::Server(_) => "server",
            Self::Client(_) => "client",
            Self::Mcast(_) => "mcast",
            Self::Udp(_) => "udp",
            Self::Network { .. } => "network",
            Self::Bridge { .. } => "bridge",
            Self::Internal { .. } => "internal",
            Self::Direct { .. } => "direct",
            Self::Hostdev { .. } => "hostdev",
            Self::Vdpa { .. } => "vdpa",
            Self::Null => "null",
            Self::Vds { .. } => "vds",
        }
    }

    fn parse(node: Node<'_>) -> Result<Self> {
        let source = node.child("source");
        let need = || source.ok_or_else(|| node.missing_child("source"));
        let kind = node.attr("type").unwrap_or("user");
        let attr = |name: &str| source.and_then(|s| s.attr(name)).map(str::to_owned);
        Ok(match kind {
            "user" => match attr("dev") {
                Some(dev) => Self::UserOn { dev },
                None => Self::User,
            },
            "ethernet" => Self::Ethernet,
            "vhostuser" => {
                // With passt as backend the source is its host interface, or
                // nothing.
                let passt = node.child("backend").and_then(|b| b.attr("type")) == Some("passt");
                let Some(source) = source else {
                    if passt {
                        return Ok(Self::VhostUser { path: None, mode: None, dev: None, reconnect: None });
                    }
                    return Err(node.missing_child("source"));
                };
                if let Some(other) = source.attr("type").filter(|t| *t != "unix") {
                    return Err(source.bad_attr("type", other, "unix"));
                }
                Self::VhostUser {
                    path: source.value("path")?,
                    mode: source.value("mode")?,
                    dev: source.value("dev")?,
                    reconnect: source.child_element("reconnect")?,
                }
            }
            "server" => Self::Server(SocketSource::parse(need()?, false)?),
            "client" => Self::Client(SocketSource::parse(need()?, true)?),
            "mcast" => Self::Mcast(SocketSource::parse(need()?, true)?),
            "udp" => Self::Udp(SocketSource::parse(need()?, true)?),
            "network" => {
                let source = need()?;
                let live = node.mode().live;
                Self::Network {
                    network: source.require("network")?,
                    portgroup: source.value("portgroup")?,
                    portid: if live { source.value("portid")? } else { None },
                    bridge: if live { source.value("bridge")? } else { None },
                }
            }
            "bridge" => {
                let source = need()?;
                let live = node.mode().live;
                Self::Bridge {
                    bridge: source.require("bridge")?,
                    mac_table_manager: if live { source.value("macTableManager")? } else { None },
                }
            },
            "internal" => Self::Internal { name: attr("name") },
            "direct" => {
                let source = need()?;
                Self::Direct { dev: source.value("dev")?, mode: source.value("mode")?.unwrap_or_default() }
            }
            "hostdev" => {
                let address = need()?.child("address").map(PciAddress::parse).transpose()?;
                Self::Hostdev { managed: node.value("managed")?, address }
            }
            "vdpa" => Self::Vdpa { dev: need()?.require("dev")? },
            "null" => Self::Null,
            "vds" => {
                let source = need()?;
                Self::Vds {
                    switchid: source.require("switchid")?,
                    portid: source.value("portid")?,
                    portgroupid: source.value("portgroupid")?,
                    connectionid: source.value("connectionid")?,
                }
            }
            other => {
                return Err(node.bad_attr(
                    "type",
                    other,
                    "user, ethernet, vhostuser, server, client, mcast, udp, network, bridge, internal, direct, hostdev, vdpa, null, vds",
                ));
            }
        })
    }

    fn format(&self, w: &mut Writer, ip: &IpInfo) {
        w.open("source");
        match self {
            Self::User | Self::Ethernet | Self::Null => {}
            Self::UserOn { dev } | Self::Vdpa { dev } => w.attr("dev", dev),
            Self::VhostUser { path, mode, dev, reconnect } => {
                if path.is_some() {
                    w.attr_str("type", "unix");
                }
                w.attr_opt("path", path.as_ref());
                w.attr_opt("mode", mode.as_ref());
                w.attr_opt("dev", dev.as_ref());
                if let Some(reconnect) = reconnect {
                    w.element("reconnect", reconnect);
                }
            }
            Self::Server(socket) | Self::Client(socket) | Self::Mcast(socket) | Self::Udp(socket) => {
                w.attr_opt("address", socket.address.as_ref());
                w.attr("port", &socket.port);
                if let Some((address, port)) = &socket.local {
                    w.open("local");
                    w.attr_opt("address", address.as_ref());
                    w.attr("port", port);
                    w.close();
                }
            }
            Self::Network { network, portgroup, portid, bridge } => {
                w.attr("network", network);
                w.attr_opt("portgroup", portgroup.as_ref());
                if w.mode().live {
                    w.attr_opt("portid", portid.as_ref());
                    w.attr_opt("bridge", bridge.as_ref());
                }
            }
            Self::Bridge { bridge, mac_table_manager } => {
                w.attr("bridge", bridge);
                if w.mode().live {
                    w.attr_opt("macTableManager", mac_table_manager.as_ref());
                }
            }
            Self::Internal { name } => w.attr_opt("name", name.as_ref()),
            Self::Direct { dev, mode } => {
                w.attr_opt("dev", dev.as_ref());
                w.attr("mode", mode);
            }
            Self::Hostdev { address, .. } => {
                if let Some(address) = address {
                    w.open("address");
                    w.attr_str("type", "pci");
                    address.format_place(w);
                    w.close();
                }
            }
            Self::Vds { switchid, portid, portgroupid, connectionid } => {
                w.attr("switchid", switchid);
                w.attr_opt("portid", portid.as_ref());
                w.attr_opt("portgroupid", portgroupid.as_ref());
                w.attr_opt("connectionid", connectionid.as_ref());
            }
        }
        ip.format(w);
        w.close_or_drop();
    }
}

impl SocketSource {
    fn parse(node: Node<'_>, needs_address: bool) -> Result<Self> {
        let address: Option<String> = node.value("address")?;
        if needs_address && address.is_none() {
            return Err(node.missing_attr("address"));
        }
        let local = match node.child("local") {
            Some(local) => Some((local.value("address")?, local.require("port")?)),
            None => None,
        };
        Ok(Self { address, port: node.require("port")?, local })
    }
}

impl Element for Interface {
    fn parse(node: Node<'_>) -> Result<Self> {
        let live = node.mode().live;
        let mac = node.child("mac");
        let mac_value = |name| mac.and_then(|m: Node<'_>| m.attr(name));
        let source = InterfaceSource::parse(node)?;
        let address: Option<MacAddress> = match mac_value("address") {
            None => None,
            Some(_) => mac.map(|m| m.require("address")).transpose()?,
        };
        if let (Some(mac), Some(found)) = (mac, address)
            && found.is_multicast()
        {
            return Err(mac.bad_attr("address", &found.to_string(), "a unicast address"));
        }
        let mut target: Option<InterfaceTarget> = node.child_element("target")?;
        if let Some(found) = &mut target {
            let generated = found.dev.as_deref().is_some_and(|dev| is_generated_name(dev, &source));
            if found.dev.as_deref() == Some("") || (!live && generated) {
                found.dev = None;
            }
        }
        Ok(Self {
            mac: address,
            mac_type: mac.map(|m| m.value("type")).transpose()?.flatten(),
            mac_check: mac.map(|m| m.value("check")).transpose()?.flatten(),
            trust_guest_rx_filters: node.value("trustGuestRxFilters")?,
            source,
            host_ip: node.child("source").map(IpInfo::parse).transpose()?.unwrap_or_default(),
            backend_domain: node.child("backenddomain").and_then(|b| b.attr("name")).map(str::to_owned),
            vlan: node.child_element("vlan")?,
            virtualport: node.child_element("virtualport")?,
            bandwidth: node.child_element("bandwidth")?,
            port: node.child_element("port")?,
            guest_ip: IpInfo::parse(node)?,
            port_forwards: node.child_elements("portForward")?,
            script: node.child_element("script")?,
            downscript: node.child_element("downscript")?,
            target,
            guest: node.child_element("guest")?,
            model: node.child("model").map(|m| m.require("type")).transpose()?,
            driver: node.child_element("driver")?.unwrap_or_default(),
            backend: node.child_element("backend")?,
            filterref: node.child_element("filterref")?,
            tune: node.child_element("tune")?,
            link: node.child_element("link")?,
            mtu: node.child_element("mtu")?,
            teaming: node.child_element("teaming")?,
            coalesce: node.child_element("coalesce")?.filter(|c| *c != Coalesce::default()),
            info: DeviceInfo::parse(node)?,
            actual: status_child(node, "actual"),
        })
    }

    fn format(&self, w: &mut Writer) {
        fn opt<E: Element>(w: &mut Writer, name: &str, value: Option<&E>) {
            if let Some(value) = value {
                w.element_unless_empty(name, value);
            }
        }
        w.attr_str("type", self.source.type_name());
        if let InterfaceSource::Hostdev { managed: Some(YesNo::Yes), .. } = &self.source {
            w.attr_str("managed", "yes");
        }
        w.attr_opt("trustGuestRxFilters", self.trust_guest_rx_filters.as_ref());
        if let Some(mac) = &self.mac {
            w.open("mac");
            w.attr("address", mac);
            w.attr_opt("type", self.mac_type.as_ref());
            w.attr_opt("check", self.mac_check.as_ref());
            w.close();
        }
        self.source.format(w, &self.host_ip);
        format_status(w, self.actual.as_ref());
        opt(w, "vlan", self.vlan.as_ref());
        opt(w, "virtualport", self.virtualport.as_ref());
        opt(w, "bandwidth", self.bandwidth.as_ref());
        opt(w, "port", self.port.as_ref());
        self.guest_ip.format(w);
        w.elements("portForward", &self.port_forwards);
        opt(w, "script", self.script.as_ref());
        opt(w, "downscript", self.downscript.as_ref());
        if let Some(name) = &self.backend_domain {
            w.open("backenddomain");
            w.attr("name", name);
            w.close();
        }
        self.format_target(w);
        opt(w, "guest", self.guest.as_ref());
        if let Some(model) = &self.model {
            w.open("model");
            w.attr("type", model);
            w.close();
        }
        w.element_unless_empty("driver", &self.driver);
        opt(w, "backend", self.backend.as_ref());
        opt(w, "filterref", self.filterref.as_ref());
        opt(w, "tune", self.tune.as_ref());
        opt(w, "link", self.link.as_ref());
        opt(w, "mtu", self.mtu.as_ref());
        opt(w, "teaming", self.teaming.as_ref());
        opt(w, "coalesce", self.coalesce.as_ref());
        self.info.format(w);
    }
}

impl Interface {
    fn format_target(&self, w: &mut Writer) {
        let Some(target) = &self.target else { return };
        let shown = target.dev.as_deref().filter(|dev| w.mode().live || !is_generated_name(dev, &self.source));
        if shown.is_some() || target.managed.is_some() {
            w.open("target");
            if let Some(dev) = shown {
                w.attr_str("dev", dev);
            }
            w.attr_opt("managed", target.managed.as_ref());
            w.close();
        }
    }

    /// Which end opens the socket, for the kinds that are sockets.
    pub fn socket_mode(&self) -> Option<SocketMode> {
        match self.source {
            InterfaceSource::Server(_) => Some(SocketMode::Bind),
            InterfaceSource::Client(_) => Some(SocketMode::Connect),
            _ => None,
        }
    }
}

/// Whether a host name is one that the daemon gave; it is made anew at every
/// start, so a configuration never keeps it.
fn is_generated_name(dev: &str, source: &InterfaceSource) -> bool {
    let prefixes: &[&str] = match source {
        InterfaceSource::Direct { .. } => &["macvtap", "macvlan"],
        _ => &["vnet", "vif"],
    };
    prefixes.iter().any(|prefix| {
        dev.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
    })
}
