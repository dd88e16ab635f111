//! Objects of a stateful driver: readers never wait, writers queue with a
//! deadline.
//!
//! A [`Table`] holds [`Object`]s by uuid, name and id. Of each object it
//! keeps an immutable [`Snapshot`] (definitions and status); looking up,
//! listing and reading take the newest one from memory without a lock.
//! Whoever wants to change an object begins a [`Job`] on it, which waits in
//! line for a limited time, and publishes a new snapshot.
//!
//! What is not for readers (a monitor, a process handle) lives in the
//! driver's [`Private`] part. It is reached by reference from the object or
//! a job, by several threads at once (queries run beside each other), so it
//! synchronises its own inside. What of it must survive the daemon is said in
//! [`Lasting`], which gives the object its status file. Holding a job is what makes a *sequence* of
//! steps on it belong together.
//!
//! Lock order, outermost first; nothing may be taken while holding something
//! further down:
//! 1. an object's job: the only wait that can be long, always with a deadline.
//!    Who needs jobs on two objects takes them in the order of their uuids;
//! 2. an object's turn to save, held while [`Object::save_status`] writes;
//! 3. locks inside a private part: never held across [`Object::begin_job`],
//!    [`Job::update`] may be called under them;
//! 4. an object's publication lock, held while the closure of [`Job::update`]
//!    or [`Object::note`] runs: such a closure must not block nor call back here;
//! 5. the table's write lock, held for a few microseconds inside this module only.
//!
//! Dropping a job takes only its queue's lock, which stands beside this order
//! and is never held across anything else.

mod affected;
mod definition;
mod entry;
mod job;
mod queue;
mod shards;
mod snapshot;
mod status;
mod table;

pub use affected::Affected;
pub use definition::{Definition, Private};
pub use entry::Object;
pub use job::{AbortSignal, JOB_WAIT, Job, JobInfo, JobKind};
pub use snapshot::Snapshot;
pub use status::{Lasting, StatusDocument};
pub use table::{Inserted, Listing, Table};

#[cfg(test)]
mod tests;
