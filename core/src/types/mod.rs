//! The values that calls take and give: stable across the plugin boundary and
//! on the wire.

mod array;
mod domain;
mod node;
mod object;
mod typed_param;

pub use array::{Bytes, Counted, List};
pub use domain::{ControlInfo, CpuMaps, DomainInfo, DomainState, DomainTime, SecurityLabel, VcpuInfo, Vcpus};
pub use node::{CpuMap, NodeInfo, NodeStat, SecurityModel};
pub use object::{Domain, Network, Uuid};
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
}
