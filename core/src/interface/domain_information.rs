//! What is known about a domain.

use oxivirt_macros::interface;

use crate::Result;
use crate::abi::RString;
use crate::call::Call;
use crate::constants::{DomainMessageFlags, DomainModificationImpact, DomainVcpuFlags, DomainXmlFlags};
use crate::types::{ControlInfo, Counted, CpuMaps, Domain, DomainInfo, DomainState, List, SecurityLabel, Vcpus, limit};

/// What is known about a domain. Answers come from the last known picture and
/// wait for no job; `NO_DOMAIN` when the domain is gone.
#[interface]
pub trait DomainInformation {
    /// The domain as a document: of the running domain, or of the definition with
    /// `INACTIVE`.
    ///
    /// * `SECURE` reveals passwords and is refused with `OPERATION_DENIED` to
    /// read-only clients.
    #[rpc(14, acl = ["domain:read", "domain:read_secure:VIR_DOMAIN_XML_SECURE", "domain:read_secure:VIR_DOMAIN_XML_MIGRATABLE"])]
    fn domain_get_xml_desc(&self, call: &Call, dom: &Domain, flags: DomainXmlFlags) -> Result<String>;

    /// State, memory, virtual CPUs and CPU time.
    #[rpc(16, acl = ["domain:read"])]
    fn domain_get_info(&self, call: &Call, dom: &Domain) -> Result<DomainInfo>;

    /// Most memory the domain may have, in KiB.
    #[rpc(17, acl = ["domain:read"], high)]
    fn domain_get_max_memory(&self, call: &Call, dom: &Domain) -> Result<u64>;

    /// Most virtual CPUs the domain may have.
    #[rpc(18, acl = ["domain:read"], high)]
    fn domain_get_max_vcpus(&self, call: &Call, dom: &Domain) -> Result<i32>;

    /// Its type of operating system, such as `hvm`.
    #[rpc(19, acl = ["domain:read"], high)]
    fn domain_get_os_type(&self, call: &Call, dom: &Domain) -> Result<String>;

    /// Whether it runs.
    #[rpc(150, acl = ["domain:read"], high)]
    fn domain_is_active(&self, call: &Call, dom: &Domain) -> Result<bool>;

    /// Whether it is defined.
    #[rpc(151, acl = ["domain:read"], high)]
    fn domain_is_persistent(&self, call: &Call, dom: &Domain) -> Result<bool>;

    /// Whether the definition changed while it ran.
    #[rpc(202, acl = ["domain:read"], high)]
    fn domain_is_updated(&self, call: &Call, dom: &Domain) -> Result<bool>;

    /// Its state and the reason for it.
    ///
    /// * `flags`: none defined, must be 0.
    #[rpc(212, acl = ["domain:read"], high)]
    fn domain_get_state(&self, call: &Call, dom: &Domain, flags: u32) -> Result<DomainState>;

    /// Whether the hypervisor can be asked to act on it.
    #[rpc(229, acl = ["domain:read"], high)]
    fn domain_get_control_info(&self, call: &Call, dom: &Domain, flags: u32) -> Result<ControlInfo>;

    /// The label its process runs under.
    #[rpc(121, acl = ["domain:read"], high)]
    fn domain_get_security_label(&self, call: &Call, dom: &Domain) -> Result<SecurityLabel>;

    /// The labels its process runs under, one per security model.
    #[rpc(278, acl = ["domain:read"], high)]
    fn domain_get_security_label_list(
        &self,
        call: &Call,
        dom: &Domain,
    ) -> Result<Counted<List<SecurityLabel, { limit::SECURITY_LABELS }>, i32>>;

    /// Warnings about it (tainted, deprecated), one sentence each.
    #[rpc(426, acl = ["domain:read"])]
    fn domain_get_messages(
        &self,
        call: &Call,
        dom: &Domain,
        flags: DomainMessageFlags,
    ) -> Result<List<RString, { limit::MESSAGES }>>;

    /// Whether its memory was saved to be restored at the next start.
    #[rpc(183, acl = ["domain:read"])]
    fn domain_has_managed_save_image(&self, call: &Call, dom: &Domain, flags: u32) -> Result<bool>;

    /// Its virtual CPUs and where each may run.
    ///
    /// * `maxinfo`: at most so many CPUs; `maplen`: bytes per map, 0 for no maps.
    /// * Errors: `OPERATION_INVALID` when it does not run.
    #[rpc(20, acl = ["domain:read"], high)]
    fn domain_get_vcpus(&self, call: &Call, dom: &Domain, maxinfo: i32, maplen: i32) -> Result<Vcpus>;

    /// Number of virtual CPUs: now, in the definition, or the most.
    #[rpc(200, acl = ["domain:read", "domain:write:VIR_DOMAIN_VCPU_GUEST"], write)]
    fn domain_get_vcpus_flags(&self, call: &Call, dom: &Domain, flags: DomainVcpuFlags) -> Result<i32>;

    /// Where each virtual CPU may run, by definition or now.
    #[rpc(230, acl = ["domain:read"])]
    fn domain_get_vcpu_pin_info(
        &self,
        call: &Call,
        dom: &Domain,
        ncpumaps: i32,
        maplen: i32,
        flags: DomainModificationImpact,
    ) -> Result<CpuMaps>;

    /// Where the emulator's own threads may run.
    #[rpc(280, acl = ["domain:read"])]
    fn domain_get_emulator_pin_info(
        &self,
        call: &Call,
        dom: &Domain,
        maplen: i32,
        flags: DomainModificationImpact,
    ) -> Result<CpuMaps>;
}
