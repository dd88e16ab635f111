//! USB devices and their interfaces.

use oxivirt_core::Result;

use super::HardwareId;
use super::number::{require_decimal, text};
use crate::xml::{Element, Node, Writer};

/// `<capability type='usb_device'>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "fields are named as the elements they hold")]
pub struct UsbDevice {
    pub bus: u32,
    pub device: u32,
    pub product: HardwareId,
    pub vendor: HardwareId,
}

/// `<capability type='usb'>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "fields are named as the elements they hold")]
pub struct UsbInterface {
    pub number: u32,
    pub class: u32,
    pub subclass: u32,
    pub protocol: u32,
    pub description: Option<String>,
}

impl Element for UsbDevice {
    fn parse(node: Node<'_>) -> Result<Self> {
        Ok(Self {
            bus: require_decimal(node, "bus")?,
            device: require_decimal(node, "device")?,
            product: HardwareId::parse(node, "product")?,
            vendor: HardwareId::parse(node, "vendor")?,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.leaf("bus", &self.bus);
        w.leaf("device", &self.device);
        for (name, id) in [("product", &self.product), ("vendor", &self.vendor)] {
            match id.name {
                Some(_) => id.format(w, name),
                // Here, and nowhere else, a blank stands before the end.
                None => w.verbatim(|out, _| out.push_str(&format!("<{name} id='{:#06x}' />", id.id))),
            }
        }
    }
}

impl Element for UsbInterface {
    fn parse(node: Node<'_>) -> Result<Self> {
        Ok(Self {
            number: require_decimal(node, "number")?,
            class: require_decimal(node, "class")?,
            subclass: require_decimal(node, "subclass")?,
            protocol: require_decimal(node, "protocol")?,
            description: text(node, "description"),
        })
    }

    fn format(&self, w: &mut Writer) {
        w.leaf("number", &self.number);
        w.leaf("class", &self.class);
        w.leaf("subclass", &self.subclass);
        w.leaf("protocol", &self.protocol);
        w.leaf_opt("description", self.description.as_ref());
    }
}
