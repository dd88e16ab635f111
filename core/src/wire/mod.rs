//! The wire: XDR values, frames and the shapes that both are checked against.

pub mod message;
pub mod shape;
pub mod xdr;
