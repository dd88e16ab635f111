//! `<ip>`: an address of the network on the host.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use std::net::{IpAddr, Ipv4Addr};

use oxivirt_core::Result;

use super::dhcp::Dhcp;
use super::unsupported;
use crate::net::{IpFamily, class_prefix, netmask_prefix};
use crate::xml::{Element, Node, Writer, YesNo};

/// `<ip family='ipv4' address='192.168.122.1' prefix='24'>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkIp {
    /// As written; IPv4 when absent.
    pub family: Option<IpFamily>,
    pub address: IpAddr,
    /// IPv4 only, and instead of the prefix.
    pub netmask: Option<Ipv4Addr>,
    /// From 1.
    pub prefix: Option<u8>,
    /// Whether questions for names of these addresses stay inside.
    pub local_ptr: Option<YesNo>,
    /// Folder of the TFTP server.
    pub tftp_root: Option<String>,
    pub dhcp: Dhcp,
}

impl NetworkIp {
    /// The prefix, also where a netmask or the class of the address says it;
    /// `None` for a netmask that is none.
    pub fn network_prefix(&self) -> Option<u8> {
        match (self.prefix, self.netmask) {
            (Some(prefix), _) => Some(prefix),
            (None, Some(mask)) => netmask_prefix(mask),
            (None, None) => class_prefix(self.address),
        }
    }
}

impl Element for NetworkIp {
    fn parse(node: Node<'_>) -> Result<Self> {
        let address: IpAddr = node.require("address")?;
        let family: Option<IpFamily> = node.value("family")?;
        let found = IpFamily::of(address);
        if found != family.unwrap_or_default() {
            let what = match family {
                Some(family) => format!("address '{address}' does not belong to family '{family}'"),
                None => format!("address '{address}' is not IPv4, so attribute 'family' is needed"),
            };
            return Err(unsupported(node, what));
        }
        let netmask: Option<Ipv4Addr> = node.value("netmask")?;
        let prefix: Option<u32> = node.value("prefix")?.filter(|prefix| *prefix > 0);
        if netmask.is_some() && found == IpFamily::Ipv6 {
            return Err(unsupported(node, format_args!("attribute 'netmask' is not for IPv6 (address '{address}')")));
        }
        if netmask.is_some() && prefix.is_some() {
            return Err(unsupported(node, "attributes 'prefix' and 'netmask' exclude each other"));
        }
        let prefix = match prefix {
            None => None,
            Some(long) => match u8::try_from(long).ok().filter(|prefix| *prefix <= found.bits()) {
                None => {
                    return Err(unsupported(
                        node,
                        format_args!("prefix '{long}' is too long, at most {}", found.bits()),
                    ));
                }
                prefix => prefix,
            },
        };
        let tftp = node.child("tftp");
        if let Some(tftp) = tftp.filter(|_| found == IpFamily::Ipv6) {
            return Err(unsupported(tftp, "not for IPv6"));
        }
        let mut ip = Self {
            family,
            address,
            netmask,
            prefix,
            local_ptr: node.value("localPtr")?,
            tftp_root: tftp.and_then(|t| t.attr("root")).filter(|root| !root.is_empty()).map(str::to_owned),
            dhcp: Dhcp::default(),
        };
        if let Some(dhcp) = node.child("dhcp") {
            ip.dhcp = Dhcp::parse(dhcp, address, ip.network_prefix())?;
        }
        Ok(ip)
    }

    fn format(&self, w: &mut Writer) {
        w.attr_opt("family", self.family.as_ref());
        w.attr("address", &self.address);
        w.attr_opt("netmask", self.netmask.as_ref());
        w.attr_opt("prefix", self.prefix.as_ref());
        w.attr_opt("localPtr", self.local_ptr.as_ref());
        w.force_children();
        if let Some(root) = &self.tftp_root {
            w.open("tftp");
            w.attr("root", root);
            w.close();
        }
        self.dhcp.write(w);
    }
}
