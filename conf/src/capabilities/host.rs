//! `<host>`.

use uuid::Uuid;

use super::cache::{CacheInfo, MemoryBandwidth};
use super::topology::HostTopology;
use crate::cpu::{HostCpu, NameList};
use crate::xml::{Element, YesNo};

/// The host.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Host {
    /// Its uuid, if it has one.
    #[xml(leaf)]
    pub uuid: Option<Uuid>,
    /// Its CPUs.
    #[xml(child)]
    pub cpu: Option<HostCpu>,
    /// How it can sleep: `suspend_mem`, `suspend_disk`, `suspend_hybrid`;
    /// `None` when that could not be found out.
    #[xml(child)]
    pub power_management: Option<NameList>,
    /// Whether devices can be handed to guests.
    #[xml(child)]
    pub iommu: Option<Iommu>,
    /// How guests can leave it.
    #[xml(child)]
    pub migration_features: Option<Migration>,
    /// Its NUMA cells.
    #[xml(child)]
    pub topology: Option<HostTopology>,
    /// Its caches.
    #[xml(child)]
    pub cache: Option<CacheInfo>,
    /// What can be said about traffic to its memory.
    #[xml(child)]
    pub memory_bandwidth: Option<MemoryBandwidth>,
    /// How guests are kept apart.
    #[xml(children = "secmodel")]
    pub security: Vec<SecurityModel>,
}

/// `<iommu support='no'/>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Element)]
pub struct Iommu {
    /// Whether there is one.
    #[xml(attr)]
    pub support: YesNo,
}

/// `<migration_features>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Migration {
    /// Whether guests can move while they run.
    #[xml(flag)]
    pub live: bool,
    /// The schemes that a destination may have.
    #[xml(leaf = "uri_transport", wrap = "uri_transports")]
    pub transports: Vec<String>,
}

/// `<secmodel>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct SecurityModel {
    /// Its name.
    #[xml(leaf)]
    pub model: String,
    /// The domain of interpretation of its labels; may be empty.
    #[xml(leaf)]
    pub doi: String,
    /// The label that guests of each type get unless they ask for another.
    #[xml(children = "baselabel")]
    pub base_labels: Vec<BaseLabel>,
}

/// `<baselabel type='kvm'>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct BaseLabel {
    /// The type of guests.
    #[xml(attr = "type")]
    pub domain_type: String,
    /// The label.
    #[xml(text)]
    pub label: String,
}
