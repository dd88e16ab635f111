//! The protocols that rules know, and their attributes in order.

use super::attribute::{Attribute, Hex, Kind};
use super::words::{ETHER_TYPES, IP_PROTOCOLS, OPCODES};
use crate::xml_enum;

xml_enum! {
    /// The element inside a rule: what traffic it is about.
    pub enum Protocol {
        Mac = "mac", Vlan = "vlan", Stp = "stp", Arp = "arp", Rarp = "rarp", Ip = "ip", Ipv6 = "ipv6",
        Tcp = "tcp", Udp = "udp", UdpLite = "udplite", Esp = "esp", Ah = "ah", Sctp = "sctp", Icmp = "icmp",
        Igmp = "igmp", All = "all",
        TcpIpv6 = "tcp-ipv6", UdpIpv6 = "udp-ipv6", UdpLiteIpv6 = "udplite-ipv6", EspIpv6 = "esp-ipv6",
        AhIpv6 = "ah-ipv6", SctpIpv6 = "sctp-ipv6", Icmpv6 = "icmpv6", AllIpv6 = "all-ipv6",
    }
}

/// Where traffic of a protocol is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// As Ethernet frames, without the state of connections.
    Link,
    /// As IPv4 packets, with the state of connections.
    Ipv4,
    /// As IPv6 packets, with the state of connections.
    Ipv6,
}

const fn attribute(name: &'static str, kind: Kind) -> Attribute {
    Attribute { name, kind }
}

const U8: Kind = Kind::up_to(0xff);
const U16: Kind = Kind::up_to(0xffff);
const U32: Kind = Kind::up_to(u32::MAX);
/// The upper six bits of the type of service.
const DSCP: Kind = Kind::up_to(63);
/// Smaller numbers at this place of a frame are lengths.
const ETHER_TYPE: Kind = Kind::word(0x600, 0xffff, ETHER_TYPES);
const INNER_ETHER_TYPE: Kind = Kind::word(0x3c, 0xffff, ETHER_TYPES);
const OPCODE: Kind = Kind::Number { min: 0, max: 0xffff, hex: Hex::Read, words: OPCODES };
const IP_PROTOCOL: Kind = Kind::word(0, 0xff, IP_PROTOCOLS);
const CONNECTIONS: Kind = Kind::Number { min: 0, max: 0xffff, hex: Hex::Refused, words: &[] };

static SOURCE_MAC: [Attribute; 1] = [attribute("srcmacaddr", Kind::Mac)];
static SOURCE_MAC_MASK: [Attribute; 1] = [attribute("srcmacmask", Kind::MacMask)];
static DESTINATION_MAC: [Attribute; 2] = [attribute("dstmacaddr", Kind::Mac), attribute("dstmacmask", Kind::MacMask)];
static FRAME: [Attribute; 1] = [attribute("protocolid", ETHER_TYPE)];
static VLAN: [Attribute; 2] = [attribute("vlanid", Kind::up_to(0xfff)), attribute("encap-protocol", INNER_ETHER_TYPE)];
static STP: [Attribute; 22] = [
    attribute("type", U8),
    attribute("flags", U8),
    attribute("root-priority", U16),
    attribute("root-priority-hi", U16),
    attribute("root-address", Kind::Mac),
    attribute("root-address-mask", Kind::MacMask),
    attribute("root-cost", U32),
    attribute("root-cost-hi", U32),
    attribute("sender-priority", U16),
    attribute("sender-priority-hi", U16),
    attribute("sender-address", Kind::Mac),
    attribute("sender-address-mask", Kind::MacMask),
    attribute("port", U16),
    attribute("port-hi", U16),
    attribute("age", U16),
    attribute("age-hi", U16),
    attribute("max-age", U16),
    attribute("max-age-hi", U16),
    attribute("hello-time", U16),
    attribute("hello-time-hi", U16),
    attribute("forward-delay", U16),
    attribute("forward-delay-hi", U16),
];
static ARP: [Attribute; 10] = [
    attribute("hwtype", U16),
    attribute("protocoltype", U16),
    attribute("opcode", OPCODE),
    attribute("arpsrcmacaddr", Kind::Mac),
    attribute("arpdstmacaddr", Kind::Mac),
    attribute("arpsrcipaddr", Kind::Ipv4),
    attribute("arpsrcipmask", Kind::Ipv4Mask),
    attribute("arpdstipaddr", Kind::Ipv4),
    attribute("arpdstipmask", Kind::Ipv4Mask),
    attribute("gratuitous", Kind::Flag),
];
static IPV4: [Attribute; 4] = [
    attribute("srcipaddr", Kind::Ipv4),
    attribute("srcipmask", Kind::Ipv4Mask),
    attribute("dstipaddr", Kind::Ipv4),
    attribute("dstipmask", Kind::Ipv4Mask),
];
static IPV6: [Attribute; 4] = [
    attribute("srcipaddr", Kind::Ipv6),
    attribute("srcipmask", Kind::Ipv6Mask),
    attribute("dstipaddr", Kind::Ipv6),
    attribute("dstipmask", Kind::Ipv6Mask),
];
static IPV4_RANGES: [Attribute; 4] = [
    attribute("srcipfrom", Kind::Ipv4),
    attribute("srcipto", Kind::Ipv4),
    attribute("dstipfrom", Kind::Ipv4),
    attribute("dstipto", Kind::Ipv4),
];
static IPV6_RANGES: [Attribute; 4] = [
    attribute("srcipfrom", Kind::Ipv6),
    attribute("srcipto", Kind::Ipv6),
    attribute("dstipfrom", Kind::Ipv6),
    attribute("dstipto", Kind::Ipv6),
];
static NEXT_PROTOCOL: [Attribute; 1] = [attribute("protocol", IP_PROTOCOL)];
static PORTS: [Attribute; 4] = [
    attribute("srcportstart", U16),
    attribute("srcportend", U16),
    attribute("dstportstart", U16),
    attribute("dstportend", U16),
];
static SERVICE: [Attribute; 1] = [attribute("dscp", DSCP)];
static CONNECTION: [Attribute; 4] = [
    attribute("connlimit-above", CONNECTIONS),
    attribute("state", Kind::States),
    attribute("ipset", Kind::SetName),
    attribute("ipsetflags", Kind::SetFlags),
];
static ICMP: [Attribute; 2] = [attribute("type", U8), attribute("code", U8)];
static ICMP_RANGES: [Attribute; 4] =
    [attribute("type", U8), attribute("typeend", U8), attribute("code", U8), attribute("codeend", U8)];
static TCP: [Attribute; 1] = [attribute("flags", Kind::TcpFlags)];
static COMMENT: [Attribute; 1] = [attribute("comment", Kind::Comment)];

/// Groups of attributes in the order in which they print.
type Groups = &'static [&'static [Attribute]];

const MAC_GROUPS: Groups = &[&SOURCE_MAC, &SOURCE_MAC_MASK, &DESTINATION_MAC, &FRAME, &COMMENT];
const VLAN_GROUPS: Groups = &[&SOURCE_MAC, &SOURCE_MAC_MASK, &DESTINATION_MAC, &VLAN, &COMMENT];
const STP_GROUPS: Groups = &[&SOURCE_MAC, &SOURCE_MAC_MASK, &STP, &COMMENT];
const ARP_GROUPS: Groups = &[&SOURCE_MAC, &SOURCE_MAC_MASK, &DESTINATION_MAC, &ARP, &COMMENT];
const IP_GROUPS: Groups =
    &[&SOURCE_MAC, &SOURCE_MAC_MASK, &DESTINATION_MAC, &IPV4, &NEXT_PROTOCOL, &PORTS, &SERVICE, &COMMENT];
const IPV6_GROUPS: Groups =
    &[&SOURCE_MAC, &SOURCE_MAC_MASK, &DESTINATION_MAC, &IPV6, &NEXT_PROTOCOL, &PORTS, &ICMP_RANGES, &COMMENT];
const TCP_GROUPS: Groups = &[&SOURCE_MAC, &IPV4, &IPV4_RANGES, &SERVICE, &CONNECTION, &PORTS, &TCP, &COMMENT];
const UDP_GROUPS: Groups = &[&SOURCE_MAC, &IPV4, &IPV4_RANGES, &SERVICE, &CONNECTION, &PORTS, &COMMENT];
const ICMP_GROUPS: Groups = &[&SOURCE_MAC, &IPV4, &IPV4_RANGES, &SERVICE, &CONNECTION, &ICMP, &COMMENT];
const ALL_GROUPS: Groups = &[&SOURCE_MAC, &IPV4, &IPV4_RANGES, &SERVICE, &CONNECTION, &COMMENT];
const TCP_IPV6_GROUPS: Groups = &[&SOURCE_MAC, &IPV6, &IPV6_RANGES, &SERVICE, &CONNECTION, &PORTS, &TCP, &COMMENT];
const UDP_IPV6_GROUPS: Groups = &[&SOURCE_MAC, &IPV6, &IPV6_RANGES, &SERVICE, &CONNECTION, &PORTS, &COMMENT];
const ICMPV6_GROUPS: Groups = &[&SOURCE_MAC, &IPV6, &IPV6_RANGES, &SERVICE, &CONNECTION, &ICMP, &COMMENT];
const ALL_IPV6_GROUPS: Groups = &[&SOURCE_MAC, &IPV6, &IPV6_RANGES, &SERVICE, &CONNECTION, &COMMENT];

impl Protocol {
    /// Where its traffic is looked at.
    pub const fn layer(self) -> Layer {
        match self {
            Self::Mac | Self::Vlan | Self::Stp | Self::Arp | Self::Rarp | Self::Ip | Self::Ipv6 => Layer::Link,
            Self::Tcp
            | Self::Udp
            | Self::UdpLite
            | Self::Esp
            | Self::Ah
            | Self::Sctp
            | Self::Icmp
            | Self::Igmp
            | Self::All => Layer::Ipv4,
            Self::TcpIpv6
            | Self::UdpIpv6
            | Self::UdpLiteIpv6
            | Self::EspIpv6
            | Self::AhIpv6
            | Self::SctpIpv6
            | Self::Icmpv6
            | Self::AllIpv6 => Layer::Ipv6,
        }
    }

    /// What its rules may compare, in the order in which it prints.
    pub fn attributes(self) -> impl Iterator<Item = &'static Attribute> {
        self.groups().iter().copied().flatten()
    }

    fn groups(self) -> Groups {
        match self {
            Self::Mac => MAC_GROUPS,
            Self::Vlan => VLAN_GROUPS,
            Self::Stp => STP_GROUPS,
            Self::Arp | Self::Rarp => ARP_GROUPS,
            Self::Ip => IP_GROUPS,
            Self::Ipv6 => IPV6_GROUPS,
            Self::Tcp => TCP_GROUPS,
            Self::Udp | Self::Sctp => UDP_GROUPS,
            Self::Icmp => ICMP_GROUPS,
            Self::UdpLite | Self::Esp | Self::Ah | Self::Igmp | Self::All => ALL_GROUPS,
            Self::TcpIpv6 => TCP_IPV6_GROUPS,
            Self::UdpIpv6 | Self::SctpIpv6 => UDP_IPV6_GROUPS,
            Self::Icmpv6 => ICMPV6_GROUPS,
            Self::UdpLiteIpv6 | Self::EspIpv6 | Self::AhIpv6 | Self::AllIpv6 => ALL_IPV6_GROUPS,
        }
    }
}
