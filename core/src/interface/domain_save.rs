//! Saving the memory of a domain to a file.

use oxivirt_macros::interface;

use crate::Result;
use crate::call::Call;
use crate::constants::{DomainCoreDumpFlags, DomainCoreDumpFormat, DomainSaveImageXmlFlags, DomainSaveRestoreFlags};
use crate::types::{Domain, List, TypedParam, limit};

/// Saving a running domain to a file and starting it from there; dumps of its memory.
///
/// Paths are those of the daemon's host. All of these block as long as writing takes and can be
/// aborted as a job.
#[interface]
pub trait DomainSave {
    /// Writes the memory of the guest to a file for analysis.
    #[rpc(53, acl = ["domain:core_dump"], write)]
    fn domain_core_dump(&self, call: &Call, dom: &Domain, to: &str, flags: DomainCoreDumpFlags) -> Result<()>;

    /// Starts a domain from a saved file.
    #[rpc(54, acl = ["domain:start", "domain:write"], write)]
    fn domain_restore(&self, call: &Call, from: &str) -> Result<()>;

    /// Saves the running domain to a file and ends it.
    #[rpc(55, acl = ["domain:hibernate"], write)]
    fn domain_save(&self, call: &Call, dom: &Domain, to: &str) -> Result<()>;

    /// Saves the running domain to a file that the daemon keeps; the next start continues from it.
    #[rpc(182, acl = ["domain:hibernate"], write)]
    fn domain_managed_save(&self, call: &Call, dom: &Domain, flags: DomainSaveRestoreFlags) -> Result<()>;

    /// Drops the saved file that the daemon keeps.
    #[rpc(184, acl = ["domain:hibernate"], write)]
    fn domain_managed_save_remove(&self, call: &Call, dom: &Domain, flags: u32) -> Result<()>;

    /// As `domain_save`; `dxml` replaces parts of the definition that the guest cannot see.
    #[rpc(232, acl = ["domain:hibernate"], write)]
    fn domain_save_flags(
        &self,
        call: &Call,
        dom: &Domain,
        to: &str,
        dxml: Option<&str>,
        flags: DomainSaveRestoreFlags,
    ) -> Result<()>;

    /// As `domain_restore`; `dxml` replaces parts of the definition that the guest cannot see.
    #[rpc(233, acl = ["domain:start", "domain:write"], write)]
    fn domain_restore_flags(
        &self,
        call: &Call,
        from: &str,
        dxml: Option<&str>,
        flags: DomainSaveRestoreFlags,
    ) -> Result<()>;

    /// The definition inside a saved file.
    #[rpc(235, acl = ["domain:write"], high, write)]
    fn domain_save_image_get_xml_desc(&self, call: &Call, file: &str, flags: DomainSaveImageXmlFlags)
    -> Result<String>;

    /// Replaces the definition inside a saved file; only what the guest cannot see may differ.
    #[rpc(236, acl = ["domain:write", "domain:hibernate"], high, write)]
    fn domain_save_image_define_xml(
        &self,
        call: &Call,
        file: &str,
        dxml: &str,
        flags: DomainSaveRestoreFlags,
    ) -> Result<()>;

    /// Writes the memory of the guest to a file in this format.
    #[rpc(334, acl = ["domain:core_dump"], write)]
    fn domain_core_dump_with_format(
        &self,
        call: &Call,
        dom: &Domain,
        to: &str,
        dumpformat: DomainCoreDumpFormat,
        flags: DomainCoreDumpFlags,
    ) -> Result<()>;

    /// The definition inside the saved file that the daemon keeps.
    ///
    /// * Errors: `OPERATION_INVALID` when there is none.
    #[rpc(388, acl = ["domain:read", "domain:read_secure:VIR_DOMAIN_SAVE_IMAGE_XML_SECURE"])]
    fn domain_managed_save_get_xml_desc(
        &self,
        call: &Call,
        dom: &Domain,
        flags: DomainSaveImageXmlFlags,
    ) -> Result<String>;

    /// Replaces the definition inside the saved file that the daemon keeps.
    #[rpc(389, acl = ["domain:write", "domain:hibernate"], write)]
    fn domain_managed_save_define_xml(
        &self,
        call: &Call,
        dom: &Domain,
        dxml: Option<&str>,
        flags: DomainSaveRestoreFlags,
    ) -> Result<()>;

    /// As `domain_save`, with named parameters.
    #[rpc(440, acl = ["domain:hibernate"], write)]
    fn domain_save_params(
        &self,
        call: &Call,
        dom: &Domain,
        params: &List<TypedParam, { limit::PARAMETERS }>,
        flags: DomainSaveRestoreFlags,
    ) -> Result<()>;

    /// As `domain_restore`, with named parameters.
    #[rpc(441, acl = ["domain:start", "domain:write"], write)]
    fn domain_restore_params(
        &self,
        call: &Call,
        params: &List<TypedParam, { limit::PARAMETERS }>,
        flags: DomainSaveRestoreFlags,
    ) -> Result<()>;
}
