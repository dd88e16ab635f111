//! Backup of a running domain.

use oxivirt_macros::interface;

use crate::Result;
use crate::call::Call;
use crate::constants::DomainBackupBeginFlags;
use crate::types::Domain;

/// Backup of the disks of a running domain, pushed to files or pulled by a client.
#[interface]
pub trait DomainBackup {
    /// Starts a backup job as the `<domainbackup>` document says, and makes a checkpoint if one is
    /// given.
    ///
    /// * Errors: `OPERATION_INVALID` when it does not run.
    #[rpc(421, acl = ["domain:checkpoint", "domain:block_write"], write)]
    fn domain_backup_begin(
        &self,
        call: &Call,
        dom: &Domain,
        backup_xml: &str,
        checkpoint_xml: Option<&str>,
        flags: DomainBackupBeginFlags,
    ) -> Result<()>;

    /// The running backup as a document.
    ///
    /// * Errors: `NO_DOMAIN_BACKUP` when there is none.
    #[rpc(422, acl = ["domain:read"], high)]
    fn domain_backup_get_xml_desc(&self, call: &Call, dom: &Domain, flags: u32) -> Result<String>;
}
