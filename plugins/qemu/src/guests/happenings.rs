//! What QEMU reports by itself, and what follows from it.
//!
//! Events only note facts in the guest's status. What needs the guest's job
//! (ending it, restarting it) is done on a thread that exists while something
//! waits; each guest has its own line, so one that is stuck holds up no other.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use oxivirt_conf::domain::{DomainDefinition, LifecycleAction};
use oxivirt_conf::object::JobKind;
use oxivirt_conf::xml::KiB;
use serde_json::Value;

use super::{ANSWER, Guests};
use crate::hotplug::News;
use crate::lifecycle::{Asleep, Crashed, Lifecycle, Notice, Paused, Running, ShutDown, ShutOff, State};
use crate::monitor::{Event, Handler};
use crate::state::{Happening, Object, Run};

/// Hands what a monitor hears to its guest's line.
pub(super) struct Listener {
    pub(super) guests: Weak<Guests>,
    pub(super) object: Weak<Object>,
    pub(super) token: u64,
}

impl Listener {
    fn push(&self, happening: Happening) {
        if let (Some(guests), Some(object)) = (self.guests.upgrade(), self.object.upgrade())
            && object.private().push(self.token, happening)
        {
            guests.serve(object);
        }
    }
}

impl Handler for Listener {
    fn event(&self, event: Event) {
        if let (Some(guests), Some(object)) = (self.guests.upgrade(), self.object.upgrade()) {
            guests.pass_on(&object.snapshot(), &event);
        }
        // Whoever waits for a device has the guest's job and does the rest;
        // the line may be held up by something that waits for that job.
        let news = match event.name.as_str() {
            "DEVICE_DELETED" => Some(News::Gone),
            "DEVICE_UNPLUG_GUEST_ERROR" => Some(News::Refused),
            _ => None,
        };
        if let (Some(news), Some(alias), Some(object)) = (news, event.text("device"), self.object.upgrade())
            && object.private().unplugs.tell(alias, news)
            && news == News::Gone
        {
            return;
        }
        self.push(Happening::Event(event));
    }

    fn closed(&self, why: &str) {
        self.push(Happening::Closed(why.to_owned()));
    }
}

impl Guests {
    /// Serves a guest's line on a thread of its own until it is empty.
    pub(super) fn serve(self: &Arc<Self>, object: Arc<Object>) {
        let guests = Arc::clone(self);
        let worker = std::thread::Builder::new().name("qemu-event".into()).spawn(move || {
            while let Some((token, happening)) = object.private().next() {
                match object.private().run() {
                    Some(run) if run.token == token => guests.happened(&object, &run, happening),
                    // About a QEMU that has been dealt with.
                    _ => {}
                }
            }
        });
        if let Err(error) = worker {
            tracing::error!(%error, "no thread for QEMU events");
        }
    }

    fn happened(&self, object: &Arc<Object>, run: &Arc<Run>, happening: Happening) {
        match happening {
            Happening::Closed(why) => self.gone(object, run, &why),
            Happening::Event(event) => match event.name.as_str() {
                "STOP" => {
                    self.note_paused(object, run, Lifecycle::SuspendedPaused);
                    self.save_logged(object);
                }
                "RESUME" => {
                    self.note_running(object, run);
                    self.save_logged(object);
                }
                "SHUTDOWN" => self.shut_down(object, run, &event),
                "RESET" => self.was_reset(object, run, &event),
                "GUEST_PANICKED" => self.panicked(object, run),
                "GUEST_CRASHLOADED" => self.tell_lifecycle(&object.snapshot(), Lifecycle::CrashedLoaded),
                "SUSPEND" => {
                    object.note(|status| {
                        status.enter(State::Asleep(Asleep::Unknown));
                    });
                    self.tell(&object.snapshot(), Notice::PmSuspend { to_disk: false });
                    self.tell_lifecycle(&object.snapshot(), Lifecycle::PmSuspendedMemory);
                    self.save_logged(object);
                }
                "SUSPEND_DISK" => {
                    object.note(|status| {
                        status.enter(State::Asleep(Asleep::Unknown));
                    });
                    self.tell(&object.snapshot(), Notice::PmSuspend { to_disk: true });
                    self.tell_lifecycle(&object.snapshot(), Lifecycle::PmSuspendedDisk);
                    self.save_logged(object);
                }
                "WAKEUP" => {
                    object.note(|status| {
                        status.enter(State::Running(Running::Wakeup));
                    });
                    self.tell(&object.snapshot(), Notice::PmWakeup);
                    self.tell_lifecycle(&object.snapshot(), Lifecycle::StartedWakeup);
                    self.save_logged(object);
                }
                "RTC_CHANGE" => {
                    let offset = event.data.get("offset").and_then(Value::as_i64).unwrap_or(0);
                    self.tell(&object.snapshot(), Notice::RtcChange(offset));
                }
                "WATCHDOG" => self.watchdog(object, run, &event),
                "BLOCK_IO_ERROR" => self.io_error(object, run, &event),
                "BALLOON_CHANGE" => {
                    if let Some(bytes) = event.data.get("actual").and_then(Value::as_u64) {
                        object.note(|status| status.balloon_kib = Some(bytes / 1024));
                        self.tell(&object.snapshot(), Notice::BalloonChange(bytes / 1024));
                    }
                }
                "DEVICE_DELETED" => {
                    let alias = event.text("device");
                    if alias.is_some_and(|alias| alias.starts_with("vcpu")) {
                        self.vcpu_left(object, run);
                    } else if let Some(alias) = alias {
                        self.with_turn(object, run, |job| self.device_gone(job, alias));
                    }
                }
                "DEVICE_UNPLUG_GUEST_ERROR" => {
                    if let Some(alias) = event.text("device") {
                        self.tell(&object.snapshot(), Notice::DeviceRemovalFailed(alias.to_owned()));
                    }
                }
                "MEMORY_DEVICE_SIZE_CHANGE" => self.memory_taken(object, run, &event),
                "DEVICE_TRAY_MOVED" => {
                    if let (Some(alias), Some(open)) = (event.text("id"), event.flag("tray-open")) {
                        self.tell(&object.snapshot(), Notice::TrayChange(alias.to_owned(), open));
                    }
                }
                "VSERPORT_CHANGE" => self.channel_changed(object, run, &event),
                "BLOCK_WRITE_THRESHOLD" => self.threshold_crossed(object, &event),
                "NIC_RX_FILTER_CHANGED" => {}
                "MEMORY_FAILURE" => self.memory_failed(object, &event),
                "POWERDOWN" | "RESET_DONE" => {}
                other => tracing::debug!(event = other, "monitor event without a consequence"),
            },
        }
    }

    /// The CPUs stand, for the reason that was noted before or none.
    pub(super) fn note_paused(&self, object: &Arc<Object>, run: &Run, event: Lifecycle) {
        let reason = run.take_paused();
        let mut changed = false;
        object.note(|status| {
            if matches!(status.state, State::Running(_)) {
                changed = status.enter(State::Paused(reason.unwrap_or(Paused::Unknown)));
            }
        });
        if changed {
            self.tell_lifecycle(&object.snapshot(), event);
        }
    }

    /// The CPUs run, for the reason that was noted before or because somebody
    /// let them.
    pub(super) fn note_running(&self, object: &Arc<Object>, run: &Run) {
        let reason = run.take_running();
        let mut changed = false;
        object.note(|status| {
            if matches!(status.state, State::Paused(_)) {
                changed = status.enter(State::Running(reason.unwrap_or(Running::Unpaused)));
            }
        });
        if changed {
            self.tell_lifecycle(&object.snapshot(), Lifecycle::ResumedUnpaused);
        }
    }

    pub(super) fn save_logged(&self, object: &Arc<Object>) {
        if let Err(error) = self.note_status(object) {
            tracing::error!(domain = %object.snapshot().definition().name, %error, "cannot save the status of a guest");
        }
    }

    /// The guest powered off, or QEMU was told to end.
    fn shut_down(&self, object: &Arc<Object>, run: &Arc<Run>, event: &Event) {
        if matches!(object.snapshot().status.state, State::ShutDown(_)) || run.is_ending() {
            return;
        }
        let detail = match event.flag("guest") {
            Some(true) => Lifecycle::ShutdownGuest,
            Some(false) => Lifecycle::ShutdownHost,
            None => Lifecycle::ShutdownFinished,
        };
        let reboot = run.reboot_after_shutdown.swap(false, Ordering::AcqRel);
        if !reboot {
            object.note(|status| {
                status.enter(State::ShutDown(ShutDown::Unknown));
            });
            self.tell_lifecycle(&object.snapshot(), detail);
            self.save_logged(object);
        }
        let definition = Arc::clone(object.snapshot().definition());
        let action = match reboot {
            true => definition.on_reboot,
            false => definition.on_poweroff,
        };
        let restart = matches!(
            action,
            LifecycleAction::Restart | LifecycleAction::RenameRestart | LifecycleAction::CoredumpRestart
        );
        match action {
            LifecycleAction::Preserve => {}
            _ if restart => self.restart(object, run),
            _ => self.conclude(object, run, ShutOff::Shutdown),
        }
    }

    /// A reset: the guest restarted itself, or somebody pressed the button.
    fn was_reset(&self, object: &Arc<Object>, run: &Arc<Run>, _event: &Event) {
        let snapshot = object.snapshot();
        self.tell(&snapshot, Notice::Reboot);
        if matches!(snapshot.definition().on_reboot, LifecycleAction::Destroy | LifecycleAction::Preserve)
            && matches!(snapshot.status.state, State::Running(_))
        {
            self.conclude(object, run, ShutOff::Shutdown);
        }
    }

    /// Starts the guest afresh in the same QEMU.
    fn restart(&self, object: &Arc<Object>, run: &Arc<Run>) {
        let outcome = object.begin_job(JobKind::Modify, "restart after shutdown", patience()).and_then(|job| {
            let monitor = run.monitor()?;
            monitor.reset(ANSWER)?;
            job.object().note(|status| {
                status.enter(State::Paused(Paused::ShuttingDown));
            });
            // QEMU's own reports of stopping and running stand in line behind
            // the one that led here; they tell the rest.
            run.expect_running(Running::Booted);
            monitor.cont(ANSWER)
        });
        if let Err(error) = outcome {
            let name = object.snapshot().definition().name.clone();
            tracing::error!(domain = %name, %error, "cannot restart a guest after its shutdown, it is ended");
            self.conclude(object, run, ShutOff::Failed);
        }
    }

    /// Ends the QEMU of a guest that needs it no more.
    pub(super) fn conclude(&self, object: &Arc<Object>, run: &Arc<Run>, reason: ShutOff) {
        self.with_turn(object, run, |job| self.end_run(job, run, reason));
    }

    /// The monitor ended: QEMU is gone, or not to be talked to any more.
    fn gone(&self, object: &Arc<Object>, run: &Arc<Run>, why: &str) {
        // Whoever ends it on purpose puts it away as well; but that may fail,
        // so their turn comes first and this one looks again.
        let state = object.snapshot().status.state;
        let reason = match state {
            State::ShutDown(_) => ShutOff::Shutdown,
            _ if run.is_ending() => ShutOff::Destroyed,
            _ => ShutOff::Crashed,
        };
        let name = object.snapshot().definition().name.clone();
        tracing::info!(domain = %name, why, ?reason, "monitor closed");
        self.with_turn(object, run, |job| self.end_run(job, run, reason));
    }

    /// Does something under the guest's job if its QEMU is still that one.
    fn with_turn(
        &self,
        object: &Arc<Object>,
        run: &Arc<Run>,
        act: impl Fn(&crate::state::Job) -> oxivirt_core::Result<()>,
    ) {
        for _ in 0..TRIES {
            let outcome = object.begin_job(JobKind::Modify, "end of QEMU", patience()).and_then(|job| {
                match job.private().run() {
                    Some(now) if Arc::ptr_eq(&now, run) => act(&job),
                    _ => Ok(()),
                }
            });
            match outcome {
                Ok(()) => return,
                Err(_) if object.is_removed() => return,
                Err(error) => {
                    let name = object.snapshot().definition().name.clone();
                    tracing::error!(domain = %name, %error, "cannot put an ended guest away yet");
                }
            }
        }
    }

    fn panicked(&self, object: &Arc<Object>, run: &Arc<Run>) {
        object.note(|status| {
            status.enter(State::Crashed(Crashed::Panicked));
        });
        self.tell_lifecycle(&object.snapshot(), Lifecycle::CrashedPanicked);
        self.save_logged(object);
        match object.snapshot().definition().on_crash {
            LifecycleAction::Preserve => {}
            LifecycleAction::Restart | LifecycleAction::RenameRestart | LifecycleAction::CoredumpRestart => {
                self.restart(object, run);
            }
            LifecycleAction::Destroy | LifecycleAction::CoredumpDestroy => {
                self.conclude(object, run, ShutOff::Crashed);
            }
        }
    }

    /// The guest took or gave memory of a module that it can be asked to.
    fn memory_taken(&self, object: &Arc<Object>, run: &Arc<Run>, event: &Event) {
        let alias = event.text("id").map(str::to_owned);
        let alias = alias.or_else(|| event.text("qom-path").map(super::status::alias_in));
        let (Some(alias), Some(bytes)) = (alias, event.data.get("size").and_then(Value::as_u64)) else { return };
        self.with_turn(object, run, |job| {
            let mut live = DomainDefinition::clone(job.snapshot().definition());
            let mut modules = live.devices.memories.iter_mut();
            let Some(module) = modules.find(|module| module.info.alias.as_ref() == Some(&alias)) else {
                return Ok(());
            };
            module.target.current = Some(KiB(bytes / 1024));
            job.update(|snapshot| {
                snapshot.set_definition(live);
                Ok(())
            })?;
            self.save_status(job.object())
        });
        self.tell(&object.snapshot(), Notice::MemoryDeviceSize(alias, bytes / 1024));
    }

    fn watchdog(&self, object: &Arc<Object>, run: &Run, event: &Event) {
        // Numbers of the public API.
        let action = match event.text("action") {
            Some("pause") => 1,
            Some("reset") => 2,
            Some("poweroff") => 3,
            Some("shutdown") => 4,
            Some("debug") => 5,
            Some("inject-nmi") => 6,
            _ => 0,
        };
        self.tell(&object.snapshot(), Notice::Watchdog(action));
        if action == 1 {
            run.expect_paused(Paused::Watchdog);
            self.note_paused(object, run, Lifecycle::SuspendedWatchdog);
            self.save_logged(object);
        }
    }

    fn io_error(&self, object: &Arc<Object>, run: &Run, event: &Event) {
        let snapshot = object.snapshot();
        let device = event.text("qdev").or_else(|| event.text("device")).unwrap_or_default();
        let alias = super::status::alias_in(device);
        let stopped = event.text("action") == Some("stop");
        let action = match event.text("action") {
            Some("stop") => 1,
            Some("report") => 2,
            _ => 0,
        };
        let reason = if event.flag("nospace") == Some(true) { "enospc" } else { "" };
        let path = super::status::disk_path(snapshot.definition(), &alias).unwrap_or_default();
        self.tell(&snapshot, Notice::IoError { path, alias, action, reason: reason.to_owned() });
        if stopped {
            run.expect_paused(Paused::IoError);
            self.note_paused(object, run, Lifecycle::SuspendedIoError);
            self.save_logged(object);
        }
    }
}

fn patience() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// Holders of a job are freed by QEMU's end within their own limits.
const TRIES: u32 = 5;
