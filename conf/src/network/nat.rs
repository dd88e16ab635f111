//! `<nat>` inside of `<forward>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use std::net::{IpAddr, Ipv4Addr};

use oxivirt_core::Result;

use super::detail;
use super::dhcp::check_range;
use crate::xml::{Element, Node, Value, Writer, YesNo};

/// `<nat ipv6='yes'><address start='…' end='…'/><port start='…' end='…'/></nat>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Nat {
    /// Whether IPv6 is translated too.
    pub ipv6: Option<YesNo>,
    /// First and last public address.
    pub addresses: Option<(Ipv4Addr, Ipv4Addr)>,
    /// First and last port.
    pub ports: Option<(u16, u16)>,
}

impl Element for Nat {
    fn parse(node: Node<'_>) -> Result<Self> {
        let addresses = match only(node, "address")? {
            None => None,
            Some(range) => {
                let (start, end): (Ipv4Addr, Ipv4Addr) = (range.require("start")?, range.require("end")?);
                check_range(IpAddr::V4(start), IpAddr::V4(end), None)?;
                Some((start, end))
            }
        };
        let ports = match only(node, "port")? {
            None => None,
            Some(range) => {
                let port = |name: &str, least: u16| {
                    let found = range.attr(name).and_then(u16::parse_value).filter(|port| *port >= least);
                    found.ok_or_else(|| {
                        let text = range.attr(name).unwrap_or_default();
                        detail(
                            range,
                            format_args!(
                                "attribute '{name}' is missing or invalid ('{text}'), allowed: {least} to 65535"
                            ),
                        )
                    })
                };
                let start = port("start", 0)?;
                Some((start, port("end", start)?))
            }
        };
        // No ports at all is how the absence has always been kept.
        Ok(Self { ipv6: node.value("ipv6")?, addresses, ports: ports.filter(|ports| *ports != (0, 0)) })
    }

    fn format(&self, w: &mut Writer) {
        w.attr_opt("ipv6", self.ipv6.as_ref());
        if let Some((start, end)) = &self.addresses {
            w.open("address");
            w.attr("start", start);
            w.attr("end", end);
            w.close();
        }
        if let Some((start, end)) = &self.ports {
            w.open("port");
            w.attr("start", start);
            w.attr("end", end);
            w.close();
        }
    }
}

/// The one child of that name; a second one is an error.
pub(super) fn only<'d>(node: Node<'d>, name: &str) -> Result<Option<Node<'d>>> {
    let mut found = node.children_named(name);
    match (found.next(), found.next()) {
        (_, Some(second)) => Err(second.error(format_args!("only one <{name}> is allowed"))),
        (first, None) => Ok(first),
    }
}
