//! `<vcpu>`, `<vcpus>`, `<iothreads>`, `<iothreadids>`, `<defaultiothread>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::{Error, Result};

use super::CpuSet;
use crate::xml::{Element, Node, Value, Writer, YesNo};
use crate::xml_enum;

xml_enum! {
    /// Who chooses the host CPUs.
    pub enum VcpuPlacement { Static = "static", Auto = "auto" }
}

/// `<vcpu placement='static' cpuset='0-3' current='2'>4</vcpu>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vcpu {
    pub placement: VcpuPlacement,
    pub cpuset: Option<CpuSet>,
    /// CPUs the guest starts with, at most `maximum`.
    pub current: u32,
    pub maximum: u32,
}

impl Default for Vcpu {
    fn default() -> Self {
        Self { placement: VcpuPlacement::Static, cpuset: None, current: 1, maximum: 1 }
    }
}

impl Element for Vcpu {
    fn parse(node: Node<'_>) -> Result<Self> {
        let text = node.text();
        let maximum = match text.trim() {
            "" => 1,
            text => u32::parse_value(text)
                .filter(|n| *n > 0)
                .ok_or_else(|| node.bad_text(text, "a number of CPUs from 1 to 4294967295"))?,
        };
        let current = node.value("current")?.unwrap_or(maximum);
        if current > maximum {
            return Err(node.bad_attr("current", &current.to_string(), &format!("at most the maximum of {maximum}")));
        }
        let placement = node.value("placement")?.unwrap_or_default();
        let cpuset: Option<CpuSet> = match placement {
            VcpuPlacement::Auto => None,
            VcpuPlacement::Static => node.value("cpuset").map_err(|_| {
                Error::invalid_arg(format!("Failed to parse bitmap '{}'", node.attr("cpuset").unwrap_or_default()))
            })?,
        };
        if cpuset.as_ref().is_some_and(CpuSet::is_empty) {
            return Err(node.bad_attr("cpuset", "", "at least one CPU"));
        }
        Ok(Self { placement, cpuset, current, maximum })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("placement", &self.placement);
        w.attr_opt("cpuset", self.cpuset.as_ref());
        if self.current != self.maximum {
            w.attr("current", &self.current);
        }
        w.text(&self.maximum);
    }
}

/// One `<vcpu>` of `<vcpus>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct VcpuEntry {
    #[xml(attr)]
    pub id: u32,
    #[xml(attr)]
    pub enabled: YesNo,
    #[xml(attr)]
    pub hotpluggable: Option<YesNo>,
    #[xml(attr)]
    pub order: Option<u32>,
}

/// One `<iothread>` of `<iothreadids>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct IoThread {
    #[xml(attr)]
    pub id: u32,
    #[xml(attr)]
    pub thread_pool_min: Option<i32>,
    #[xml(attr)]
    pub thread_pool_max: Option<i32>,
    #[xml(child)]
    pub poll: Option<IoThreadPoll>,
    /// Made from `<iothreads>` alone; printed as a count only.
    #[xml(skip)]
    pub implied: bool,
}

/// Polling of an I/O thread, nanoseconds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct IoThreadPoll {
    #[xml(attr)]
    pub max: Option<u64>,
    #[xml(attr)]
    pub grow: Option<u64>,
    #[xml(attr)]
    pub shrink: Option<u64>,
}

/// `<defaultiothread>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct DefaultIoThread {
    #[xml(attr)]
    pub thread_pool_min: Option<i32>,
    #[xml(attr)]
    pub thread_pool_max: Option<i32>,
}
