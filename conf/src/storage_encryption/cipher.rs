//! `<cipher>` and `<ivgen>`: how a new image is to be encrypted.

use crate::xml::Element;

/// `<cipher name='serpent' size='256' mode='cbc' hash='sha256'/>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Cipher {
    /// The algorithm: `aes`, `serpent`, `twofish`…
    #[xml(attr)]
    pub name: String,
    /// Bits of the key.
    #[xml(attr)]
    pub size: u32,
    /// The mode of operation: `cbc`, `xts`…
    #[xml(attr)]
    pub mode: Option<String>,
    /// The digest of the master key: `sha256`…
    #[xml(attr)]
    pub hash: Option<String>,
}

/// `<ivgen name='plain64' hash='sha256'/>`: where initial vectors come from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct IvGen {
    /// The generator: `plain`, `plain64`, `essiv`.
    #[xml(attr)]
    pub name: String,
    /// Its digest.
    #[xml(attr)]
    pub hash: Option<String>,
}
