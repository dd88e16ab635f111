//! Talking to the guest's system and keyboard.

use oxivirt_macros::interface;

use crate::Result;
use crate::call::Call;
use crate::constants::KeycodeSet;
use crate::types::{Domain, DomainTime, List, limit};

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
}
