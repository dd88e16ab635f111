//! Where the programs beside one guest have their files, and whom they run as.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_core::{Error, Result};
use uuid::Uuid;

use crate::process::{Folders, GuestFiles};
use crate::settings::{ProcessRules, Settings};

/// One guest, as its programs see it.
#[derive(Debug, Clone)]
pub struct Site {
    /// The driver's folders.
    pub folders: Folders,
    /// The guest's files.
    pub files: GuestFiles,
    /// The guest's name.
    pub name: String,
    /// The guest's uuid.
    pub uuid: Uuid,
    /// What the host's administrator chose.
    pub settings: Arc<Settings>,
}

impl Site {
    /// Of a guest with these files.
    pub fn new(folders: &Folders, files: &GuestFiles, domain: &DomainDefinition, settings: Arc<Settings>) -> Self {
        Self { folders: folders.clone(), files: files.clone(), name: domain.name.clone(), uuid: domain.uuid, settings }
    }

    /// A file among those of running programs of one kind: `KIND/ID-NAME` and an ending.
    pub(super) fn running(&self, kind: &str, ending: &str) -> PathBuf {
        self.folders.run.join(kind).join(format!("{}{ending}", self.files.short_name))
    }

    /// A file directly in the folder of running guests: `ID-NAME` and an ending.
    pub(super) fn beside(&self, ending: &str) -> PathBuf {
        self.folders.run.join(format!("{}{ending}", self.files.short_name))
    }

    /// A file in the guest's own folder.
    pub(super) fn own(&self, name: &str) -> PathBuf {
        self.files.state.join(name)
    }

    /// The log of a program: the guest's name and an ending.
    pub(super) fn log(&self, ending: &str) -> PathBuf {
        self.folders.log.join(format!("{}{ending}", self.name))
    }

    /// Where descriptors of programs that speak vhost-user are.
    pub(super) fn vhost_user_folders(&self) -> Vec<PathBuf> {
        // The system's daemon takes nothing from a user.
        let home = match rustix::process::geteuid().is_root() {
            true => None,
            false => std::env::var_os("XDG_CONFIG_HOME")
                .map(PathBuf::from)
                .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".config"))),
        };
        crate::vhost_user::folders(Path::new("/"), home.as_deref())
    }

    /// The guest's user and group, without limits: those are for QEMU.
    pub(super) fn guest_user(&self) -> ProcessRules {
        let rules = &self.settings.process;
        ProcessRules { user: rules.user, group: rules.group, groups: rules.groups.clone(), ..ProcessRules::default() }
    }

    /// Makes the folder around a file.
    ///
    /// * `rules` – whom the last folder is for, where it is new.
    pub(super) fn make_folder_of(file: &Path, mode: u32, rules: &ProcessRules) -> Result<()> {
        let Some(folder) = file.parent().filter(|folder| !folder.is_dir()) else { return Ok(()) };
        let make = |folder: &Path, mode: u32| {
            oxivirt_util::file::make_folders(folder, mode)
                .map_err(|e| Error::system(format_args!("cannot create folder '{}'", folder.display()), &e))
        };
        // Those above must let everybody through.
        folder.parent().map_or(Ok(()), |above| make(above, 0o711))?;
        make(folder, mode)?;
        give(folder, rules)
    }
}

/// Gives a file to a user and group; those that are not said stay.
pub(super) fn give(path: &Path, rules: &ProcessRules) -> Result<()> {
    if rules.user.is_none() && rules.group.is_none() {
        return Ok(());
    }
    std::os::unix::fs::chown(path, rules.user, rules.group)
        .map_err(|e| Error::system(format_args!("cannot change the owner of '{}'", path.display()), &e))
}
