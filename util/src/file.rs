//! Files that are either whole or absent.
//!
//! State that must survive a crash goes through [`write_atomic`]; whatever
//! another program may have written is read through [`read_limited`], so that
//! a huge or endless file is an error instead of a full memory.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Replaces the contents of `path`, all or nothing.
///
/// * `mode` – the permission bits of the new file, exactly (the umask does not apply).
/// * The data is in stable storage when this returns: the file and its folder are flushed.
/// * A reader sees the old or the new text, never a part. A symbolic link at
///   `path` is replaced, not followed.
/// * On an error the old file is untouched and nothing else is left behind.
/// * Errors name the path. May block on the disk.
pub fn write_atomic(path: &Path, data: &[u8], mode: u32) -> io::Result<()> {
    let folder = folder_of(path);
    let (temporary, mut file) = create_beside(path, folder)?;
    let written = fill(&mut file, data, mode).and_then(|()| fs::rename(&temporary, path));
    drop(file);
    if let Err(error) = written {
        // The first failure is the one worth reporting.
        let _ = fs::remove_file(&temporary);
        return Err(at(path, "cannot write", error));
    }
    sync_folder(folder)
}

/// As [`write_atomic`], but nothing is flushed.
///
/// The file is whole for every reader, also for one that comes after this
/// process was killed; after the host itself failed it may be old, empty or
/// absent. For what is worthless by then.
pub fn write_whole(path: &Path, data: &[u8], mode: u32) -> io::Result<()> {
    let (temporary, mut file) = create_beside(path, folder_of(path))?;
    let written = file
        .write_all(data)
        .and_then(|()| file.set_permissions(fs::Permissions::from_mode(mode)))
        .and_then(|()| fs::rename(&temporary, path));
    written.map_err(|error| {
        let _ = fs::remove_file(&temporary);
        at(path, "cannot write", error)
    })
}

/// Removes what writers that were killed left in a folder: files that were
/// to replace others and never did. Gives how many there were.
///
/// * Only for a folder in which nobody else writes right now.
/// * A folder that is not there holds none.
pub fn remove_unfinished(folder: &Path) -> io::Result<usize> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(at(folder, "cannot list", error)),
    };
    let mut removed = 0;
    for entry in entries {
        let entry = entry.map_err(|error| at(folder, "cannot list", error))?;
        if entry.file_name().to_str().is_some_and(is_temporary) && remove_if_exists(&entry.path())? {
            removed += 1;
        }
    }
    Ok(removed)
}

/// Whether a name is one that [`create_beside`] gives: `.NAME.PROCESS-TURN.new`.
fn is_temporary(name: &str) -> bool {
    let numbers = || {
        let (_, numbers) = name.strip_prefix('.')?.strip_suffix(".new")?.rsplit_once('.')?;
        let (process, turn) = numbers.split_once('-')?;
        Some(process.parse::<u32>().is_ok() && turn.parse::<u64>().is_ok())
    };
    numbers() == Some(true)
}

/// Removes a file; `Ok(false)` when there was none.
///
/// Errors name the path.
pub fn remove_if_exists(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(at(path, "cannot remove", error)),
    }
}

/// Reads a whole file of at most `limit` bytes.
///
/// Errors: [`io::ErrorKind::FileTooLarge`] past the limit, whatever the size
/// announced by the file system; all errors name the path.
pub fn read_limited(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let file = File::open(path).map_err(|error| at(path, "cannot open", error))?;
    let mut data = Vec::new();
    let bound = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    file.take(bound).read_to_end(&mut data).map_err(|error| at(path, "cannot read", error))?;
    if data.len() > limit {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("'{}' is larger than {limit} bytes", path.display()),
        ));
    }
    Ok(data)
}

/// [`read_limited`] for text.
///
/// Errors: [`io::ErrorKind::InvalidData`] when it is not UTF-8.
pub fn read_text(path: &Path, limit: usize) -> io::Result<String> {
    String::from_utf8(read_limited(path, limit)?)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, format!("'{}' is not text in UTF-8", path.display())))
}

/// Makes a folder and its missing parents; those made get `mode` exactly.
///
/// An existing folder keeps its permissions.
pub fn make_folders(path: &Path, mode: u32) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        make_folders(parent, mode)?;
    }
    match fs::create_dir(path) {
        Ok(()) => fs::set_permissions(path, fs::Permissions::from_mode(mode))
            .map_err(|error| at(path, "cannot set the permissions of", error)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(at(path, "cannot make folder", error)),
    }
}

/// Flushes a folder, so that names made in or removed from it survive a crash.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| at(folder, "cannot flush folder", error))
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Makes a new file next to `path` under a name that nobody else uses.
fn create_beside(path: &Path, folder: &Path) -> io::Result<(PathBuf, File)> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    const ATTEMPTS: u32 = 64;

    let stem = path.file_name().ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, format!("'{}' does not name a file", path.display()))
    })?;
    for _ in 0..ATTEMPTS {
        let mut name = OsString::from(".");
        name.push(stem);
        let turn = COUNTER.fetch_add(1, Ordering::Relaxed);
        name.push(format!(".{}-{turn}.new", std::process::id()));
        let candidate = folder.join(name);
        // Private until it has its real mode: the text may be a secret.
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&candidate) {
            Ok(file) => return Ok((candidate, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(at(path, "cannot write", error)),
        }
    }
    Err(io::Error::new(
        io::ErrorKind::AlreadyExists,
        format!("cannot write '{}': {ATTEMPTS} temporary names are taken", path.display()),
    ))
}

fn fill(file: &mut File, data: &[u8], mode: u32) -> io::Result<()> {
    file.write_all(data)?;
    file.set_permissions(fs::Permissions::from_mode(mode))?;
    file.sync_all()
}

/// Puts the path before the system's words, keeping the kind.
pub(crate) fn at(path: &Path, what: &str, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what} '{}': {error}", path.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn write_replaces_text_and_sets_mode_exactly() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state.xml");
        write_atomic(&path, b"one", 0o666).unwrap();
        write_atomic(&path, b"two", 0o622).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o622);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file stays");
    }

    #[test]
    fn what_killed_writers_left_is_told_from_other_files() {
        let dir = tempfile::tempdir().unwrap();
        let (left, _) = create_beside(&dir.path().join("a.b.xml"), dir.path()).unwrap();
        for name in [".a.xml.new", ".a.12.new", "a.xml.1-2.new", ".1-2.new", "new"] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        write_whole(&dir.path().join("whole"), b"one", 0o640).unwrap();
        assert_eq!(fs::read(dir.path().join("whole")).unwrap(), b"one");
        assert_eq!(remove_unfinished(dir.path()).unwrap(), 1);
        assert!(!left.exists());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 6);
        assert_eq!(remove_unfinished(&dir.path().join("none")).unwrap(), 0);
    }

    #[test]
    fn write_failure_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("taken");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("inner"), "x").unwrap();
        let error = write_atomic(&path, b"data", 0o600).unwrap_err();
        assert!(error.to_string().contains("taken"), "{error}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        let error = write_atomic(&dir.path().join("no/such"), b"data", 0o600).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn write_replaces_a_link_instead_of_its_target() {
        let dir = tempfile::tempdir().unwrap();
        let (target, link) = (dir.path().join("target"), dir.path().join("link"));
        fs::write(&target, "kept").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        write_atomic(&link, b"new", 0o600).unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "kept");
        assert_eq!(fs::read_to_string(&link).unwrap(), "new");
    }

    #[test]
    fn concurrent_writers_leave_one_whole_text() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("shared");
        std::thread::scope(|scope| {
            for letter in b'a'..b'i' {
                let path = &path;
                scope.spawn(move || write_atomic(path, &vec![letter; 70_000], 0o600).unwrap());
            }
        });
        let text = fs::read(&path).unwrap();
        assert_eq!(text.len(), 70_000);
        assert!(text.iter().all(|byte| *byte == text[0]));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn read_stops_at_the_limit_even_without_an_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        fs::write(&path, "12345").unwrap();
        assert_eq!(read_limited(&path, 5).unwrap(), b"12345");
        assert_eq!(read_limited(&path, 4).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        let endless = read_limited(Path::new("/dev/zero"), 4096).unwrap_err();
        assert_eq!(endless.kind(), io::ErrorKind::FileTooLarge);
        fs::write(&path, [0xff, 0xfe]).unwrap();
        assert_eq!(read_text(&path, 5).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn removing_tells_whether_it_was_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        fs::write(&path, "").unwrap();
        assert!(remove_if_exists(&path).unwrap());
        assert!(!remove_if_exists(&path).unwrap());
        assert!(remove_if_exists(dir.path()).is_err());
    }

    #[test]
    fn folders_are_made_with_the_mode() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("a/b");
        make_folders(&deep, 0o711).unwrap();
        make_folders(&deep, 0o700).unwrap();
        assert_eq!(fs::metadata(&deep).unwrap().permissions().mode() & 0o7777, 0o711);
        fs::write(dir.path().join("f"), "").unwrap();
        assert!(make_folders(&dir.path().join("f/x"), 0o700).is_err());
    }
}
