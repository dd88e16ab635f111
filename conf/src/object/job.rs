//! The right to work on one object.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use oxivirt_core::Result;

use super::definition::{Definition, Private};
use super::entry::Object;
use super::queue::Ticket;
use super::snapshot::Snapshot;

/// How long a call waits for its turn unless it has a reason for another limit.
pub const JOB_WAIT: Duration = Duration::from_secs(30);

/// What a job may do, and thereby what may run beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobKind {
    /// Asks the running thing; beside other queries and a long-running job.
    Query,
    /// Changes the object; alone.
    Modify,
    /// Takes minutes (save, migration, backup) and can be aborted; beside queries.
    LongRunning,
}

impl fmt::Display for JobKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Query => "query",
            Self::Modify => "modify",
            Self::LongRunning => "long-running",
        })
    }
}

/// A job under way, for display.
#[derive(Debug, Clone)]
pub struct JobInfo {
    /// Its kind.
    pub kind: JobKind,
    /// The call and whose it is.
    pub owner: String,
    /// When its turn came.
    pub since: Instant,
}

/// The right to work on one object, given back on drop.
///
/// It may move to another thread. Beginning a second job on the same object
/// while holding one waits for oneself and ends at the deadline.
pub struct Job<D: Definition, P: Private> {
    object: Arc<Object<D, P>>,
    kind: JobKind,
    ticket: Ticket,
}

impl<D: Definition, P: Private> Job<D, P> {
    pub(super) fn new(object: Arc<Object<D, P>>, kind: JobKind, ticket: Ticket) -> Self {
        Self { object, kind, ticket }
    }

    /// The object.
    pub fn object(&self) -> &Arc<Object<D, P>> {
        &self.object
    }

    /// The kind it was begun as.
    pub fn kind(&self) -> JobKind {
        self.kind
    }

    /// The newest snapshot.
    pub fn snapshot(&self) -> Arc<Snapshot<D, P::Status>> {
        self.object.snapshot()
    }

    /// The driver's own part.
    pub fn private(&self) -> &P {
        self.object.private()
    }

    /// Publishes a changed snapshot: readers and listings see all of the
    /// change or none.
    ///
    /// * `change` works on a copy; when it fails nothing happens. It must not
    ///   block, and not begin jobs nor publish.
    /// * Errors: those of `change`; `OPERATION_INVALID` when the new name is
    ///   taken; `INTERNAL_ERROR` when the uuid differs or the id is taken.
    pub fn update<T>(&self, change: impl FnOnce(&mut Snapshot<D, P::Status>) -> Result<T>) -> Result<T> {
        self.object.publish(change)
    }

    /// Whether someone asked this job to give up; only ever true of a
    /// long-running one.
    pub fn abort_requested(&self) -> bool {
        self.ticket.abort.is_raised()
    }

    /// The request to give up, to be watched from elsewhere.
    pub fn abort_signal(&self) -> AbortSignal {
        self.ticket.abort.clone()
    }
}

impl<D: Definition, P: Private> Drop for Job<D, P> {
    fn drop(&mut self) {
        self.object.end_job(self.ticket.number);
    }
}

impl<D: Definition, P: Private> fmt::Debug for Job<D, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Job({:?}, {:?})", self.kind, self.object)
    }
}

/// A request to give up, raised once and never taken back.
#[derive(Clone, Default)]
pub struct AbortSignal(Arc<(AtomicBool, Mutex<()>, Condvar)>);

impl AbortSignal {
    /// Whether it was raised.
    pub fn is_raised(&self) -> bool {
        self.0.0.load(Ordering::Acquire)
    }

    /// Sleeps until it is raised (`true`) or `limit` has passed (`false`), for
    /// a job that looks at something in steps.
    pub fn wait(&self, limit: Duration) -> bool {
        let (raised, lock, wake) = &*self.0;
        let guard = lock.lock().unwrap_or_else(PoisonError::into_inner);
        drop(
            wake.wait_timeout_while(guard, limit, |()| !raised.load(Ordering::Acquire))
                .unwrap_or_else(PoisonError::into_inner),
        );
        self.is_raised()
    }

    /// Asks for it.
    pub fn raise(&self) {
        let (raised, lock, wake) = &*self.0;
        let guard = lock.lock().unwrap_or_else(PoisonError::into_inner);
        raised.store(true, Ordering::Release);
        drop(guard);
        wake.notify_all();
    }
}

impl fmt::Debug for AbortSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AbortSignal({})", self.is_raised())
    }
}
