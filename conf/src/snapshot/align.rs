//! A snapshot's disks against those of the domain.

use std::collections::HashMap;

use oxivirt_core::{Error, Result};

use super::{SnapshotDefinition, SnapshotDisk};
use crate::domain::DomainDefinition;
use crate::domain::devices::{SnapshotLocation, StorageKind, StorageSource};
use crate::moment::{DiskNames, disk_by_name};

/// Whether a path is a regular file: only beside such a file another one may be made.
pub type IsFile<'a> = &'a dyn Fn(&str) -> bool;

/// What the driver decides about the disks of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alignment {
    /// Where the state of a disk is kept that neither request nor domain says anything about.
    pub default: SnapshotLocation,
    /// Requests may not differ from that default: the state of the machine is kept inside of an image,
    /// so no disk can be elsewhere.
    pub uniform: bool,
    /// Disks without a request get the default, whatever the domain says of them.
    pub force_default: bool,
}

impl SnapshotDefinition {
    /// Makes the list of disks complete, one for each disk of the domain in its order, under the names of
    /// their targets; new images get names.
    ///
    /// * `existing` – the domain, where the snapshot has none inside.
    /// * Errors: `INTERNAL_ERROR` there is no domain; `CONFIG_UNSUPPORTED` an unknown disk, a disk requested
    ///   twice, a location that does not go together with the others, or no name can be made for an image.
    ///   Nothing is changed then.
    pub fn align_disks(
        &mut self,
        existing: Option<&DomainDefinition>,
        how: Alignment,
        is_file: IsFile<'_>,
    ) -> Result<()> {
        let domain = self.domain.as_deref().or(existing);
        let domain = domain.ok_or_else(|| Error::internal("missing domain in snapshot"))?;
        if self.disks.len() > domain.devices.disks.len() {
            return Err(Error::config_unsupported("too many disk snapshot requests for domain"));
        }
        let mut requests = DiskNames::default();
        for request in &self.disks {
            let disk = requests.find(domain, &request.name)?;
            let mut request = request.clone();
            request.name.clone_from(&disk.target.dev);
            let of_domain = disk.snapshot.filter(|location| *location != SnapshotLocation::Default);
            match request.snapshot.filter(|location| *location != SnapshotLocation::Default) {
                None => {
                    let fits = |location: &SnapshotLocation| {
                        !how.uniform || *location == how.default || *location == SnapshotLocation::No
                    };
                    request.snapshot = Some(of_domain.filter(fits).unwrap_or(how.default));
                }
                Some(wanted) => {
                    // What is printed for a drive without state can be handed in again.
                    let stateless = of_domain == Some(SnapshotLocation::No) || disk.source.is_empty() || disk.readonly;
                    let left_out = wanted == SnapshotLocation::No && stateless;
                    if how.uniform && wanted != how.default && !left_out {
                        let text = format!("disk '{}' must use snapshot mode '{}'", request.name, how.default);
                        return Err(Error::config_unsupported(text));
                    }
                }
            }
            if request.snapshot != Some(SnapshotLocation::External)
                && let Some(path) = request.source.path()
            {
                let text = format!("file '{path}' for disk '{}' requires use of external snapshot mode", request.name);
                return Err(Error::config_unsupported(text));
            }
            requests.insert(disk, request);
        }
        let mut disks = Vec::with_capacity(domain.devices.disks.len());
        for disk in &domain.devices.disks {
            disks.push(requests.take(disk).unwrap_or_else(|| {
                let said = disk.snapshot.filter(|location| *location != SnapshotLocation::Default);
                let location = match said {
                    // A drive without medium has no state, and a read-only one never changes.
                    _ if disk.source.is_empty() || disk.readonly => SnapshotLocation::No,
                    Some(location) if !how.force_default => location,
                    _ => how.default,
                };
                let name = disk.target.dev.clone();
                SnapshotDisk { name, snapshot: Some(location), ..SnapshotDisk::default() }
            }));
        }
        name_images(&mut disks, domain, &self.name, is_file)?;
        self.disks = disks;
        Ok(())
    }
}

/// A new image stands beside the present one: the ending is replaced by the name of the snapshot.
fn name_images(
    disks: &mut [SnapshotDisk],
    domain: &DomainDefinition,
    snapshot: &str,
    is_file: IsFile<'_>,
) -> Result<()> {
    let external = |disk: &SnapshotDisk| disk.snapshot == Some(SnapshotLocation::External);
    let given = |disk: &SnapshotDisk| Some((disk.source.path()?.to_owned(), disk.name.clone()));
    let mut taken: HashMap<String, String> = disks.iter().filter(|disk| external(disk)).filter_map(given).collect();
    for disk in disks.iter_mut().filter(|disk| external(disk) && !disk.has_image()) {
        let refuse = |why: String| {
            let text = format!("cannot generate external snapshot name for disk '{}' {why}", disk.name);
            Err(Error::config_unsupported(text))
        };
        if !matches!(disk.source.kind, StorageKind::File { .. }) {
            return refuse(format!("on a '{}' device", disk.source.type_name()));
        }
        let Some(present) = disk_by_name(domain, &disk.name).and_then(|disk| disk.source.path()) else {
            return refuse("without source".to_owned());
        };
        if !is_file(present) {
            return Err(Error::config_unsupported(format!(
                "source for disk '{}' is not a regular file; refusing to generate external snapshot name",
                disk.name
            )));
        }
        let name_at = present.rfind('/').map_or(0, |at| at + 1);
        let stem = present.rfind('.').filter(|at| *at >= name_at).and_then(|at| present.get(..at)).unwrap_or(present);
        let path = format!("{stem}.{snapshot}");
        if let Some(other) = taken.insert(path.clone(), disk.name.clone()) {
            return Err(Error::config_unsupported(format!(
                "cannot generate external snapshot name for disk '{}': collision with disk '{other}'",
                disk.name
            )));
        }
        disk.source = StorageSource {
            kind: StorageKind::File { path: Some(path), fdgroup: None },
            ..std::mem::take(&mut disk.source)
        };
    }
    Ok(())
}
