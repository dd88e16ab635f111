//! `<channel>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use super::serial::char_type;
use super::*;
use crate::xml::{Element, Node, Writer};
use crate::xml_enum;

/// `<channel>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    pub source: CharSource,
    pub target: ChannelTarget,
    pub info: DeviceInfo,
}

xml_enum! {
    /// Whether the guest has the channel open.
    pub enum ChannelState { Connected = "connected", Disconnected = "disconnected" }
}

/// The guest's end of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelTarget {
    /// A TCP port that the guest sees, forwarded to the host.
    GuestFwd {
        address: String,
        port: u16,
    },
    Virtio {
        name: Option<String>,
        state: Option<ChannelState>,
    },
    Xen {
        name: Option<String>,
        state: Option<ChannelState>,
    },
}

impl Element for Channel {
    fn parse(node: Node<'_>) -> Result<Self> {
        let target = node.child("target").ok_or_else(|| node.missing_child("target"))?;
        let kind = target.attr("type").ok_or_else(|| target.missing_attr("type"))?;
        let name = || -> Result<Option<String>> { target.value("name") };
        let state = if node.mode().live { target.value("state")? } else { None };
        let source = CharSource::parse_typed(node, char_type(node))?;
        let target = match kind {
            "guestfwd" => {
                ChannelTarget::GuestFwd { address: target.require("address")?, port: target.require("port")? }
            }
            "virtio" => ChannelTarget::Virtio { name: name()?, state },
            "xen" => ChannelTarget::Xen { name: name()?, state },
            other => return Err(target.bad_attr("type", other, "guestfwd, virtio, xen")),
        };
        Ok(Self { source, target, info: DeviceInfo::parse(node)? })
    }

    fn format(&self, w: &mut Writer) {
        w.attr_str("type", self.source.type_name());
        self.source.format_children(w);
        w.open("target");
        match &self.target {
            ChannelTarget::GuestFwd { address, port } => {
                w.attr_str("type", "guestfwd");
                w.attr("address", address);
                w.attr("port", port);
            }
            ChannelTarget::Virtio { name, state } | ChannelTarget::Xen { name, state } => {
                let virtio = matches!(self.target, ChannelTarget::Virtio { .. });
                w.attr_str("type", if virtio { "virtio" } else { "xen" });
                w.attr_opt("name", name.as_ref());
                if w.mode().live {
                    w.attr_opt("state", state.as_ref());
                }
            }
        }
        w.close();
        self.info.format(w);
    }
}
