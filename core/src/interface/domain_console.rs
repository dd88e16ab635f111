//! Consoles, channels and screens as streams or descriptors.

use oxivirt_macros::interface;

use crate::Result;
use crate::call::Call;
use crate::constants::{DomainConsoleFlags, DomainFdAssociateFlags, DomainGraphicsReloadType};
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

    /// Sends a picture of a screen through the stream; returns its MIME type.
    #[rpc(211, acl = ["domain:screenshot"], write, stream = read)]
    fn domain_screenshot(&self, call: &Call, dom: &Domain, screen: u32, flags: u32) -> Result<Option<String>>;

    /// Makes the graphics server read its certificates again.
    #[rpc(448, acl = ["domain:write"], write)]
    fn domain_graphics_reload(
        &self,
        call: &Call,
        dom: &Domain,
        r#type: DomainGraphicsReloadType,
        flags: u32,
    ) -> Result<()>;

    /// Keeps the descriptors that came with the call under a name that the definition refers to.
    #[rpc(443, acl = ["domain:write"], write)]
    fn domain_fd_associate(&self, call: &Call, dom: &Domain, name: &str, flags: DomainFdAssociateFlags) -> Result<()>;
}
