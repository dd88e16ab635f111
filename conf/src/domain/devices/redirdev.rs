//! `<redirdev>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use super::*;
use crate::xml::{Element, Node, Writer};
use crate::xml_enum;

xml_enum! {
    pub enum RedirBus { Usb = "usb" }
}

/// `<redirdev bus='usb' type='spicevmc'>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RedirDev {
    pub bus: RedirBus,
    pub source: CharSource,
    pub info: DeviceInfo,
}

impl Element for RedirDev {
    fn parse(node: Node<'_>) -> Result<Self> {
        let kind = node.attr("type").ok_or_else(|| node.missing_attr("type"))?;
        Ok(Self {
            bus: node.value("bus")?.unwrap_or_default(),
            source: CharSource::parse_typed(node, kind)?,
            info: DeviceInfo::parse(node)?,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("bus", &self.bus);
        w.attr_str("type", self.source.type_name());
        self.source.format_children(w);
        self.info.format(w);
    }
}
