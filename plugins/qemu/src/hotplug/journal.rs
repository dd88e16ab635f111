//! What is being plugged right now, on disk: a daemon that is killed in
//! between leaves it to the next one.

use std::path::{Path, PathBuf};

use oxivirt_core::{Error, Result};

use super::Part;
use crate::process::GuestFiles;

/// Notes what an attempt is about to make.
pub(super) fn begin(files: &GuestFiles, parts: &[Part]) -> Result<()> {
    let path = path(files);
    let text = serde_json::to_vec(parts).map_err(|e| Error::internal(format!("cannot note parts of a device: {e}")))?;
    oxivirt_util::file::write_atomic(&path, &text, 0o600)
        .map_err(|e| Error::system(format_args!("cannot write '{}'", path.display()), &e))
}

/// Forgets it: the attempt failed and was undone, or the guest's status says
/// by now that it has the device.
pub fn end(files: &GuestFiles) -> Result<()> {
    remove(&path(files))
}

/// What an attempt that did not end was about to make.
pub fn pending(files: &GuestFiles) -> Result<Vec<Part>> {
    let path = path(files);
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::system(format_args!("cannot read '{}'", path.display()), &error)),
    };
    serde_json::from_slice(&text).map_err(|e| Error::internal(format!("'{}' means nothing: {e}", path.display())))
}

fn path(files: &GuestFiles) -> PathBuf {
    files.state.join("plugging.json")
}

fn remove(path: &Path) -> Result<()> {
    oxivirt_util::file::remove_if_exists(path)
        .map(drop)
        .map_err(|e| Error::system(format_args!("cannot remove '{}'", path.display()), &e))
}
