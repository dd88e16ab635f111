//! Ending a guest.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use oxivirt_conf::object::{JOB_WAIT, JobKind};
use oxivirt_core::{Error, Result};
use uuid::Uuid;

use super::Guests;
use crate::lifecycle::{Lifecycle, ShutOff, State};
use crate::process::Process;
use crate::state::{Job, Object, Run};

impl Guests {
    /// Ends a guest at once.
    ///
    /// * `graceful` – fail rather than use force.
    /// * The process is ended before the guest's job is waited for, so that a
    ///   QEMU that hangs with somebody waiting for it can always be ended.
    /// * Errors: `OPERATION_INVALID` when it does not run; `SYSTEM_ERROR` when
    ///   it cannot be ended.
    pub fn destroy(&self, uuid: Uuid, graceful: bool, owner: &str) -> Result<()> {
        let object = self.table.require_uuid(uuid, None)?;
        if object.private().run().is_none()
            && let Some(process) = object.private().coming()
        {
            return self.abandon(&object, &process, graceful, owner);
        }
        let run = object.private().require_run()?;
        self.script(&object.snapshot().definition().name, "stop", "before", ShutOff::Destroyed.word())?;
        run.ending.store(true, Ordering::Release);
        if let Err(error) = run.process.terminate(PATIENCE, !graceful) {
            run.ending.store(false, Ordering::Release);
            return Err(error);
        }
        let job = match object.begin_job(JobKind::Modify, owner, Instant::now() + JOB_WAIT) {
            Ok(job) => job,
            // It was put away, and a transient one forgotten, before our turn.
            Err(_) if object.is_removed() => return Ok(()),
            Err(error) => return Err(error),
        };
        // The QEMU's own end may have been dealt with in the meantime.
        match job.private().run() {
            Some(now) if Arc::ptr_eq(&now, &run) => self.finish(&job, &run, ShutOff::Destroyed),
            _ => Ok(()),
        }
    }

    /// Ends a QEMU that does not answer yet; whoever started it puts everything away.
    fn abandon(&self, object: &Arc<Object>, process: &Process, graceful: bool, owner: &str) -> Result<()> {
        self.script(&object.snapshot().definition().name, "stop", "before", ShutOff::Destroyed.word())?;
        process.terminate(PATIENCE, !graceful)?;
        match object.begin_job(JobKind::Modify, owner, Instant::now() + JOB_WAIT) {
            Ok(_) => Ok(()),
            Err(_) if object.is_removed() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Ends the QEMU of a job's guest and puts everything away.
    pub(super) fn end_run(&self, job: &Job, run: &Arc<Run>, reason: ShutOff) -> Result<()> {
        run.ending.store(true, Ordering::Release);
        run.process.terminate(PATIENCE, true)?;
        self.finish(job, run, reason)
    }

    /// Puts everything of an ended QEMU away: files, ports, state, events. A
    /// transient guest is gone afterwards.
    pub(super) fn finish(&self, job: &Job, run: &Arc<Run>, reason: ShutOff) -> Result<()> {
        if run.process.is_alive() {
            return Err(Error::internal(format!("process {} still runs", run.process.pid())));
        }
        let before = job.snapshot();
        self.hook_logged(before.definition(), "stopped", "end");
        run.log_line(&format!("shutting down, reason={}", reason.word()));
        for path in super::status::terminals(before.definition()) {
            self.consoles.close(path.as_ref());
        }
        for port in &run.ports {
            self.ports.release(*port);
        }
        run.helpers.end();
        run.around.remove(before.definition());
        job.private().set_run(None);
        // After whoever saves right now; from here on there is nothing to save.
        job.object().save_status(|_| {
            run.files.remove();
            Ok(())
        })?;
        job.update(|snapshot| {
            snapshot.stop();
            snapshot.status.enter(State::ShutOff(reason));
            snapshot.status.pid = None;
            snapshot.status.vcpus = Arc::default();
            snapshot.status.balloon_kib = None;
            snapshot.status.open_channels = Arc::default();
            Ok(())
        })?;
        self.borrower(before.definition()).give_back_all(before.definition());
        self.hook_logged(before.definition(), "release", "end");
        // The event still carries the number that the guest had.
        self.tell_lifecycle(&before, stopped(reason, &before.status.state));
        if !job.snapshot().is_persistent() {
            self.forget_tpm(before.definition());
            self.table.remove(job);
        }
        self.script(&before.definition().name, "stop", "after", reason.word())
    }
}

/// A crash that nobody announced is reported as a failure.
fn stopped(reason: ShutOff, before: &State) -> Lifecycle {
    match (reason, before) {
        (ShutOff::Crashed, State::Crashed(_)) => Lifecycle::StoppedCrashed,
        (ShutOff::Crashed, _) => Lifecycle::StoppedFailed,
        (reason, _) => Lifecycle::stopped(reason),
    }
}

/// How long QEMU may take to end by itself when asked to.
const PATIENCE: Duration = Duration::from_secs(5);
