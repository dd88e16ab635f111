//! Commands for QEMU's monitor and for the agent, in their users' own words.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_core::{Error, Result};
use serde_json::Value;
use uuid::Uuid;

use super::Guests;
use crate::agent::Limits;
use crate::state::{Object, Run};

impl Guests {
    /// Passes a command to the monitor as it is: human words, or a QMP object.
    ///
    /// * Returns the whole answer as text.
    pub fn monitor_command(
        &self,
        uuid: Uuid,
        command: &str,
        human: bool,
        files: Vec<OwnedFd>,
        owner: &str,
    ) -> Result<String> {
        let job = self.modify(uuid, owner)?;
        let run = job.private().require_run()?;
        let monitor = run.monitor()?;
        self.taint(job.object(), &run, "custom-monitor")?;
        match human {
            true => monitor.human(command, FOREIGN),
            false => monitor.pass(command, files, FOREIGN),
        }
    }

    /// Passes a command to the agent as it is.
    ///
    /// * `seconds` – see [`Limits::of_command`].
    pub fn agent_command(&self, uuid: Uuid, command: &str, seconds: i32, owner: &str) -> Result<String> {
        let object = self.table.require_uuid(uuid, None)?;
        let seat = self.agent(&object, owner)?;
        let value: Value =
            serde_json::from_str(command).map_err(|e| Error::internal(format!("cannot parse json {command}: {e}")))?;
        if !value.is_object() {
            return Err(Error::internal(format!("cannot parse json {command}: it is no object")));
        }
        if seconds < -2 {
            let text = format!("guest agent timeout '{seconds}' is less than the minimum '-2'");
            return Err(Error::invalid_arg(text));
        }
        self.taint(&object, &seat.run, "custom-ga-command")?;
        let name = value.get("execute").and_then(Value::as_str).unwrap_or("command").to_owned();
        let answer = seat.run.marks.agent.pass(&seat.socket, &value, Limits::of_command(seconds));
        answer.map(|answer| answer.to_string()).map_err(|failure| failure.into_error(&name))
    }

    /// Notes what a guest has from its start that nobody supports.
    pub(super) fn note_taints(&self, live: &DomainDefinition, run: &Run) {
        use oxivirt_conf::domain::{CpuMode, DriverNamespace};
        let own_words = match live.namespace.as_deref() {
            Some(DriverNamespace::Qemu(more)) => !more.arguments.is_empty() || !more.environment.is_empty(),
            _ => false,
        };
        let host_cpu = live.cpu.as_ref().is_some_and(|cpu| cpu.mode == CpuMode::HostPassthrough);
        let root = self.settings().process.user.map_or_else(|| rustix::process::geteuid().is_root(), |user| user == 0);
        for (flag, is_so) in [("high-privileges", root), ("custom-argv", own_words), ("host-cpu", host_cpu)] {
            if is_so && run.marks.taint(flag) {
                tracing::warn!(domain = %live.name, id = run.id, taint = flag, "a guest is tainted");
                run.log_line(&format!("Domain id={} is tainted: {flag}", run.id));
            }
        }
    }

    /// Notes what was done to a guest that nobody supports: in its status file and in its log.
    pub(super) fn taint(&self, object: &Arc<Object>, run: &Run, flag: &str) -> Result<()> {
        if !run.marks.taint(flag) {
            return Ok(());
        }
        let name = object.snapshot().definition().name.clone();
        tracing::warn!(domain = %name, id = run.id, taint = flag, "a guest is tainted");
        run.log_line(&format!("Domain id={} is tainted: {flag}", run.id));
        self.save_status(object)
    }
}

/// How long a command may take of which nothing is known.
const FOREIGN: Duration = Duration::from_secs(60);
