//! `<crypto>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use super::*;
use crate::xml::Element;
use crate::xml_enum;

xml_enum! {
    pub enum CryptoModel { Virtio = "virtio" }
}

xml_enum! {
    pub enum CryptoType { Qemu = "qemu" }
}

xml_enum! {
    pub enum CryptoBackendModel { Builtin = "builtin", Lkcf = "lkcf" }
}

/// `<crypto>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Crypto {
    #[xml(attr)]
    pub model: CryptoModel,
    #[xml(attr = "type")]
    pub kind: CryptoType,
    #[xml(child)]
    pub backend: Option<CryptoBackend>,
    #[xml(child)]
    pub driver: VirtioOptions,
    #[xml(flatten)]
    pub info: DeviceInfo,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct CryptoBackend {
    #[xml(attr)]
    pub model: CryptoBackendModel,
    #[xml(attr)]
    pub queues: Option<u32>,
}
