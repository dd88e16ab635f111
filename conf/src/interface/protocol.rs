//! `<protocol>`: addresses of one family.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use crate::net::IpFamily;
use crate::xml::{Element, Node, Writer, YesNo};

/// `<protocol family='ipv4'>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Protocol {
    pub family: IpFamily,
    /// Addresses from router advertisements; IPv6 only.
    pub autoconf: bool,
    pub dhcp: Option<InterfaceDhcp>,
    pub ips: Vec<InterfaceIp>,
    /// Gateway of the default route, as written.
    pub gateway: Option<String>,
}

/// `<dhcp peerdns='yes'/>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct InterfaceDhcp {
    /// Whether name servers come from there.
    #[xml(attr)]
    pub peerdns: Option<YesNo>,
}

/// `<ip address='192.168.0.5' prefix='24'/>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InterfaceIp {
    /// As written; whoever configures the interface reads it.
    pub address: String,
    /// From 1.
    pub prefix: Option<u32>,
}

impl Element for Protocol {
    fn parse(node: Node<'_>) -> Result<Self> {
        let family: IpFamily = node.require("family")?;
        let mut ips = Vec::new();
        for ip in node.children_named("ip") {
            let prefix = ip.value("prefix")?.filter(|prefix| *prefix > 0);
            if let Some(address) = ip.attr("address") {
                ips.push(InterfaceIp { address: address.to_owned(), prefix });
            }
        }
        ips.shrink_to_fit();
        Ok(Self {
            family,
            autoconf: family == IpFamily::Ipv6 && node.child("autoconf").is_some(),
            dhcp: node.child_element("dhcp")?,
            ips,
            gateway: node.child("route").and_then(|route| route.attr("gateway")).map(str::to_owned),
        })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("family", &self.family);
        w.force_children();
        if self.autoconf {
            w.flag("autoconf");
        }
        if let Some(dhcp) = &self.dhcp {
            w.element("dhcp", dhcp);
        }
        for ip in &self.ips {
            w.open("ip");
            w.attr("address", &ip.address);
            w.attr_opt("prefix", ip.prefix.as_ref());
            w.close();
        }
        if let Some(gateway) = &self.gateway {
            w.open("route");
            w.attr("gateway", gateway);
            w.close();
        }
    }
}
