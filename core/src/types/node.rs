//! What calls say about the host.

use abi_stable::StableAbi;
use abi_stable::std_types::RString;
use oxivirt_macros::Xdr;

use super::{Bytes, limit};

/// Processors and memory of the host.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq, Xdr)]
pub struct NodeInfo {
    /// Architecture, at most 31 bytes, such as `x86_64`.
    #[xdr(fixed_chars = 32)]
    pub model: RString,
    /// Memory in KiB.
    pub memory: u64,
    /// Active CPUs.
    pub cpus: i32,
    /// Clock in MHz, 0 where unknown.
    pub mhz: i32,
    /// NUMA nodes.
    pub nodes: i32,
    /// Sockets per node.
    pub sockets: i32,
    /// Cores per socket.
    pub cores: i32,
    /// Threads per core.
    pub threads: i32,
}

/// One statistic of the host.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq, Xdr)]
pub struct NodeStat {
    /// `kernel user idle iowait …` in nanoseconds, `total free buffers cached` in KiB.
    pub field: RString,
    /// Its value.
    pub value: u64,
}

/// Which CPUs the host has and which are online.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq, Xdr)]
pub struct CpuMap {
    /// One bit per CPU, lowest first; empty when not asked for.
    pub cpumap: Bytes<{ limit::CPUMAP }>,
    /// Number of online CPUs; 0 when not asked for.
    pub online: u32,
    /// Number of CPUs present.
    pub ret: i32,
}

/// The host's security model.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq, Xdr)]
pub struct SecurityModel {
    /// Its name; empty without one.
    #[xdr(chars = 257)]
    pub model: RString,
    /// Domain of interpretation.
    #[xdr(chars = 257)]
    pub doi: RString,
}
