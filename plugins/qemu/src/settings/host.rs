//! What of the host is arranged for guests: owners of files, mounts, memory.

use std::path::PathBuf;

use oxivirt_util::config::{Complaints, Config};

/// What happens to the owners of files that guests use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnerRules {
    /// They are the guest's while it runs.
    pub dynamic: bool,
    /// They are given back to whom they belonged, rather than to root.
    pub remember: bool,
}

impl Default for OwnerRules {
    fn default() -> Self {
        Self { dynamic: true, remember: true }
    }
}

impl OwnerRules {
    pub(super) fn read(config: &Config, wrong: &mut Complaints) -> Self {
        Self {
            dynamic: wrong.switch(config, "dynamic_ownership", true),
            remember: wrong.switch(config, "remember_owner", true),
        }
    }
}

/// Where guests' memory is when it is files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemoryRules {
    /// The folder for files on usual file systems; the driver's own when absent.
    pub folder: Option<PathBuf>,
    /// The only mounts of huge pages that are used; all of the host when absent.
    pub huge_pages: Option<Vec<PathBuf>>,
}

impl MemoryRules {
    pub(super) fn read(config: &Config, wrong: &mut Complaints) -> Self {
        let mounts = wrong.take(None, config.str_list("hugetlbfs_mount"));
        let mounts = mounts.map(|mounts| mounts.into_iter().filter(|path| !path.is_empty()).map(PathBuf::from));
        let folder = wrong.take(None, config.path("memory_backing_dir"));
        Self { folder: folder.map(|folder| folder.join("libvirt/qemu")), huge_pages: mounts.map(Iterator::collect) }
    }
}

/// Whether guests get mounts of their own; left open when nothing is said.
pub(super) fn mount_namespace(config: &Config) -> Option<bool> {
    // Words that are none were complained of already.
    let words = config.str_list("namespaces").ok().flatten()?;
    Some(words.contains(&"mount"))
}
