//! `<memballoon>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use super::*;
use crate::xml::{Element, Node, OnOff, Writer};
use crate::xml_enum;

xml_enum! {
    pub enum BalloonModel {
        Virtio = "virtio", Xen = "xen", None = "none", Transitional = "virtio-transitional",
        NonTransitional = "virtio-non-transitional",
    }
}

/// `<memballoon>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MemBalloon {
    pub model: BalloonModel,
    pub autodeflate: Option<OnOff>,
    pub free_page_reporting: Option<OnOff>,
    pub stats: Option<BalloonStats>,
    pub info: DeviceInfo,
    pub driver: VirtioOptions,
}

impl Element for MemBalloon {
    fn parse(node: Node<'_>) -> Result<Self> {
        let model = node.require("model")?;
        let info = DeviceInfo::parse(node)?;
        let period = |stats: &BalloonStats| stats.period > 0;
        Ok(Self {
            model,
            autodeflate: node.value("autodeflate")?,
            free_page_reporting: node.value("freePageReporting")?,
            stats: node.child_element("stats")?.filter(period),
            // Without a device there is no place for it.
            info: if model == BalloonModel::None { info.alias_only() } else { info },
            driver: node.child_element("driver")?.unwrap_or_default(),
        })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("model", &self.model);
        w.attr_opt("autodeflate", self.autodeflate.as_ref());
        w.attr_opt("freePageReporting", self.free_page_reporting.as_ref());
        if let Some(stats) = &self.stats {
            w.element("stats", stats);
        }
        self.info.format(w);
        w.element_unless_empty("driver", &self.driver);
    }
}

/// How often figures are asked for, seconds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct BalloonStats {
    #[xml(attr)]
    pub period: u32,
}
