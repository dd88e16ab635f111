//! Public API, driver interfaces and plugin boundary of Oxivirt.
//!
//! - [`interface`]: the traits that describe every call, and what follows from them
//! - [`plugin`]: how a driver is exported, loaded and opened
//! - [`host`]: what a driver sees of the daemon
//! - [`client`]: the same interfaces over a connection to a server
//! - [`wire`]: XDR, frames and their limits
//! - [`types`], [`constants`]: the values that calls take and give
//! - [`Error`]: the one error type
//!
//! This crate knows no driver's name.

// Lets the derives name this crate the same way inside and outside of it.
extern crate self as oxivirt_core;

pub mod abi;
pub mod call;
pub mod client;
pub mod connection;
pub mod constants;
mod error;
pub mod event;
pub mod host;
pub mod interface;
pub mod neighbour;
pub mod object;
pub mod packets;
pub mod plugin;
pub mod types;
pub mod wire;

pub use call::Call;
pub use connection::Connection;
pub use error::{Error, ErrorCode, ErrorDomain, LEVEL_ERROR, Result};
pub use event::Event;
pub use host::Host;
