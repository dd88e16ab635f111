//! `<disk>` of a backup.

use oxivirt_core::Result;

use super::{BackupForm, BackupMode};
use crate::domain::devices::{StorageFormat, StorageSource};
use crate::xml::{Node, Writer, YesNo};
use crate::xml_enum;

xml_enum! {
    /// How much of a disk is copied.
    pub enum BackupDiskMode { Full = "full", Incremental = "incremental" }
}

xml_enum! {
    /// How far the copy of a disk is; only in the daemon's own files.
    pub enum BackupState {
        None = "none", Running = "running", Complete = "complete", Failed = "failed", Cancelling = "cancelling",
        Cancelled = "cancelled",
    }
}

/// What a backup does with one disk.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BackupDisk {
    /// The disk's target, such as `vda`.
    pub name: String,
    /// Whether it takes part at all.
    pub backup: bool,
    /// Everything, or what changed; `None`: what changed, where the backup is incremental.
    pub mode: Option<BackupDiskMode>,
    /// The checkpoint since which changes count.
    pub incremental: Option<String>,
    /// The name of the export, the disk's own by default (pull).
    pub export_name: Option<String>,
    /// The name of the exported bitmap (pull).
    pub export_bitmap: Option<String>,
    /// How far it is.
    pub state: Option<BackupState>,
    /// The copy (push), or what the guest overwrites meanwhile (pull).
    pub store: StorageSource,
    /// Format of that image.
    pub format: Option<StorageFormat>,
}

impl BackupDisk {
    /// The element around the image.
    fn store_name(mode: BackupMode) -> &'static str {
        match mode {
            BackupMode::Push => "target",
            BackupMode::Pull => "scratch",
        }
    }

    pub(super) fn parse(node: Node<'_>, mode: BackupMode, form: BackupForm) -> Result<Self> {
        let name: String = node.require("name")?;
        let backup = node.value::<YesNo>("backup")?.is_none_or(YesNo::is_yes);
        let mut disk = Self { name, backup, ..Self::default() };
        if !backup {
            return Ok(disk);
        }
        disk.mode = node.value("backupmode")?;
        disk.incremental = node.value("incremental")?;
        if mode == BackupMode::Pull {
            disk.export_name = node.value("exportname")?;
            disk.export_bitmap = node.value("exportbitmap")?;
        }
        if form == BackupForm::Internal {
            disk.state = node.value("state")?;
        }
        let kind = node.attr("type").unwrap_or("file");
        if !matches!(kind, "file" | "block") {
            return Err(node.bad_attr("type", kind, "file, block"));
        }
        disk.store = StorageSource::parse_as(node, kind, Self::store_name(mode))?;
        if let Some(driver) = node.child("driver") {
            let format: StorageFormat = driver.require("type")?;
            if mode == BackupMode::Pull && format != StorageFormat::Qcow2 {
                return Err(driver.bad_attr("type", format.as_str(), "qcow2"));
            }
            disk.format = Some(format);
        }
        Ok(disk)
    }

    pub(super) fn format(&self, w: &mut Writer, mode: BackupMode, form: BackupForm) {
        w.open("disk");
        w.attr("name", &self.name);
        w.attr("backup", &YesNo::from(self.backup));
        if self.backup {
            if form == BackupForm::Internal {
                w.attr_opt("state", self.state.as_ref());
            }
            w.attr_str("type", self.store.type_name());
            w.attr_opt("backupmode", self.mode.as_ref());
            w.attr_opt("incremental", self.incremental.as_ref());
            w.attr_opt("exportname", self.export_name.as_ref());
            w.attr_opt("exportbitmap", self.export_bitmap.as_ref());
            if let Some(format) = &self.format {
                w.open("driver");
                w.attr("type", format);
                w.close();
            }
            self.store.format_as(w, Self::store_name(mode));
        }
        w.close();
    }
}
