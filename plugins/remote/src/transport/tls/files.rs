//! Certificates and keys, and what is made of them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use oxivirt_core::{Error, ErrorCode, ErrorDomain, Result};
use oxivirt_util::tls_versions::TlsVersions;
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};

use super::verify::AnyServer;
use crate::connection::Places;
use crate::uri::RemoteUri;

/// The files of the public key infrastructure.
#[derive(Debug, PartialEq, Eq)]
struct Files {
    authority: PathBuf,
    /// Certificates that the authority has taken back; may be missing.
    revoked: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    /// Those of `pkipath`, of the user, or of the system.
    ///
    /// * `own`: the user's folder, where there is one to look into.
    fn of(uri: &RemoteUri, pki: &Path, own: Option<&Path>) -> Self {
        let within = |folder: &Path| Self {
            authority: folder.join("cacert.pem"),
            revoked: folder.join("cacrl.pem"),
            certificate: folder.join("clientcert.pem"),
            key: folder.join("clientkey.pem"),
        };
        if let Some(folder) = &uri.parameters.pkipath {
            return within(Path::new(folder));
        }
        let mut files = Self {
            authority: pki.join("CA/cacert.pem"),
            revoked: pki.join("CA/cacrl.pem"),
            certificate: pki.join("libvirt/clientcert.pem"),
            key: pki.join("libvirt/private/clientkey.pem"),
        };
        let Some(own) = own.map(within) else { return files };
        if own.authority.exists() {
            (files.authority, files.revoked) = (own.authority, own.revoked);
        }
        if own.certificate.exists() && own.key.exists() {
            (files.certificate, files.key) = (own.certificate, own.key);
        }
        files
    }
}

/// What a session begins with.
///
/// * Errors: a file that is missing or makes no sense, by its name.
pub(super) fn config(uri: &RemoteUri, places: &Places) -> Result<ClientConfig> {
    let own = match rustix::process::geteuid().is_root() {
        true => None,
        false => std::env::var_os("HOME").map(|home| Path::new(&home).join(".pki/libvirt")),
    };
    let files = Files::of(uri, &places.pki, own.as_deref());
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone()).with_protocol_versions(&versions(uri)?);
    let builder = builder.map_err(|error| refused(error.to_string()))?.dangerous();
    let builder = match uri.parameters.no_verify {
        true => builder.with_custom_certificate_verifier(Arc::new(AnyServer(provider))),
        false => builder.with_custom_certificate_verifier(verifier(&files, provider)?),
    };
    // A server may want nothing of us.
    if !files.certificate.exists() {
        return Ok(builder.with_no_client_auth());
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| unusable(&files.key, &error))?;
    builder
        .with_client_auth_cert(certificates(&files.certificate)?, key)
        .map_err(|error| unusable(&files.certificate, &error))
}

fn versions(uri: &RemoteUri) -> Result<Vec<&'static SupportedProtocolVersion>> {
    let priority = uri.parameters.tls_priority.as_deref().unwrap_or_default();
    let left = TlsVersions::of_priority(priority).map_err(Error::invalid_arg)?;
    Ok([left.tls13.then_some(&TLS13), left.tls12.then_some(&TLS12)].into_iter().flatten().collect())
}

/// Takes servers whose certificate is of our authority, valid, for that host and not taken back.
fn verifier(files: &Files, provider: Arc<CryptoProvider>) -> Result<Arc<WebPkiServerVerifier>> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&files.authority)? {
        roots.add(certificate).map_err(|error| unusable(&files.authority, &error))?;
    }
    let revoked: Vec<_> = match files.revoked.exists() {
        true => CertificateRevocationListDer::pem_file_iter(&files.revoked)
            .and_then(Iterator::collect)
            .map_err(|error| unusable(&files.revoked, &error))?,
        false => Vec::new(),
    };
    // An authority without a list has taken back nothing.
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .with_crls(revoked)
        .only_check_end_entity_revocation()
        .allow_unknown_revocation_status()
        .build()
        .map_err(|error| unusable(&files.authority, &error))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let all: Vec<_> =
        CertificateDer::pem_file_iter(file).and_then(Iterator::collect).map_err(|error| unusable(file, &error))?;
    match all.is_empty() {
        false => Ok(all),
        true => Err(unusable(file, &"there is no certificate in it")),
    }
}

fn unusable(file: &Path, error: &dyn std::fmt::Display) -> Error {
    refused(format!("'{}' cannot be used: {error}", file.display()))
}

pub(super) fn refused(text: String) -> Error {
    Error::new(ErrorCode::SYSTEM_ERROR, format!("TLS: {text}")).in_domain(ErrorDomain::RPC)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn files(text: &str, own: Option<&Path>) -> Files {
        Files::of(&RemoteUri::parse(text).unwrap(), Path::new("/pki"), own)
    }

    #[test]
    fn files_are_those_named_then_the_users_then_the_systems() {
        let system = files("x+tls://box/", None);
        assert_eq!(system.authority, Path::new("/pki/CA/cacert.pem"));
        assert_eq!(system.key, Path::new("/pki/libvirt/private/clientkey.pem"));
        assert_eq!(files("x+tls://box/?pkipath=/a", None).certificate, Path::new("/a/clientcert.pem"));
        let folder = tempfile::tempdir().unwrap();
        let own = Some(folder.path());
        assert_eq!(files("x+tls://box/", own), system);
        std::fs::write(folder.path().join("cacert.pem"), "").unwrap();
        std::fs::write(folder.path().join("clientcert.pem"), "").unwrap();
        let some = files("x+tls://box/", own);
        // A certificate is of no use without its key.
        assert_eq!((some.authority, some.certificate), (folder.path().join("cacert.pem"), system.certificate));
        std::fs::write(folder.path().join("clientkey.pem"), "").unwrap();
        assert_eq!(files("x+tls://box/", own).certificate, folder.path().join("clientcert.pem"));
    }

    #[test]
    fn files_without_a_certificate_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let uri = RemoteUri::parse(&format!("x+tls://box/?pkipath={}", folder.path().display())).unwrap();
        for text in [None, Some(""), Some("nonsense")] {
            if let Some(text) = text {
                std::fs::write(folder.path().join("cacert.pem"), text).unwrap();
            }
            let error = config(&uri, &Places::default()).unwrap_err();
            assert!(error.message().contains("cacert.pem"), "{error}");
        }
    }
}
