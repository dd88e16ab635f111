//! The `<domainbackup>` document.
//!
//! [`BackupDefinition::parse`] reads it and [`BackupDefinition::align_disks`]
//! holds it against the disks of the domain that is backed up.

mod align;
mod definition;
mod disk;
mod server;
#[cfg(test)]
mod tests;

pub use definition::{BackupDefinition, BackupForm, BackupMode, BackupPrivate};
pub use disk::{BackupDisk, BackupDiskMode, BackupState};
pub use server::BackupServer;
