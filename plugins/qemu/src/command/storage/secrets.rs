//! Secrets and certificates, as objects of QEMU.

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockEncryptMut, KeyIvInit};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use oxivirt_conf::domain::{SecretLookup, SecretRef};
use oxivirt_core::Result;

use super::super::{Builder, Props};
use crate::settings::Certificates;

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

impl Sealed {
    /// Closes a value with the guest's own key, the way QEMU's `secret` object opens it.
    ///
    /// * `iv` – must be random, and another one for each value.
    pub fn close(key: &[u8; 32], iv: [u8; 16], value: &[u8]) -> Self {
        let cipher = cbc::Encryptor::<aes::Aes256>::new(key.into(), &iv.into());
        let data = cipher.encrypt_padded_vec_mut::<Pkcs7>(value);
        Self { data: BASE64.encode(data), iv: BASE64.encode(iv) }
    }
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

/// Adds the object of certificates, and before it that of the secret which opens their key.
///
/// * `secret_id` – what the latter is called.
pub(in crate::command) fn certificates(
    b: &mut Builder<'_>,
    id: &str,
    secret_id: &str,
    certificates: &Certificates,
    server: bool,
) -> Result<()> {
    let secret = match certificates.secret {
        Some(uuid) => {
            let kept = SecretRef { kind: None, lookup: SecretLookup::Uuid(uuid) };
            let object = object(b, secret_id, Secret::Kept(&kept))?;
            b.json("-object", &object);
            Some(secret_id)
        }
        None => None,
    };
    let props = Props::new()
        .text("qom-type", "tls-creds-x509")
        .text("id", id)
        .text("dir", certificates.folder.to_string_lossy())
        .text("endpoint", if server { "server" } else { "client" })
        .flag("verify-peer", certificates.verify)
        .maybe_text("passwordid", secret);
    b.json("-object", &props);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_closed_as_openssl_closes_it() {
        let counted = |index: usize| u8::try_from(index).unwrap_or_default();
        let sealed = Sealed::close(&std::array::from_fn(counted), std::array::from_fn(counted), b"a=b; c=d");
        assert_eq!(sealed.iv, "AAECAwQFBgcICQoLDA0ODw==");
        assert_eq!(sealed.data, "krenirTu++o4RI1LIsChSw==");
    }
}
