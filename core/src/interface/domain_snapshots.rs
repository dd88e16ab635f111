//! Snapshots of a domain.

use oxivirt_macros::interface;

use crate::Result;
use crate::abi::RString;
use crate::call::Call;
use crate::constants::{
    DomainSnapshotCreateFlags, DomainSnapshotDeleteFlags, DomainSnapshotListFlags, DomainSnapshotRevertFlags,
    DomainSnapshotXmlFlags,
};
use crate::types::{Counted, Domain, DomainSnapshot, List, limit};

/// Snapshots: states of disks, memory and definition that a domain can return to.
///
/// They form a tree; `NO_DOMAIN_SNAPSHOT` when the named one is gone.
#[interface]
pub trait DomainSnapshots {
    /// Takes a snapshot as the `<domainsnapshot>` document says, or takes up a known one (`REDEFINE`).
    #[rpc(185, acl = ["domain:snapshot", "domain:fs_freeze:VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE"], write)]
    fn domain_snapshot_create_xml(
        &self,
        call: &Call,
        dom: &Domain,
        xml_desc: &str,
        flags: DomainSnapshotCreateFlags,
    ) -> Result<DomainSnapshot>;

    /// The snapshot as a document.
    #[rpc(186, acl = ["domain:read", "domain:read_secure:VIR_DOMAIN_SNAPSHOT_XML_SECURE"], high)]
    fn domain_snapshot_get_xml_desc(
        &self,
        call: &Call,
        snap: &DomainSnapshot,
        flags: DomainSnapshotXmlFlags,
    ) -> Result<String>;

    /// How many snapshots the domain has.
    #[rpc(187, acl = ["domain:read"], high)]
    fn domain_snapshot_num(&self, call: &Call, dom: &Domain, flags: DomainSnapshotListFlags) -> Result<i32>;

    /// Names of at most `maxnames` snapshots.
    #[rpc(188, acl = ["domain:read"], high)]
    fn domain_snapshot_list_names(
        &self,
        call: &Call,
        dom: &Domain,
        maxnames: i32,
        flags: DomainSnapshotListFlags,
    ) -> Result<List<RString, { limit::LIST }>>;

    /// Finds a snapshot.
    #[rpc(189, acl = ["domain:read"], high)]
    fn domain_snapshot_lookup_by_name(
        &self,
        call: &Call,
        dom: &Domain,
        name: &str,
        flags: u32,
    ) -> Result<DomainSnapshot>;

    /// Whether some snapshot is the current one.
    #[rpc(190, acl = ["domain:read"])]
    fn domain_has_current_snapshot(&self, call: &Call, dom: &Domain, flags: u32) -> Result<bool>;

    /// The current snapshot.
    ///
    /// * Errors: `NO_DOMAIN_SNAPSHOT` when there is none.
    #[rpc(191, acl = ["domain:read"])]
    fn domain_snapshot_current(&self, call: &Call, dom: &Domain, flags: u32) -> Result<DomainSnapshot>;

    /// Returns the domain to a snapshot, running, paused or off as it was or as the flags say.
    ///
    /// * Errors: `SNAPSHOT_REVERT_RISKY` when only `FORCE` would do it.
    #[rpc(192, acl = ["domain:snapshot"], write)]
    fn domain_revert_to_snapshot(
        &self,
        call: &Call,
        snap: &DomainSnapshot,
        flags: DomainSnapshotRevertFlags,
    ) -> Result<()>;

    /// Removes a snapshot, with its children or only them, or only what is known about it.
    #[rpc(193, acl = ["domain:snapshot"], write)]
    fn domain_snapshot_delete(
        &self,
        call: &Call,
        snap: &DomainSnapshot,
        flags: DomainSnapshotDeleteFlags,
    ) -> Result<()>;

    /// The snapshot it was taken after.
    ///
    /// * Errors: `NO_DOMAIN_SNAPSHOT` for a root.
    #[rpc(244, acl = ["domain:read"], high)]
    fn domain_snapshot_get_parent(&self, call: &Call, snap: &DomainSnapshot, flags: u32) -> Result<DomainSnapshot>;

    /// How many snapshots were taken after it.
    #[rpc(246, acl = ["domain:read"], high)]
    fn domain_snapshot_num_children(
        &self,
        call: &Call,
        snap: &DomainSnapshot,
        flags: DomainSnapshotListFlags,
    ) -> Result<i32>;

    /// Names of at most `maxnames` snapshots taken after it.
    #[rpc(247, acl = ["domain:read"], high)]
    fn domain_snapshot_list_children_names(
        &self,
        call: &Call,
        snap: &DomainSnapshot,
        maxnames: i32,
        flags: DomainSnapshotListFlags,
    ) -> Result<List<RString, { limit::LIST }>>;

    /// Whether it is the current one.
    #[rpc(271, acl = ["domain:read"])]
    fn domain_snapshot_is_current(&self, call: &Call, snap: &DomainSnapshot, flags: u32) -> Result<bool>;

    /// Whether removing the domain's definition would lose what is known about it.
    #[rpc(272, acl = ["domain:read"])]
    fn domain_snapshot_has_metadata(&self, call: &Call, snap: &DomainSnapshot, flags: u32) -> Result<bool>;

    /// The snapshots of the domain, or only their number.
    #[rpc(274, acl = ["domain:read"], high)]
    fn domain_list_all_snapshots(
        &self,
        call: &Call,
        dom: &Domain,
        need_results: bool,
        flags: DomainSnapshotListFlags,
    ) -> Result<Counted<List<DomainSnapshot, { limit::LIST }>, i32>>;

    /// The snapshots taken after it, or only their number.
    #[rpc(275, acl = ["domain:read"], high)]
    fn domain_snapshot_list_all_children(
        &self,
        call: &Call,
        snapshot: &DomainSnapshot,
        need_results: bool,
        flags: DomainSnapshotListFlags,
    ) -> Result<Counted<List<DomainSnapshot, { limit::LIST }>, i32>>;
}
