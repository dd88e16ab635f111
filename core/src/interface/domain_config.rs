//! Changing memory and virtual CPUs.

use oxivirt_macros::interface;

use crate::Result;
use crate::call::Call;
use crate::constants::{
    DomainLifecycle, DomainLifecycleAction, DomainMemoryFlags, DomainModificationImpact, DomainVcpuFlags,
};
use crate::types::{Bytes, Counted, Domain, IothreadInfo, List, SchedulerType, TypedParam, limit};

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

    /// The host's scheduler for the domain, and how many parameters it has.
    #[rpc(56, acl = ["domain:read"])]
    fn domain_get_scheduler_type(&self, call: &Call, dom: &Domain) -> Result<SchedulerType>;

    /// How the host schedules the running domain.
    #[rpc(57, acl = ["domain:read"])]
    fn domain_get_scheduler_parameters(
        &self,
        call: &Call,
        dom: &Domain,
        nparams: i32,
    ) -> Result<List<TypedParam, { limit::TUNING_PARAMETERS }>>;

    /// Changes how the host schedules the running domain.
    #[rpc(58, acl = ["domain:read"], write)]
    fn domain_set_scheduler_parameters(
        &self,
        call: &Call,
        dom: &Domain,
        params: &List<TypedParam, { limit::TUNING_PARAMETERS }>,
    ) -> Result<()>;

    /// Changes how the host schedules the domain.
    #[rpc(219, acl = ["domain:write", "domain:save:!VIR_DOMAIN_AFFECT_CONFIG|VIR_DOMAIN_AFFECT_LIVE", "domain:save:VIR_DOMAIN_AFFECT_CONFIG"], write)]
    fn domain_set_scheduler_parameters_flags(
        &self,
        call: &Call,
        dom: &Domain,
        params: &List<TypedParam, { limit::TUNING_PARAMETERS }>,
        flags: DomainModificationImpact,
    ) -> Result<()>;

    /// How the host schedules the domain.
    #[rpc(223, acl = ["domain:read"])]
    fn domain_get_scheduler_parameters_flags(
        &self,
        call: &Call,
        dom: &Domain,
        nparams: i32,
        flags: DomainModificationImpact,
    ) -> Result<List<TypedParam, { limit::TUNING_PARAMETERS }>>;

    /// Limits the memory that the domain may take from the host, in KiB.
    #[rpc(197, acl = ["domain:write", "domain:save:!VIR_DOMAIN_AFFECT_CONFIG|VIR_DOMAIN_AFFECT_LIVE", "domain:save:VIR_DOMAIN_AFFECT_CONFIG"], write)]
    fn domain_set_memory_parameters(
        &self,
        call: &Call,
        dom: &Domain,
        params: &List<TypedParam, { limit::TUNING_PARAMETERS }>,
        flags: DomainModificationImpact,
    ) -> Result<()>;

    /// Limits on the memory that the domain may take from the host, in KiB.
    ///
    /// * `nparams` 0 asks for their number only.
    #[rpc(198, acl = ["domain:read"])]
    fn domain_get_memory_parameters(
        &self,
        call: &Call,
        dom: &Domain,
        nparams: i32,
        flags: DomainModificationImpact,
    ) -> Result<Counted<List<TypedParam, { limit::TUNING_PARAMETERS }>, i32>>;

    /// Weights and limits of its disk traffic on the host.
    #[rpc(205, acl = ["domain:write", "domain:save:!VIR_DOMAIN_AFFECT_CONFIG|VIR_DOMAIN_AFFECT_LIVE", "domain:save:VIR_DOMAIN_AFFECT_CONFIG"], write)]
    fn domain_set_blkio_parameters(
        &self,
        call: &Call,
        dom: &Domain,
        params: &List<TypedParam, { limit::TUNING_PARAMETERS }>,
        flags: DomainModificationImpact,
    ) -> Result<()>;

    /// Weights and limits of its disk traffic on the host.
    ///
    /// * `nparams` 0 asks for their number only.
    #[rpc(206, acl = ["domain:read"])]
    fn domain_get_blkio_parameters(
        &self,
        call: &Call,
        dom: &Domain,
        nparams: i32,
        flags: DomainModificationImpact,
    ) -> Result<Counted<List<TypedParam, { limit::TUNING_PARAMETERS }>, i32>>;

    /// Host nodes that its memory comes from.
    #[rpc(254, acl = ["domain:write", "domain:save:!VIR_DOMAIN_AFFECT_CONFIG|VIR_DOMAIN_AFFECT_LIVE", "domain:save:VIR_DOMAIN_AFFECT_CONFIG"], write)]
    fn domain_set_numa_parameters(
        &self,
        call: &Call,
        dom: &Domain,
        params: &List<TypedParam, { limit::TUNING_PARAMETERS }>,
        flags: DomainModificationImpact,
    ) -> Result<()>;

    /// Host nodes that its memory comes from.
    ///
    /// * `nparams` 0 asks for their number only.
    #[rpc(255, acl = ["domain:read"])]
    fn domain_get_numa_parameters(
        &self,
        call: &Call,
        dom: &Domain,
        nparams: i32,
        flags: DomainModificationImpact,
    ) -> Result<Counted<List<TypedParam, { limit::TUNING_PARAMETERS }>, i32>>;

    /// Bandwidth of a network card, in kB/s.
    #[rpc(256, acl = ["domain:write", "domain:save:!VIR_DOMAIN_AFFECT_CONFIG|VIR_DOMAIN_AFFECT_LIVE", "domain:save:VIR_DOMAIN_AFFECT_CONFIG"], write)]
    fn domain_set_interface_parameters(
        &self,
        call: &Call,
        dom: &Domain,
        device: &str,
        params: &List<TypedParam, { limit::TUNING_PARAMETERS }>,
        flags: DomainModificationImpact,
    ) -> Result<()>;

    /// Bandwidth of a network card, in kB/s.
    ///
    /// * `nparams` 0 asks for their number only.
    #[rpc(257, acl = ["domain:read"])]
    fn domain_get_interface_parameters(
        &self,
        call: &Call,
        dom: &Domain,
        device: &str,
        nparams: i32,
        flags: DomainModificationImpact,
    ) -> Result<Counted<List<TypedParam, { limit::TUNING_PARAMETERS }>, i32>>;

    /// Says where the emulator's own threads may run: one bit per host CPU, lowest first.
    #[rpc(279, acl = ["domain:write", "domain:save:!VIR_DOMAIN_AFFECT_CONFIG|VIR_DOMAIN_AFFECT_LIVE", "domain:save:VIR_DOMAIN_AFFECT_CONFIG"], write)]
    fn domain_pin_emulator(
        &self,
        call: &Call,
        dom: &Domain,
        cpumap: &Bytes<{ limit::CPUMAP }>,
        flags: DomainModificationImpact,
    ) -> Result<()>;

    /// Its I/O threads and where each may run.
    #[rpc(351, acl = ["domain:read"])]
    fn domain_get_iothread_info(
        &self,
        call: &Call,
        dom: &Domain,
        flags: DomainModificationImpact,
    ) -> Result<Counted<List<IothreadInfo, { limit::LIST }>>>;

    /// Says where one I/O thread may run.
    #[rpc(352, acl = ["domain:write", "domain:save:!VIR_DOMAIN_AFFECT_CONFIG|VIR_DOMAIN_AFFECT_LIVE", "domain:save:VIR_DOMAIN_AFFECT_CONFIG"], write)]
    fn domain_pin_iothread(
        &self,
        call: &Call,
        dom: &Domain,
        iothreads_id: u32,
        cpumap: &Bytes<{ limit::CPUMAP }>,
        flags: DomainModificationImpact,
    ) -> Result<()>;

    /// Adds an I/O thread.
    #[rpc(355, acl = ["domain:write", "domain:save:!VIR_DOMAIN_AFFECT_CONFIG|VIR_DOMAIN_AFFECT_LIVE", "domain:save:VIR_DOMAIN_AFFECT_CONFIG"], write)]
    fn domain_add_iothread(
        &self,
        call: &Call,
        dom: &Domain,
        iothread_id: u32,
        flags: DomainModificationImpact,
    ) -> Result<()>;

    /// Removes an I/O thread that no disk uses.
    #[rpc(356, acl = ["domain:write", "domain:save:!VIR_DOMAIN_AFFECT_CONFIG|VIR_DOMAIN_AFFECT_LIVE", "domain:save:VIR_DOMAIN_AFFECT_CONFIG"], write)]
    fn domain_del_iothread(
        &self,
        call: &Call,
        dom: &Domain,
        iothread_id: u32,
        flags: DomainModificationImpact,
    ) -> Result<()>;

    /// Tunes the polling of one I/O thread of the running domain.
    #[rpc(402, acl = ["domain:write", "domain:save:!VIR_DOMAIN_AFFECT_CONFIG|VIR_DOMAIN_AFFECT_LIVE", "domain:save:VIR_DOMAIN_AFFECT_CONFIG"], write)]
    fn domain_set_iothread_params(
        &self,
        call: &Call,
        dom: &Domain,
        iothread_id: u32,
        params: &List<TypedParam, { limit::PARAMETERS }>,
        flags: DomainModificationImpact,
    ) -> Result<()>;

    /// Says what follows power-off, reboot or crash of the guest.
    #[rpc(390, acl = ["domain:write"])]
    fn domain_set_lifecycle_action(
        &self,
        call: &Call,
        dom: &Domain,
        r#type: DomainLifecycle,
        action: DomainLifecycleAction,
        flags: DomainModificationImpact,
    ) -> Result<()>;

    /// Measurement and policy of a confidential guest.
    #[rpc(396, acl = ["domain:read"])]
    fn domain_get_launch_security_info(
        &self,
        call: &Call,
        dom: &Domain,
        flags: u32,
    ) -> Result<List<TypedParam, { limit::PARAMETERS }>>;

    /// Gives a paused confidential guest its secret.
    #[rpc(439, acl = ["domain:write"])]
    fn domain_set_launch_security_state(
        &self,
        call: &Call,
        dom: &Domain,
        params: &List<TypedParam, { limit::PARAMETERS }>,
        flags: u32,
    ) -> Result<()>;
}
