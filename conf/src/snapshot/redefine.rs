//! Whether a document may take the place of a snapshot that exists.

use oxivirt_core::{Error, Result};
use uuid::Uuid;

use super::{Alignment, IsFile, SnapshotDefinition, SnapshotState};
use crate::domain::DomainDefinition;
use crate::domain::devices::SnapshotLocation;

/// Refuses the second definition where the guest would notice that it replaced the first.
pub type AbiCheck<'a> = &'a dyn Fn(&DomainDefinition, &DomainDefinition) -> Result<()>;

impl SnapshotDefinition {
    /// Checks a definition with which a snapshot is written down anew, and completes it.
    ///
    /// * `domain` – the domain that it belongs to; `before` – the snapshot of that name, if there is one; its
    ///   parent is checked by [`crate::moment::MomentTree::check_parent`].
    /// * `disk_only` – the caller said that it holds disks alone.
    /// * Errors: `INVALID_ARG` another domain, or another kind of state than before; those of `abi`; those of
    ///   [`Self::align_disks`]. Nothing that exists is changed.
    pub fn check_redefinition(
        &mut self,
        domain: Uuid,
        before: Option<&Self>,
        disk_only: bool,
        abi: AbiCheck<'_>,
        is_file: IsFile<'_>,
    ) -> Result<()> {
        let name = &self.name;
        let only_disks = self.state == Some(SnapshotState::DiskSnapshot);
        if disk_only && !only_disks {
            return Err(Error::invalid_arg(format!("disk-only flag for snapshot {name} requires disk-snapshot state")));
        }
        if self.domain.as_deref().is_some_and(|own| own.uuid != domain) {
            return Err(Error::invalid_arg(format!("definition for snapshot {name} must use uuid {domain}")));
        }
        if let Some(before) = before {
            let online = |snapshot: &Self| snapshot.state.is_some_and(SnapshotState::is_online);
            if online(self) != online(before) {
                let text = format!("cannot change between online and offline snapshot state in snapshot {name}");
                return Err(Error::invalid_arg(text));
            }
            if only_disks != (before.state == Some(SnapshotState::DiskSnapshot)) {
                let text = format!("cannot change between disk only and full system in snapshot {name}");
                return Err(Error::invalid_arg(text));
            }
            match (&before.domain, &self.domain) {
                (Some(old), Some(new)) => abi(old, new)?,
                (Some(old), None) => self.domain = Some(old.clone()),
                (None, _) => {}
            }
        }
        let outside = only_disks || self.is_external();
        let default = if outside { SnapshotLocation::External } else { SnapshotLocation::Internal };
        self.align_disks(None, Alignment { default, uniform: !outside, force_default: false }, is_file)
    }
}
