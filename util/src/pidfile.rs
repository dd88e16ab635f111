//! Pid files: a locked file that says which process runs.
//!
//! The lock, not the text, tells whether the writer lives. It is the record
//! lock that other daemons of this kind test. The kernel drops such a lock
//! when its process closes any descriptor of the file, so this module knows
//! which files it holds and never opens one of those a second time.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::FlockOperation;

use crate::file;

/// A pid file held by this process; removed and unlocked on drop.
#[derive(Debug)]
pub struct PidFile {
    path: PathBuf,
    file: File,
    identity: Identity,
    keep: bool,
}

impl PidFile {
    /// Creates `path` with the id of this process in it, or takes over one
    /// whose writer is gone.
    ///
    /// Errors: [`io::ErrorKind::WouldBlock`] when another process (or another
    /// part of this one) holds it; the text names the path and that process.
    pub fn acquire(path: impl Into<PathBuf>) -> io::Result<Self> {
        Self::acquire_for(path, std::process::id())
    }

    /// [`PidFile::acquire`] with the id of a child that this process answers for.
    pub fn acquire_for(path: impl Into<PathBuf>, pid: u32) -> io::Result<Self> {
        let path = path.into();
        let mut held = held();
        // The previous holder may remove the file between our open and our
        // lock; then we hold a nameless file and have to begin again.
        for _ in 0..ATTEMPTS {
            if let Some(named) = identity_of(&path)?
                && let Some((_, pid)) = held.iter().find(|(identity, _)| *identity == named)
            {
                return Err(refused(&path, Some(*pid)));
            }
            let mut file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o644)
                .custom_flags(NO_FOLLOW)
                .open(&path)
                .map_err(|error| at(&path, "cannot open pid file", error))?;
            if let Err(errno) = rustix::fs::fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
                return Err(match io::Error::from(errno) {
                    // Record locks answer EACCES on some file systems.
                    error if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::PermissionDenied) => {
                        refused(&path, read_unheld(&path).ok().flatten())
                    }
                    error => at(&path, "cannot lock pid file", error),
                });
            }
            let metadata = file.metadata()?;
            let identity = (metadata.dev(), metadata.ino());
            if identity_of(&path)? == Some(identity) {
                // Not flushed: after a crash of the machine the number means nothing.
                file.set_len(0)
                    .and_then(|()| file.write_all(format!("{pid}\n").as_bytes()))
                    .map_err(|error| at(&path, "cannot write pid file", error))?;
                held.push((identity, pid));
                return Ok(Self { path, file, identity, keep: false });
            }
        }
        Err(io::Error::new(io::ErrorKind::WouldBlock, format!("pid file '{}' keeps being replaced", path.display())))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Lets go of the lock without removing the file, for a process that
    /// hands over to a successor at the same path.
    pub fn keep(mut self) {
        self.keep = true;
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        let mut held = held();
        // Removed while still locked, and only if the name is still ours.
        if !self.keep && identity_of(&self.path).ok().flatten() == Some(self.identity) {
            let _ = fs::remove_file(&self.path);
        }
        // Unlocked here, not when the field goes: the entry must not outlive the lock.
        let _ = rustix::fs::fcntl_lock(&self.file, FlockOperation::Unlock);
        held.retain(|(identity, _)| *identity != self.identity);
    }
}

/// Reads the id in somebody's pid file; `Ok(None)` when there is no file.
///
/// * Says nothing about whether that process lives: see [`crate::process`].
/// * Errors: [`io::ErrorKind::InvalidData`] when the text is not a process id.
pub fn read(path: &Path) -> io::Result<Option<u32>> {
    let held = held();
    if let Some(named) = identity_of(path)?
        && let Some((_, pid)) = held.iter().find(|(identity, _)| *identity == named)
    {
        return Ok(Some(*pid));
    }
    read_unheld(path)
}

fn read_unheld(path: &Path) -> io::Result<Option<u32>> {
    let text = match file::read_text(path, 64) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let value = text.trim().parse::<u32>().ok().filter(|pid| (1..=MAX_PID).contains(pid));
    value.map(Some).ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidData,
            format!("pid file '{}' holds no process id: '{}'", path.display(), text.trim()),
        )
    })
}

/// Device and inode.
type Identity = (u64, u64);

/// The files that this process holds, with the id written in each.
static HELD: Mutex<Vec<(Identity, u32)>> = Mutex::new(Vec::new());

fn held() -> MutexGuard<'static, Vec<(Identity, u32)>> {
    // Every change to the list is one call, so it is whole even after a panic.
    HELD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What `path` names now, not following a link.
fn identity_of(path: &Path) -> io::Result<Option<Identity>> {
    match fs::symlink_metadata(path) {
        Ok(named) => Ok(Some((named.dev(), named.ino()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(at(path, "cannot look at pid file", error)),
    }
}

fn refused(path: &Path, holder: Option<u32>) -> io::Error {
    let holder = holder.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"));
    io::Error::new(io::ErrorKind::WouldBlock, format!("pid file '{}' is held by {holder}", path.display()))
}

fn at(path: &Path, what: &str, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what} '{}': {error}", path.display()))
}

const ATTEMPTS: u32 = 64;
/// The kernel's own upper limit on process ids.
const MAX_PID: u32 = 4_194_304;
const NO_FOLLOW: i32 = rustix::fs::OFlags::NOFOLLOW.bits() as i32;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn holds_pid_and_goes_away_on_drop() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("d.pid");
        let held = PidFile::acquire(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", std::process::id()));
        drop(held);
        assert!(!path.exists());
        assert_eq!(read(&path).unwrap(), None);
    }

    #[test]
    fn second_holder_is_refused_by_name_and_stale_file_taken_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("d.pid");
        fs::write(&path, "4000000\n and a long stale text").unwrap();
        let held = PidFile::acquire_for(&path, 77).unwrap();
        let error = PidFile::acquire(&path).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        assert!(error.to_string().ends_with("d.pid' is held by process 77"), "{error}");
        assert_eq!(read(&path).unwrap(), Some(77));
        held.keep();
        assert_eq!(read(&path).unwrap(), Some(77));
        PidFile::acquire(&path).unwrap();
    }

    #[test]
    fn only_one_of_many_threads_holds_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("d.pid");
        let start = std::sync::Barrier::new(8);
        let done = std::sync::Barrier::new(8);
        let held = std::sync::atomic::AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    start.wait();
                    let mine = PidFile::acquire(&path);
                    if mine.is_ok() {
                        held.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                    }
                    done.wait();
                    drop(mine);
                });
            }
        });
        assert_eq!(held.into_inner(), 1);
        assert!(!path.exists());
    }

    #[test]
    fn a_file_that_replaced_ours_is_not_removed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("d.pid");
        let held = PidFile::acquire(&path).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "1\n").unwrap();
        drop(held);
        assert_eq!(read(&path).unwrap(), Some(1));
    }

    #[test]
    fn record_lock_survives_reading_and_refusals() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("d.pid");
        let held = PidFile::acquire(&path).unwrap();
        assert_eq!(read(&path).unwrap(), Some(std::process::id()));
        PidFile::acquire(&path).unwrap_err();
        let inode = held.file.metadata().unwrap().ino();
        let locks = fs::read_to_string("/proc/locks").unwrap();
        let mine = format!(":{inode} ");
        assert!(locks.lines().any(|l| l.contains("POSIX") && l.contains(&mine)), "{locks}");
    }

    #[test]
    fn nonsense_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("d.pid");
        for text in ["", "x", "-1", "0", "99999999999", "12 13"] {
            fs::write(&path, text).unwrap();
            assert_eq!(read(&path).unwrap_err().kind(), io::ErrorKind::InvalidData, "{text:?}");
        }
        std::os::unix::fs::symlink("/dev/null", dir.path().join("l")).unwrap();
        assert!(PidFile::acquire(dir.path().join("l")).is_err());
    }
}
