//! `<cache>` and `<memory_bandwidth>`: what CPUs share, and how it can be split.

use crate::xml::Element;

/// `<cache>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct CacheInfo {
    /// Each cache that a CPU reaches.
    #[xml(children = "bank")]
    pub banks: Vec<CacheBank>,
    /// What of it can be measured.
    #[xml(child)]
    pub monitor: Option<ResourceMonitor>,
}

/// `<bank id='0' level='3' type='both' size='32' unit='MiB' cpus='0-1'/>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct CacheBank {
    /// Its number within its level.
    #[xml(attr)]
    pub id: u32,
    /// Its level.
    #[xml(attr)]
    pub level: u32,
    /// `both`, `code` or `data`.
    #[xml(attr = "type")]
    pub kind: String,
    /// Its size.
    #[xml(attr)]
    pub size: u64,
    /// The unit of the size.
    #[xml(attr)]
    pub unit: String,
    /// The CPUs that share it, as `0,2-3`.
    #[xml(attr)]
    pub cpus: String,
    /// How it can be split between guests.
    #[xml(children = "control")]
    pub controls: Vec<CacheControl>,
}

/// `<control granularity='768' min='1536' unit='KiB' type='both' maxAllocs='4'/>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct CacheControl {
    /// The smallest step.
    #[xml(attr)]
    pub granularity: u64,
    /// The smallest part, where that is more than one step.
    #[xml(attr)]
    pub min: Option<u64>,
    /// The unit of both.
    #[xml(attr)]
    pub unit: String,
    /// `both`, `code` or `data`.
    #[xml(attr = "type")]
    pub kind: String,
    /// The most parts.
    #[xml(attr = "maxAllocs")]
    pub max_allocs: u32,
}

/// `<monitor level='3' reuseThreshold='…' maxMonitors='176'>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct ResourceMonitor {
    /// The level of the cache; of caches only.
    #[xml(attr)]
    pub level: Option<u32>,
    /// The occupancy below which a counter can be used again; of caches only.
    #[xml(attr = "reuseThreshold")]
    pub reuse_threshold: Option<u64>,
    /// How many groups can be measured at once.
    #[xml(attr = "maxMonitors")]
    pub max_monitors: u32,
    /// What is measured.
    #[xml(children = "feature")]
    pub features: Vec<MonitorFeature>,
}

/// `<feature name='llc_occupancy'/>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct MonitorFeature {
    /// Its name.
    #[xml(attr)]
    pub name: String,
}

/// `<memory_bandwidth>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct MemoryBandwidth {
    /// Each controller.
    #[xml(children = "node")]
    pub nodes: Vec<MemoryBandwidthNode>,
    /// What of it can be measured.
    #[xml(child)]
    pub monitor: Option<ResourceMonitor>,
}

/// `<node id='0' cpus='0-5'>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct MemoryBandwidthNode {
    /// Its number.
    #[xml(attr)]
    pub id: u32,
    /// The CPUs behind it, as `0,2-3`.
    #[xml(attr)]
    pub cpus: String,
    /// How it can be split.
    #[xml(children = "control")]
    pub controls: Vec<MemoryBandwidthControl>,
}

/// `<control granularity='10' min='10' maxAllocs='4'/>`, in percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Element)]
pub struct MemoryBandwidthControl {
    /// The smallest step.
    #[xml(attr)]
    pub granularity: u32,
    /// The smallest part.
    #[xml(attr)]
    pub min: Option<u32>,
    /// The most parts.
    #[xml(attr = "maxAllocs")]
    pub max_allocs: u32,
}
