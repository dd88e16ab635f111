//! `<pstore>` and `<nvram>` below `<devices>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use super::*;
use crate::xml::{Element, KiB, Node, Writer};
use crate::xml_enum;

xml_enum! {
    pub enum PstoreBackend { AcpiErst = "acpi-erst" }
}

/// `<pstore>`: storage for crash logs of the guest.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Pstore {
    #[xml(attr)]
    pub backend: PstoreBackend,
    #[xml(leaf)]
    pub path: Option<String>,
    #[xml(child)]
    pub size: Option<KiB>,
    #[xml(flatten)]
    pub info: DeviceInfo,
}

/// `<nvram>` below `<devices>` (pseries).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NvramDevice {
    pub info: DeviceInfo,
}

impl Element for NvramDevice {
    fn parse(node: Node<'_>) -> Result<Self> {
        Ok(Self { info: DeviceInfo::parse(node)? })
    }

    fn format(&self, w: &mut Writer) {
        w.force_children();
        self.info.format(w);
    }
}
