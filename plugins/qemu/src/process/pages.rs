//! Huge pages of the host.

use std::path::{Path, PathBuf};

use oxivirt_core::{Error, Result};

/// A file system of huge pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mount {
    path: PathBuf,
    /// The size of its pages in KiB; the usual one when it is not told.
    size: Option<u64>,
}

impl Mount {
    /// Where a guest's memory is there.
    pub(crate) fn folder(&self, guest: &str) -> PathBuf {
        self.path.join("libvirt/qemu").join(guest)
    }
}

/// All that are mounted; none where that cannot be told.
pub(crate) fn mounts() -> Vec<Mount> {
    std::fs::read_to_string("/proc/mounts").map(|text| read(&text)).unwrap_or_default()
}

fn read(text: &str) -> Vec<Mount> {
    let one = |line: &str| {
        let mut words = line.split(' ');
        let (path, kind, options) = (words.nth(1)?, words.next()?, words.next()?);
        let size = options.split(',').find_map(|option| option.strip_prefix("pagesize="));
        (kind == "hugetlbfs").then(|| Mount { path: path.into(), size: size.and_then(in_kib) })
    };
    text.lines().filter_map(one).collect()
}

/// `2M`, `1G`, `64K`, or bytes.
fn in_kib(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().ok()?;
    match text.get(digits.len()..)? {
        "" => Some(number / 1024),
        "K" => Some(number),
        "M" => number.checked_mul(1024),
        "G" => number.checked_mul(1024 * 1024),
        _ => None,
    }
}

/// The size of usual huge pages in KiB.
///
/// Errors: `CONFIG_UNSUPPORTED` where the host has none.
pub(crate) fn default_size() -> Result<u64> {
    let text =
        std::fs::read_to_string("/proc/meminfo").map_err(|e| Error::system("cannot read '/proc/meminfo'", &e))?;
    let size =
        text.lines().find_map(|line| line.strip_prefix("Hugepagesize:")?.trim().strip_suffix(" kB")?.parse().ok());
    size.ok_or_else(|| Error::config_unsupported("hugepages are not available on this host"))
}

/// A guest's folder among pages of a size in KiB.
///
/// * `only` – the mounts that may be used; all when none is given.
/// * Errors: `CONFIG_UNSUPPORTED` when no such pages are mounted.
pub(crate) fn folder(size: u64, guest: &str, only: Option<&[PathBuf]>) -> Result<PathBuf> {
    let usual = default_size().ok();
    let mut mounts = mounts();
    mounts.retain(|mount| only.is_none_or(|only| only.contains(&mount.path)));
    if mounts.is_empty() {
        let text = "hugetlbfs filesystem is not mounted or disabled by administrator config";
        return Err(Error::config_unsupported(text));
    }
    let mount = mounts.into_iter().find(|mount| mount.size.or(usual) == Some(size)).ok_or_else(|| {
        Error::config_unsupported(format!("Unable to find any usable hugetlbfs mount for {size} KiB"))
    })?;
    Ok(mount.folder(guest))
}

/// Makes that folder.
///
/// Errors: as [`folder`], and `SYSTEM_ERROR`.
pub(crate) fn make_folder(size: u64, guest: &str, only: Option<&[PathBuf]>) -> Result<PathBuf> {
    let folder = folder(size, guest, only)?;
    // Whoever the guest runs as has to get through to its own.
    make(folder.parent().unwrap_or(&folder), 0o711)?;
    make(&folder, 0o700)?;
    Ok(folder)
}

fn make(folder: &Path, mode: u32) -> Result<()> {
    oxivirt_util::file::make_folders(folder, mode)
        .map_err(|e| Error::system(format_args!("unable to create '{}'", folder.display()), &e))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn mounts_are_found_with_their_sizes() {
        let text = "proc /proc proc rw 0 0\nhugetlbfs /dev/hugepages hugetlbfs rw,relatime,pagesize=2M 0 0\n\
            none /mnt/huge hugetlbfs rw 0 0\n";
        let found = read(text);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].size, Some(2048));
        assert_eq!(found[0].folder("1-a"), Path::new("/dev/hugepages/libvirt/qemu/1-a"));
        assert_eq!(found[1].size, None);
        assert_eq!(in_kib("1G"), Some(1 << 20));
        assert_eq!(in_kib("1X"), None);
    }
}
