//! `<panic>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use super::*;
use crate::xml::Element;
use crate::xml_enum;

xml_enum! {
    pub enum PanicModel { Isa = "isa", Pseries = "pseries", Hyperv = "hyperv", S390 = "s390", Pvpanic = "pvpanic" }
}

/// `<panic>`: tells the host that the guest crashed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Panic {
    #[xml(attr)]
    pub model: Option<PanicModel>,
    #[xml(flatten)]
    pub info: DeviceInfo,
}
