//! `<vsock>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use super::*;
use crate::xml::{Element, YesNo};

/// `<vsock>`: a socket between host and guest.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Vsock {
    #[xml(attr)]
    pub model: Option<VirtioModel>,
    #[xml(child)]
    pub cid: Option<VsockCid>,
    #[xml(flatten)]
    pub info: DeviceInfo,
    #[xml(child)]
    pub driver: VirtioOptions,
}

/// `<cid auto='no' address='4'/>`; addresses from 3.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct VsockCid {
    #[xml(attr)]
    pub auto: Option<YesNo>,
    #[xml(attr)]
    pub address: Option<u32>,
}
