//! Which disk of a domain a name means.

use std::collections::HashMap;

use oxivirt_core::{Error, Result};

use crate::domain::DomainDefinition;
use crate::domain::devices::Disk;

/// The disk of a domain with this target (`vda`), or else this path as its source.
pub fn disk_by_name<'d>(domain: &'d DomainDefinition, name: &str) -> Option<&'d Disk> {
    let disks = &domain.devices.disks;
    let by_path = || disks.iter().find(|disk| disk.source.path().is_some_and(|path| path == name));
    disks.iter().find(|disk| disk.target.dev == name).or_else(by_path)
}

/// Requests for disks, by the target of the disk they are for.
#[derive(Debug)]
pub struct DiskNames<T>(HashMap<String, T>);

impl<T> Default for DiskNames<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T> DiskNames<T> {
    /// Finds the disk that a request names.
    ///
    /// Errors: `CONFIG_UNSUPPORTED` no disk has that name, or an earlier request was for it.
    pub fn find<'d>(&self, domain: &'d DomainDefinition, name: &str) -> Result<&'d Disk> {
        let disk =
            disk_by_name(domain, name).ok_or_else(|| Error::config_unsupported(format!("no disk named '{name}'")))?;
        if self.0.contains_key(&disk.target.dev) {
            return Err(Error::config_unsupported(format!("disk '{}' specified twice", disk.target.dev)));
        }
        Ok(disk)
    }

    /// Notes the request for a disk.
    pub fn insert(&mut self, disk: &Disk, request: T) {
        self.0.insert(disk.target.dev.clone(), request);
    }

    /// Takes out the request for a disk.
    pub fn take(&mut self, disk: &Disk) -> Option<T> {
        self.0.remove(&disk.target.dev)
    }

    /// Whether nothing is noted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
