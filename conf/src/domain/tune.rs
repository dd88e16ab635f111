//! `<cputune>`, `<numatune>`, `<resource>`, `<perf>`, `<keywrap>`, `<idmap>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::{Error, Result};

use super::CpuSet;
use crate::xml::{Element, KiB, Node, OnOff, Value, Writer, YesNo, kib_from};
use crate::xml_enum;

/// `<cputune>`; periods and quotas in microseconds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct CpuTune {
    #[xml(leaf)]
    pub shares: Option<u64>,
    #[xml(leaf)]
    pub period: Option<u64>,
    #[xml(leaf)]
    pub quota: Option<i64>,
    #[xml(leaf)]
    pub global_period: Option<u64>,
    #[xml(leaf)]
    pub global_quota: Option<i64>,
    #[xml(leaf)]
    pub emulator_period: Option<u64>,
    #[xml(leaf)]
    pub emulator_quota: Option<i64>,
    #[xml(leaf)]
    pub iothread_period: Option<u64>,
    #[xml(leaf)]
    pub iothread_quota: Option<i64>,
    #[xml(children = "vcpupin")]
    pub vcpupin: Vec<VcpuPin>,
    #[xml(child)]
    pub emulatorpin: Option<EmulatorPin>,
    #[xml(children = "iothreadpin")]
    pub iothreadpin: Vec<IoThreadPin>,
    #[xml(children = "vcpusched")]
    pub vcpusched: Vec<VcpuSched>,
    #[xml(children = "iothreadsched")]
    pub iothreadsched: Vec<IoThreadSched>,
    #[xml(child)]
    pub emulatorsched: Option<EmulatorSched>,
    #[xml(children = "cachetune")]
    pub cachetune: Vec<CacheTune>,
    #[xml(children = "memorytune")]
    pub memorytune: Vec<BandwidthTune>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct VcpuPin {
    #[xml(attr)]
    pub vcpu: u32,
    #[xml(attr)]
    pub cpuset: CpuSet,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct EmulatorPin {
    #[xml(attr)]
    pub cpuset: CpuSet,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct IoThreadPin {
    #[xml(attr)]
    pub iothread: u32,
    #[xml(attr)]
    pub cpuset: CpuSet,
}

xml_enum! {
    /// A scheduling policy of the host.
    pub enum Scheduler { Batch = "batch", Idle = "idle", Fifo = "fifo", Rr = "rr" }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct VcpuSched {
    #[xml(attr)]
    pub vcpus: CpuSet,
    #[xml(attr)]
    pub scheduler: Scheduler,
    #[xml(attr)]
    pub priority: Option<i32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct IoThreadSched {
    #[xml(attr)]
    pub iothreads: CpuSet,
    #[xml(attr)]
    pub scheduler: Scheduler,
    #[xml(attr)]
    pub priority: Option<i32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct EmulatorSched {
    #[xml(attr)]
    pub scheduler: Scheduler,
    #[xml(attr)]
    pub priority: Option<i32>,
}

/// `<cachetune vcpus='0-1'>`: a share of the host's caches.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct CacheTune {
    #[xml(attr)]
    pub vcpus: CpuSet,
    #[xml(attr, live)]
    pub id: Option<String>,
    #[xml(children = "cache")]
    pub caches: Vec<CacheShare>,
    #[xml(children = "monitor")]
    pub monitors: Vec<CacheMonitor>,
}

xml_enum! {
    /// What a part of a cache holds.
    pub enum CacheType { Both = "both", Code = "code", Data = "data" }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CacheShare {
    pub id: u32,
    pub level: u32,
    pub kind: CacheType,
    /// Bytes.
    pub size: u64,
}

impl Element for CacheShare {
    fn parse(node: Node<'_>) -> Result<Self> {
        let text = node.attr("size").ok_or_else(|| node.missing_attr("size"))?;
        let unit = node.attr("unit").unwrap_or("B");
        let size = u64::parse_value(text)
            .and_then(|n| crate::xml::bytes_from(n, unit))
            .ok_or_else(|| node.bad_attr("size", text, "a size with a known unit"))?;
        Ok(Self { id: node.require("id")?, level: node.require("level")?, kind: node.require("type")?, size })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("id", &self.id);
        w.attr("level", &self.level);
        w.attr("type", &self.kind);
        let (size, unit) = short_size(self.size);
        w.attr("size", &size);
        w.attr_str("unit", unit);
    }
}

/// The largest unit that shows `bytes` without a rest.
pub(super) fn short_size(bytes: u64) -> (u64, &'static str) {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut size = bytes;
    let mut found = "B";
    for unit in units {
        found = unit;
        if size == 0 || !size.is_multiple_of(1024) {
            break;
        }
        size /= 1024;
    }
    (size, found)
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct CacheMonitor {
    #[xml(attr)]
    pub level: u32,
    #[xml(attr)]
    pub vcpus: CpuSet,
}

/// `<memorytune vcpus='0-3'>`: a share of the memory bandwidth.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct BandwidthTune {
    #[xml(attr)]
    pub vcpus: CpuSet,
    #[xml(attr, live)]
    pub id: Option<String>,
    #[xml(children = "node")]
    pub nodes: Vec<BandwidthNode>,
    #[xml(children = "monitor")]
    pub monitors: Vec<BandwidthMonitor>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct BandwidthNode {
    #[xml(attr)]
    pub id: u32,
    #[xml(attr)]
    pub bandwidth: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct BandwidthMonitor {
    #[xml(attr)]
    pub vcpus: CpuSet,
}

xml_enum! {
    /// How memory is spread over host nodes.
    pub enum NumaMode { Strict = "strict", Preferred = "preferred", Interleave = "interleave", Restrictive = "restrictive" }
}

xml_enum! {
    /// Who chooses the host nodes.
    pub enum NumaPlacement { Static = "static", Auto = "auto" }
}

/// `<numatune>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct NumaTune {
    #[xml(child)]
    pub memory: Option<NumaMemory>,
    #[xml(children = "memnode")]
    pub nodes: Vec<NumaMemoryNode>,
}

impl NumaTune {
    /// Whether anything is said about a node.
    pub(super) fn says_something(&self) -> bool {
        let chosen = |m: &NumaMemory| m.placement.is_some() || m.nodeset.is_some();
        !self.nodes.is_empty() || self.memory.as_ref().is_some_and(chosen)
    }
}

/// `<memory mode='strict' nodeset='0-3'/>` or `placement='auto'`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NumaMemory {
    pub mode: NumaMode,
    pub placement: Option<NumaPlacement>,
    pub nodeset: Option<CpuSet>,
}

impl Element for NumaMemory {
    fn parse(node: Node<'_>) -> Result<Self> {
        let placement = node.value("placement")?;
        let chosen = placement != Some(NumaPlacement::Auto);
        let nodeset: Option<CpuSet> = if chosen { node.value("nodeset")? } else { None };
        if nodeset.as_ref().is_some_and(CpuSet::is_empty) {
            let text = node.attr("nodeset").unwrap_or_default();
            return Err(Error::config_unsupported(format!("Invalid value of 'nodeset': {text}, no node is left")));
        }
        Ok(Self { mode: node.value("mode")?.unwrap_or_default(), placement, nodeset })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("mode", &self.mode);
        match &self.nodeset {
            Some(nodeset) if self.placement != Some(NumaPlacement::Auto) => w.attr("nodeset", nodeset),
            _ => w.attr_opt("placement", self.placement.as_ref()),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct NumaMemoryNode {
    #[xml(attr)]
    pub cellid: u32,
    #[xml(attr, default)]
    pub mode: NumaMode,
    #[xml(attr)]
    pub nodeset: CpuSet,
}

/// `<resource>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Resource {
    #[xml(leaf)]
    pub partition: Option<String>,
    #[xml(child)]
    pub fibrechannel: Option<FibreChannel>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct FibreChannel {
    #[xml(attr)]
    pub appid: String,
}

/// `<perf>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Perf {
    #[xml(children = "event")]
    pub events: Vec<PerfEvent>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct PerfEvent {
    #[xml(attr)]
    pub name: String,
    #[xml(attr)]
    pub enabled: YesNo,
}

/// `<keywrap>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct KeyWrap {
    #[xml(children = "cipher")]
    pub ciphers: Vec<KeyWrapCipher>,
}

xml_enum! {
    /// A cipher of the key wrapping facility.
    pub enum KeyWrapName { Aes = "aes", Dea = "dea" }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct KeyWrapCipher {
    #[xml(attr)]
    pub name: KeyWrapName,
    #[xml(attr)]
    pub state: OnOff,
}

/// `<idmap>`: user namespaces.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct IdMap {
    #[xml(children = "uid")]
    pub uid: Vec<IdMapEntry>,
    #[xml(children = "gid")]
    pub gid: Vec<IdMapEntry>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct IdMapEntry {
    #[xml(attr)]
    pub start: u32,
    #[xml(attr)]
    pub target: u32,
    #[xml(attr)]
    pub count: u32,
}

/// A size in KiB from `value` and `unit` attributes of one element.
pub(super) fn kib_attrs(node: Node<'_>, value: &str, unit: &str) -> Result<Option<KiB>> {
    let Some(text) = node.attr(value) else { return Ok(None) };
    let unit = node.attr(unit).unwrap_or("KiB");
    u64::parse_value(text)
        .and_then(|n| kib_from(n, unit))
        .map(|n| Some(KiB(n)))
        .ok_or_else(|| node.bad_attr(value, text, "a size with a known unit"))
}
