//! Consoles, channels and screens as streams or descriptors.

use oxivirt_macros::interface;

use crate::Result;
use crate::call::Call;
use crate::constants::DomainConsoleFlags;
use crate::types::Domain;

/// Consoles, channels and screens of a domain, as streams or descriptors.
#[interface]
pub trait DomainConsole {
    /// Joins the call's stream to a console, by default the first.
    ///
    /// * `dev_name`: alias of a serial port, console or channel.
    /// * `FORCE` ends a session that is open; without it, and with `SAFE` where the
    /// driver can tell, an open one is refused with `OPERATION_FAILED`.
    /// * Errors: `OPERATION_INVALID` when the domain does not run; `INTERNAL_ERROR`
    /// when there is no such console.
    #[rpc(201, acl = ["domain:open_device"], write, stream = read)]
    fn domain_open_console(
        &self,
        call: &Call,
        dom: &Domain,
        dev_name: Option<&str>,
        flags: DomainConsoleFlags,
    ) -> Result<()>;

    /// Joins the call's stream to a channel of the guest, by default the first.
    #[rpc(296, acl = ["domain:open_device"], write, stream = read)]
    fn domain_open_channel(&self, call: &Call, dom: &Domain, name: Option<&str>, flags: u32) -> Result<()>;

    /// Joins the descriptor that came with the call to screen `idx`.
    #[rpc(249, acl = ["domain:open_graphics"], write)]
    fn domain_open_graphics(&self, call: &Call, dom: &Domain, idx: u32, flags: u32) -> Result<()>;

    /// Returns a descriptor joined to screen `idx`.
    #[rpc(343, acl = ["domain:open_graphics"], write)]
    fn domain_open_graphics_fd(&self, call: &Call, dom: &Domain, idx: u32, flags: u32) -> Result<()>;
}
