//! Facts about this machine, read from the kernel's `/proc` and `/sys`.
//!
//! Every answer is read when asked for, except where noted; the roots can be
//! set, so that a recorded machine can be looked at as well.

mod cpu;
mod identity;
mod memory;
mod numa;

use std::io;
use std::path::{Path, PathBuf};

use crate::bitmap::Bitmap;
use crate::file;

pub use cpu::{CpuInfo, CpuTimes, CpuTopology, NodeTopology};
pub use identity::is_distinct;
pub use memory::{MemoryStats, PagePool};
pub use numa::Cell;

/// A machine to be looked at.
#[derive(Debug, Clone)]
pub struct Host {
    proc: PathBuf,
    sys: PathBuf,
    arch: String,
    page_kib: u64,
}

impl Host {
    /// The machine that this runs on.
    pub fn this() -> Self {
        // Page sizes are powers of two of at least 4096.
        let page_kib = rustix::param::page_size() as u64 / 1024;
        let arch = rustix::system::uname().machine().to_string_lossy().into_owned();
        Self { proc: "/proc".into(), sys: "/sys".into(), arch, page_kib }
    }

    /// A recorded machine: its `/proc` and `/sys`, its architecture as
    /// `uname -m` names it, its page size in KiB.
    pub fn recorded(proc: impl Into<PathBuf>, sys: impl Into<PathBuf>, arch: impl Into<String>, page_kib: u64) -> Self {
        let (proc, sys, arch) = (proc.into(), sys.into(), arch.into());
        Self { proc, sys, arch, page_kib: page_kib.max(1) }
    }

    /// The architecture as `uname -m` names it: `x86_64`.
    pub fn arch(&self) -> &str {
        &self.arch
    }

    fn read(&self, path: &Path) -> io::Result<String> {
        file::read_text(path, MAX_FILE)
    }

    /// One number of a file; `Ok(None)` when the file is absent.
    fn number(&self, path: &Path) -> io::Result<Option<i64>> {
        match self.read(path) {
            Ok(text) => text.trim().parse().map(Some).map_err(|_| malformed(path)),
            Err(error) if absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// One set of numbers of a file; `Ok(None)` when the file is absent.
    fn set(&self, path: &Path) -> io::Result<Option<Bitmap>> {
        match self.read(path) {
            Ok(text) => Bitmap::parse_or_empty(&text).map(Some).map_err(|_| malformed(path)),
            Err(error) if absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// The name of this host as the kernel has it; no name service is asked.
pub fn hostname() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

fn malformed(path: &Path) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("'{}' is malformed", path.display()))
}

fn absent(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

/// The numbered folders below `folder`, such as `cpu0`, ascending.
fn numbered(folder: &Path, prefix: &str) -> io::Result<Vec<u32>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        let number: Option<u32> = name.to_str().and_then(|name| name.strip_prefix(prefix)?.parse().ok());
        found.extend(number);
    }
    found.sort_unstable();
    Ok(found)
}

/// `/proc/cpuinfo` takes a few KiB per CPU.
const MAX_FILE: usize = 64 << 20;

#[cfg(test)]
mod tests;
