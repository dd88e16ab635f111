//! `<memory>`, `<maxMemory>`, `<memoryBacking>`, `<memtune>`, `<blkiotune>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use crate::xml::{Element, KiB, Node, Value, Writer};
use crate::xml_enum;

/// `<maxMemory slots='16' unit='KiB'>`: the limit for memory hotplug.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaxMemory {
    /// 0: not given.
    pub slots: u32,
    pub size: KiB,
}

impl Element for MaxMemory {
    fn parse(node: Node<'_>) -> Result<Self> {
        Ok(Self { slots: node.value("slots")?.unwrap_or(0), size: KiB::of(node)? })
    }

    fn format(&self, w: &mut Writer) {
        if self.slots > 0 {
            w.attr("slots", &self.slots);
        }
        self.size.format(w);
    }
}

xml_enum! {
    /// Where guest memory comes from.
    pub enum MemorySource { File = "file", Anonymous = "anonymous", Memfd = "memfd" }
}

xml_enum! {
    /// Whether other processes may map guest memory.
    pub enum MemoryAccess { Shared = "shared", Private = "private" }
}

xml_enum! {
    /// When guest memory is allocated.
    pub enum MemoryAllocation { Immediate = "immediate", OnDemand = "ondemand" }
}

/// `<memoryBacking>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct MemoryBacking {
    #[xml(child)]
    pub hugepages: Option<HugePages>,
    #[xml(flag)]
    pub nosharepages: bool,
    #[xml(flag)]
    pub locked: bool,
    #[xml(child)]
    pub source: Option<BackingSource>,
    #[xml(child)]
    pub access: Option<BackingAccess>,
    #[xml(child)]
    pub allocation: Option<BackingAllocation>,
    #[xml(flag)]
    pub discard: bool,
}

/// `<hugepages>`; without `<page>` the host's default size.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct HugePages {
    #[xml(children = "page")]
    pub pages: Vec<HugePage>,
}

/// `<page size='2048' unit='KiB' nodeset='0-1'/>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HugePage {
    pub size: KiB,
    pub nodeset: Option<super::CpuSet>,
}

impl Element for HugePage {
    fn parse(node: Node<'_>) -> Result<Self> {
        let size = node.attr("size").ok_or_else(|| node.missing_attr("size"))?;
        let size = KiB::of_text(node, size, node.attr("unit").unwrap_or("KiB"))?;
        if size.0 == 0 {
            return Err(node.bad_attr("size", "0", "a size above 0"));
        }
        Ok(Self { size, nodeset: node.value("nodeset")? })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("size", &self.size.0);
        w.attr_str("unit", "KiB");
        w.attr_opt("nodeset", self.nodeset.as_ref());
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct BackingSource {
    #[xml(attr = "type")]
    pub kind: MemorySource,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct BackingAccess {
    #[xml(attr)]
    pub mode: MemoryAccess,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct BackingAllocation {
    #[xml(attr)]
    pub mode: Option<MemoryAllocation>,
    #[xml(attr)]
    pub threads: Option<u32>,
}

/// `<memtune>`; a limit of 2^53-1 KiB or more means none and is not printed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MemoryTune {
    pub hard_limit: Option<KiB>,
    pub soft_limit: Option<KiB>,
    pub min_guarantee: Option<KiB>,
    pub swap_hard_limit: Option<KiB>,
}

impl Element for MemoryTune {
    fn parse(node: Node<'_>) -> Result<Self> {
        let limit = |name| -> Result<Option<KiB>> {
            let limit: Option<KiB> = node.child_element(name)?;
            Ok(limit.filter(|l| l.0 < 9_007_199_254_740_991))
        };
        Ok(Self {
            hard_limit: limit("hard_limit")?,
            soft_limit: limit("soft_limit")?,
            min_guarantee: limit("min_guarantee")?,
            swap_hard_limit: limit("swap_hard_limit")?,
        })
    }

    fn format(&self, w: &mut Writer) {
        let limits = [
            ("hard_limit", self.hard_limit),
            ("soft_limit", self.soft_limit),
            ("min_guarantee", self.min_guarantee),
            ("swap_hard_limit", self.swap_hard_limit),
        ];
        for (name, limit) in limits {
            if let Some(limit) = limit {
                w.element(name, &limit);
            }
        }
    }
}

/// `<blkiotune>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct BlkioTune {
    #[xml(leaf)]
    pub weight: Option<u32>,
    #[xml(children = "device")]
    pub devices: Vec<BlkioDevice>,
}

/// Limits for one host block device; bytes or operations per second.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct BlkioDevice {
    #[xml(leaf)]
    pub path: String,
    #[xml(leaf)]
    pub weight: Option<u32>,
    #[xml(leaf)]
    pub read_iops_sec: Option<u32>,
    #[xml(leaf)]
    pub write_iops_sec: Option<u32>,
    #[xml(leaf)]
    pub read_bytes_sec: Option<u64>,
    #[xml(leaf)]
    pub write_bytes_sec: Option<u64>,
}

impl Value for super::CpuSet {
    fn parse_value(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn allowed() -> String {
        "a list of numbers and ranges such as 0-3,^2,7".to_owned()
    }

    fn write_value(&self, out: &mut String) {
        use std::fmt::Write;
        // Writing to a String does not fail.
        let _ = write!(out, "{self}");
    }
}
