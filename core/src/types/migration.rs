//! What the steps of a migration return.

use abi_stable::StableAbi;
use abi_stable::std_types::{ROption, RString};
use oxivirt_macros::Xdr;

use super::{Bytes, Domain, limit};

/// Where to send to, generations 1 and 2.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq, Xdr)]
pub struct MigrationTarget {
    /// For the source.
    pub cookie: Bytes<{ limit::MIGRATE_COOKIE }>,
    /// Address to send to; absent means the one that was asked for.
    pub uri_out: ROption<RString>,
}

/// The source is ready.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq, Xdr)]
pub struct MigrationBegun {
    /// For the target.
    pub cookie_out: Bytes<{ limit::MIGRATE_COOKIE }>,
    /// The definition for the target.
    pub xml: RString,
}

/// The target is ready.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq, Xdr)]
pub struct MigrationPrepared {
    /// For the source.
    pub cookie_out: Bytes<{ limit::MIGRATE_COOKIE }>,
    /// Address to send to; absent means the one that was asked for.
    pub uri_out: ROption<RString>,
}

/// The target took over.
#[repr(C)]
#[derive(StableAbi, Clone, Debug, PartialEq, Eq, Xdr)]
pub struct MigrationFinished {
    /// The domain on the target.
    pub dom: Domain,
    /// For the source.
    pub cookie_out: Bytes<{ limit::MIGRATE_COOKIE }>,
}
