//! `<watchdog>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use super::*;
use crate::xml::Element;
use crate::xml_enum;

xml_enum! {
    pub enum WatchdogModel { I6300esb = "i6300esb", Ib700 = "ib700", Diag288 = "diag288", Itco = "itco" }
}

xml_enum! {
    pub enum WatchdogAction {
        Reset = "reset", Shutdown = "shutdown", PowerOff = "poweroff", Pause = "pause", Dump = "dump", None = "none",
        InjectNmi = "inject-nmi",
    }
}

/// `<watchdog>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Watchdog {
    #[xml(attr)]
    pub model: WatchdogModel,
    #[xml(attr, default)]
    pub action: WatchdogAction,
    #[xml(flatten)]
    pub info: DeviceInfo,
}
