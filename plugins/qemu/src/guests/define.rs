//! Definitions: made, changed, removed, started with the daemon.

use std::sync::Arc;

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::object::{Definition, Inserted, JobKind};
use oxivirt_core::{Error, Result};
use uuid::Uuid;

use super::Guests;
use crate::document::{self, Schema};
use crate::helpers::swtpm::{self, Fate};
use crate::lifecycle::{Lifecycle, ShutOff};
use crate::state::{Guest, Job, Object, Snapshot, Status};

/// What may go along with a definition.
#[derive(Debug, Clone, Copy, Default)]
pub struct Undefine {
    /// Take saved memory away too.
    pub managed_save: bool,
    /// Take firmware variables away too.
    pub nvram: bool,
    /// Leave firmware variables where they are.
    pub keep_nvram: bool,
    /// What becomes of the state of a TPM.
    pub tpm: Fate,
}

impl Guests {
    /// Stores a definition, new or in place of an old one.
    ///
    /// * Errors: those of parsing; `OPERATION_FAILED` when name and uuid
    ///   belong to different guests; `SYSTEM_ERROR` when it cannot be written.
    ///   After an error nothing has changed.
    pub fn define(&self, text: &str, schema: Schema, owner: &str) -> Result<Arc<Object>> {
        let domain = Arc::new(document::read_inactive(text, schema, &self.catalog, &self.folders, &self.settings())?);
        let fresh = Snapshot::inactive(Arc::clone(&domain), Status::off(ShutOff::Unknown));
        match self.table.insert_or_get(fresh, Guest::default())? {
            Inserted::New(object) => {
                let job = self.job(&object, JobKind::Modify, owner)?;
                if let Err(error) = self.write_definition(&domain) {
                    self.table.remove(&job);
                    return Err(error);
                }
                self.tell_lifecycle(&job.snapshot(), Lifecycle::DefinedAdded);
                Ok(object)
            }
            Inserted::Existing(object) => {
                let job = self.job(&object, JobKind::Modify, owner)?;
                let was_stored = job.snapshot().is_persistent();
                self.write_definition(&domain)?;
                job.update(|snapshot| {
                    snapshot.store(domain);
                    snapshot.status.updated = true;
                    Ok(())
                })?;
                let event = if was_stored { Lifecycle::DefinedUpdated } else { Lifecycle::DefinedAdded };
                self.tell_lifecycle(&job.snapshot(), event);
                Ok(object)
            }
        }
    }

    fn write_definition(&self, domain: &DomainDefinition) -> Result<()> {
        document::write_file(&self.folders.definition(&domain.name), &document::print_stored(domain)?)
    }

    /// Removes a definition; a running guest goes on as a transient one.
    ///
    /// Errors: `OPERATION_INVALID` when the guest is transient, or when it has
    /// firmware variables and nothing was said of them.
    pub fn undefine(&self, uuid: Uuid, along: Undefine, owner: &str) -> Result<()> {
        let job = self.modify(uuid, owner)?;
        let snapshot = job.snapshot();
        if !snapshot.is_persistent() {
            return Err(Error::operation_invalid("cannot undefine transient domain"));
        }
        let name = snapshot.definition().name().to_owned();
        let variables = snapshot.stored().and_then(|stored| super::firmware::file(&stored.os)).filter(|f| f.exists());
        if let Some(variables) = &variables
            && !along.keep_nvram
        {
            if !along.nvram {
                return Err(Error::operation_invalid("cannot undefine domain with nvram"));
            }
            oxivirt_util::file::remove_if_exists(variables)
                .map_err(|e| Error::system(format_args!("failed to remove nvram: {}", variables.display()), &e))?;
        }
        let what = |e| Error::system(format_args!("cannot undefine domain '{name}'"), &e);
        // A link without a definition is removed by the next daemon.
        for file in [self.folders.definition(&name), self.folders.autostart_link(&name)] {
            oxivirt_util::file::remove_if_exists(&file).map_err(what)?;
        }
        oxivirt_util::file::sync_folder(&self.folders.config).map_err(what)?;
        job.update(|snapshot| {
            snapshot.forget_stored();
            snapshot.status.autostart = false;
            Ok(())
        })?;
        self.tell_lifecycle(&snapshot, Lifecycle::UndefinedRemoved);
        if !snapshot.is_active() {
            self.table.remove(&job);
            return swtpm::forget(&self.folders, snapshot.definition(), along.tpm);
        }
        Ok(())
    }

    /// Removes the state of a guest's TPM after the last run of a guest that nobody stored.
    pub(super) fn forget_tpm(&self, domain: &DomainDefinition) {
        if let Err(error) = swtpm::forget(&self.folders, domain, Fate::AsDefined) {
            tracing::error!(domain = %domain.name, %error, "the state of a guest's TPM stays");
        }
    }

    /// Whether a guest starts with the daemon.
    pub fn set_autostart(&self, uuid: Uuid, autostart: bool, owner: &str) -> Result<()> {
        let job = self.modify(uuid, owner)?;
        let snapshot = job.snapshot();
        if !snapshot.is_persistent() {
            return Err(Error::operation_invalid("cannot set autostart for transient domain"));
        }
        let name = snapshot.definition().name().to_owned();
        let link = self.folders.autostart_link(&name);
        let what = |e| Error::system(format_args!("Failed to change symlink '{}'", link.display()), &e);
        oxivirt_util::file::remove_if_exists(&link).map_err(what)?;
        if autostart {
            std::fs::create_dir_all(&self.folders.autostart).map_err(what)?;
            std::os::unix::fs::symlink(self.folders.definition(&name), &link).map_err(what)?;
            oxivirt_util::file::sync_folder(&self.folders.autostart).map_err(what)?;
        }
        job.update(|snapshot| {
            snapshot.status.autostart = autostart;
            Ok(())
        })
    }

    /// Changes the stored definition of a job's guest, and its file.
    pub(crate) fn edit_stored(&self, job: &Job, change: &dyn Fn(&mut DomainDefinition) -> Result<()>) -> Result<()> {
        let snapshot = job.snapshot();
        let stored = snapshot
            .stored()
            .ok_or_else(|| Error::operation_invalid("transient domains do not have any persistent config"))?;
        let mut edited = DomainDefinition::clone(stored);
        change(&mut edited)?;
        self.write_definition(&edited)?;
        job.update(|snapshot| {
            snapshot.store(edited);
            Ok(())
        })
    }

    /// Changes the live definition of a job's guest, and its status file.
    pub(crate) fn edit_live(&self, job: &Job, change: &dyn Fn(&mut DomainDefinition) -> Result<()>) -> Result<()> {
        let mut edited = DomainDefinition::clone(job.snapshot().definition());
        change(&mut edited)?;
        job.update(|snapshot| {
            snapshot.set_definition(edited);
            Ok(())
        })?;
        self.save_status(job.object())
    }

    /// Gives a guest that is off another name.
    pub fn rename(&self, uuid: Uuid, new_name: &str, owner: &str) -> Result<()> {
        if new_name.is_empty() || new_name.contains('/') || new_name.contains('\n') {
            return Err(Error::invalid_arg(format!("'{new_name}' is no name for a domain")));
        }
        let job = self.modify(uuid, owner)?;
        let snapshot = job.snapshot();
        if snapshot.is_active() {
            return Err(Error::operation_invalid("cannot rename active domain"));
        }
        let old = snapshot.stored().ok_or_else(|| Error::operation_invalid("cannot rename a transient domain"))?;
        if old.name == new_name {
            return Err(Error::invalid_arg("Can't rename domain to itself"));
        }
        let autostart = snapshot.status.autostart;
        let old_name = old.name.clone();
        let mut renamed = DomainDefinition::clone(old);
        renamed.name = new_name.to_owned();
        // The table says first whether the name is free.
        self.table.rename(&job, renamed.clone())?;
        if let Err(error) = self.write_definition(&renamed) {
            self.table.rename(&job, Arc::clone(old))?;
            return Err(error);
        }
        if autostart {
            std::os::unix::fs::symlink(self.folders.definition(new_name), self.folders.autostart_link(new_name))
                .map_err(|e| Error::system("cannot keep the autostart of a renamed domain", &e))?;
        }
        for file in [self.folders.definition(&old_name), self.folders.autostart_link(&old_name)] {
            if let Err(error) = oxivirt_util::file::remove_if_exists(&file) {
                tracing::error!(file = %file.display(), %error, "cannot remove after a rename");
            }
        }
        if let Err(error) = oxivirt_util::file::sync_folder(&self.folders.config) {
            tracing::error!(%error, "the old name may come back after a failure of the host");
        }
        self.tell_lifecycle(&snapshot, Lifecycle::UndefinedRenamed);
        self.tell_lifecycle(&job.snapshot(), Lifecycle::DefinedRenamed);
        Ok(())
    }
}
