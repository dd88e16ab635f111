//! `<iommu>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use super::*;
use crate::xml::{Element, OnOff};
use crate::xml_enum;

xml_enum! {
    pub enum IommuModel { Intel = "intel", SmmuV3 = "smmuv3", Virtio = "virtio" }
}

/// `<iommu>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Iommu {
    #[xml(attr)]
    pub model: IommuModel,
    #[xml(child)]
    pub driver: IommuDriver,
    #[xml(flatten)]
    pub info: DeviceInfo,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct IommuDriver {
    #[xml(attr)]
    pub intremap: Option<OnOff>,
    #[xml(attr)]
    pub caching_mode: Option<OnOff>,
    #[xml(attr)]
    pub eim: Option<OnOff>,
    #[xml(attr)]
    pub iotlb: Option<OnOff>,
    #[xml(attr)]
    pub aw_bits: Option<u32>,
    #[xml(attr)]
    pub dma_translation: Option<OnOff>,
}
