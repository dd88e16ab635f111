//! The host itself.

use oxivirt_core::Result;
use uuid::Uuid;

use super::number::text;
use crate::xml::{Element, Node, Writer};

/// `<capability type='system'>`: from the firmware's tables.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "fields are named as the elements they hold")]
pub struct SystemDevice {
    pub product: Option<String>,
    pub hardware_vendor: Option<String>,
    pub hardware_version: Option<String>,
    pub hardware_serial: Option<String>,
    pub uuid: Uuid,
    pub firmware_vendor: Option<String>,
    pub firmware_version: Option<String>,
    pub firmware_release_date: Option<String>,
}

impl Element for SystemDevice {
    fn parse(node: Node<'_>) -> Result<Self> {
        let hardware = node.child("hardware").ok_or_else(|| node.missing_child("hardware"))?;
        let firmware = |name: &str| node.child("firmware").and_then(|firmware| text(firmware, name));
        Ok(Self {
            product: text(node, "product"),
            hardware_vendor: text(hardware, "vendor"),
            hardware_version: text(hardware, "version"),
            hardware_serial: text(hardware, "serial"),
            uuid: hardware.child_value("uuid")?.ok_or_else(|| hardware.missing_child("uuid"))?,
            firmware_vendor: firmware("vendor"),
            firmware_version: firmware("version"),
            firmware_release_date: firmware("release_date"),
        })
    }

    fn format(&self, w: &mut Writer) {
        w.leaf_opt("product", self.product.as_ref());
        w.open("hardware");
        w.leaf_opt("vendor", self.hardware_vendor.as_ref());
        w.leaf_opt("version", self.hardware_version.as_ref());
        w.leaf_opt("serial", self.hardware_serial.as_ref());
        w.leaf("uuid", &self.uuid);
        w.close();
        w.open("firmware");
        w.force_children();
        w.leaf_opt("vendor", self.firmware_vendor.as_ref());
        w.leaf_opt("version", self.firmware_version.as_ref());
        w.leaf_opt("release_date", self.firmware_release_date.as_ref());
        w.close();
    }
}
