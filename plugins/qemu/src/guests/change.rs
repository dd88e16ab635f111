//! Changing a running guest: pause, resume, buttons, memory.

use std::sync::atomic::Ordering;

use oxivirt_core::{Error, Result};
use serde_json::json;
use uuid::Uuid;

use super::{ANSWER, Guests};
use crate::lifecycle::{Lifecycle, Paused, Running, State};
use crate::state::Job;

/// How a guest is asked to go down or restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RebootMode {
    /// By the ACPI power button.
    Acpi,
    /// By the guest agent.
    Agent,
    /// By the guest agent where there is one, else by the button.
    Any,
}

impl Guests {
    /// Stops the CPUs. One that stands already is left alone.
    pub fn suspend(&self, uuid: Uuid, owner: &str) -> Result<()> {
        let job = self.modify(uuid, owner)?;
        let run = job.private().require_run()?;
        match job.snapshot().status.state {
            State::Asleep(_) => return Err(Error::operation_invalid("domain is pmsuspended")),
            State::Paused(_) => return Ok(()),
            _ => {}
        }
        self.pause(&job, &run, Paused::User)?;
        self.save_status(job.object())
    }

    /// Stops the CPUs and says why.
    pub(super) fn pause(&self, job: &Job, run: &crate::state::Run, reason: Paused) -> Result<()> {
        run.expect_paused(reason);
        if let Err(error) = run.monitor().and_then(|monitor| monitor.stop(ANSWER)) {
            run.take_paused();
            return Err(error);
        }
        job.private().settle_cpus();
        self.note_paused(job.object(), run, Lifecycle::SuspendedPaused);
        Ok(())
    }

    /// Lets the CPUs run.
    pub fn resume(&self, uuid: Uuid, owner: &str) -> Result<()> {
        let job = self.modify(uuid, owner)?;
        let run = job.private().require_run()?;
        match job.snapshot().status.state {
            State::Asleep(_) => return Err(Error::operation_invalid("domain is pmsuspended")),
            State::Running(_) => return Err(Error::operation_invalid("domain is already running")),
            State::Crashed(_) => return Err(Error::operation_invalid("domain has crashed")),
            _ => {}
        }
        self.unpause(&job, &run, Running::Unpaused)?;
        self.save_status(job.object())
    }

    /// Lets the CPUs run and says why.
    pub(super) fn unpause(&self, job: &Job, run: &crate::state::Run, reason: Running) -> Result<()> {
        run.expect_running(reason);
        if let Err(error) = run.monitor().and_then(|monitor| monitor.cont(ANSWER)) {
            run.take_running();
            return Err(error);
        }
        job.private().settle_cpus();
        self.note_running(job.object(), run);
        Ok(())
    }

    /// Asks the guest to shut down. Returns when it was asked, not when it did.
    pub fn shutdown(&self, uuid: Uuid, mode: RebootMode, owner: &str) -> Result<()> {
        self.press_power(uuid, mode, false, owner)
    }

    /// Asks the guest to restart: it shuts down and is started afresh within
    /// the same QEMU.
    pub fn reboot(&self, uuid: Uuid, mode: RebootMode, owner: &str) -> Result<()> {
        self.press_power(uuid, mode, true, owner)
    }

    fn press_power(&self, uuid: Uuid, mode: RebootMode, reboot: bool, owner: &str) -> Result<()> {
        match mode {
            RebootMode::Agent => return self.agent_power(uuid, reboot, owner),
            RebootMode::Any => match self.agent_power(uuid, reboot, owner) {
                Ok(()) => return Ok(()),
                Err(error) => tracing::info!(%error, "the power button is pressed instead of asking the agent"),
            },
            RebootMode::Acpi => {}
        }
        let job = self.modify(uuid, owner)?;
        let run = job.private().require_run()?;
        let monitor = run.monitor()?;
        let name = job.snapshot().definition().name.clone();
        let (event, extra) = if reboot { ("reboot", "-") } else { ("stop", "shutdown") };
        self.script(&name, event, "before", extra)?;
        let was = run.reboot_after_shutdown.swap(reboot, Ordering::AcqRel);
        monitor.power_button(ANSWER).inspect_err(|_| run.reboot_after_shutdown.store(was, Ordering::Release))?;
        if reboot { self.script(&name, event, "after", extra) } else { Ok(()) }
    }

    /// Presses the reset button.
    pub fn reset(&self, uuid: Uuid, owner: &str) -> Result<()> {
        let job = self.modify(uuid, owner)?;
        let run = job.private().require_run()?;
        run.monitor()?.reset(ANSWER)?;
        if let State::Crashed(_) = job.snapshot().status.state {
            job.update(|snapshot| {
                snapshot.status.enter(State::Paused(Paused::Unknown));
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Wakes a guest that put itself to sleep.
    pub fn wakeup(&self, uuid: Uuid, owner: &str) -> Result<()> {
        let job = self.modify(uuid, owner)?;
        let run = job.private().require_run()?;
        run.monitor()?.wakeup(ANSWER)
    }

    /// Raises a non-maskable interrupt.
    pub fn inject_nmi(&self, uuid: Uuid, owner: &str) -> Result<()> {
        let job = self.modify(uuid, owner)?;
        job.private().require_run()?.monitor()?.inject_nmi(ANSWER)
    }

    /// Sets the memory that a running guest may use, through its balloon.
    ///
    /// Errors: `INVALID_ARG` above its maximum; `OPERATION_INVALID` without a balloon.
    pub fn set_memory(&self, job: &Job, kib: u64) -> Result<()> {
        let run = job.private().require_run()?;
        let maximum = crate::command::maximum_memory_kib(job.snapshot().definition());
        if kib > maximum {
            return Err(Error::invalid_arg("cannot set memory higher than max memory"));
        }
        run.monitor()?.set_balloon(kib, ANSWER)?;
        self.edit_live(job, &|live| {
            live.current_memory = oxivirt_conf::xml::KiB(kib);
            Ok(())
        })
    }

    /// Sends keys, pressed together, held for `hold` milliseconds.
    pub fn send_key(&self, uuid: Uuid, keys: &[u32], hold: u32, owner: &str) -> Result<()> {
        let job = self.modify(uuid, owner)?;
        let run = job.private().require_run()?;
        let keys: Vec<_> = keys.iter().map(|k| json!({"type": "number", "data": k})).collect();
        let mut arguments = json!({ "keys": keys });
        if let (true, Some(object)) = (hold > 0, arguments.as_object_mut()) {
            object.insert("hold-time".into(), hold.into());
        }
        run.monitor()?.execute("send-key", arguments, ANSWER).map(drop)
    }
}
