//! The `<domaincheckpoint>` document.
//!
//! [`CheckpointDefinition::parse`] reads it and
//! [`CheckpointDefinition::align_disks`] holds it against the disks of its
//! domain; [`crate::moment::MomentTree`] keeps all checkpoints of a domain.

mod definition;
mod disk;
#[cfg(test)]
mod tests;

pub use definition::{CheckpointDefinition, CheckpointFormat, CheckpointParse};
pub use disk::{CheckpointDisk, CheckpointKind};
