//! Talking to the guest's system and keyboard.

use oxivirt_macros::interface;

use crate::Result;
use crate::abi::RString;
use crate::call::Call;
use crate::constants::{
    DomainAuthorizedSshKeysSetFlags, DomainGuestInfoTypes, DomainInterfaceAddressesSource, DomainSetTimeFlags,
    DomainSetUserPasswordFlags, KeycodeSet,
};
use crate::types::{Counted, Domain, DomainTime, FileSystemInfo, GuestInterface, List, TypedParam, limit};

/// Keys, signals and the clock of a guest.
#[interface]
pub trait DomainGuest {
    /// Presses keys together and releases them after `holdtime` milliseconds.
    #[rpc(226, acl = ["domain:send_input"], write)]
    fn domain_send_key(
        &self,
        call: &Call,
        dom: &Domain,
        codeset: KeycodeSet,
        holdtime: u32,
        keycodes: &List<u32, { limit::KEYCODES }>,
        flags: u32,
    ) -> Result<()>;

    /// Sends a non-maskable interrupt.
    #[rpc(210, acl = ["domain:inject_nmi"], write)]
    fn domain_inject_nmi(&self, call: &Call, dom: &Domain, flags: u32) -> Result<()>;

    /// Sends a signal to a process of the guest.
    #[rpc(295, acl = ["domain:send_signal"], write)]
    fn domain_send_process_signal(
        &self,
        call: &Call,
        dom: &Domain,
        pid_value: i64,
        signum: u32,
        flags: u32,
    ) -> Result<()>;

    /// The guest's name for itself.
    ///
    /// * Errors: `AGENT_UNRESPONSIVE`; `NO_HOSTNAME` when none is known.
    #[rpc(277, acl = ["domain:write"], write)]
    fn domain_get_hostname(&self, call: &Call, dom: &Domain, flags: u32) -> Result<String>;

    /// The guest's clock.
    ///
    /// * Errors: `AGENT_UNRESPONSIVE`.
    #[rpc(337, acl = ["domain:write"], write)]
    fn domain_get_time(&self, call: &Call, dom: &Domain, flags: u32) -> Result<DomainTime>;

    /// Tells the guest's file systems to discard unused blocks; all of them when `mount_point` is
    /// absent.
    ///
    /// * `minimum`: leave free extents shorter than that many bytes.
    #[rpc(294, acl = ["domain:fs_trim"], write)]
    fn domain_fstrim(
        &self,
        call: &Call,
        dom: &Domain,
        mount_point: Option<&str>,
        minimum: u64,
        flags: u32,
    ) -> Result<()>;

    /// Stops writing to file systems of the guest; all of them when none is named. Returns how many.
    #[rpc(335, acl = ["domain:fs_freeze"], write)]
    fn domain_fsfreeze(
        &self,
        call: &Call,
        dom: &Domain,
        mountpoints: &List<RString, { limit::MOUNTPOINTS }>,
        flags: u32,
    ) -> Result<i32>;

    /// Lets file systems of the guest be written to again. Returns how many.
    #[rpc(336, acl = ["domain:fs_freeze"], write)]
    fn domain_fsthaw(
        &self,
        call: &Call,
        dom: &Domain,
        mountpoints: &List<RString, { limit::MOUNTPOINTS }>,
        flags: u32,
    ) -> Result<i32>;

    /// Sets the guest's clock; `SYNC` takes the time of its hardware clock.
    #[rpc(338, acl = ["domain:set_time"], write)]
    fn domain_set_time(
        &self,
        call: &Call,
        dom: &Domain,
        seconds: i64,
        nseconds: u32,
        flags: DomainSetTimeFlags,
    ) -> Result<()>;

    /// The guest's mounted file systems and the disks below them.
    #[rpc(349, acl = ["domain:fs_freeze"], write)]
    fn domain_get_fsinfo(
        &self,
        call: &Call,
        dom: &Domain,
        flags: u32,
    ) -> Result<Counted<List<FileSystemInfo, { limit::FILE_SYSTEMS }>>>;

    /// Addresses of its network cards: from leases, the guest agent or the host's ARP table.
    #[rpc(353, acl = ["domain:read", "domain:write::source:VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_AGENT"], write)]
    fn domain_interface_addresses(
        &self,
        call: &Call,
        dom: &Domain,
        source: DomainInterfaceAddressesSource,
        flags: u32,
    ) -> Result<List<GuestInterface, { limit::GUEST_INTERFACES }>>;

    /// Sets a password inside the guest.
    #[rpc(357, acl = ["domain:set_password"], write)]
    fn domain_set_user_password(
        &self,
        call: &Call,
        dom: &Domain,
        user: Option<&str>,
        password: Option<&str>,
        flags: DomainSetUserPasswordFlags,
    ) -> Result<()>;

    /// Which virtual CPUs the guest uses, as the guest sees it.
    #[rpc(371, acl = ["domain:write"], write)]
    fn domain_get_guest_vcpus(
        &self,
        call: &Call,
        dom: &Domain,
        flags: u32,
    ) -> Result<List<TypedParam, { limit::PARAMETERS }>>;

    /// Asks the guest to use virtual CPUs (`state` 1) or not to (0).
    #[rpc(372, acl = ["domain:write"], write)]
    fn domain_set_guest_vcpus(&self, call: &Call, dom: &Domain, cpumap: &str, state: i32, flags: u32) -> Result<()>;

    /// What the agent tells about users, system, time zone, host name, file systems, disks, interfaces
    /// and load.
    ///
    /// * `types` 0 means every kind; a kind asked for by name that is missing is an error.
    #[rpc(418, acl = ["domain:write"])]
    fn domain_get_guest_info(
        &self,
        call: &Call,
        dom: &Domain,
        types: DomainGuestInfoTypes,
        flags: u32,
    ) -> Result<List<TypedParam, { limit::GUEST_INFO }>>;

    /// How long to wait for the agent, in seconds: -2 for ever, -1 the daemon's default, 0 not at all.
    #[rpc(420, acl = ["domain:write"], write)]
    fn domain_agent_set_response_timeout(&self, call: &Call, dom: &Domain, timeout: i32, flags: u32) -> Result<i32>;

    /// The SSH keys that may log in as a user of the guest.
    #[rpc(424, acl = ["domain:write"], write)]
    fn domain_authorized_ssh_keys_get(
        &self,
        call: &Call,
        dom: &Domain,
        user: &str,
        flags: u32,
    ) -> Result<List<RString, { limit::SSH_KEYS }>>;

    /// Sets, adds or removes SSH keys of a user of the guest.
    #[rpc(425, acl = ["domain:write"], write)]
    fn domain_authorized_ssh_keys_set(
        &self,
        call: &Call,
        dom: &Domain,
        user: &str,
        keys: &List<RString, { limit::SSH_KEYS }>,
        flags: DomainAuthorizedSshKeysSetFlags,
    ) -> Result<()>;
}
