//! Limits and places, one file per subject: each knows the names of its
//! parameters, what a definition says of them, and how it is changed.

pub(super) mod bandwidth;
pub(super) mod blkio;
pub(super) mod iothreads;
pub(super) mod iotune;
pub(super) mod memory;
pub(super) mod numa;
pub(super) mod scheduler;

use oxivirt_core::types::TypedKind;

/// Names and kinds of parameters.
pub(super) type Known = &'static [(&'static str, TypedKind)];
