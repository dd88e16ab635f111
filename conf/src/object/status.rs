//! Status files: how an object that runs is found again by the next daemon.
//!
//! A driver says in [`Lasting`] what of its private part has to outlast the
//! daemon; text and order are made here. Where the text is kept is the
//! driver's matter, since this crate touches no file.

use std::sync::{Arc, PoisonError};
use std::time::Instant;

use oxivirt_core::Result;

use super::definition::{Definition, Private};
use super::entry::Object;
use super::job::{Job, JobKind};
use super::snapshot::Snapshot;
use super::table::{Inserted, Table};

/// A kind of status file.
pub trait StatusDocument: Sized {
    /// What reading needs beside the text.
    type Context<'a>: ?Sized;

    /// Reads the text.
    ///
    /// Errors: `XML_DETAIL`, `XML_ERROR` as for the document inside.
    fn read(text: &str, context: &Self::Context<'_>) -> Result<Self>;

    /// Prints the text.
    fn print(&self) -> Result<String>;
}

/// A private part of which something outlasts the daemon.
pub trait Lasting<D: Definition>: Private + Sized {
    /// The file; for domains a [`DomainStatus`](crate::domain::DomainStatus).
    type Document: StatusDocument;

    /// What the next daemon needs to find the object again; `None` when it
    /// does not run. Called by whoever saves, possibly by several threads, so
    /// it must not block.
    fn to_status(&self, snapshot: &Snapshot<D, Self::Status>) -> Option<Self::Document>;

    /// The object as the file describes it: running, with nothing stored, and
    /// not yet connected to what runs.
    ///
    /// Errors: `XML_ERROR` for what the driver cannot have written.
    fn from_status(document: &Self::Document) -> Result<(Snapshot<D, Self::Status>, Self)>;
}

impl<D: Definition, P: Lasting<D>> Object<D, P> {
    /// Hands the text of the status file to `write`, `None` when the object
    /// does not run and should have none.
    ///
    /// One call at a time per object, each with the newest snapshot, so that
    /// the last file is never older than the one before. `write` may block on
    /// the disk but must neither begin jobs nor save.
    pub fn save_status(&self, write: impl FnOnce(Option<&str>) -> Result<()>) -> Result<()> {
        let turn = self.saving().lock().unwrap_or_else(PoisonError::into_inner);
        let document = self.private().to_status(&self.snapshot());
        let text = document.map(|document| document.print()).transpose()?;
        let outcome = write(text.as_deref());
        drop(turn);
        outcome
    }
}

impl<D: Definition, P: Lasting<D>> Table<D, P> {
    /// Puts the object of a status file into the table, or makes the stopped
    /// one of the same name and uuid run, and keeps others from it until the
    /// driver has connected to what runs.
    ///
    /// * `keep` – carries over into the status what the object had before
    ///   (autostart), given that status first.
    /// * Returns the document besides, which says how to connect.
    /// * Errors: those of reading; `OPERATION_FAILED` when name or uuid belong
    ///   to another object; `OPERATION_TIMEOUT` when somebody works on it
    ///   until `deadline`.
    pub fn load_status(
        &self,
        text: &str,
        context: &<P::Document as StatusDocument>::Context<'_>,
        owner: &str,
        deadline: Instant,
        keep: impl FnOnce(&P::Status, &mut P::Status),
    ) -> Result<(Job<D, P>, P::Document)> {
        let document = P::Document::read(text, context)?;
        let (found, private) = P::from_status(&document)?;
        let object = self.make(found.clone(), private);
        // Nobody else knows it yet, so its turn comes at once.
        let job = object.begin_job(JobKind::Modify, owner, deadline)?;
        let job = match self.add(object)? {
            Inserted::New(_) => job,
            Inserted::Existing(object) => {
                let job = object.begin_job(JobKind::Modify, owner, deadline)?;
                job.update(|snapshot| {
                    let mut status = found.status.clone();
                    keep(&snapshot.status, &mut status);
                    snapshot.start(Arc::clone(found.definition()), found.id());
                    snapshot.status = status;
                    Ok(())
                })?;
                job
            }
        };
        Ok((job, document))
    }
}
