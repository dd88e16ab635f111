//! `<cpu>` of a domain.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use std::collections::HashSet;

use oxivirt_core::{Error, Result};

use super::CpuSet;
use super::memory::MemoryAccess;
use super::tune::kib_attrs;
use crate::xml::{Element, KiB, Node, OnOff, Value, WriteMode, Writer, YesNo};
use crate::xml_enum;

xml_enum! {
    /// Where the guest's CPU comes from.
    pub enum CpuMode {
        Custom = "custom", HostModel = "host-model", HostPassthrough = "host-passthrough", Maximum = "maximum",
    }
}

xml_enum! {
    /// How the host's CPU must match.
    pub enum CpuMatch { Exact = "exact", Minimum = "minimum", Strict = "strict" }
}

xml_enum! {
    /// How thoroughly the guest's CPU is checked before it starts.
    pub enum CpuCheck { None = "none", Partial = "partial", Full = "full" }
}

xml_enum! {
    /// Whether a similar model may be taken.
    pub enum CpuFallback { Allow = "allow", Forbid = "forbid" }
}

xml_enum! {
    /// What is asked of one CPU feature.
    pub enum CpuFeaturePolicy {
        Force = "force", Require = "require", Optional = "optional", Disable = "disable", Forbid = "forbid",
    }
}

xml_enum! {
    /// What the guest sees of the host's cache.
    pub enum CpuCacheMode { Emulate = "emulate", Passthrough = "passthrough", Disable = "disable" }
}

xml_enum! {
    /// Where the number of physical address bits comes from.
    pub enum CpuAddressMode { Emulate = "emulate", Passthrough = "passthrough" }
}

/// `<cpu>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cpu {
    pub mode: CpuMode,
    pub match_: Option<CpuMatch>,
    pub check: Option<CpuCheck>,
    pub migratable: Option<OnOff>,
    pub deprecated_features: Option<OnOff>,
    /// `None`: no model; in `custom` mode the hypervisor's default.
    pub model: Option<String>,
    /// Printed as `allow` when a model is named and nothing is said.
    pub fallback: Option<CpuFallback>,
    /// At most 12 characters.
    pub vendor_id: Option<String>,
    pub vendor: Option<String>,
    pub topology: Option<CpuTopology>,
    pub cache: Option<CpuCache>,
    pub maxphysaddr: Option<CpuMaxPhysAddr>,
    pub features: Vec<CpuFeature>,
    pub numa: Option<Numa>,
}

/// `<topology>`; the product of all is the number of CPUs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CpuTopology {
    pub sockets: u32,
    pub dies: u32,
    pub clusters: u32,
    pub cores: u32,
    pub threads: u32,
}

impl CpuTopology {
    /// How many CPUs it describes, `None` when that is too large a number.
    pub fn cpus(&self) -> Option<u32> {
        [self.dies, self.clusters, self.cores, self.threads]
            .iter()
            .try_fold(self.sockets, |product, n| product.checked_mul(*n))
    }
}

impl Element for CpuTopology {
    fn parse(node: Node<'_>) -> Result<Self> {
        let part = |name: &str, default: Option<u32>| -> Result<u32> {
            match node.value(name)?.or(default) {
                None => Err(node.missing_attr(name)),
                Some(0) => Err(node.bad_attr(name, "0", "a number above 0")),
                Some(number) => Ok(number),
            }
        };
        Ok(Self {
            sockets: part("sockets", None)?,
            dies: part("dies", Some(1))?,
            clusters: part("clusters", Some(1))?,
            cores: part("cores", None)?,
            threads: part("threads", None)?,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("sockets", &self.sockets);
        w.attr("dies", &self.dies);
        w.attr("clusters", &self.clusters);
        w.attr("cores", &self.cores);
        w.attr("threads", &self.threads);
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct CpuCache {
    /// 1 to 3.
    #[xml(attr)]
    pub level: Option<u32>,
    #[xml(attr)]
    pub mode: CpuCacheMode,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct CpuMaxPhysAddr {
    #[xml(attr)]
    pub mode: CpuAddressMode,
    #[xml(attr)]
    pub bits: Option<u32>,
    #[xml(attr)]
    pub limit: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CpuFeature {
    pub policy: CpuFeaturePolicy,
    pub name: String,
}

impl Element for CpuFeature {
    fn parse(node: Node<'_>) -> Result<Self> {
        let policy = node.value("policy")?.unwrap_or(CpuFeaturePolicy::Require);
        let name: String = node.require("name")?;
        match name.is_empty() {
            true => Err(node.bad_attr("name", "", "the name of a feature")),
            false => Ok(Self { policy, name }),
        }
    }

    fn format(&self, w: &mut Writer) {
        w.attr("policy", &self.policy);
        w.attr("name", &self.name);
    }
}

impl Cpu {
    /// Whether nothing at all is said.
    pub fn is_empty(&self) -> bool {
        self.mode == CpuMode::Custom
            && self.model.is_none()
            && self.check.is_none()
            && self.topology.is_none()
            && self.cache.is_none()
            && self.maxphysaddr.is_none()
            && self.features.is_empty()
            && self.numa.is_none()
            && self.vendor.is_none()
            && self.migratable.is_none()
            && self.deprecated_features.is_none()
    }

    fn prints_mode(&self) -> bool {
        self.mode != CpuMode::Custom || self.model.is_some()
    }
}

impl Cpu {
    /// Prints the model as a document of its own.
    pub fn document(&self) -> String {
        let mut w = Writer::new(WriteMode::default());
        w.element("cpu", self);
        w.finish()
    }
}

impl Element for Cpu {
    fn parse(node: Node<'_>) -> Result<Self> {
        let mode = node.value("mode")?.unwrap_or_default();
        let model_node = node.child("model");
        let model = model_node.map(|m| m.text().trim().to_owned()).filter(|m| !m.is_empty());
        let model_text = model.is_some();
        let vendor_id: Option<String> = model_node.map(|m| m.value("vendor_id")).transpose()?.flatten();
        if let (Some(model_node), Some(id)) = (model_node, &vendor_id)
            && (id.len() != 12 || id.contains(','))
        {
            return Err(model_node.bad_attr("vendor_id", id, "exactly 12 characters without ','"));
        }
        let match_ = node.value("match")?;
        let features: Vec<CpuFeature> = node.child_elements("feature")?;
        let mut names = HashSet::new();
        for feature in &features {
            if !names.insert(feature.name.as_str()) {
                return Err(node.error(format_args!("feature '{}' is given twice", feature.name)));
            }
        }
        if model.is_none() && mode == CpuMode::Custom && !features.is_empty() {
            return Err(node.error("features need a CPU model or another mode"));
        }
        let fallback = model_node.map(|m| m.value("fallback")).transpose()?.flatten();
        Ok(Self {
            mode,
            match_: match_.or(model.is_some().then_some(CpuMatch::Exact)),
            check: node.value("check")?,
            migratable: node.value("migratable")?,
            deprecated_features: node.value("deprecated_features")?,
            model,
            fallback: fallback.or(model_node.filter(|_| model_text).map(|_| CpuFallback::Allow)),
            vendor_id,
            vendor: node.child_value("vendor")?,
            topology: node.child_element("topology")?,
            cache: node.child_element("cache")?,
            maxphysaddr: node.child_element("maxphysaddr")?,
            features,
            numa: node.child_element("numa")?,
        })
    }

    fn format(&self, w: &mut Writer) {
        if self.prints_mode() {
            w.attr("mode", &self.mode);
        }
        if self.model.is_some() && self.mode == CpuMode::Custom {
            w.attr_opt("match", self.match_.as_ref());
        }
        w.attr_opt("check", self.check.as_ref());
        w.attr_opt("migratable", self.migratable.as_ref());
        w.attr_opt("deprecated_features", self.deprecated_features.as_ref());
        let has_model = matches!(self.mode, CpuMode::Custom | CpuMode::HostModel);
        let says_more = self.mode == CpuMode::HostModel && (self.fallback.is_some() || self.vendor_id.is_some());
        if has_model && (self.model.is_some() || says_more) {
            w.open("model");
            let fallback = self.fallback.or(self.model.is_some().then_some(CpuFallback::Allow));
            w.attr_opt("fallback", fallback.as_ref());
            w.attr_opt("vendor_id", self.vendor_id.as_ref());
            if let Some(model) = &self.model {
                w.text(model);
            }
            w.close();
        }
        w.leaf_opt("vendor", self.vendor.as_ref());
        if let Some(topology) = &self.topology {
            w.element("topology", topology);
        }
        if let Some(cache) = &self.cache {
            w.element("cache", cache);
        }
        if let Some(maxphysaddr) = &self.maxphysaddr {
            w.element("maxphysaddr", maxphysaddr);
        }
        w.elements("feature", &self.features);
        if let Some(numa) = &self.numa {
            w.element("numa", numa);
        }
    }
}

/// `<numa>` of `<cpu>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Numa {
    #[xml(children = "cell")]
    pub cells: Vec<NumaCell>,
    #[xml(child)]
    pub interconnects: Option<Interconnects>,
}

impl Numa {
    /// Numbers the cells in their order where they have no number.
    ///
    /// Errors: `XML_ERROR` for numbers that leave gaps, for a cell twice, and
    /// for distances that cannot be.
    pub(super) fn complete_ids(&mut self) -> Result<()> {
        let count = u32::try_from(self.cells.len()).unwrap_or(u32::MAX);
        let mut seen = HashSet::new();
        for (cell, place) in self.cells.iter_mut().zip(0_u32..) {
            let id = *cell.id.get_or_insert(place);
            if id >= count {
                return Err(Error::xml(format!("NUMA cell id '{id}', allowed: each of 0 to {} once", count - 1)));
            }
            if !seen.insert(id) {
                return Err(Error::xml(format!("Duplicate NUMA cell info for cell id '{id}'")));
            }
            for distance in &cell.distances {
                if distance.id >= count {
                    return Err(Error::xml(format!(
                        "'sibling_id {}' does not refer to a valid cell within NUMA 'cell id {id}'",
                        distance.id
                    )));
                }
                let near = distance.id == id;
                if !(LOCAL..=FARTHEST).contains(&distance.value) || (near && distance.value != LOCAL) {
                    return Err(Error::xml(format!(
                        "'value {}' is invalid for 'sibling id {}' under NUMA 'cell id {id}'",
                        distance.value, distance.id
                    )));
                }
            }
        }
        Ok(())
    }

    /// A distance holds both ways, and a node is near itself.
    pub(super) fn complete_distances(&mut self) {
        let given: Vec<(u32, u32, u32)> = self
            .cells
            .iter()
            .flat_map(|cell| cell.distances.iter().map(|d| (cell.id.unwrap_or_default(), d.id, d.value)))
            .collect();
        for (from, to, value) in given {
            for (of, id, value) in [(from, from, LOCAL), (to, to, LOCAL), (to, from, value)] {
                let Some(cell) = self.cells.iter_mut().find(|c| c.id == Some(of)) else { continue };
                if !cell.distances.iter().any(|d| d.id == id) {
                    cell.distances.push(NumaDistance { id, value });
                }
            }
        }
        for cell in &mut self.cells {
            cell.distances.sort_by_key(|d| d.id);
        }
    }
}

/// The distance of a node to itself.
const LOCAL: u32 = 10;

/// The distance of a node that cannot be reached.
const FARTHEST: u32 = 255;

/// One guest NUMA node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NumaCell {
    /// Absent: the place in the list.
    pub id: Option<u32>,
    /// Absent: a node with memory only.
    pub cpus: Option<CpuSet>,
    pub memory: KiB,
    pub mem_access: Option<MemoryAccess>,
    pub discard: Option<YesNo>,
    pub distances: Vec<NumaDistance>,
    pub caches: Vec<NumaCache>,
}

impl Element for NumaCell {
    fn parse(node: Node<'_>) -> Result<Self> {
        let memory = kib_attrs(node, "memory", "unit")?.ok_or_else(|| node.missing_attr("memory"))?;
        let distances = match node.child("distances") {
            Some(distances) => distances.child_elements("sibling")?,
            None => Vec::new(),
        };
        Ok(Self {
            id: node.value("id")?,
            cpus: node.value("cpus")?,
            memory,
            mem_access: node.value("memAccess")?,
            discard: node.value("discard")?,
            distances,
            caches: node.child_elements("cache")?,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.attr_opt("id", self.id.as_ref());
        w.attr_opt("cpus", self.cpus.as_ref());
        w.attr("memory", &self.memory.0);
        w.attr_str("unit", "KiB");
        w.attr_opt("memAccess", self.mem_access.as_ref());
        w.attr_opt("discard", self.discard.as_ref());
        if !self.distances.is_empty() {
            w.open("distances");
            w.elements("sibling", &self.distances);
            w.close();
        }
        w.elements("cache", &self.caches);
    }
}

/// `<sibling id='1' value='20'/>`: 10 is local, 255 unreachable.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct NumaDistance {
    #[xml(attr)]
    pub id: u32,
    #[xml(attr)]
    pub value: u32,
}

xml_enum! {
    /// How a memory side cache maps addresses.
    pub enum CacheAssociativity { None = "none", Direct = "direct", Full = "full" }
}

xml_enum! {
    /// When a memory side cache writes.
    pub enum CachePolicy { None = "none", Writeback = "writeback", Writethrough = "writethrough" }
}

/// A memory side cache.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct NumaCache {
    #[xml(attr)]
    pub level: u32,
    #[xml(attr)]
    pub associativity: CacheAssociativity,
    #[xml(attr)]
    pub policy: CachePolicy,
    #[xml(child = "size")]
    pub size: Option<CacheSize>,
    #[xml(child = "line")]
    pub line: Option<CacheLine>,
}

/// `<size value='10' unit='KiB'/>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CacheSize(pub KiB);

impl Element for CacheSize {
    fn parse(node: Node<'_>) -> Result<Self> {
        kib_attrs(node, "value", "unit")?.map(Self).ok_or_else(|| node.missing_attr("value"))
    }

    fn format(&self, w: &mut Writer) {
        w.attr("value", &self.0.0);
        w.attr_str("unit", "KiB");
    }
}

/// `<line value='8' unit='B'/>`, bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CacheLine(pub u64);

impl Element for CacheLine {
    fn parse(node: Node<'_>) -> Result<Self> {
        let text = node.attr("value").ok_or_else(|| node.missing_attr("value"))?;
        u64::parse_value(text)
            .and_then(|n| crate::xml::bytes_from(n, node.attr("unit").unwrap_or("B")))
            .map(Self)
            .ok_or_else(|| node.bad_attr("value", text, "a size with a known unit"))
    }

    fn format(&self, w: &mut Writer) {
        w.attr("value", &self.0);
        w.attr_str("unit", "B");
    }
}

/// `<interconnects>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Interconnects {
    #[xml(children = "latency")]
    pub latencies: Vec<Latency>,
    #[xml(children = "bandwidth")]
    pub bandwidths: Vec<Bandwidth>,
}

xml_enum! {
    /// What an interconnect's figure is about.
    pub enum InterconnectType { Access = "access", Read = "read", Write = "write" }
}

/// Nanoseconds from an initiator to a target.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Latency {
    #[xml(attr)]
    pub initiator: u32,
    #[xml(attr)]
    pub target: u32,
    #[xml(attr)]
    pub cache: Option<u32>,
    #[xml(attr = "type")]
    pub kind: InterconnectType,
    #[xml(attr)]
    pub value: u64,
}

/// KiB per second from an initiator to a target.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bandwidth {
    pub initiator: u32,
    pub target: u32,
    pub cache: Option<u32>,
    pub kind: InterconnectType,
    pub value: KiB,
}

impl Element for Bandwidth {
    fn parse(node: Node<'_>) -> Result<Self> {
        Ok(Self {
            initiator: node.require("initiator")?,
            target: node.require("target")?,
            cache: node.value("cache")?,
            kind: node.require("type")?,
            value: kib_attrs(node, "value", "unit")?.ok_or_else(|| node.missing_attr("value"))?,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("initiator", &self.initiator);
        w.attr("target", &self.target);
        w.attr_opt("cache", self.cache.as_ref());
        w.attr("type", &self.kind);
        w.attr("value", &self.value.0);
        w.attr_str("unit", "KiB");
    }
}
