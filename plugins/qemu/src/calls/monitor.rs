//! What only QEMU has: its monitor and its agent, as they are.

use oxivirt_core::call::Call;
use oxivirt_core::constants::QemuMonitorCommandFlags;
use oxivirt_core::interface::{QemuMonitor, implements};
use oxivirt_core::types::Domain;
use oxivirt_core::{Error, Result};

use super::{Own, check_flags, owner};
use crate::QemuConnection;

#[implements]
impl QemuMonitor for QemuConnection {
    fn domain_monitor_command(
        &self,
        call: &Call,
        dom: &Domain,
        cmd: &str,
        flags: QemuMonitorCommandFlags,
    ) -> Result<String> {
        check_flags(flags.0, QemuMonitorCommandFlags::HMP.0, "domain_qemu_monitor_command_with_files")?;
        let human = flags.contains(QemuMonitorCommandFlags::HMP);
        self.guests.monitor_command(self.uuid(dom)?, cmd, human, Vec::new(), &owner(call)).own()
    }

    fn domain_monitor_command_with_files(
        &self,
        call: &Call,
        dom: &Domain,
        cmd: &str,
        flags: QemuMonitorCommandFlags,
    ) -> Result<String> {
        check_flags(flags.0, QemuMonitorCommandFlags::HMP.0, "domain_qemu_monitor_command_with_files")?;
        let human = flags.contains(QemuMonitorCommandFlags::HMP);
        // As many as came; one too far is an error of its own.
        let files: Vec<_> = (0..MAX_FILES).map_while(|index| call.take_descriptor(index).ok()).collect();
        if human && !files.is_empty() {
            return Err(Error::invalid_arg("descriptors cannot be passed with a human monitor command")).own();
        }
        self.guests.monitor_command(self.uuid(dom)?, cmd, human, files, &owner(call)).own()
    }

    fn domain_agent_command(
        &self,
        call: &Call,
        dom: &Domain,
        cmd: &str,
        timeout: i32,
        flags: u32,
    ) -> Result<Option<String>> {
        check_flags(flags, 0, "domain_qemu_agent_command")?;
        self.guests.agent_command(self.uuid(dom)?, cmd, timeout, &owner(call)).own().map(Some)
    }
}

/// More descriptors do not come with a message.
const MAX_FILES: u32 = 32;
