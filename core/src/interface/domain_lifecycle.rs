//! Defining, starting and stopping domains.

use oxivirt_macros::interface;

use crate::Result;
use crate::call::Call;
use crate::constants::{
    DomainCreateFlags, DomainDefineFlags, DomainDestroyFlags, DomainRebootFlags, DomainShutdownFlags,
    DomainUndefineFlags,
};
use crate::types::Domain;

/// Defining, starting, pausing, stopping and removing domains.
///
/// Every method that takes a domain fails with `NO_DOMAIN` when it is gone, and
/// with `OPERATION_INVALID` when it is in the wrong state. State is on disk
/// before success is reported. Unless said otherwise a method may wait for the
/// domain's job and for its hypervisor, both with a limit that ends in
/// `OPERATION_TIMEOUT`.
#[interface]
pub trait DomainLifecycle {
    /// Starts a defined domain.
    ///
    /// * Errors: `OPERATION_INVALID` when it already runs.
    #[rpc(9, acl = ["domain:start"], write)]
    fn domain_create(&self, call: &Call, dom: &Domain) -> Result<()>;

    /// Starts a domain that is not defined: it vanishes when it stops.
    ///
    /// * Errors: `XML_ERROR` and its kin for a bad document; `OPERATION_FAILED` when
    /// the name or uuid is taken; `OPERATION_INVALID` when such a domain runs.
    #[rpc(10, acl = ["domain:write", "domain:start"], write)]
    fn domain_create_xml(&self, call: &Call, xml_desc: &str, flags: DomainCreateFlags) -> Result<Domain>;

    /// Defines a domain, or changes the definition of an existing one.
    #[rpc(11, acl = ["domain:write", "domain:save"], high, write)]
    fn domain_define_xml(&self, call: &Call, xml: &str) -> Result<Domain>;

    /// Ends a domain at once, without asking the guest.
    #[rpc(12, acl = ["domain:stop"], high, write)]
    fn domain_destroy(&self, call: &Call, dom: &Domain) -> Result<()>;

    /// Asks the guest to reboot. Returns when it was asked, not when it is done.
    #[rpc(27, acl = ["domain:init_control", "domain:write:VIR_DOMAIN_REBOOT_GUEST_AGENT"], write)]
    fn domain_reboot(&self, call: &Call, dom: &Domain, flags: DomainRebootFlags) -> Result<()>;

    /// Lets a paused domain go on.
    #[rpc(28, acl = ["domain:suspend"], write)]
    fn domain_resume(&self, call: &Call, dom: &Domain) -> Result<()>;

    /// Asks the guest to shut down. Returns when it was asked.
    #[rpc(33, acl = ["domain:init_control"], write)]
    fn domain_shutdown(&self, call: &Call, dom: &Domain) -> Result<()>;

    /// Pauses a running domain; its memory stays.
    #[rpc(34, acl = ["domain:suspend"], write)]
    fn domain_suspend(&self, call: &Call, dom: &Domain) -> Result<()>;

    /// Removes the definition of a domain; one that runs becomes transient.
    #[rpc(35, acl = ["domain:delete"], high, write)]
    fn domain_undefine(&self, call: &Call, dom: &Domain) -> Result<()>;

    /// Starts a defined domain.
    ///
    /// * Returns the domain with its new id.
    #[rpc(196, acl = ["domain:start"], write)]
    fn domain_create_with_flags(&self, call: &Call, dom: &Domain, flags: DomainCreateFlags) -> Result<Domain>;

    /// Removes the definition of a domain and what `flags` name with it.
    ///
    /// * Errors: `OPERATION_INVALID` when there is something (a saved image, NVRAM)
    /// that `flags` neither remove nor keep.
    #[rpc(231, acl = ["domain:delete"], high, write)]
    fn domain_undefine_flags(&self, call: &Call, dom: &Domain, flags: DomainUndefineFlags) -> Result<()>;

    /// Ends a domain at once; `GRACEFUL` never kills harder than a polite signal and
    /// fails instead.
    #[rpc(234, acl = ["domain:stop"], high, write)]
    fn domain_destroy_flags(&self, call: &Call, dom: &Domain, flags: DomainDestroyFlags) -> Result<()>;

    /// Resets the machine as its reset button would.
    ///
    /// * `flags`: none defined, must be 0.
    #[rpc(245, acl = ["domain:reset"], write)]
    fn domain_reset(&self, call: &Call, dom: &Domain, flags: u32) -> Result<()>;

    /// Asks the guest to shut down in one of the ways that `flags` name.
    #[rpc(258, acl = ["domain:init_control", "domain:write:VIR_DOMAIN_SHUTDOWN_GUEST_AGENT"], write)]
    fn domain_shutdown_flags(&self, call: &Call, dom: &Domain, flags: DomainShutdownFlags) -> Result<()>;

    /// `domain_create_xml` with descriptors for the first process of a container.
    #[rpc(309, acl = ["domain:write", "domain:start"], write)]
    fn domain_create_xml_with_files(&self, call: &Call, xml_desc: &str, flags: DomainCreateFlags) -> Result<Domain>;

    /// `domain_create_with_flags` with descriptors for the first process of a container.
    #[rpc(310, acl = ["domain:start"], write)]
    fn domain_create_with_files(&self, call: &Call, dom: &Domain, flags: DomainCreateFlags) -> Result<Domain>;

    /// Defines a domain, or changes the definition of an existing one.
    ///
    /// * `VALIDATE` refuses what the schema does not know.
    /// * Errors: `XML_ERROR` and its kin; `OPERATION_FAILED` when the name belongs to
    /// another uuid or the uuid to another name.
    #[rpc(350, acl = ["domain:write", "domain:save"], high, write)]
    fn domain_define_xml_flags(&self, call: &Call, xml: &str, flags: DomainDefineFlags) -> Result<Domain>;

    /// Whether the domain starts with the daemon.
    #[rpc(15, acl = ["domain:read"], high)]
    fn domain_get_autostart(&self, call: &Call, dom: &Domain) -> Result<bool>;

    /// Says whether the domain starts with the daemon.
    ///
    /// * Errors: `OPERATION_INVALID` for a transient domain.
    #[rpc(29, acl = ["domain:write"], high, write)]
    fn domain_set_autostart(&self, call: &Call, dom: &Domain, autostart: bool) -> Result<()>;

    /// Gives a domain that does not run a new name.
    ///
    /// * Returns 0.
    /// * Errors: `OPERATION_INVALID` when it runs or the name is taken.
    #[rpc(358, acl = ["domain:write", "domain:save"], write)]
    fn domain_rename(&self, call: &Call, dom: &Domain, new_name: Option<&str>, flags: u32) -> Result<i32>;

    /// Asks the guest to sleep. `target`: 0 memory, 1 disk, 2 both.
    #[rpc(261, acl = ["domain:pm_control"], write)]
    fn domain_pm_suspend_for_duration(
        &self,
        call: &Call,
        dom: &Domain,
        target: u32,
        duration: u64,
        flags: u32,
    ) -> Result<()>;

    /// Wakes a sleeping guest.
    #[rpc(267, acl = ["domain:pm_control"], write)]
    fn domain_pm_wakeup(&self, call: &Call, dom: &Domain, flags: u32) -> Result<()>;

    /// Whether the domain starts with the next start of the host only.
    #[rpc(449, acl = ["domain:read"], high)]
    fn domain_get_autostart_once(&self, call: &Call, dom: &Domain) -> Result<bool>;

    /// Says whether the domain starts with the next start of the host only.
    #[rpc(450, acl = ["domain:write"], high, write)]
    fn domain_set_autostart_once(&self, call: &Call, dom: &Domain, autostart: bool) -> Result<()>;
}
