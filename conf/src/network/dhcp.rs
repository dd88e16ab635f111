//! `<dhcp>`: what guests are told.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use std::net::IpAddr;

use oxivirt_core::{Error, Result};

use super::unsupported;
use crate::net::{IpFamily, MacAddress, is_within, network_of};
use crate::xml::{Element, Node, Writer};
use crate::xml_enum;

/// `<dhcp>`; printed when there are ranges or hosts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dhcp {
    pub ranges: Vec<DhcpRange>,
    pub hosts: Vec<DhcpHost>,
    /// IPv4 only.
    pub bootp: Option<Bootp>,
}

/// `<range start='192.168.122.2' end='192.168.122.254'/>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DhcpRange {
    pub start: IpAddr,
    pub end: IpAddr,
    pub lease: Option<Lease>,
}

/// `<host mac='52:54:00:00:00:01' id='0:1' name='a' ip='192.168.122.10'/>`.
///
/// The address may be absent where a host is only named.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DhcpHost {
    /// As written; IPv4 only.
    pub mac: Option<String>,
    /// Hexadecimal digits and colons.
    pub id: Option<String>,
    pub name: Option<String>,
    pub ip: Option<IpAddr>,
    pub lease: Option<Lease>,
}

xml_enum! {
    pub enum LeaseUnit { Seconds = "seconds", Minutes = "minutes", Hours = "hours" }
}

/// `<lease expiry='1' unit='hours'/>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// In `unit`; 0 is for ever.
    pub expiry: u64,
    pub unit: LeaseUnit,
}

/// `<bootp file='pxeboot.img' server='10.20.30.40'/>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Bootp {
    #[xml(attr)]
    pub file: String,
    #[xml(attr)]
    pub server: Option<IpAddr>,
}

impl Lease {
    /// How long, `None` for ever.
    pub fn seconds(&self) -> Option<u64> {
        let factor = match self.unit {
            LeaseUnit::Seconds => 1,
            LeaseUnit::Minutes => 60,
            LeaseUnit::Hours => 3600,
        };
        (self.expiry > 0).then(|| self.expiry.saturating_mul(factor))
    }

    fn of(parent: Node<'_>) -> Result<Option<Self>> {
        let Some(node) = parent.child("lease") else { return Ok(None) };
        let unit = node.value("unit")?.unwrap_or(LeaseUnit::Minutes);
        let Some(expiry) = node.value("expiry")? else { return Ok(None) };
        let lease = Self { expiry, unit };
        const SHORTEST: u64 = 120;
        match lease.seconds().is_some_and(|seconds| seconds < SHORTEST) {
            true => Err(unsupported(node, format_args!("{expiry} {unit} are too short, at least 2 minutes"))),
            false => Ok(Some(lease)),
        }
    }

    /// Closes the open element, with a lease inside if there is one.
    fn write(lease: Option<&Self>, w: &mut Writer) {
        if let Some(lease) = lease {
            w.open("lease");
            w.attr("expiry", &lease.expiry);
            if lease.expiry > 0 {
                w.attr("unit", &lease.unit);
            }
            w.close();
        }
    }
}

impl Dhcp {
    /// Reads the element inside an `<ip>` of `address` and `prefix`.
    pub(super) fn parse(node: Node<'_>, address: IpAddr, prefix: Option<u8>) -> Result<Self> {
        let family = IpFamily::of(address);
        let mut dhcp = Self::default();
        for child in node.children() {
            match child.qualified_name() {
                "range" => dhcp.ranges.push(DhcpRange::parse(child, address, prefix)?),
                "host" => dhcp.hosts.push(DhcpHost::parse(child, family, false)?),
                "bootp" if family == IpFamily::Ipv4 => dhcp.bootp = Some(Bootp::parse(child)?),
                _ => {}
            }
        }
        dhcp.ranges.shrink_to_fit();
        dhcp.hosts.shrink_to_fit();
        Ok(dhcp)
    }

    /// Whether no address is given out.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty() && self.hosts.is_empty()
    }

    pub(super) fn write(&self, w: &mut Writer) {
        if self.is_empty() {
            return;
        }
        w.open("dhcp");
        for range in &self.ranges {
            w.open("range");
            w.attr("start", &range.start);
            w.attr("end", &range.end);
            Lease::write(range.lease.as_ref(), w);
            w.close();
        }
        for host in &self.hosts {
            w.open("host");
            w.attr_opt("mac", host.mac.as_ref());
            w.attr_opt("id", host.id.as_ref());
            w.attr_opt("name", host.name.as_ref());
            w.attr_opt("ip", host.ip.as_ref());
            Lease::write(host.lease.as_ref(), w);
            w.close();
        }
        if let Some(bootp) = &self.bootp {
            w.element("bootp", bootp);
        }
        w.close();
    }
}

impl DhcpRange {
    pub(super) fn parse(node: Node<'_>, address: IpAddr, prefix: Option<u8>) -> Result<Self> {
        let (start, end) = (node.require("start")?, node.require("end")?);
        check_range(start, end, Some((address, prefix)))?;
        Ok(Self { start, end, lease: Lease::of(node)? })
    }

    /// How many addresses it has.
    pub fn count(&self) -> u64 {
        distance(self.start, self.end).and_then(|n| u64::try_from(n).ok()).unwrap_or(0).saturating_add(1)
    }
}

impl DhcpHost {
    /// Reads a host, or with `partial` what names one.
    pub(super) fn parse(node: Node<'_>, family: IpFamily, partial: bool) -> Result<Self> {
        let mac: Option<String> = node.value("mac")?;
        if let Some(text) = &mac {
            if family == IpFamily::Ipv6 {
                return Err(node.error(format_args!("attribute 'mac' ('{text}') is not for IPv6")));
            }
            let parsed: MacAddress = node.require("mac")?;
            if parsed.is_multicast() {
                return Err(node.bad_attr("mac", text, "a unicast address"));
            }
        }
        let id: Option<String> = node.value("id")?;
        if let Some(id) = id.as_ref().filter(|id| id.contains(|c: char| !c.is_ascii_hexdigit() && c != ':')) {
            return Err(node.bad_attr("id", id, "hexadecimal digits and ':'"));
        }
        let name: Option<String> = node.value("name")?;
        if let Some(name) = name.as_ref().filter(|name| !name.starts_with(|c: char| c.is_ascii_alphanumeric())) {
            return Err(node.bad_attr("name", name, "a name that begins with a letter or digit"));
        }
        let ip: Option<IpAddr> = node.value("ip")?;
        if partial {
            if mac.is_none() && name.is_none() && ip.is_none() {
                return Err(node.error("attribute 'name', 'mac' or 'ip' is missing"));
            }
        } else if family == IpFamily::Ipv4 && mac.is_none() && name.is_none() {
            return Err(node.error("attribute 'mac' or 'name' is missing"));
        } else if family == IpFamily::Ipv6 && id.is_none() && name.is_none() {
            return Err(node.error("attribute 'id' or 'name' is missing"));
        } else if ip.is_none() {
            return Err(node.missing_attr("ip"));
        }
        Ok(Self { mac, id, name, ip, lease: Lease::of(node)? })
    }

    /// The hardware address, parsed.
    pub fn mac_address(&self) -> Option<MacAddress> {
        self.mac.as_deref().and_then(|mac| mac.parse().ok())
    }
}

/// Refuses a range of addresses that is reversed, too large, or not in the
/// network (address and prefix; an unknown prefix is refused).
///
/// Errors: `INTERNAL_ERROR`, as clients know it.
pub(super) fn check_range(start: IpAddr, end: IpAddr, network: Option<(IpAddr, Option<u8>)>) -> Result<()> {
    let refuse = |what: String| Err(Error::internal(format!("range {start} - {end} {what}")));
    let family = IpFamily::of(start);
    if IpFamily::of(end) != family || network.is_some_and(|(address, _)| IpFamily::of(address) != family) {
        return refuse("mixes families of addresses".to_owned());
    }
    let Some(distance) = distance(start, end) else { return refuse("is reversed".to_owned()) };
    if let Some((address, prefix)) = network {
        let Some(prefix) = prefix else { return refuse(format!("in network {address} has no valid prefix")) };
        if !is_within(start, address, prefix) || !is_within(end, address, prefix) {
            return refuse(format!("is not entirely within network {address}/{prefix}"));
        }
        if let IpAddr::V4(last) = end {
            if network_of(address, prefix) == start {
                return refuse(format!("begins with the address of network {address}/{prefix} itself"));
            }
            let hosts = u32::MAX.checked_shr(u32::from(prefix)).unwrap_or(0);
            if hosts > 0 && u32::from(last) & hosts == hosts {
                return refuse(format!("ends with the broadcast address of network {address}/{prefix}"));
            }
        }
    }
    const LARGEST: u128 = 65_535;
    match distance > LARGEST {
        true => refuse(format!("is too large, more than {LARGEST} addresses")),
        false => Ok(()),
    }
}

/// How far `end` lies behind `start`; `None` when it lies before.
fn distance(start: IpAddr, end: IpAddr) -> Option<u128> {
    match (start, end) {
        (IpAddr::V4(start), IpAddr::V4(end)) => u32::from(end).checked_sub(u32::from(start)).map(u128::from),
        (IpAddr::V6(start), IpAddr::V6(end)) => u128::from(end).checked_sub(u128::from(start)),
        _ => None,
    }
}
