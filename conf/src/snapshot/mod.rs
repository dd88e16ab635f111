//! The `<domainsnapshot>` document.
//!
//! [`SnapshotDefinition::parse`] reads it, [`SnapshotDefinition::align_disks`]
//! holds it against the disks of its domain and fills in what it leaves open,
//! [`SnapshotDefinition::check_redefinition`] guards an existing snapshot, and
//! [`crate::moment::MomentTree`] keeps all snapshots of a domain.

mod align;
mod definition;
mod disk;
mod redefine;
#[cfg(test)]
mod tests;

pub use align::{Alignment, IsFile};
pub use definition::{MemorySnapshot, SnapshotDefinition, SnapshotFormat, SnapshotParse, SnapshotState};
pub use disk::SnapshotDisk;
pub use redefine::AbiCheck;
