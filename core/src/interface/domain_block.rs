//! Disks of a domain and the jobs on them.

use oxivirt_macros::interface;

use crate::Result;
use crate::call::Call;
use crate::constants::{
    DomainBlockCommitFlags, DomainBlockCopyFlags, DomainBlockJobAbortFlags, DomainBlockJobInfoFlags,
    DomainBlockJobSetSpeedFlags, DomainBlockPullFlags, DomainBlockRebaseFlags, DomainBlockResizeFlags,
    DomainMemoryPeekFlags, DomainModificationImpact,
};
use crate::types::{
    Bytes, Counted, Domain, DomainBlockInfo, DomainBlockJobInfo, DomainDiskError, List, TypedParam, limit,
};

/// Disks of a domain: sizes, limits of throughput, and jobs that copy data.
///
/// A disk is named by its target (`vda`), its source path, or an indexed part of its chain (`vda[1]`).
/// Bandwidths are MiB/s unless the `BYTES` flag of the call says bytes/s; 0 is no limit.
#[interface]
pub trait DomainBlock {
    /// Reads `size` bytes from `offset` of the guest's view of a disk.
    ///
    /// * `flags`: none defined, must be 0.
    #[rpc(103, acl = ["domain:block_read"], write)]
    fn domain_block_peek(
        &self,
        call: &Call,
        dom: &Domain,
        path: &str,
        offset: u64,
        size: u32,
        flags: u32,
    ) -> Result<Bytes<{ limit::PEEK }>>;

    /// Reads `size` bytes of guest memory; the flag says whether `offset` is virtual or physical.
    ///
    /// * Errors: `OPERATION_INVALID` when it does not run.
    #[rpc(104, acl = ["domain:mem_read"], write)]
    fn domain_memory_peek(
        &self,
        call: &Call,
        dom: &Domain,
        offset: u64,
        size: u32,
        flags: DomainMemoryPeekFlags,
    ) -> Result<Bytes<{ limit::PEEK }>>;

    /// How large a disk is, in bytes. Asks the running hypervisor or the file itself.
    #[rpc(194, acl = ["domain:read"])]
    fn domain_get_block_info(&self, call: &Call, dom: &Domain, path: &str, flags: u32) -> Result<DomainBlockInfo>;

    /// Ends the job of a disk, or pivots to the copy.
    ///
    /// * `ASYNC`: return at once; an event tells the end.
    #[rpc(237, acl = ["domain:write"], write)]
    fn domain_block_job_abort(
        &self,
        call: &Call,
        dom: &Domain,
        path: &str,
        flags: DomainBlockJobAbortFlags,
    ) -> Result<()>;

    /// Progress of the job of a disk; `found` 0 when there is none.
    #[rpc(238, acl = ["domain:read"])]
    fn domain_get_block_job_info(
        &self,
        call: &Call,
        dom: &Domain,
        path: &str,
        flags: DomainBlockJobInfoFlags,
    ) -> Result<DomainBlockJobInfo>;

    /// Limits the job of a disk.
    #[rpc(239, acl = ["domain:write"], write)]
    fn domain_block_job_set_speed(
        &self,
        call: &Call,
        dom: &Domain,
        path: &str,
        bandwidth: u64,
        flags: DomainBlockJobSetSpeedFlags,
    ) -> Result<()>;

    /// Starts to copy the backing files of a disk into it.
    #[rpc(240, acl = ["domain:block_write"], write)]
    fn domain_block_pull(
        &self,
        call: &Call,
        dom: &Domain,
        path: &str,
        bandwidth: u64,
        flags: DomainBlockPullFlags,
    ) -> Result<()>;

    /// Changes the size of a disk of the running domain; KiB unless `BYTES` is set.
    #[rpc(251, acl = ["domain:block_write"], write)]
    fn domain_block_resize(
        &self,
        call: &Call,
        dom: &Domain,
        disk: &str,
        size: u64,
        flags: DomainBlockResizeFlags,
    ) -> Result<()>;

    /// Limits the throughput of a disk.
    ///
    /// * Errors: `INVALID_ARG` for unknown or contradicting parameters.
    #[rpc(252, acl = ["domain:write", "domain:save:!VIR_DOMAIN_AFFECT_CONFIG|VIR_DOMAIN_AFFECT_LIVE", "domain:save:VIR_DOMAIN_AFFECT_CONFIG"], write)]
    fn domain_set_block_io_tune(
        &self,
        call: &Call,
        dom: &Domain,
        disk: &str,
        params: &List<TypedParam, { limit::BLOCK_IO_TUNE }>,
        flags: DomainModificationImpact,
    ) -> Result<()>;

    /// Limits on the throughput of a disk.
    ///
    /// * `nparams` 0 asks for their number only.
    #[rpc(253, acl = ["domain:read"])]
    fn domain_get_block_io_tune(
        &self,
        call: &Call,
        dom: &Domain,
        disk: Option<&str>,
        nparams: i32,
        flags: DomainModificationImpact,
    ) -> Result<Counted<List<TypedParam, { limit::BLOCK_IO_TUNE }>, i32>>;

    /// Disks in trouble, and their errors.
    ///
    /// * `maxerrors` 0 asks for the number of disks only.
    #[rpc(263, acl = ["domain:read"])]
    fn domain_get_disk_errors(
        &self,
        call: &Call,
        dom: &Domain,
        maxerrors: u32,
        flags: u32,
    ) -> Result<Counted<List<DomainDiskError, { limit::DISK_ERRORS }>, i32>>;

    /// Starts to copy backing files above `base` into the disk, or to copy the disk elsewhere (`COPY`).
    #[rpc(266, acl = ["domain:block_write"], write)]
    fn domain_block_rebase(
        &self,
        call: &Call,
        dom: &Domain,
        path: &str,
        base: Option<&str>,
        bandwidth: u64,
        flags: DomainBlockRebaseFlags,
    ) -> Result<()>;

    /// Starts to write the files between `base` and `top` down into `base`; absent means the ends of
    /// the chain.
    #[rpc(290, acl = ["domain:block_write"], write)]
    fn domain_block_commit(
        &self,
        call: &Call,
        dom: &Domain,
        disk: &str,
        base: Option<&str>,
        top: Option<&str>,
        bandwidth: u64,
        flags: DomainBlockCommitFlags,
    ) -> Result<()>;

    /// Starts to copy a disk to the destination that a `<disk>` document describes.
    ///
    /// * `params`: `bandwidth`, `granularity`, `buf-size`.
    #[rpc(345, acl = ["domain:block_write"], write)]
    fn domain_block_copy(
        &self,
        call: &Call,
        dom: &Domain,
        path: &str,
        destxml: &str,
        params: &List<TypedParam, { limit::TUNING_PARAMETERS }>,
        flags: DomainBlockCopyFlags,
    ) -> Result<()>;

    /// Asks for an event when a disk is written beyond `threshold` bytes; 0 takes it back.
    #[rpc(386, acl = ["domain:write"], write)]
    fn domain_set_block_threshold(
        &self,
        call: &Call,
        dom: &Domain,
        dev: &str,
        threshold: u64,
        flags: u32,
    ) -> Result<()>;

    /// Makes or changes a group whose disks share limits of throughput.
    #[rpc(451, acl = ["domain:write", "domain:save:!VIR_DOMAIN_AFFECT_CONFIG|VIR_DOMAIN_AFFECT_LIVE", "domain:save:VIR_DOMAIN_AFFECT_CONFIG"], write)]
    fn domain_set_throttle_group(
        &self,
        call: &Call,
        dom: &Domain,
        group: &str,
        params: &List<TypedParam, { limit::BLOCK_IO_TUNE }>,
        flags: DomainModificationImpact,
    ) -> Result<()>;

    /// Removes a group that no disk uses.
    #[rpc(452, acl = ["domain:write", "domain:save:!VIR_DOMAIN_AFFECT_CONFIG|VIR_DOMAIN_AFFECT_LIVE", "domain:save:VIR_DOMAIN_AFFECT_CONFIG"])]
    fn domain_del_throttle_group(
        &self,
        call: &Call,
        dom: &Domain,
        group: Option<&str>,
        flags: DomainModificationImpact,
    ) -> Result<()>;
}
