//! What only QEMU has.

use oxivirt_macros::interface;

use crate::Result;
use crate::call::Call;
use crate::constants::QemuMonitorCommandFlags;
use crate::types::Domain;

/// What only QEMU has: its monitor, its agent, and processes that somebody else started.
#[interface]
pub trait QemuMonitor {
    /// Sends a command to the monitor and returns the answer, both as JSON or in the human form
    /// (`HMP`).
    #[rpc(1, program = QEMU, acl = ["domain:write"], write)]
    fn domain_monitor_command(
        &self,
        call: &Call,
        dom: &Domain,
        cmd: &str,
        flags: QemuMonitorCommandFlags,
    ) -> Result<String>;

    /// Takes up a running QEMU process by its number.
    #[rpc(2, program = QEMU, acl = ["domain:start", "domain:write"], write)]
    fn domain_attach(&self, call: &Call, pid_value: u32, flags: u32) -> Result<Domain>;

    /// Sends a command to the guest agent; absent answer when it was not waited for.
    ///
    /// * `timeout`: seconds, -2 for ever, -1 the default, 0 not at all.
    #[rpc(3, program = QEMU, acl = ["domain:write"], write)]
    fn domain_agent_command(
        &self,
        call: &Call,
        dom: &Domain,
        cmd: &str,
        timeout: i32,
        flags: u32,
    ) -> Result<Option<String>>;

    /// As `domain_monitor_command`, with descriptors that came with the call; may return one.
    #[rpc(7, program = QEMU, acl = ["domain:write"], write)]
    fn domain_monitor_command_with_files(
        &self,
        call: &Call,
        dom: &Domain,
        cmd: &str,
        flags: QemuMonitorCommandFlags,
    ) -> Result<String>;
}
