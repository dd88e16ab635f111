//! `<bandwidth>`: limits of a network, a group of ports, or one card.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use super::{detail, unsupported};
use crate::xml::{Element, Node, Writer};

/// `<bandwidth>`; KiB per second, bursts in KiB.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BandwidthLimits {
    /// Class of the queueing discipline; ports in use only, from 1.
    pub class_id: Option<u32>,
    pub inbound: Option<BandwidthLimit>,
    pub outbound: Option<BandwidthLimit>,
}

/// One direction; numbers from 1.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BandwidthLimit {
    pub average: Option<u64>,
    pub peak: Option<u64>,
    /// What is guaranteed; inbound only.
    pub floor: Option<u64>,
    pub burst: Option<u64>,
}

impl BandwidthLimits {
    /// Reads the limits of a whole network or group of ports, which have
    /// neither a class nor a guarantee.
    ///
    /// Errors: `XML_DETAIL` for a class, `CONFIG_UNSUPPORTED` for a
    /// guarantee, and as for [`Element::parse`].
    pub fn of_network(node: Node<'_>) -> Result<Self> {
        if node.attr("classID").is_some() {
            return Err(detail(node, "attribute 'classID' is not supported here"));
        }
        let limits = Self::parse(node)?;
        match limits.inbound.as_ref().is_some_and(|limit| limit.floor.is_some()) {
            true => Err(unsupported(node, "attribute 'floor' is not supported here")),
            false => Ok(limits),
        }
    }

    /// Reads the limits of a port, with its class.
    pub fn of_port(node: Node<'_>) -> Result<Self> {
        let mut limits = Self::parse(node)?;
        let class_id: Option<u32> = node.value("classID")?;
        limits.class_id = class_id.filter(|id| *id > 0 && limits != Self::default());
        Ok(limits)
    }
}

impl Element for BandwidthLimits {
    fn parse(node: Node<'_>) -> Result<Self> {
        // A direction whose limits are all zero says nothing; kept, it would print
        // as an element that reads back as no limit at all.
        let direction = |name| -> Result<Option<BandwidthLimit>> {
            let limit: Option<BandwidthLimit> = node.child_element(name)?;
            Ok(limit.filter(|limit| limit.average.is_some() || limit.floor.is_some()))
        };
        let outbound = direction("outbound")?;
        if outbound.as_ref().is_some_and(|limit| limit.floor.is_some()) {
            return Err(unsupported(node, "attribute 'floor' is not supported for 'outbound'"));
        }
        Ok(Self { class_id: None, inbound: direction("inbound")?, outbound })
    }

    fn format(&self, w: &mut Writer) {
        if self.inbound.is_none() && self.outbound.is_none() {
            return;
        }
        w.attr_opt("classID", self.class_id.as_ref());
        w.force_children();
        for (name, limit) in [("inbound", &self.inbound), ("outbound", &self.outbound)] {
            if let Some(limit) = limit {
                w.element_unless_empty(name, limit);
            }
        }
    }
}

impl Element for BandwidthLimit {
    fn parse(node: Node<'_>) -> Result<Self> {
        if node.attr("average").is_none() && node.attr("floor").is_none() {
            return Err(detail(node, "attribute 'average' or 'floor' is missing"));
        }
        // Zero is no limit.
        let number = |name| -> Result<Option<u64>> { Ok(node.value(name)?.filter(|n| *n > 0)) };
        Ok(Self {
            average: number("average")?,
            peak: number("peak")?,
            floor: number("floor")?,
            burst: number("burst")?,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.attr_opt("average", self.average.as_ref());
        w.attr_opt("peak", self.peak.as_ref());
        w.attr_opt("floor", self.floor.as_ref());
        w.attr_opt("burst", self.burst.as_ref());
    }
}
