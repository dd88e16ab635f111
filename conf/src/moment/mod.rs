//! What snapshots and checkpoints of a domain share: a name, a time, a
//! parent, and the tree that parents make.

mod disks;
mod tree;

pub use disks::{DiskNames, disk_by_name};
pub use tree::{Listing, Loaded, MomentTree, Removed};

use std::sync::Arc;

use oxivirt_core::{Error, ErrorCode};

/// A state of a domain that was given a name.
pub trait Moment {
    /// What users call it in errors: `domain snapshot`, `domain checkpoint`.
    const KIND: &'static str;
    /// The code of "there is none with this name".
    const NOT_FOUND: ErrorCode;

    /// Unique among those of its domain.
    fn name(&self) -> &str;

    /// The name of the one it was made from.
    fn parent(&self) -> Option<&str>;

    /// Puts it below another one, or at the root.
    fn set_parent(&mut self, parent: Option<String>);

    /// The error for a name that no moment of this kind has.
    fn not_found(name: &str) -> Error {
        Error::new(Self::NOT_FOUND, format!("no {} with matching name '{name}'", Self::KIND))
    }
}

/// A tree of shared moments costs little to copy, so that readers may keep one.
impl<M: Moment + Clone> Moment for Arc<M> {
    const KIND: &'static str = M::KIND;
    const NOT_FOUND: ErrorCode = M::NOT_FOUND;

    fn name(&self) -> &str {
        M::name(self)
    }

    fn parent(&self) -> Option<&str> {
        M::parent(self)
    }

    fn set_parent(&mut self, parent: Option<String>) {
        Arc::make_mut(self).set_parent(parent);
    }
}

/// The name of a moment that was given none: the seconds at which it was made.
pub(crate) fn name_or_time(name: Option<String>, now: i64) -> String {
    name.unwrap_or_else(|| now.to_string())
}
