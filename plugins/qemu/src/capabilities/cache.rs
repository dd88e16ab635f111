//! Which binaries there are, each probed once.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use oxivirt_core::{Error, Result};
use serde::{Deserialize, Serialize};

use super::{Emulator, arch, probe};

/// The host's QEMU binaries and what they said.
///
/// A binary that changes on disk is asked again; one that fails is asked
/// again when it changes, and its reason is kept until then.
pub struct Catalog {
    /// Where answers are kept between runs of the daemon.
    folder: PathBuf,
    search: Vec<PathBuf>,
    known: Mutex<HashMap<PathBuf, Arc<Slot>>>,
}

/// One binary; its lock is held while it is asked, so that it is asked once.
#[derive(Default)]
struct Slot(Mutex<Option<(Stamp, Result<Arc<Emulator>>)>>);

/// When it differs, the binary (or the permission to use KVM) has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    format: u32,
    size: u64,
    mtime: (i64, i64),
    ctime: (i64, i64),
    kvm: bool,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    stamp: Stamp,
    emulator: Emulator,
}

impl Catalog {
    /// Keeps answers in `folder`, which need not exist yet, and looks for
    /// binaries on `PATH` and in the usual places.
    pub fn new(folder: PathBuf) -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut search: Vec<PathBuf> = std::env::split_paths(&path).filter(|p| p.is_absolute()).collect();
        for usual in ["/usr/bin", "/usr/local/bin", "/usr/libexec"].map(PathBuf::from) {
            if !search.contains(&usual) {
                search.push(usual);
            }
        }
        Self { folder, search, known: Mutex::default() }
    }

    /// The binary for a guest architecture, in libvirt's name.
    pub fn binary_for(&self, arch: &str) -> Option<PathBuf> {
        let names = arch::binary_names().filter(|(_, of)| *of == arch);
        names.into_iter().find_map(|(name, _)| self.find(&name))
    }

    /// Every binary found, with the architecture that its name promises.
    pub fn binaries(&self) -> Vec<(PathBuf, &'static str)> {
        arch::binary_names().filter_map(|(name, arch)| Some((self.find(&name)?, arch))).collect()
    }

    /// What a binary can do.
    ///
    /// * Errors: as [`probe`](super::probe); `SYSTEM_ERROR` when there is no such file.
    /// * Blocks for a probe the first time.
    pub fn get(&self, binary: &Path) -> Result<Arc<Emulator>> {
        let stamp = stamp(binary)?;
        let slot = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.entry(binary.to_owned()).or_default().clone()
        };
        let mut slot = slot.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, result)) = &*slot
            && *of == stamp
        {
            return result.clone();
        }
        let result = match self.load(binary, &stamp) {
            Some(emulator) => Ok(Arc::new(emulator)),
            None => probe::probe(binary, LIMIT).map(|emulator| {
                self.store(binary, &stamp, &emulator);
                Arc::new(emulator)
            }),
        };
        if let Err(error) = &result {
            tracing::warn!(binary = %binary.display(), %error, "QEMU binary left out");
        }
        *slot = Some((stamp, result.clone()));
        result
    }

    /// Every binary that answered; the others have been logged.
    pub fn all(&self) -> Vec<Arc<Emulator>> {
        self.binaries().iter().filter_map(|(binary, _)| self.get(binary).ok()).collect()
    }

    fn find(&self, name: &str) -> Option<PathBuf> {
        let candidates = self.search.iter().map(|dir| dir.join(name));
        candidates
            .into_iter()
            .find(|path| rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok() && path.is_file())
    }

    fn file(&self, binary: &Path) -> PathBuf {
        let name: String = binary
            .to_string_lossy()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '%' })
            .collect();
        self.folder.join(format!("{name}.json"))
    }

    fn load(&self, binary: &Path, stamp: &Stamp) -> Option<Emulator> {
        let text = std::fs::read(self.file(binary)).ok()?;
        let kept: Kept = serde_json::from_slice(&text).ok()?;
        (kept.stamp == *stamp && kept.emulator.binary == binary).then_some(kept.emulator)
    }

    /// Losing this only costs a probe, so a failure is told and passed over.
    fn store(&self, binary: &Path, stamp: &Stamp, emulator: &Emulator) {
        let file = self.file(binary);
        let kept = Kept { stamp: stamp.clone(), emulator: emulator.clone() };
        let result = std::fs::create_dir_all(&self.folder).and_then(|()| {
            let text = serde_json::to_vec(&kept)?;
            let scratch = file.with_extension(format!("{}.new", std::process::id()));
            std::fs::write(&scratch, text)?;
            std::fs::rename(&scratch, &file)
        });
        if let Err(error) = result {
            tracing::warn!(file = %file.display(), %error, "cannot keep QEMU's capabilities");
        }
    }
}

fn stamp(binary: &Path) -> Result<Stamp> {
    let meta = std::fs::metadata(binary)
        .map_err(|e| Error::system(format_args!("Cannot check QEMU binary {}", binary.display()), &e))?;
    Ok(Stamp {
        format: FORMAT,
        size: meta.size(),
        mtime: (meta.mtime(), meta.mtime_nsec()),
        ctime: (meta.ctime(), meta.ctime_nsec()),
        kvm: probe::kvm_usable(),
    })
}

/// To be raised whenever [`Emulator`] changes its meaning.
const FORMAT: u32 = 3;

/// A probe takes well under a second on an idle host.
const LIMIT: Duration = Duration::from_secs(30);
