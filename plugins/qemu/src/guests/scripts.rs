//! The operator's scripts around what happens to a guest.
//!
//! A script may take long and may call the daemon: it runs on the thread of
//! whoever waits for it, and readers of the guest never wait.

use std::sync::Arc;

use oxivirt_conf::domain::{DomainDefinition, FormatFlags};
use oxivirt_conf::object::{JOB_WAIT, JobKind};
use oxivirt_core::Result;

use super::Guests;
use crate::lifecycle::ShutOff;
use crate::state::{Object, Run};

impl Guests {
    /// Calls the hook `qemu`; its failure is an error.
    pub(super) fn hook(&self, domain: &DomainDefinition, operation: &str, part: &str) -> Result<()> {
        let xml = domain.format(FormatFlags::SECURE)?;
        self.sink.hook(&domain.name, operation, part, &xml).map(drop)
    }

    /// The same where nothing can be changed any more.
    pub(super) fn hook_logged(&self, domain: &DomainDefinition, operation: &str, part: &str) {
        if let Err(error) = self.hook(domain, operation, part) {
            tracing::error!(domain = %domain.name, operation, %error, "a hook failed");
        }
    }

    /// Calls the event script about a guest.
    pub(super) fn script(&self, name: &str, event: &str, qualifier: &str, extra: &str) -> Result<()> {
        self.sink.script(name, event, qualifier, extra)
    }

    /// Tells the hook of a guest that was found running, on a thread of its
    /// own: the hook may wait for the daemon to serve. Should it fail, the
    /// guest is ended.
    pub(super) fn hook_reconnected(self: &Arc<Self>, object: Arc<Object>, run: Arc<Run>) {
        let guests = Arc::clone(self);
        self.beside(move || {
            let snapshot = object.snapshot();
            let Err(error) = guests.hook(snapshot.definition(), "reconnect", "begin") else { return };
            tracing::error!(domain = %snapshot.definition().name, %error, "the guest is ended");
            let until = std::time::Instant::now() + JOB_WAIT;
            let ended = object.begin_job(JobKind::Modify, "hook 'reconnect'", until).and_then(|job| {
                match job.private().run() {
                    Some(now) if Arc::ptr_eq(&now, &run) => guests.end_run(&job, &run, ShutOff::Failed),
                    _ => Ok(()),
                }
            });
            if let Err(error) = ended {
                tracing::error!(%error, "a guest whose hook failed cannot be ended");
            }
        });
    }

    /// Tells the hook of a guest that ended while no daemon watched.
    pub(super) fn hook_vanished(self: &Arc<Self>, domain: Arc<DomainDefinition>) {
        let guests = Arc::clone(self);
        self.beside(move || {
            guests.hook_logged(&domain, "stopped", "end");
            guests.hook_logged(&domain, "release", "end");
        });
    }

    fn beside(&self, work: impl FnOnce() + Send + 'static) {
        if let Err(error) = std::thread::Builder::new().name("qemu-hook".into()).spawn(work) {
            tracing::error!(%error, "no thread for a hook");
        }
    }
}
