//! The `dnsmasq:` elements.

use oxivirt_core::{ErrorCode, Result};

use crate::net::coded;
use crate::xml::{Node, Value, Writer};

/// Namespace of `<dnsmasq:options>`.
pub const DNSMASQ_NAMESPACE: &str = "http://libvirt.org/schemas/network/dnsmasq/1.0";

/// Reads the options, lines for the configuration file of dnsmasq.
pub(super) fn parse(network: Node<'_>) -> Result<Vec<String>> {
    let ours = |node: &Node<'_>, name| node.namespace() == Some(DNSMASQ_NAMESPACE) && node.name() == name;
    let mut found = Vec::new();
    for options in network.children().filter(|node| ours(node, "options")) {
        for option in options.children().filter(|node| ours(node, "option")) {
            let Some(value) = option.attr("value") else {
                return Err(coded(ErrorCode::INTERNAL_ERROR, option, "missing attribute 'value'"));
            };
            found.push(value.to_owned());
        }
    }
    found.shrink_to_fit();
    Ok(found)
}

/// Writes the declaration that the options need into the open element.
pub(super) fn write_declaration(options: &[String], w: &mut Writer) {
    if !options.is_empty() {
        w.attr_str("xmlns:dnsmasq", DNSMASQ_NAMESPACE);
    }
}

pub(super) fn write<V: Value>(options: &[V], w: &mut Writer) {
    if options.is_empty() {
        return;
    }
    w.open("dnsmasq:options");
    for option in options {
        w.open("dnsmasq:option");
        w.attr("value", option);
        w.close();
    }
    w.close();
}
