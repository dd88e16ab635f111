//! Elements of networking that several documents share: domains, networks,
//! their ports.

mod address;
mod bandwidth;
mod mac;
mod port_options;
mod route;
mod virtual_port;
mod vlan;

pub use address::*;
pub use bandwidth::*;
pub use mac::*;
pub use port_options::*;
pub use route::*;
pub use virtual_port::*;
pub use vlan::*;

use oxivirt_core::{Error, ErrorCode};

use crate::xml::Node;

/// An error about an element with another code than `XML_ERROR`.
pub(crate) fn coded(code: ErrorCode, node: Node<'_>, what: impl std::fmt::Display) -> Error {
    node.error_coded(code, what)
}

/// An element that lacks something without which it means nothing.
pub(crate) fn detail(node: Node<'_>, what: impl std::fmt::Display) -> Error {
    coded(ErrorCode::XML_DETAIL, node, what)
}

/// An element that means something that cannot be had.
pub(crate) fn unsupported(node: Node<'_>, what: impl std::fmt::Display) -> Error {
    coded(ErrorCode::CONFIG_UNSUPPORTED, node, what)
}

#[cfg(test)]
mod tests;
