//! `<port isolated='yes'/>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use crate::xml::{Element, YesNo};

/// What a port of a bridge may do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct PortOptions {
    /// No traffic to other isolated ports.
    #[xml(attr)]
    pub isolated: Option<YesNo>,
}
