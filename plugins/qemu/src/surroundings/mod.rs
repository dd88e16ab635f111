//! What the host keeps around a guest's QEMU: its control groups, its own
//! `/dev`, and the owners of the files that it opens by their names.
//!
//! [`Surroundings`] is made before QEMU starts, follows devices that come and
//! go, and is put away after QEMU's end, by whichever daemon sees that.

pub(crate) mod dev;
mod files;
mod groups;
mod owners;

use std::os::fd::OwnedFd;
use std::path::Path;

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::DeviceRef;
use oxivirt_core::{Error, Result};

pub(crate) use groups::{GuestGroup, Living, USUAL_DEVICES};
pub(crate) use owners::rules;

use self::dev::{Inside, Plan};
use self::files::HostFile;
use self::groups::Site;
use self::owners::Owners;
use crate::process::{Folders, GuestFiles};
use crate::settings::Settings;
use crate::sys;

/// What the host keeps around one guest.
#[derive(Debug, Default)]
pub(crate) struct Surroundings {
    groups: Option<GuestGroup>,
    owners: Option<Owners>,
    /// It has a `/dev` of its own, whose nodes alone have other owners.
    private: bool,
    plan: Option<Plan>,
    /// Nodes that every guest may open.
    acl: Vec<String>,
}

impl Surroundings {
    /// Gets everything ready for a guest that is about to start.
    ///
    /// Errors: `CONFIG_UNSUPPORTED` what this host cannot keep; `OPERATION_INVALID` another guest has a file as
    /// somebody else; `SYSTEM_ERROR`. After an error nothing is left.
    pub(crate) fn prepare(
        settings: &Settings,
        folders: &Folders,
        live: &mut DomainDefinition,
        place: (i32, &GuestFiles),
    ) -> Result<Self> {
        let (id, guest) = place;
        let files = files::of_guest(live);
        let owners = Owners::of(live, &settings.owners, &settings.process)?;
        let groups = Site::of(&settings.groups, folders).prepare(live, id, &settings.groups.device_acl, &files)?;
        let acl = settings.groups.device_acl.clone();
        let mut whole = Self { groups, acl, ..Self::default() };
        if let Err(error) = whole.fill(settings, folders, (&files, guest), owners) {
            whole.remove(live);
            return Err(error);
        }
        owners::note(live, whole.owners.as_ref());
        Ok(whole)
    }

    fn fill(
        &mut self,
        settings: &Settings,
        folders: &Folders,
        (files, guest): (&[HostFile], &GuestFiles),
        owners: Option<Owners>,
    ) -> Result<()> {
        self.private = is_private(settings, folders)?;
        if self.private {
            let stage = folders.run.join(format!("{}.dev", guest.short_name));
            let owner = owners.as_ref().map(Owners::numbers);
            self.plan = Some(dev::plan(&stage, &settings.groups.device_acl, files, owner)?);
        }
        if let Some(owners) = owners {
            owners.give(&self.of_host(files))?;
            self.owners = Some(owners);
        }
        Ok(())
    }

    /// Those of a guest that runs already.
    pub(crate) fn find(settings: &Settings, folders: &Folders, live: &DomainDefinition, place: (i32, i32)) -> Self {
        let (id, pid) = place;
        Self {
            groups: Site::of(&settings.groups, folders).find(live, id),
            owners: known_owners(settings, live),
            private: Inside(pid).is_private(),
            plan: None,
            acl: settings.groups.device_acl.clone(),
        }
    }

    /// Puts away what a guest left that ended while nobody watched.
    pub(crate) fn clear(settings: &Settings, folders: &Folders, live: &DomainDefinition, id: i32) {
        Site::of(&settings.groups, folders).clear(live, id);
        if let Some(owners) = known_owners(settings, live) {
            owners.take_back(&files::of_guest(live));
        }
    }

    /// Puts away what belongs to no guest any more; every guest that runs must be known.
    pub(crate) fn sweep(settings: &Settings, folders: &Folders) {
        Site::of(&settings.groups, folders).sweep();
    }

    /// Its control groups, if it has any.
    pub(crate) fn groups(&self) -> Option<&GuestGroup> {
        self.groups.as_ref()
    }

    /// Whom the guest runs as, where its files are given to it.
    pub(crate) fn owner(&self) -> Option<(Option<u32>, Option<u32>)> {
        self.owners.as_ref().map(Owners::numbers).map(|(user, group)| (Some(user), Some(group)))
    }

    /// Files by which QEMU puts itself into its groups before it runs.
    pub(crate) fn doors(&self) -> Result<Vec<OwnedFd>> {
        self.groups.as_ref().map_or_else(|| Ok(Vec::new()), GuestGroup::doors)
    }

    /// How QEMU gets its `/dev`, once.
    pub(crate) fn take_plan(&mut self) -> Option<Plan> {
        self.plan.take()
    }

    /// Makes the files of a device reachable that is about to be plugged in.
    ///
    /// Errors: one cannot be given to the guest; nothing has changed then.
    pub(crate) fn admit(&self, device: DeviceRef<'_>, live: &DomainDefinition, pid: i32) -> Result<()> {
        let files = unused(files::of_device(device), live);
        if let Some(groups) = &self.groups {
            groups.admit(&files)?;
        }
        let added = match self.private {
            true => Inside(pid).add(&files, self.owners.as_ref().map(Owners::numbers)),
            false => Ok(()),
        };
        let given =
            added.and_then(|()| self.owners.as_ref().map_or(Ok(()), |owners| owners.give(&self.of_host(&files))));
        if given.is_err() {
            self.shut_out(&files, pid);
        }
        given
    }

    /// Takes the files of a device back that is gone.
    ///
    /// * `rest` – the guest without it: what it still uses stays.
    pub(crate) fn dismiss(&self, device: DeviceRef<'_>, rest: &DomainDefinition, pid: i32) {
        let files = unused(files::of_device(device), rest);
        if let Some(owners) = &self.owners {
            owners.take_back(&self.of_host(&files));
        }
        self.shut_out(&files, pid);
    }

    fn shut_out(&self, files: &[HostFile], pid: i32) {
        let mut files = files.to_vec();
        files.retain(|file| !self.acl.iter().any(|usual| file.path == Path::new(usual)));
        if self.private {
            Inside(pid).remove(&files);
        }
        if let Some(groups) = &self.groups {
            groups.dismiss(&files);
        }
    }

    /// Puts everything away after QEMU's end.
    pub(crate) fn remove(&self, live: &DomainDefinition) {
        if let Some(groups) = &self.groups {
            groups.remove();
        }
        if let Some(owners) = &self.owners {
            owners.take_back(&self.of_host(&files::of_guest(live)));
        }
        if let Some(plan) = &self.plan {
            let _ = std::fs::remove_dir(plan.stage());
        }
    }

    /// Those whose owners are the host's business.
    fn of_host(&self, files: &[HostFile]) -> Vec<HostFile> {
        files.iter().filter(|file| !(self.private && file.path.starts_with("/dev"))).cloned().collect()
    }
}

/// Files of a device that nothing else of a guest uses.
fn unused(mut files: Vec<HostFile>, others: &DomainDefinition) -> Vec<HostFile> {
    let used = files::of_guest(others);
    files.retain(|file| file.path.is_absolute() && !used.iter().any(|other| other.path == file.path));
    files
}

fn known_owners(settings: &Settings, live: &DomainDefinition) -> Option<Owners> {
    Owners::of(live, &settings.owners, &settings.process).unwrap_or_else(|error| {
        tracing::warn!(domain = %live.name, %error, "files of a guest keep their owner");
        None
    })
}

/// Whether guests get a `/dev` of their own: where the administrator says so, else where it can be had and the
/// daemon's folders are the usual ones.
fn is_private(settings: &Settings, folders: &Folders) -> Result<bool> {
    match settings.mount_namespace {
        Some(false) => Ok(false),
        Some(true) if sys::can_leave_mounts() => Ok(true),
        Some(true) => Err(Error::config_unsupported("cannot create a mount namespace for a guest on this host")),
        None => Ok(folders.run == Path::new("/run/libvirt/qemu") && sys::can_leave_mounts()),
    }
}
