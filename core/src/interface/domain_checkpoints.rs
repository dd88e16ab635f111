//! Checkpoints of a domain.

use oxivirt_macros::interface;

use crate::Result;
use crate::call::Call;
use crate::constants::{
    DomainCheckpointCreateFlags, DomainCheckpointDeleteFlags, DomainCheckpointListFlags, DomainCheckpointXmlFlags,
};
use crate::types::{Counted, Domain, DomainCheckpoint, List, limit};

/// Checkpoints: moments since when changed blocks of disks are known, for incremental backup.
///
/// `NO_DOMAIN_CHECKPOINT` when the named one is gone.
#[interface]
pub trait DomainCheckpoints {
    /// Makes a checkpoint as the `<domaincheckpoint>` document says, or takes up a known one
    /// (`REDEFINE`).
    #[rpc(411, acl = ["domain:checkpoint", "domain:fs_freeze:VIR_DOMAIN_CHECKPOINT_CREATE_QUIESCE"], write)]
    fn domain_checkpoint_create_xml(
        &self,
        call: &Call,
        dom: &Domain,
        xml_desc: &str,
        flags: DomainCheckpointCreateFlags,
    ) -> Result<DomainCheckpoint>;

    /// The checkpoint as a document.
    ///
    /// * `SIZE` asks the running hypervisor how much changed since.
    #[rpc(412, acl = ["domain:read", "domain:read_secure:VIR_DOMAIN_CHECKPOINT_XML_SECURE"])]
    fn domain_checkpoint_get_xml_desc(
        &self,
        call: &Call,
        checkpoint: &DomainCheckpoint,
        flags: DomainCheckpointXmlFlags,
    ) -> Result<String>;

    /// The checkpoints of the domain, or only their number.
    #[rpc(413, acl = ["domain:read"], high)]
    fn domain_list_all_checkpoints(
        &self,
        call: &Call,
        dom: &Domain,
        need_results: bool,
        flags: DomainCheckpointListFlags,
    ) -> Result<Counted<List<DomainCheckpoint, { limit::LIST }>, i32>>;

    /// The checkpoints made after it, or only their number.
    #[rpc(414, acl = ["domain:read"], high)]
    fn domain_checkpoint_list_all_children(
        &self,
        call: &Call,
        checkpoint: &DomainCheckpoint,
        need_results: bool,
        flags: DomainCheckpointListFlags,
    ) -> Result<Counted<List<DomainCheckpoint, { limit::LIST }>, i32>>;

    /// Finds a checkpoint.
    #[rpc(415, acl = ["domain:read"], high)]
    fn domain_checkpoint_lookup_by_name(
        &self,
        call: &Call,
        dom: &Domain,
        name: &str,
        flags: u32,
    ) -> Result<DomainCheckpoint>;

    /// The checkpoint made before it.
    ///
    /// * Errors: `NO_DOMAIN_CHECKPOINT` for a root.
    #[rpc(416, acl = ["domain:read"], high)]
    fn domain_checkpoint_get_parent(
        &self,
        call: &Call,
        checkpoint: &DomainCheckpoint,
        flags: u32,
    ) -> Result<DomainCheckpoint>;

    /// Removes a checkpoint, with its children or only them, or only what is known about it.
    #[rpc(417, acl = ["domain:checkpoint"], write)]
    fn domain_checkpoint_delete(
        &self,
        call: &Call,
        checkpoint: &DomainCheckpoint,
        flags: DomainCheckpointDeleteFlags,
    ) -> Result<()>;
}
