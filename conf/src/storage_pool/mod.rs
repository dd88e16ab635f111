//! `<pool>`: a place that volumes are kept in, where it comes from and where
//! it shows on this host.
//!
//! Start reading at [`PoolDefinition`]; what each type of pool has stands in
//! [`PoolType`]. The lists that a search for sources takes and gives are
//! [`PoolSource::parse_spec`] and [`format_sources`].

mod adapter;
mod auth;
mod definition;
mod device;
mod formats;
mod host;
mod kind;
mod namespace;
mod permissions;
mod refresh;
mod source;
mod sources;
mod state;
mod target;

#[cfg(test)]
mod tests;

use oxivirt_core::{Error, ErrorCode};

use crate::xml::Node;

pub use adapter::{Adapter, FcHost, FcParent, ScsiHostParent};
pub use auth::{PoolAuth, PoolAuthType};
pub use definition::{PoolDefinition, PoolFeatures};
pub use device::{FreeExtent, SourceDevice};
pub use formats::{DiskLabel, FsFormat, LogicalFormat, NetFsFormat, PartitionType, PoolFormat, VolumeFormat};
pub use host::SourceHost;
pub use kind::{PoolType, SourceParts, VolumeFormats};
pub use namespace::{PoolNamespace, RbdOption};
pub use permissions::Permissions;
pub use refresh::{PoolRefresh, VolumeAllocation};
pub use source::PoolSource;
pub use sources::{format_sources, parse_sources};
pub use state::{format_state, parse_state};
pub use target::{PoolTarget, tidy_path};

/// A word that is known not to be supported, as opposed to a malformed document.
pub(crate) fn unsupported(node: Node<'_>, what: impl std::fmt::Display) -> Error {
    Error::new(ErrorCode::CONFIG_UNSUPPORTED, format!("line {}: {}: {what}", node.line(), node.path()))
}
