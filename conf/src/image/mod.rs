//! Disk images: what their headers say, and the chains that they form.
//!
//! An image may be written over another one, which its header names; that one
//! may be over a third. [`chain`] follows the names through whatever gives it
//! the first bytes of a file ([`Files`]); [`Header`] reads those bytes;
//! [`reference`] makes a source of the name of an image below.
//!
//! A guest may write anything into an image of its own, so nothing here
//! believes a header further than its bytes go, and a format is guessed only
//! where nothing can be gained by a false one.

mod chain;
mod header;
mod json;
mod qcow;
mod reference;
#[cfg(test)]
mod tests;
mod uri;

pub use chain::{Chain, FileKind, Files, chain};
pub use header::{Below, Header, HeaderEncryption, detect};
pub use reference::{is_file, reference};

/// How many of the first bytes of an image are looked at.
pub const HEAD: usize = 0x8200;
