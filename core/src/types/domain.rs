//! What calls say about a domain.

use abi_stable::StableAbi;
use abi_stable::std_types::RString;
use oxivirt_macros::Xdr;

use super::{Bytes, List, limit};

/// A few numbers about a domain.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq, Xdr)]
pub struct DomainInfo {
    /// One of `DomainStateCode`.
    pub state: u8,
    /// Most memory it may have, in KiB.
    pub max_mem: u64,
    /// Memory it has, in KiB.
    pub memory: u64,
    /// Number of virtual CPUs.
    pub nr_virt_cpu: u16,
    /// CPU time used so far, in nanoseconds.
    pub cpu_time: u64,
}

/// What a domain is doing, and why.
#[repr(C)]
#[derive(StableAbi, Clone, Copy, Debug, PartialEq, Eq, Xdr)]
pub struct DomainState {
    /// One of `DomainStateCode`.
    pub state: i32,
    /// A reason whose meaning depends on the state; 0 unknown.
    pub reason: i32,
}

/// Whether the hypervisor can be asked to act on a domain right now.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq, Xdr)]
pub struct ControlInfo {
    /// 0 ok, 1 a job runs, 2 occupied by an external command, 3 error.
    pub state: u32,
    /// Details of an error.
    pub details: u32,
    /// Milliseconds since the state was entered.
    pub state_time: u64,
}

/// One virtual CPU.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq, Xdr)]
pub struct VcpuInfo {
    /// Its number.
    pub number: u32,
    /// 0 offline, 1 running, 2 blocked.
    pub state: i32,
    /// CPU time used so far, in nanoseconds.
    pub cpu_time: u64,
    /// Host CPU it runs on; -1 offline, -2 unknown.
    pub cpu: i32,
}

/// Virtual CPUs and where they may run.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq, Xdr)]
pub struct Vcpus {
    /// One entry per virtual CPU.
    pub info: List<VcpuInfo, { limit::VCPUINFO }>,
    /// Maps of equal length, one per virtual CPU, lowest host CPU first.
    pub cpumaps: Bytes<{ limit::CPUMAPS }>,
}

/// Maps of host CPUs, all of equal length.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq, Xdr)]
pub struct CpuMaps {
    /// The maps, one after the other.
    pub cpumaps: Bytes<{ limit::CPUMAPS }>,
    /// How many.
    pub num: i32,
}

/// The guest's clock.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq, Xdr)]
pub struct DomainTime {
    /// Seconds since 1970, UTC.
    pub seconds: i64,
    /// Nanoseconds of the second.
    pub nseconds: u32,
}

/// The label a domain runs under.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq, Xdr)]
pub struct SecurityLabel {
    /// The label; empty when the model gives none.
    #[xdr(chars = 4097)]
    pub label: RString,
    /// Whether the model enforces it.
    pub enforcing: i32,
}
