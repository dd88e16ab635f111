//! Firmware images that the host offers, as their descriptors describe them.
//!
//! A descriptor is a small file in JSON; the folders and the form are QEMU's
//! (`docs/interop/firmware.json`).

mod descriptor;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use descriptor::{Descriptor, FlashMode, Image, Mapping, Target};

/// The folders with descriptors, the more important later.
///
/// * `home` – of the user whose session it is; none for the system.
pub fn folders(root: &Path, home: Option<&Path>) -> Vec<PathBuf> {
    let mut folders = vec![root.join("usr/share/qemu/firmware"), root.join("etc/qemu/firmware")];
    folders.extend(home.map(|home| home.join(".config/qemu/firmware")));
    folders
}

/// Reads all descriptors, the preferred first: in the order of their file names.
///
/// A file takes the place of those of the same name in earlier folders; an
/// empty one only hides them. What cannot be understood is told in the log.
pub fn load(folders: &[PathBuf]) -> Vec<Descriptor> {
    files(folders).iter().filter_map(|path| read(path)).collect()
}

/// The files of descriptors that count, in the order of their names: the one in the last folder of those of the same
/// name, unless it is empty.
pub(crate) fn files(folders: &[PathBuf]) -> Vec<PathBuf> {
    let mut files: BTreeMap<std::ffi::OsString, PathBuf> = BTreeMap::new();
    for folder in folders {
        let Ok(entries) = std::fs::read_dir(folder) else { continue };
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            let hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
            if !hidden
                && path.extension().is_some_and(|end| end == "json")
                && let Some(name) = path.file_name()
            {
                files.insert(name.to_owned(), path);
            }
        }
    }
    // One that cannot be looked at is told of when it is read.
    files.into_values().filter(|path| std::fs::metadata(path).map_or(true, |meta| meta.len() > 0)).collect()
}

fn read(path: &Path) -> Option<Descriptor> {
    let told = |error: &dyn std::fmt::Display| {
        tracing::warn!(file = %path.display(), %error, "firmware descriptor left out");
    };
    // Far more than any descriptor: what is larger is none.
    let text = oxivirt_util::file::read_limited(path, 1 << 20).map_err(|error| told(&error)).ok()?;
    serde_json::from_slice(&text).map_err(|error| told(&error)).ok()
}
