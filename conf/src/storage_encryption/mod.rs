//! `<encryption>` of a volume, a domain's disk or a backing store: how the
//! bytes are locked, and which stored secrets open them.
//!
//! Start reading at [`Encryption`].

mod cipher;
mod encryption;

pub use cipher::{Cipher, IvGen};
pub use encryption::{Encryption, EncryptionEngine, EncryptionFormat};
