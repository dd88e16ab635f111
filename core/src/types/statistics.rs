//! Statistics of domains and the standing of their jobs.

use abi_stable::StableAbi;
use abi_stable::std_types::RString;
use oxivirt_macros::Xdr;

use super::{Bytes, Domain, List, TypedParam, limit};

/// Traffic of a network card since the start, as its host sees it; -1 where unknown.
#[repr(C)]
#[derive(StableAbi, Clone, Copy, Debug, PartialEq, Eq, Xdr)]
pub struct DomainInterfaceStats {
    /// Bytes received.
    pub rx_bytes: i64,
    /// Packets received.
    pub rx_packets: i64,
    /// Errors while receiving.
    pub rx_errs: i64,
    /// Packets dropped while receiving.
    pub rx_drop: i64,
    /// Bytes sent.
    pub tx_bytes: i64,
    /// Packets sent.
    pub tx_packets: i64,
    /// Errors while sending.
    pub tx_errs: i64,
    /// Packets dropped while sending.
    pub tx_drop: i64,
}

/// One number about the memory of a guest.
#[repr(C)]
#[derive(StableAbi, Clone, Copy, Debug, PartialEq, Eq, Xdr)]
pub struct MemoryStat {
    /// One of `DomainMemoryStatTag`.
    pub tag: i32,
    /// KiB, a count, or seconds, as the tag has it.
    pub val: u64,
}

/// Statistics of one domain.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Xdr)]
pub struct DomainStatsRecord {
    /// Of which.
    pub dom: Domain,
    /// Named values such as `state.state` and `vcpu.0.time`.
    pub params: List<TypedParam, { limit::DOMAIN_STATS }>,
}

/// Progress of a job: times in milliseconds, sizes in bytes.
#[repr(C)]
#[derive(StableAbi, Clone, Copy, Debug, Default, PartialEq, Eq, Xdr)]
pub struct DomainJobInfo {
    /// One of `DomainJobType`.
    pub r#type: i32,
    /// Since its start.
    pub time_elapsed: u64,
    /// Until its end, as far as it can be guessed.
    pub time_remaining: u64,
    /// All data.
    pub data_total: u64,
    /// Of them done.
    pub data_processed: u64,
    /// Of them left.
    pub data_remaining: u64,
    /// Memory.
    pub mem_total: u64,
    /// Of it done.
    pub mem_processed: u64,
    /// Of it left.
    pub mem_remaining: u64,
    /// Files.
    pub file_total: u64,
    /// Of them done.
    pub file_processed: u64,
    /// Of them left.
    pub file_remaining: u64,
}

/// Progress of a job in full.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Xdr)]
pub struct DomainJobStats {
    /// One of `DomainJobType`.
    pub r#type: i32,
    /// Named values such as `time_elapsed`.
    pub params: List<TypedParam, { limit::JOB_STATS }>,
}

/// How the host schedules a domain.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq, Xdr)]
pub struct SchedulerType {
    /// Name of the scheduler, such as `posix`.
    pub r#type: RString,
    /// How many parameters it has.
    pub nparams: i32,
}

/// One I/O thread.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq, Xdr)]
pub struct IothreadInfo {
    /// Its number.
    pub iothread_id: u32,
    /// Where it may run: one bit per host CPU, lowest first.
    pub cpumap: Bytes<{ limit::CPUMAP }>,
}
