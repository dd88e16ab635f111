//! `<pstore>` and `<nvram>` below `<devices>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use super::*;
use crate::xml::{Element, KiB};
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
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct NvramDevice {
    #[xml(flatten)]
    pub info: DeviceInfo,
}
