//! What is being plugged right now, on disk: a daemon that is killed in
//! between leaves it to the next one.
//!
//! It lasts no longer than the guest, so it is whole at any time and not flushed.

use std::path::{Path, PathBuf};

use oxivirt_conf::domain::{self as conf, DomainDefinition, DomainHooks, DomainStatus};
use oxivirt_core::{Error, Result};
use serde::{Deserialize, Serialize};

use super::Part;
use crate::process::GuestFiles;
use crate::status;

/// A change that was begun.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// The device that comes, or the drive that gets another medium.
    pub alias: String,
    /// What is made for it.
    pub made: Vec<Part>,
    /// Of a drive: what stands behind the medium that goes.
    pub replaced: Option<Vec<Part>>,
    /// The live definition after the change, as status files have it.
    after: String,
}

impl Attempt {
    /// A change after which the live definition is `after`.
    pub(super) fn new(
        alias: &str,
        made: Vec<Part>,
        replaced: Option<Vec<Part>>,
        after: &DomainDefinition,
    ) -> Result<Self> {
        let mut definition = after.clone();
        status::name_nodes(&mut definition)?;
        let document = DomainStatus {
            state: conf::State::Running,
            reason: String::new(),
            pid: 0,
            taints: Vec::new(),
            deprecations: Vec::new(),
            private: (),
            definition,
        };
        Ok(Self { alias: alias.to_owned(), made, replaced, after: document.format()? })
    }

    /// The live definition after the change.
    pub fn after(&self, hooks: &dyn DomainHooks) -> Result<DomainDefinition> {
        Ok(DomainStatus::<()>::parse(&self.after, hooks)?.definition)
    }
}

/// Notes what an attempt is about to make.
pub(super) fn begin(files: &GuestFiles, attempt: &Attempt) -> Result<()> {
    let path = path(files);
    let text =
        serde_json::to_vec(attempt).map_err(|e| Error::internal(format!("cannot note parts of a device: {e}")))?;
    oxivirt_util::file::write_whole(&path, &text, 0o600)
        .map_err(|e| Error::system(format_args!("cannot write '{}'", path.display()), &e))
}

/// Forgets it: the attempt failed and was undone, or the guest's status says
/// by now that it has the device.
pub fn end(files: &GuestFiles) -> Result<()> {
    remove(&path(files))
}

/// The attempt that did not end, if there is one.
pub fn pending(files: &GuestFiles) -> Result<Option<Attempt>> {
    let path = path(files);
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::system(format_args!("cannot read '{}'", path.display()), &error)),
    };
    let attempt = serde_json::from_slice(&text);
    attempt.map(Some).map_err(|e| Error::internal(format!("'{}' means nothing: {e}", path.display())))
}

fn path(files: &GuestFiles) -> PathBuf {
    files.state.join("plugging.json")
}

fn remove(path: &Path) -> Result<()> {
    oxivirt_util::file::remove_if_exists(path)
        .map(drop)
        .map_err(|e| Error::system(format_args!("cannot remove '{}'", path.display()), &e))
}
