//! `<ip>`, and together with `<route>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use crate::net::Route;
use crate::xml::{Element, Node, Writer};

crate::absent!(IpInfo);

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
        let address: std::net::IpAddr = node.require("address")?;
        if let Some(family @ ("ipv4" | "ipv6")) = node.attr("family")
            && (family == "ipv4") != address.is_ipv4()
        {
            return Err(node.error(format_args!("address '{address}' does not belong to family '{family}'")));
        }
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let prefix: Option<u8> = node.value("prefix")?.filter(|p| *p > 0);
        if let Some(long) = prefix.filter(|p| *p > longest) {
            return Err(node.bad_attr("prefix", &long.to_string(), &format!("at most {longest}")));
        }
        Ok(Self { address, prefix, peer: node.value("peer")? })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("address", &self.address);
        w.attr_str("family", if self.address.is_ipv4() { "ipv4" } else { "ipv6" });
        w.attr_opt("prefix", self.prefix.as_ref());
        w.attr_opt("peer", self.peer.as_ref());
    }
}
