//! Changing memory and virtual CPUs.

use oxivirt_macros::interface;

use crate::Result;
use crate::call::Call;
use crate::constants::{DomainMemoryFlags, DomainModificationImpact, DomainVcpuFlags};
use crate::types::{Bytes, Domain, limit};

/// Changing memory, virtual CPUs and where they run, in the running domain, in
/// its definition, or in both.
#[interface]
pub trait DomainConfig {
    /// Sets the most memory the domain may have, in KiB.
    #[rpc(30, acl = ["domain:write"], high, write)]
    fn domain_set_max_memory(&self, call: &Call, dom: &Domain, memory: u64) -> Result<()>;

    /// Sets the memory of the running domain, in KiB.
    #[rpc(31, acl = ["domain:write"], write)]
    fn domain_set_memory(&self, call: &Call, dom: &Domain, memory: u64) -> Result<()>;

    /// Sets memory, in KiB; `MAXIMUM` means the most it may have.
    ///
    /// * Errors: `INVALID_ARG` above the maximum.
    #[rpc(204, acl = ["domain:write", "domain:save:!VIR_DOMAIN_AFFECT_CONFIG|VIR_DOMAIN_AFFECT_LIVE", "domain:save:VIR_DOMAIN_AFFECT_CONFIG"], write)]
    fn domain_set_memory_flags(&self, call: &Call, dom: &Domain, memory: u64, flags: DomainMemoryFlags) -> Result<()>;

    /// Sets the number of virtual CPUs of the running domain.
    #[rpc(32, acl = ["domain:write"], write)]
    fn domain_set_vcpus(&self, call: &Call, dom: &Domain, nvcpus: u32) -> Result<()>;

    /// Sets the number of virtual CPUs; `MAXIMUM` means the most it may have.
    #[rpc(199, acl = ["domain:write", "domain:save:!VIR_DOMAIN_AFFECT_CONFIG|VIR_DOMAIN_AFFECT_LIVE", "domain:save:VIR_DOMAIN_AFFECT_CONFIG", "domain:write:VIR_DOMAIN_VCPU_GUEST"], write)]
    fn domain_set_vcpus_flags(&self, call: &Call, dom: &Domain, nvcpus: u32, flags: DomainVcpuFlags) -> Result<()>;

    /// Says where one virtual CPU may run: one bit per host CPU, lowest first.
    #[rpc(26, acl = ["domain:write"], write)]
    fn domain_pin_vcpu(&self, call: &Call, dom: &Domain, vcpu: u32, cpumap: &Bytes<{ limit::CPUMAP }>) -> Result<()>;

    /// Says where one virtual CPU may run, now or by definition.
    #[rpc(225, acl = ["domain:write", "domain:save:!VIR_DOMAIN_AFFECT_CONFIG|VIR_DOMAIN_AFFECT_LIVE", "domain:save:VIR_DOMAIN_AFFECT_CONFIG"], write)]
    fn domain_pin_vcpu_flags(
        &self,
        call: &Call,
        dom: &Domain,
        vcpu: u32,
        cpumap: &Bytes<{ limit::CPUMAP }>,
        flags: DomainModificationImpact,
    ) -> Result<()>;

    /// Seconds between two readings of the guest's memory statistics; 0 never.
    #[rpc(308, acl = ["domain:write", "domain:save:!VIR_DOMAIN_AFFECT_CONFIG|VIR_DOMAIN_AFFECT_LIVE", "domain:save:VIR_DOMAIN_AFFECT_CONFIG"], write)]
    fn domain_set_memory_stats_period(
        &self,
        call: &Call,
        dom: &Domain,
        period: i32,
        flags: DomainMemoryFlags,
    ) -> Result<()>;

    /// Switches single virtual CPUs, named as in `0-3,5`, on (1) or off (0).
    #[rpc(384, acl = ["domain:write", "domain:save:!VIR_DOMAIN_AFFECT_CONFIG|VIR_DOMAIN_AFFECT_LIVE", "domain:save:VIR_DOMAIN_AFFECT_CONFIG"], write)]
    fn domain_set_vcpu(
        &self,
        call: &Call,
        dom: &Domain,
        cpumap: &str,
        state: i32,
        flags: DomainModificationImpact,
    ) -> Result<()>;
}
