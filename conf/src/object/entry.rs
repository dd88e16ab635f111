//! One object.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Instant;

use arc_swap::ArcSwap;
use oxivirt_core::{Error, Result};
use uuid::Uuid;

use super::definition::{Definition, Private};
use super::job::{Job, JobInfo, JobKind};
use super::queue::JobQueue;
use super::snapshot::Snapshot;
use super::table::{Inner, missing_by_uuid};

/// One object of a table; holders keep it even after its removal.
pub struct Object<D: Definition, P: Private> {
    uuid: Uuid,
    snapshot: ArcSwap<Snapshot<D, P::Status>>,
    publishing: Mutex<()>,
    saving: Mutex<()>,
    queue: JobQueue,
    removed: AtomicBool,
    table: Weak<Inner<D, P>>,
    private: P,
}

impl<D: Definition, P: Private> Object<D, P> {
    pub(super) fn new(snapshot: Arc<Snapshot<D, P::Status>>, private: P, table: Weak<Inner<D, P>>) -> Self {
        Self {
            uuid: snapshot.definition().uuid(),
            snapshot: ArcSwap::new(snapshot),
            publishing: Mutex::new(()),
            saving: Mutex::new(()),
            queue: JobQueue::default(),
            removed: AtomicBool::new(false),
            table,
            private,
        }
    }

    /// Its uuid, which never changes.
    pub fn uuid(&self) -> Uuid {
        self.uuid
    }

    /// The newest snapshot. Never waits.
    pub fn snapshot(&self) -> Arc<Snapshot<D, P::Status>> {
        self.snapshot.load_full()
    }

    /// The driver's own part; see the module's page for who may do what with it.
    pub fn private(&self) -> &P {
        &self.private
    }

    /// Whether it has left its table. Never waits.
    pub fn is_removed(&self) -> bool {
        self.removed.load(Ordering::Acquire)
    }

    /// Waits in line for the right to work on the object.
    ///
    /// * `owner` – the call and whose it is, shown to others who wait in vain:
    ///   `virDomainSave of client 7`.
    /// * A deadline that has passed means: now or not at all.
    /// * Errors: `OPERATION_TIMEOUT` naming this call, the holder, the kind
    ///   and age of its job; the kind's "no such object" when it was removed
    ///   before its turn came.
    pub fn begin_job(self: &Arc<Self>, kind: JobKind, owner: &str, deadline: Instant) -> Result<Job<D, P>> {
        let ticket = self.queue.begin(kind, owner, deadline)?;
        let job = Job::new(Arc::clone(self), kind, ticket);
        if self.is_removed() {
            return Err(missing_by_uuid::<D>(self.uuid, Some(self.snapshot().definition().name())));
        }
        Ok(job)
    }

    /// The jobs under way, longest first. Never waits for them.
    pub fn jobs(&self) -> Vec<JobInfo> {
        self.queue.holders()
    }

    /// Asks the long-running job to give up; `false` when there is none.
    pub fn abort_job(&self) -> bool {
        self.queue.abort()
    }

    /// Notes a fact that arrived by itself, such as an event from a monitor,
    /// in the status. Whoever decides on the basis of the state begins a job
    /// and uses [`Job::update`]. `change` must not block.
    pub fn note(&self, change: impl FnOnce(&mut P::Status)) {
        let noted = self.publish(|snapshot| {
            change(&mut snapshot.status);
            Ok(())
        });
        // Neither uuid, name nor id can differ, so nothing can be refused.
        debug_assert!(noted.is_ok());
    }

    pub(super) fn publish<T>(&self, change: impl FnOnce(&mut Snapshot<D, P::Status>) -> Result<T>) -> Result<T> {
        // What it protects is swapped in one step, so it is whole even after a panic.
        let turn = self.publishing.lock().unwrap_or_else(PoisonError::into_inner);
        let old = self.snapshot.load_full();
        let mut new = Snapshot::clone(&old);
        let outcome = change(&mut new)?;
        for definition in [Some(new.definition()), new.stored()].into_iter().flatten() {
            if definition.uuid() != self.uuid {
                return Err(Error::internal(format!(
                    "{} '{}' cannot change its uuid from {} to {}",
                    D::NOUN,
                    old.definition().name(),
                    self.uuid,
                    definition.uuid()
                )));
            }
        }
        let new = Arc::new(new);
        match self.table.upgrade() {
            Some(table) => table.replace(self, &old, &new)?,
            None => self.swap(new),
        }
        drop(turn);
        Ok(outcome)
    }

    pub(super) fn saving(&self) -> &Mutex<()> {
        &self.saving
    }

    pub(super) fn swap(&self, new: Arc<Snapshot<D, P::Status>>) {
        self.snapshot.store(new);
    }

    pub(super) fn mark_removed(&self) {
        self.removed.store(true, Ordering::Release);
    }

    pub(super) fn is_of(&self, table: &Arc<Inner<D, P>>) -> bool {
        Weak::ptr_eq(&self.table, &Arc::downgrade(table))
    }

    pub(super) fn end_job(&self, ticket: u64) {
        self.queue.end(ticket);
    }

    #[cfg(test)]
    pub(super) fn waiting_jobs(&self) -> usize {
        self.queue.waiting()
    }
}

impl<D: Definition, P: Private> fmt::Debug for Object<D, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} '{}' {}", D::NOUN, self.snapshot.load().definition().name(), self.uuid)
    }
}
