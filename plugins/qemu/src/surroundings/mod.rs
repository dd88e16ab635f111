//! What the host keeps around a guest's QEMU: its control groups, and the
//! files that it opens by their names.
//!
//! [`Surroundings`] is made before QEMU starts, follows devices that come and
//! go, and is put away after QEMU's end, by whichever daemon sees that.

mod files;
mod groups;

use std::os::fd::OwnedFd;

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::DeviceRef;
use oxivirt_core::Result;

pub(crate) use groups::{GuestGroup, Living, Site, USUAL_DEVICES};

use crate::process::Folders;
use crate::settings::Settings;

/// What the host keeps around one guest.
#[derive(Debug, Default)]
pub(crate) struct Surroundings {
    groups: Option<GuestGroup>,
}

impl Surroundings {
    /// Gets everything ready for a guest that is about to start.
    ///
    /// Errors: `CONFIG_UNSUPPORTED` what this host cannot keep; `SYSTEM_ERROR`. After an error nothing is left.
    pub(crate) fn prepare(
        settings: &Settings,
        folders: &Folders,
        live: &mut DomainDefinition,
        id: i32,
    ) -> Result<Self> {
        let files = files::of_guest(live);
        let groups = Site::of(&settings.groups, folders).prepare(live, id, &settings.groups.device_acl, &files)?;
        Ok(Self { groups })
    }

    /// Those of a guest that runs already.
    pub(crate) fn find(settings: &Settings, folders: &Folders, live: &DomainDefinition, id: i32) -> Self {
        Self { groups: Site::of(&settings.groups, folders).find(live, id) }
    }

    /// Puts away what a guest left that ended while nobody watched.
    pub(crate) fn clear(settings: &Settings, folders: &Folders, live: &DomainDefinition, id: i32) {
        Site::of(&settings.groups, folders).clear(live, id);
    }

    /// Its control groups, if it has any.
    pub(crate) fn groups(&self) -> Option<&GuestGroup> {
        self.groups.as_ref()
    }

    /// Files by which QEMU puts itself into its groups before it runs.
    pub(crate) fn doors(&self) -> Result<Vec<OwnedFd>> {
        self.groups.as_ref().map_or_else(|| Ok(Vec::new()), GuestGroup::doors)
    }

    /// Makes the files of a device reachable that is about to be plugged in.
    pub(crate) fn admit(&self, device: DeviceRef<'_>) -> Result<()> {
        let files = files::of_device(device);
        self.groups.as_ref().map_or(Ok(()), |groups| groups.admit(&files))
    }

    /// Takes the files of a device back that is gone.
    ///
    /// * `rest` – the guest without it: what it still uses stays.
    pub(crate) fn dismiss(&self, device: DeviceRef<'_>, rest: &DomainDefinition) {
        let used = files::of_guest(rest);
        let mut files = files::of_device(device);
        files.retain(|file| !used.iter().any(|other| other.path == file.path));
        if let Some(groups) = &self.groups {
            files.retain(|file| !groups::USUAL_DEVICES.iter().any(|usual| file.path == std::path::Path::new(usual)));
            groups.dismiss(&files);
        }
    }

    /// Puts everything away after QEMU's end.
    pub(crate) fn remove(&self) {
        if let Some(groups) = &self.groups {
            groups.remove();
        }
    }
}
