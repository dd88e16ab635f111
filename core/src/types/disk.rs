//! What calls say about disks and the jobs on them.

use abi_stable::StableAbi;
use abi_stable::std_types::RString;
use oxivirt_macros::Xdr;

/// How large a disk is, in bytes.
#[repr(C)]
#[derive(StableAbi, Clone, Copy, Debug, PartialEq, Eq, Xdr)]
pub struct DomainBlockInfo {
    /// Highest byte that the guest wrote, or what the file takes on the host.
    pub allocation: u64,
    /// What the guest sees.
    pub capacity: u64,
    /// Where the file or device ends on the host.
    pub physical: u64,
}

/// Progress of the job of a disk.
#[repr(C)]
#[derive(StableAbi, Clone, Copy, Debug, PartialEq, Eq, Xdr)]
pub struct DomainBlockJobInfo {
    /// 0 when there is no job, and the rest says nothing.
    pub found: i32,
    /// One of `DomainBlockJobType`.
    pub r#type: i32,
    /// Its limit, in the unit that the flags asked for; 0 none.
    pub bandwidth: u64,
    /// How far it is; only the ratio to `end` means something.
    pub cur: u64,
    /// Where it ends.
    pub end: u64,
}

/// Requests and bytes of a disk since the start; -1 where unknown.
#[repr(C)]
#[derive(StableAbi, Clone, Copy, Debug, PartialEq, Eq, Xdr)]
pub struct DomainBlockStats {
    /// Read requests.
    pub rd_req: i64,
    /// Bytes read.
    pub rd_bytes: i64,
    /// Write requests.
    pub wr_req: i64,
    /// Bytes written.
    pub wr_bytes: i64,
    /// Errors.
    pub errs: i64,
}

/// A disk in trouble.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq, Xdr)]
pub struct DomainDiskError {
    /// Its target, such as `vda`.
    pub disk: RString,
    /// One of `DomainDiskErrorCode`.
    pub error: i32,
}
