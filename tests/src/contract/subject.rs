//! A connection as cases see it, whatever is behind it.

use std::sync::Arc;

use oxivirt_core::interface::{
    Connect, CpuModels, DomainBackup, DomainBlock, DomainCheckpoints, DomainConfig, DomainConsole, DomainDevices,
    DomainGuest, DomainInformation, DomainJobs, DomainLifecycle, DomainListing, DomainMetadata, DomainSave,
    DomainSnapshots, DomainStats, HostInterfaces, Networks, Node, NodeDevices, NwFilters, Secrets, StoragePools,
    StorageVolumes,
};

use super::EventLog;

/// A connection: each interface, or [`Absent`] where the driver has none.
#[derive(Clone)]
pub struct Subject {
    /// Who answers.
    pub connect: Arc<dyn Connect>,
    /// The host.
    pub node: Arc<dyn Node>,
    /// Starting and stopping.
    pub domain_lifecycle: Arc<dyn DomainLifecycle>,
    /// Finding.
    pub domain_listing: Arc<dyn DomainListing>,
    /// Asking.
    pub domain_information: Arc<dyn DomainInformation>,
    /// Memory and CPUs.
    pub domain_config: Arc<dyn DomainConfig>,
    /// Title, description, metadata.
    pub domain_metadata: Arc<dyn DomainMetadata>,
    /// The guest.
    pub domain_guest: Arc<dyn DomainGuest>,
    /// CPU models.
    pub cpu_models: Arc<dyn CpuModels>,
    /// Virtual networks.
    pub networks: Arc<dyn Networks>,
    /// Network interfaces of the host.
    pub host_interfaces: Arc<dyn HostInterfaces>,
    /// Devices of the host.
    pub node_devices: Arc<dyn NodeDevices>,
    /// Storage pools.
    pub storage_pools: Arc<dyn StoragePools>,
    /// Storage volumes.
    pub storage_volumes: Arc<dyn StorageVolumes>,
    /// Files with saved domains.
    pub domain_save: Arc<dyn DomainSave>,
    /// Snapshots.
    pub domain_snapshots: Arc<dyn DomainSnapshots>,
    /// Checkpoints.
    pub domain_checkpoints: Arc<dyn DomainCheckpoints>,
    /// Statistics.
    pub domain_stats: Arc<dyn DomainStats>,
    /// Disks.
    pub domain_block: Arc<dyn DomainBlock>,
    /// Devices.
    pub domain_devices: Arc<dyn DomainDevices>,
    /// Screens and consoles.
    pub domain_console: Arc<dyn DomainConsole>,
    /// Backups.
    pub domain_backup: Arc<dyn DomainBackup>,
    /// Long operations.
    pub domain_jobs: Arc<dyn DomainJobs>,
    /// Secrets.
    pub secrets: Arc<dyn Secrets>,
    /// Filters of network traffic.
    pub nw_filters: Arc<dyn NwFilters>,
    /// What the driver has told of so far.
    pub events: Arc<dyn EventLog>,
}

/// Has every interface and answers "not supported" to everything.
pub struct Absent;

macro_rules! absent {
    ($($interface:ident),*) => { $( impl $interface for Absent {} )* };
}
absent!(
    Connect,
    Node,
    DomainLifecycle,
    DomainListing,
    DomainInformation,
    DomainConfig,
    DomainMetadata,
    DomainGuest,
    CpuModels,
    Networks,
    HostInterfaces,
    NodeDevices,
    StoragePools,
    StorageVolumes,
    DomainSave,
    DomainSnapshots,
    DomainCheckpoints,
    DomainStats,
    DomainBlock,
    DomainDevices,
    DomainConsole,
    DomainBackup,
    DomainJobs,
    Secrets,
    NwFilters
);

impl Subject {
    /// A connection that can do nothing but tell events.
    pub fn absent(events: Arc<dyn EventLog>) -> Self {
        let absent = Arc::new(Absent);
        Self {
            connect: absent.clone(),
            node: absent.clone(),
            domain_lifecycle: absent.clone(),
            domain_listing: absent.clone(),
            domain_information: absent.clone(),
            domain_config: absent.clone(),
            domain_metadata: absent.clone(),
            domain_guest: absent.clone(),
            cpu_models: absent.clone(),
            domain_save: absent.clone(),
            domain_snapshots: absent.clone(),
            domain_checkpoints: absent.clone(),
            domain_stats: absent.clone(),
            domain_block: absent.clone(),
            domain_devices: absent.clone(),
            domain_console: absent.clone(),
            networks: absent.clone(),
            host_interfaces: absent.clone(),
            node_devices: absent.clone(),
            storage_pools: absent.clone(),
            storage_volumes: absent.clone(),
            domain_backup: absent.clone(),
            domain_jobs: absent.clone(),
            secrets: absent.clone(),
            nw_filters: absent,
            events,
        }
    }

    /// A connection that has every interface.
    pub fn full<C>(connection: Arc<C>, events: Arc<dyn EventLog>) -> Self
    where
        C: Connect
            + Node
            + DomainLifecycle
            + DomainListing
            + DomainInformation
            + DomainConfig
            + DomainMetadata
            + DomainGuest
            + CpuModels
            + DomainSave
            + DomainSnapshots
            + DomainCheckpoints
            + DomainStats
            + DomainBlock
            + DomainDevices
            + DomainConsole
            + Networks
            + HostInterfaces
            + NodeDevices
            + StoragePools
            + StorageVolumes
            + DomainBackup
            + DomainJobs
            + Secrets
            + NwFilters
            + 'static,
    {
        Self {
            connect: connection.clone(),
            node: connection.clone(),
            domain_lifecycle: connection.clone(),
            domain_listing: connection.clone(),
            domain_information: connection.clone(),
            domain_config: connection.clone(),
            domain_metadata: connection.clone(),
            domain_guest: connection.clone(),
            cpu_models: connection.clone(),
            domain_save: connection.clone(),
            domain_snapshots: connection.clone(),
            domain_checkpoints: connection.clone(),
            domain_stats: connection.clone(),
            domain_block: connection.clone(),
            domain_devices: connection.clone(),
            domain_console: connection.clone(),
            networks: connection.clone(),
            host_interfaces: connection.clone(),
            node_devices: connection.clone(),
            storage_pools: connection.clone(),
            storage_volumes: connection.clone(),
            domain_backup: connection.clone(),
            domain_jobs: connection.clone(),
            secrets: connection.clone(),
            nw_filters: connection,
            events,
        }
    }
}
