//! The values that calls take and give: stable across the plugin boundary and
//! on the wire.

mod array;
mod disk;
mod domain;
mod guest;
mod migration;
mod node;
mod object;
mod parameters;
mod sasl;
mod statistics;
mod storage;
mod typed_param;

pub use array::{Bytes, Counted, List};
pub use disk::{DomainBlockInfo, DomainBlockJobInfo, DomainBlockStats, DomainDiskError};
pub use domain::{ControlInfo, CpuMaps, DomainInfo, DomainState, DomainTime, SecurityLabel, VcpuInfo, Vcpus};
pub use guest::{FileSystemInfo, GuestInterface, IpAddress};
pub use migration::{MigrationBegun, MigrationFinished, MigrationPrepared, MigrationTarget};
pub use node::{CpuMap, NodeInfo, NodeStat, SecurityModel};
pub use object::{
    Domain, DomainCheckpoint, DomainSnapshot, HostInterface, Network, NetworkPort, NodeDevice, NwFilter,
    NwFilterBinding, Secret, StoragePool, StorageVolume, Uuid,
};
pub use parameters::{STRING_OKAY, TypedKind, answer_params, check_params};
pub use sasl::SaslStep;
pub use statistics::{
    DomainInterfaceStats, DomainJobInfo, DomainJobStats, DomainStatsRecord, IothreadInfo, MemoryStat, SchedulerType,
};
pub use storage::{DhcpLease, StoragePoolInfo, StorageVolumeInfo};
pub use typed_param::{TypedParam, TypedValue};

/// Limits of the protocol, in elements or bytes.
pub mod limit {
    /// Objects in one listing.
    pub const LIST: usize = 16_384;
    /// Bytes of one CPU map.
    pub const CPUMAP: usize = 2_048;
    /// Bytes of all CPU maps of one answer.
    pub const CPUMAPS: usize = 8_388_608;
    /// Entries of vCPU information.
    pub const VCPUINFO: usize = 16_384;
    /// Host CPU descriptions in one baseline call.
    pub const CPU_BASELINE: usize = 256;
    /// CPU model names in one answer.
    pub const CPU_MODELS: usize = 8_192;
    /// NUMA cells in one answer.
    pub const CELLS: usize = 1_024;
    /// Node CPU or memory statistics in one answer.
    pub const NODE_STATS: usize = 16;
    /// Node memory or SEV parameters in one answer.
    pub const NODE_PARAMETERS: usize = 64;
    /// Key codes in one call.
    pub const KEYCODES: usize = 16;
    /// Parameters that describe a client.
    pub const IDENTITY: usize = 20;
    /// Authentication types on offer.
    pub const AUTH_TYPES: usize = 20;
    /// Security labels of one domain.
    pub const SECURITY_LABELS: usize = 64;
    /// Messages about one domain.
    pub const MESSAGES: usize = 2_048;
    /// Bytes of one SASL step, each carried as a char.
    pub const SASL_DATA: usize = 65_536;
    /// Parameters of one tunable event.
    pub const TUNABLE: usize = 2_048;
    /// Parameters of one job.
    pub const JOB_STATS: usize = 64;
    /// Parameters of one server.
    pub const ADMIN_PARAMETERS: usize = 32;
    /// Parameters that describe a client to an administrator.
    pub const ADMIN_CLIENT_INFO: usize = 64;
    /// Identities in one graphics event.
    pub const GRAPHICS_IDENTITY: usize = 20;
    /// Node devices, or capabilities of one, in one answer.
    pub const NODE_DEVICES: usize = 65_536;
    /// Parameters of a scheduler, of memory, NUMA, block or interface tuning, of statistics of a disk.
    pub const TUNING_PARAMETERS: usize = 16;
    /// Limits of throughput of one disk.
    pub const BLOCK_IO_TUNE: usize = 32;
    /// Bytes of a migration cookie.
    pub const MIGRATE_COOKIE: usize = 4_194_304;
    /// Bytes that one call may peek at.
    pub const PEEK: usize = 4_194_304;
    /// Bytes of the value of a secret.
    pub const SECRET_VALUE: usize = 65_536;
    /// Memory statistics of one domain.
    pub const MEMORY_STATS: usize = 1_024;
    /// Parameters of CPU statistics.
    pub const CPU_STATS: usize = 2_048;
    /// Disks in trouble in one answer.
    pub const DISK_ERRORS: usize = 256;
    /// Parameters of migration, saving, performance events, virtual CPUs of a guest, an I/O thread, launch security.
    pub const PARAMETERS: usize = 64;
    /// Mount points in one call.
    pub const MOUNTPOINTS: usize = 256;
    /// DHCP leases in one answer.
    pub const DHCP_LEASES: usize = 65_536;
    /// Statistics of one domain.
    pub const DOMAIN_STATS: usize = 262_144;
    /// File systems of a guest, and disks below one of them.
    pub const FILE_SYSTEMS: usize = 256;
    /// Network cards of a guest, and addresses of one of them.
    pub const GUEST_INTERFACES: usize = 2_048;
    /// Parameters that an agent tells.
    pub const GUEST_INFO: usize = 2_048;
    /// SSH keys of one user.
    pub const SSH_KEYS: usize = 2_048;
}
