//! Secrets and certificates, as objects of QEMU.

use oxivirt_conf::domain::SecretRef;
use oxivirt_core::Result;

use super::super::{Builder, Props};

/// What a secret object holds.
#[derive(Debug, Clone, Copy)]
pub enum Secret<'a> {
    /// A secret that the host keeps.
    Kept(&'a SecretRef),
    /// Words that must not stand on the command line.
    Words(&'a str),
}

/// A secret that only this guest's QEMU can open; both in base 64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// What it is, closed with the guest's own key.
    pub data: String,
    /// What the cipher begins with.
    pub iv: String,
}

/// The object of a secret.
pub(in crate::command) fn object(b: &mut Builder<'_>, id: &str, secret: Secret<'_>) -> Result<Props> {
    let sealed = b.host.seal(secret)?;
    Ok(Props::new()
        .text("qom-type", "secret")
        .text("id", id)
        .text("data", sealed.data)
        .text("keyid", "masterKey0")
        .text("iv", sealed.iv)
        .text("format", "base64"))
}

/// The object of certificates in a folder.
pub(in crate::command) fn certificates(id: &str, folder: &str, server: bool, verify: bool) -> Props {
    Props::new()
        .text("qom-type", "tls-creds-x509")
        .text("id", id)
        .text("dir", folder)
        .text("endpoint", if server { "server" } else { "client" })
        .flag("verify-peer", verify)
}
