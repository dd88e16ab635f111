//! `<serial>` and `<parallel>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use super::*;
use crate::xml::{Element, Node, Writer};

/// The type of a device whose `type=` may be missing.
pub(super) fn char_type<'d>(node: Node<'d>) -> &'d str {
    node.attr("type").unwrap_or("pty")
}

/// `<serial>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Serial {
    pub source: CharSource,
    /// `isa-serial`, `usb-serial`, …; words, since each driver has its own.
    pub target_type: Option<String>,
    /// `None`: the next free one, set after parsing.
    pub port: Option<u32>,
    /// The emulated device, such as `isa-serial` or `pl011`.
    pub model: Option<String>,
    pub info: DeviceInfo,
}

impl Element for Serial {
    fn parse(node: Node<'_>) -> Result<Self> {
        let mut serial = Self {
            source: CharSource::parse_typed(node, char_type(node))?,
            info: DeviceInfo::parse(node)?,
            ..Self::default()
        };
        if let Some(target) = node.child("target") {
            serial.target_type = target.value("type")?;
            serial.port = target.decimal("port")?;
            serial.model = target.child("model").map(|m| m.require("name")).transpose()?;
        }
        Ok(serial)
    }

    fn format(&self, w: &mut Writer) {
        w.attr_str("type", self.source.type_name());
        self.source.format_children(w);
        w.open("target");
        w.attr_opt("type", self.target_type.as_ref());
        w.attr_opt("port", self.port.as_ref());
        if let Some(model) = &self.model {
            w.open("model");
            w.attr("name", model);
            w.close();
        }
        w.close_or_drop();
        self.info.format(w);
    }
}

/// `<parallel>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parallel {
    pub source: CharSource,
    /// `None`: the next free one, set after parsing.
    pub port: Option<u32>,
    pub info: DeviceInfo,
}

impl Element for Parallel {
    fn parse(node: Node<'_>) -> Result<Self> {
        let port = node.child("target").map(|t| t.decimal("port")).transpose()?.flatten();
        Ok(Self { source: CharSource::parse_typed(node, char_type(node))?, port, info: DeviceInfo::parse(node)? })
    }

    fn format(&self, w: &mut Writer) {
        w.attr_str("type", self.source.type_name());
        self.source.format_children(w);
        if let Some(port) = &self.port {
            w.open("target");
            w.attr("port", port);
            w.close();
        }
        self.info.format(w);
    }
}
