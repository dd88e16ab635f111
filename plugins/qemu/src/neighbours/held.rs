//! What a guest holds of other drivers, on disk: noted before it is asked for
//! and forgotten when it was given back, so that a daemon which is killed in
//! between leaves it to the next one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use oxivirt_core::{Error, Result};
use serde::{Deserialize, Serialize};

/// The note of one guest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Ports: network and uuid.
    #[serde(default)]
    pub ports: BTreeSet<(String, String)>,
    /// Devices of the host whose traffic is filtered.
    #[serde(default)]
    pub filters: BTreeSet<String>,
    /// Devices of the host that were made for the guest and outlive its QEMU.
    #[serde(default)]
    pub links: BTreeSet<String>,
}

impl Held {
    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Reads a note; none means nothing.
    pub fn read(path: &Path) -> Result<Self> {
        let text = match std::fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(Error::system(format_args!("cannot read '{}'", path.display()), &error)),
        };
        serde_json::from_slice(&text).map_err(|e| Error::internal(format!("'{}' means nothing: {e}", path.display())))
    }

    /// Writes the note, or takes it away where nothing is held.
    pub fn write(&self, path: &Path) -> Result<()> {
        let failed = |e: std::io::Error| Error::system(format_args!("cannot write '{}'", path.display()), &e);
        if self.is_empty() {
            return oxivirt_util::file::remove_if_exists(path).map(drop).map_err(failed);
        }
        let text = serde_json::to_vec(self).map_err(|e| Error::internal(format!("cannot note what is held: {e}")))?;
        oxivirt_util::file::write_atomic(path, &text, 0o600).map_err(failed)
    }

    /// Changes the note of a guest.
    pub fn change(path: &Path, change: impl FnOnce(&mut Self)) -> Result<()> {
        let before = Self::read(path)?;
        let mut held = before.clone();
        change(&mut held);
        if held == before { Ok(()) } else { held.write(path) }
    }
}

/// Where the note of a guest is.
pub fn path(run: &Path, guest: &str) -> PathBuf {
    run.join(format!("{guest}.{EXTENSION}"))
}

/// The notes in a folder, with the names of their guests.
pub fn notes(run: &Path) -> Vec<(String, PathBuf)> {
    let entries = std::fs::read_dir(run).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let is_note = |path: &PathBuf| path.extension().is_some_and(|extension| extension == EXTENSION);
    let named = |path: PathBuf| Some((path.file_stem()?.to_str()?.to_owned(), path));
    let mut found: Vec<_> = entries.filter(is_note).filter_map(named).collect();
    found.sort();
    found
}

const EXTENSION: &str = "held";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_note_is_there_while_something_is_held() {
        let folder = tempfile::tempdir().unwrap();
        let note = path(folder.path(), "a.b");
        assert!(Held::read(&note).unwrap().is_empty());
        let port = ("default".to_owned(), "7".to_owned());
        Held::change(&note, |held| _ = held.ports.insert(port.clone())).unwrap();
        Held::change(&note, |held| _ = held.filters.insert("vnet0".to_owned())).unwrap();
        assert_eq!(notes(folder.path()), [("a.b".to_owned(), note.clone())]);
        Held::change(&note, |held| _ = held.ports.remove(&port)).unwrap();
        assert!(Held::read(&note).unwrap().filters.contains("vnet0"));
        Held::change(&note, |held| held.filters.clear()).unwrap();
        assert!(!note.exists() && notes(folder.path()).is_empty());
        std::fs::write(&note, "nonsense").unwrap();
        assert!(Held::read(&note).unwrap_err().detail().contains("a.b.held"));
    }
}
