//! The `<networkport>` document: one guest's place in a network.
//!
//! The same text is what clients send, what they are shown, and what the
//! state file of a port holds.

mod definition;
mod plug;

pub use crate::net::*;
pub use crate::network::MacTableManager;
pub use definition::{NetworkPort, PortOwner};
pub use plug::Plug;

#[cfg(test)]
mod tests;
