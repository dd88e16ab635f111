//! `<hub>` and `<redirfilter>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use super::*;
use crate::xml::{Element, Node, Value, Writer, YesNo};
use crate::xml_enum;

xml_enum! {
    pub enum HubType { Usb = "usb" }
}

/// `<hub>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Hub {
    #[xml(attr = "type")]
    pub kind: HubType,
    #[xml(flatten)]
    pub info: DeviceInfo,
}

/// `filter` of `<redirfilter>`: which USB devices may be redirected.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct RedirFilter {
    #[xml(children = "usbdev")]
    pub rules: Vec<RedirRule>,
}

/// One rule; absent numbers match everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RedirRule {
    pub class: Option<u8>,
    pub vendor: Option<u16>,
    pub product: Option<u16>,
    /// As written, such as `1.10`.
    pub version: Option<String>,
    pub allow: YesNo,
}

impl Element for RedirRule {
    fn parse(node: Node<'_>) -> Result<Self> {
        fn any<T: Value>(node: Node<'_>, name: &str) -> Result<Option<T>> {
            if node.attr(name) == Some("-1") { Ok(None) } else { node.value(name) }
        }
        Ok(Self {
            class: any(node, "class")?,
            vendor: any(node, "vendor")?,
            product: any(node, "product")?,
            version: any(node, "version")?,
            allow: node.require("allow")?,
        })
    }

    fn format(&self, w: &mut Writer) {
        if let Some(class) = self.class {
            w.attr_hex("class", class, 2);
        }
        if let Some(vendor) = self.vendor {
            w.attr_hex("vendor", vendor, 4);
        }
        if let Some(product) = self.product {
            w.attr_hex("product", product, 4);
        }
        w.attr_opt("version", self.version.as_ref());
        w.attr("allow", &self.allow);
    }
}
