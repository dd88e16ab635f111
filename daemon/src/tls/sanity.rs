//! Whether the daemon's own certificates can work at all, told at the start
//! rather than to the first client.

use std::path::Path;
use std::sync::Arc;

use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;

use super::files::{Loaded, Places};

/// What a certificate is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Server,
    Authority,
}

/// Everything that is wrong with the daemon's certificates.
pub(super) fn complaints(places: &Places, loaded: &Loaded, algorithms: &WebPkiSupportedAlgorithms) -> Vec<String> {
    let mut wrong = Vec::new();
    let now = ASN1Time::now();
    if let Some(own) = loaded.chain.first() {
        examine(&places.certificate.path, own, Role::Server, now, &mut wrong);
    }
    for between in loaded.chain.iter().skip(1) {
        examine(&places.certificate.path, between, Role::Authority, now, &mut wrong);
    }
    for authority in &loaded.authorities {
        examine(&places.authorities.path, authority, Role::Authority, now, &mut wrong);
    }
    if wrong.is_empty()
        && let Err(error) = is_signed(loaded, algorithms)
    {
        wrong.push(format!(
            "certificate '{}' is not signed by an authority in '{}': {error}",
            places.certificate.path.display(),
            places.authorities.path.display()
        ));
    }
    wrong
}

/// The certificate with its key.
///
/// Errors: a key of an unknown kind, or of another certificate.
pub(super) fn matching_key(
    places: &Places,
    loaded: &Loaded,
    provider: &Arc<CryptoProvider>,
) -> Result<CertifiedKey, String> {
    let key = places.key.path.display();
    let signing = provider
        .key_provider
        .load_private_key(loaded.key.clone_key())
        .map_err(|error| format!("private key '{key}' cannot be used: {error}"))?;
    let certified = CertifiedKey::new(loaded.chain.clone(), signing);
    match certified.keys_match() {
        // A key that does not know its public half is believed.
        Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => Ok(certified),
        Err(error) => Err(format!(
            "private key '{key}' does not belong to certificate '{}': {error}",
            places.certificate.path.display()
        )),
    }
}

fn is_signed(loaded: &Loaded, algorithms: &WebPkiSupportedAlgorithms) -> Result<(), rustls::Error> {
    let Some((own, between)) = loaded.chain.split_first() else { return Ok(()) };
    let own = ParsedCertificate::try_from(own)?;
    verify_server_cert_signed_by_trust_anchor(&own, &loaded.roots, between, UnixTime::now(), algorithms.all)
}

fn examine(path: &Path, der: &CertificateDer<'_>, role: Role, now: ASN1Time, wrong: &mut Vec<String>) {
    let what = if role == Role::Server { "certificate" } else { "CA certificate" };
    let mut complain = |text: String| wrong.push(format!("{what} '{}' {text}", path.display()));
    let certificate = match X509Certificate::from_der(der) {
        Ok((_, certificate)) => certificate,
        Err(error) => return complain(format!("cannot be read: {error}")),
    };
    let validity = certificate.validity();
    if now < validity.not_before {
        complain(format!("is not valid before {}", validity.not_before));
    }
    if now > validity.not_after {
        complain(format!("has expired on {}", validity.not_after));
    }
    let is_authority = match certificate.basic_constraints() {
        Ok(constraints) => constraints.is_some_and(|constraints| constraints.value.ca),
        Err(error) => return complain(format!("has damaged basic constraints: {error}")),
    };
    match (role, is_authority) {
        (Role::Server, true) => complain("is that of an authority, not of a server".to_owned()),
        (Role::Authority, false) => complain("is not that of an authority (basic constraints)".to_owned()),
        _ => {}
    }
    if let Ok(Some(usage)) = certificate.key_usage() {
        let usage = usage.value;
        match role {
            Role::Server if !usage.digital_signature() && !usage.key_encipherment() => {
                complain("may be used neither for signatures nor for exchanging keys (key usage)".to_owned());
            }
            Role::Authority if !usage.key_cert_sign() => {
                complain("may not sign certificates (key usage)".to_owned());
            }
            _ => {}
        }
    }
    if role == Role::Server
        && let Ok(Some(purposes)) = certificate.extended_key_usage()
        && !purposes.value.server_auth
        && !purposes.value.any
    {
        complain("is not for servers (extended key usage)".to_owned());
    }
}
