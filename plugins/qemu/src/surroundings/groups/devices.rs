//! Which device nodes a guest may open.
//!
//! The kernel keeps that by files in version 1 alone; in version 2 it takes a
//! program for each group, which this driver does not write: there the list
//! has no effect on groups.

use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use oxivirt_core::Result;
use oxivirt_util::cgroup::Controller;

use super::{Grouped, GuestGroup};
use crate::surroundings::files::HostFile;

/// What every guest may open, unless the administrator says otherwise.
pub(crate) const USUAL: &[&str] = &[
    "/dev/null",
    "/dev/full",
    "/dev/zero",
    "/dev/random",
    "/dev/urandom",
    "/dev/ptmx",
    "/dev/kvm",
    "/dev/userfaultfd",
];

/// The kernel's numbers of all pseudo terminals.
const TERMINALS: u32 = 136;

impl GuestGroup {
    /// Forbids everything but some nodes.
    pub(super) fn allow_only(&self, acl: &[String], files: &[HostFile]) -> Result<()> {
        self.whole.deny_devices().grouped()?;
        for path in acl {
            self.allow(Path::new(path), "rw")?;
        }
        self.whole.allow_device(false, TERMINALS, None, "rw").grouped()?;
        self.admit(files)
    }

    /// Lets more files in; those that are no device nodes need nothing.
    pub(crate) fn admit(&self, files: &[HostFile]) -> Result<()> {
        if !self.has(Controller::Devices) {
            return Ok(());
        }
        files.iter().try_for_each(|file| self.allow(&file.path, if file.writable { "rw" } else { "r" }))
    }

    /// Shuts files out again that no device of the guest uses any more.
    pub(crate) fn dismiss(&self, files: &[HostFile]) {
        if !self.has(Controller::Devices) {
            return;
        }
        for file in files {
            let Some((block, major, minor)) = node(&file.path) else { continue };
            if let Err(error) = self.whole.forbid_device(block, major, Some(minor), "rwm") {
                tracing::warn!(path = %file.path.display(), %error, "a guest may still open a device");
            }
        }
    }

    fn allow(&self, path: &Path, rights: &str) -> Result<()> {
        match node(path) {
            Some((block, major, minor)) => self.whole.allow_device(block, major, Some(minor), rights).grouped(),
            None => Ok(()),
        }
    }
}

/// Kind and numbers of a device node; none for everything else.
fn node(path: &Path) -> Option<(bool, u32, u32)> {
    let meta = std::fs::metadata(path).ok()?;
    let kind = meta.file_type();
    let number = meta.rdev();
    (kind.is_block_device() || kind.is_char_device())
        .then(|| (kind.is_block_device(), rustix::fs::major(number), rustix::fs::minor(number)))
}
