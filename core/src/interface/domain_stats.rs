//! Statistics of domains.

use oxivirt_macros::interface;

use crate::Result;
use crate::call::Call;
use crate::constants::{AllDomainStatsFlags, DomainDirtyRateCalcFlags, DomainModificationImpact, DomainStatsTypes};
use crate::types::{
    Counted, Domain, DomainBlockStats, DomainInterfaceStats, DomainStatsRecord, List, MemoryStat, TypedParam, limit,
};

/// Statistics of domains, from the last known picture where it has them.
#[interface]
pub trait DomainStats {
    /// Requests and bytes of one disk, or of all together when `path` is empty.
    ///
    /// * Errors: `OPERATION_INVALID` when it does not run.
    #[rpc(64, acl = ["domain:read"])]
    fn domain_block_stats(&self, call: &Call, dom: &Domain, path: &str) -> Result<DomainBlockStats>;

    /// Packets and bytes of one network card, named by its device on the host or its hardware address.
    #[rpc(65, acl = ["domain:read"], high)]
    fn domain_interface_stats(&self, call: &Call, dom: &Domain, device: &str) -> Result<DomainInterfaceStats>;

    /// Memory statistics, at most `max_stats` of them.
    #[rpc(159, acl = ["domain:read"])]
    fn domain_memory_stats(
        &self,
        call: &Call,
        dom: &Domain,
        max_stats: u32,
        flags: u32,
    ) -> Result<List<MemoryStat, { limit::MEMORY_STATS }>>;

    /// Statistics of one disk as named values.
    ///
    /// * `nparams` 0 asks for their number only.
    #[rpc(243, acl = ["domain:read"])]
    fn domain_block_stats_flags(
        &self,
        call: &Call,
        dom: &Domain,
        path: &str,
        nparams: i32,
        flags: u32,
    ) -> Result<Counted<List<TypedParam, { limit::TUNING_PARAMETERS }>, i32>>;

    /// CPU times of host CPUs `start_cpu` and on, or of all together when it is -1.
    ///
    /// * `nparams` 0 asks for their number, `ncpus` 0 for that of the CPUs.
    #[rpc(262, acl = ["domain:read"])]
    fn domain_get_cpu_stats(
        &self,
        call: &Call,
        dom: &Domain,
        nparams: u32,
        start_cpu: i32,
        ncpus: u32,
        flags: u32,
    ) -> Result<Counted<List<TypedParam, { limit::CPU_STATS }>, i32>>;

    /// Statistics of many domains at once; of all when `doms` is empty.
    ///
    /// * `stats` 0 means every kind. With `ENFORCE_STATS` a kind that the driver lacks is an error.
    #[rpc(344, acl = ["connect:search_domains"], filter = ["domain:read"])]
    fn connect_get_all_domain_stats(
        &self,
        call: &Call,
        doms: &List<Domain, { limit::LIST }>,
        stats: DomainStatsTypes,
        flags: AllDomainStatsFlags,
    ) -> Result<List<DomainStatsRecord, { limit::LIST }>>;

    /// Which performance events of the kernel are watched.
    #[rpc(365, acl = ["domain:read"])]
    fn domain_get_perf_events(
        &self,
        call: &Call,
        dom: &Domain,
        flags: DomainModificationImpact,
    ) -> Result<List<TypedParam, { limit::PARAMETERS }>>;

    /// Watches performance events of the kernel, or stops to.
    #[rpc(366, acl = ["domain:write"])]
    fn domain_set_perf_events(
        &self,
        call: &Call,
        dom: &Domain,
        params: &List<TypedParam, { limit::PARAMETERS }>,
        flags: DomainModificationImpact,
    ) -> Result<()>;

    /// Starts to measure for `seconds` how fast the guest dirties memory; the result is among the
    /// statistics.
    #[rpc(427, acl = ["domain:write"], write)]
    fn domain_start_dirty_rate_calc(
        &self,
        call: &Call,
        dom: &Domain,
        seconds: i32,
        flags: DomainDirtyRateCalcFlags,
    ) -> Result<()>;
}
