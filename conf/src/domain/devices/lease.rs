//! `<lease>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use crate::xml::Element;

/// `<lease>`: a lock held while the guest runs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Lease {
    #[xml(leaf)]
    pub lockspace: Option<String>,
    #[xml(leaf)]
    pub key: String,
    #[xml(child)]
    pub target: Option<LeaseTarget>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct LeaseTarget {
    #[xml(attr)]
    pub path: String,
    #[xml(attr)]
    pub offset: Option<u64>,
}
