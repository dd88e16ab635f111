//! Limits and places as named parameters: one file per element, each knows
//! the names of its parameters, what a definition says of them, and how it is
//! changed.

pub mod bandwidth;
pub mod blkio;
pub mod iotune;
pub mod memory;
pub mod numa;

use oxivirt_core::types::TypedKind;

/// Names and kinds of parameters.
pub type Known = &'static [(&'static str, TypedKind)];
