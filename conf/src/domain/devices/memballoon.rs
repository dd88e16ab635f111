//! `<memballoon>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use super::*;
use crate::xml::{Element, OnOff};
use crate::xml_enum;

xml_enum! {
    pub enum BalloonModel {
        Virtio = "virtio", Xen = "xen", None = "none", Transitional = "virtio-transitional",
        NonTransitional = "virtio-non-transitional",
    }
}

/// `<memballoon>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct MemBalloon {
    #[xml(attr)]
    pub model: BalloonModel,
    #[xml(attr)]
    pub autodeflate: Option<OnOff>,
    #[xml(attr = "freePageReporting")]
    pub free_page_reporting: Option<OnOff>,
    #[xml(child)]
    pub stats: Option<BalloonStats>,
    #[xml(flatten)]
    pub info: DeviceInfo,
    #[xml(child)]
    pub driver: VirtioOptions,
}

/// How often figures are asked for, seconds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct BalloonStats {
    #[xml(attr)]
    pub period: u32,
}
