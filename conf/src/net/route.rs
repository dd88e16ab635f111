//! `<route>`: a static route.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use std::net::{IpAddr, Ipv4Addr};

use oxivirt_core::Result;

use super::{IpFamily, netmask_prefix, network_of};
use crate::xml::{Element, Node, Value, Writer};

/// `<route family='ipv4' address='192.168.2.0' prefix='24' gateway='192.168.1.1' metric='2'/>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// As written; IPv4 when absent.
    pub family: Option<IpFamily>,
    /// Address of the network.
    pub address: IpAddr,
    /// IPv4 only, and instead of the prefix.
    pub netmask: Option<Ipv4Addr>,
    pub prefix: Option<u8>,
    pub gateway: IpAddr,
    /// From 1.
    pub metric: Option<u32>,
}

impl Route {
    /// The prefix, also where a netmask says it; 0 where nothing does.
    pub fn network_prefix(&self) -> u8 {
        self.prefix.or_else(|| self.netmask.and_then(netmask_prefix)).unwrap_or(0)
    }
}

impl Element for Route {
    fn parse(node: Node<'_>) -> Result<Self> {
        let family: Option<IpFamily> = node.value("family")?;
        let wanted = family.unwrap_or_default();
        let of_family = |name: &str| -> Result<IpAddr> {
            let address: IpAddr = node.require(name)?;
            match IpFamily::of(address) == wanted {
                true => Ok(address),
                false if family.is_none() => {
                    let text = node.attr(name).unwrap_or_default();
                    Err(node.error(format_args!("'{name}' {text} is not IPv4, so attribute 'family' is needed")))
                }
                false => Err(node.bad_attr(name, node.attr(name).unwrap_or_default(), &format!("an {wanted} address"))),
            }
        };
        let route = Self {
            family,
            address: of_family("address")?,
            netmask: node.value("netmask")?,
            prefix: match node.attr("prefix") {
                None => None,
                Some(text) => match u8::parse_value(text).filter(|prefix| *prefix <= wanted.bits()) {
                    None => return Err(node.bad_attr("prefix", text, &format!("0 to {}", wanted.bits()))),
                    prefix => prefix,
                },
            },
            gateway: of_family("gateway")?,
            metric: node.value("metric")?,
        };
        if route.netmask.is_some() && wanted == IpFamily::Ipv6 {
            return Err(node.error("attribute 'netmask' is not for IPv6"));
        }
        if route.netmask.is_some() && route.prefix.is_some() {
            return Err(node.error("attributes 'prefix' and 'netmask' exclude each other"));
        }
        if route.metric == Some(0) {
            return Err(node.bad_attr("metric", "0", "a number above 0"));
        }
        if network_of(route.address, route.network_prefix()) != route.address {
            let text = node.attr("address").unwrap_or_default();
            return Err(node.error(format_args!("address '{text}' is not the address of a network")));
        }
        Ok(route)
    }

    fn format(&self, w: &mut Writer) {
        w.attr_opt("family", self.family.as_ref());
        w.attr("address", &self.address);
        w.attr_opt("netmask", self.netmask.as_ref());
        w.attr_opt("prefix", self.prefix.as_ref());
        w.attr("gateway", &self.gateway);
        w.attr_opt("metric", self.metric.as_ref());
    }
}
