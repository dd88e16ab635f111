//! A backup's disks against those of the domain.

use std::collections::HashMap;

use oxivirt_core::{Error, Result};

use super::{BackupDefinition, BackupDisk, BackupDiskMode};
use crate::domain::DomainDefinition;
use crate::domain::devices::{Disk, StorageKind};

impl BackupDefinition {
    /// Makes the list of disks complete: what a request leaves open is filled in, disks without a request
    /// follow. Without any request all disks that can be written take part, else only those requested.
    ///
    /// * `suffix` – ends the names of generated files, `PATH-OF-DISK.SUFFIX`; the name of the checkpoint made
    ///   with the backup, or the time.
    /// * Errors: `INVALID_ARG` an unknown disk, or a disk requested twice; `CONFIG_UNSUPPORTED` an empty
    ///   disk, incremental without a checkpoint, full with one, or no name can be made for an image.
    ///   Nothing is changed then.
    pub fn align_disks(&mut self, domain: &DomainDefinition, suffix: &str) -> Result<()> {
        let mut all: HashMap<&str, &Disk> = domain.devices.disks.iter().map(|d| (d.target.dev.as_str(), d)).collect();
        let mut disks = Vec::with_capacity(domain.devices.disks.len());
        for request in &self.disks {
            let disk = all.remove(request.name.as_str()).ok_or_else(|| {
                let twice = domain.devices.disks.iter().any(|disk| disk.target.dev == request.name);
                Error::invalid_arg(match twice {
                    true => format!("backup for disk '{}' specified twice", request.name),
                    false => format!("no disk named '{}'", request.name),
                })
            })?;
            let mut request = request.clone();
            if request.backup {
                if disk.source.is_empty() {
                    let text = format!("disk '{}' has no media", request.name);
                    return Err(Error::config_unsupported(text));
                }
                self.complete(&mut request, disk, suffix)?;
            }
            disks.push(request);
        }
        let some = !self.disks.is_empty();
        for disk in domain.devices.disks.iter().filter(|disk| all.contains_key(disk.target.dev.as_str())) {
            let idle = some || disk.source.is_empty() || disk.readonly;
            let mut added = BackupDisk { name: disk.target.dev.clone(), backup: !idle, ..BackupDisk::default() };
            if added.backup {
                self.complete(&mut added, disk, suffix)?;
            }
            disks.push(added);
        }
        self.disks = disks;
        Ok(())
    }

    /// Fills in what a disk that takes part leaves open.
    fn complete(&self, request: &mut BackupDisk, disk: &Disk, suffix: &str) -> Result<()> {
        if request.incremental.is_some() && request.mode.is_none() {
            request.mode = Some(BackupDiskMode::Incremental);
        }
        match request.mode {
            None => {
                request.incremental.clone_from(&self.incremental);
                let changes = self.incremental.is_some();
                request.mode = Some(if changes { BackupDiskMode::Incremental } else { BackupDiskMode::Full });
            }
            Some(BackupDiskMode::Incremental) => {
                if request.incremental.is_none() {
                    request.incremental.clone_from(&self.incremental);
                }
                if request.incremental.is_none() {
                    let text =
                        format!("disk '{}' requires incremental backup but no checkpoint is given", request.name);
                    return Err(Error::config_unsupported(text));
                }
            }
            Some(BackupDiskMode::Full) => {
                if request.incremental.is_some() {
                    let text = format!("disk '{}' is copied in full, a checkpoint has no meaning there", request.name);
                    return Err(Error::config_unsupported(text));
                }
            }
        }
        if !request.store.is_empty() {
            return Ok(());
        }
        match (&mut request.store.kind, &disk.source.kind) {
            (StorageKind::File { path, .. }, StorageKind::File { path: Some(present), .. }) => {
                *path = Some(format!("{present}.{suffix}"));
                Ok(())
            }
            (StorageKind::File { .. }, _) => {
                Err(Error::config_unsupported(format!("refusing to generate file name for disk '{}'", request.name)))
            }
            _ => Err(Error::config_unsupported(format!("disk '{}' has no target to copy to", request.name))),
        }
    }
}
