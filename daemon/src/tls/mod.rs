//! TLS on the network socket: whom clients find here, and whom they have to be.
//!
//! The client speaks TLS first of all. Once its certificate is accepted it gets
//! one byte, and the ordinary protocol begins.

mod files;
mod name;
mod sanity;
mod serve;

use std::sync::{Arc, Mutex, PoisonError};

use oxivirt_util::paths::Root;
use oxivirt_util::tls_versions::TlsVersions;
use rustls::ServerConfig;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{DigitallySignedStruct, DistinguishedName, SignatureScheme, SupportedProtocolVersion};

use crate::globs;
use crate::settings::TlsRules;
use files::{Loaded, Places};
pub(crate) use name::subject;

/// What every TLS connection begins with.
pub(crate) struct Tls {
    places: Places,
    rules: TlsRules,
    current: Mutex<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads and checks the files.
    ///
    /// Errors: everything that is wrong with them, one line each.
    pub(crate) fn open(root: &Root, rules: &TlsRules) -> Result<Self, Vec<String>> {
        let places = Places::of(root, &rules.files);
        let config = build(&places, rules)?;
        Ok(Self { places, rules: rules.clone(), current: Mutex::new(config) })
    }

    /// Reads the files again; connections that are there stay as they are, and
    /// so does everything else when the new files are wrong.
    pub(crate) fn reload(&self) -> Result<(), Vec<String>> {
        let config = build(&self.places, &self.rules)?;
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    /// What the next connection begins with.
    fn config(&self) -> Arc<ServerConfig> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether a client may come in by the name in its certificate.
    fn admits(&self, name: Option<&str>) -> bool {
        if self.rules.skip_verification {
            return true;
        }
        match (&self.rules.allowed_names, name) {
            (None, _) => true,
            (Some(allowed), Some(name)) => allowed.iter().any(|pattern| globs::fits(pattern, name)),
            (Some(_), None) => false,
        }
    }
}

fn build(places: &Places, rules: &TlsRules) -> Result<Arc<ServerConfig>, Vec<String>> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = versions_of(rules.priority.as_deref());
    let loaded = Loaded::read(places);
    let (versions, loaded) = match (versions, loaded) {
        (Ok(versions), Ok(loaded)) => (versions, loaded),
        (versions, loaded) => {
            return Err(versions.err().into_iter().chain(loaded.err().into_iter().flatten()).collect());
        }
    };
    let mut wrong = Vec::new();
    if !rules.skip_sanity {
        wrong.extend(sanity::complaints(places, &loaded, &provider.signature_verification_algorithms));
    }
    let verifier = verifier(places, rules, &loaded, &provider).map_err(|error| wrong.push(error));
    let key = sanity::matching_key(places, &loaded, &provider).map_err(|error| wrong.push(error));
    let (Ok(verifier), Ok(key), true) = (verifier, key, wrong.is_empty()) else { return Err(wrong) };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions)
        .map_err(|error| vec![format!("TLS cannot be set up: {error}")])?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(key)));
    // Whoever was let in once must show its certificate again: it may be revoked meanwhile.
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

fn verifier(
    places: &Places,
    rules: &TlsRules,
    loaded: &Loaded,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, String> {
    if rules.skip_verification {
        return Ok(Arc::new(Anybody(provider.signature_verification_algorithms)));
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(loaded.roots.clone()), provider.clone())
        .with_crls(loaded.revoked.iter().cloned())
        // An authority without a list has revoked nothing.
        .allow_unknown_revocation_status()
        .build()
        .map(|verifier| verifier as Arc<dyn ClientCertVerifier>)
        .map_err(|error| format!("revocation lists in '{}' cannot be used: {error}", places.revoked.path.display()))
}

/// The versions that a priority string leaves, newest first.
fn versions_of(priority: Option<&str>) -> Result<Vec<&'static SupportedProtocolVersion>, String> {
    let left = TlsVersions::of_priority(priority.unwrap_or_default())?;
    let both = [left.tls13.then_some(&TLS13), left.tls12.then_some(&TLS12)];
    Ok(both.into_iter().flatten().collect())
}

/// Takes any certificate, but only from whoever has its key.
#[derive(Debug)]
struct Anybody(WebPkiSupportedAlgorithms);

impl ClientCertVerifier for Anybody {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
