//! Marks on files: whose they were before, and how many guests use them.
//!
//! The names and texts are libvirt's, so that either daemon gives back what
//! the other one took. Marks from before the host's last boot mean nothing.

use std::io;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

use rustix::fs::{XattrFlags, getxattr, removexattr, setxattr};
use rustix::io::Errno;

const OWNER: &str = "trusted.libvirt.security.dac";
const COUNT: &str = "trusted.libvirt.security.ref_dac";
const TIME: &str = "trusted.libvirt.security.timestamp_dac";

/// What is known of a file that a guest no longer uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// Other guests use it.
    Used,
    /// User and group that it belonged to.
    Owner(u32, u32),
    /// It has no marks.
    Unknown,
}

/// Marks a file as used by one more guest; gives how many there are then.
///
/// * `owner` – noted if this guest is the first.
/// * Errors: the file system keeps no marks.
pub(crate) fn take(path: &Path, (user, group): (u32, u32)) -> io::Result<u32> {
    let _turn = turn();
    let count = match valid_count(path)? {
        Some(count) => count.saturating_add(1),
        None => {
            write(path, OWNER, &format!("+{user}:+{group}"))?;
            write(path, TIME, &boot_time().to_string())?;
            1
        }
    };
    write(path, COUNT, &count.to_string())?;
    Ok(count)
}

/// Takes one guest's mark away.
pub(crate) fn leave(path: &Path) -> io::Result<Left> {
    let _turn = turn();
    let Some(count) = valid_count(path)? else { return Ok(Left::Unknown) };
    if count > 1 {
        write(path, COUNT, &(count - 1).to_string())?;
        return Ok(Left::Used);
    }
    let owner = read(path, OWNER)?;
    clear(path);
    let numbers = owner.as_deref().and_then(|text| {
        let (user, group) = text.split_once(':')?;
        Some((user.strip_prefix('+')?.parse().ok()?, group.strip_prefix('+')?.parse().ok()?))
    });
    Ok(numbers.map_or(Left::Unknown, |(user, group)| Left::Owner(user, group)))
}

/// How many guests use it, if its marks are of this boot of the host.
fn valid_count(path: &Path) -> io::Result<Option<u32>> {
    let Some(count) = read(path, COUNT)?.and_then(|text| text.parse().ok()).filter(|count| *count > 0) else {
        return Ok(None);
    };
    let time: Option<u64> = read(path, TIME)?.and_then(|text| text.parse().ok());
    // The time of the boot is worked out in several ways, which differ a little.
    if time.is_some_and(|time| time.abs_diff(boot_time()) <= 120) {
        return Ok(Some(count));
    }
    clear(path);
    Ok(None)
}

fn clear(path: &Path) {
    for name in [COUNT, TIME, OWNER] {
        let _ = removexattr(path, name);
    }
}

fn read(path: &Path, name: &str) -> io::Result<Option<String>> {
    let mut buffer = [0; 128];
    match getxattr(path, name, &mut buffer[..]) {
        Ok(length) => {
            let bytes = buffer.get(..length).unwrap_or_default();
            Ok(Some(String::from_utf8_lossy(bytes).trim_end_matches('\0').to_owned()))
        }
        Err(Errno::NODATA) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn write(path: &Path, name: &str, text: &str) -> io::Result<()> {
    // With the zero at the end, as libvirt writes them.
    Ok(setxattr(path, name, format!("{text}\0").as_bytes(), XattrFlags::empty())?)
}

/// Seconds since 1970 at which the host was booted; 0 where that is not known.
fn boot_time() -> u64 {
    static TIME: OnceLock<u64> = OnceLock::new();
    *TIME.get_or_init(|| {
        let text = std::fs::read_to_string("/proc/stat").unwrap_or_default();
        text.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok()).unwrap_or(0)
    })
}

/// Counting takes several steps.
fn turn() -> std::sync::MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}
