//! Where keys and certificates are, and what is in them.

use std::path::{Path, PathBuf};

use oxivirt_util::file;
use oxivirt_util::paths::Root;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};

use crate::settings::TlsFiles;

/// No certificate file is larger.
const SIZE_MAX: usize = 16 << 20;

/// A file, and whether it has to be there.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    required: bool,
}

/// Where each file is.
#[derive(Clone, Debug)]
pub(super) struct Places {
    pub(super) key: Place,
    pub(super) certificate: Place,
    pub(super) authorities: Place,
    pub(super) revoked: Place,
}

/// What the files hold.
pub(super) struct Loaded {
    pub(super) key: PrivateKeyDer<'static>,
    /// The daemon's own first.
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) authorities: Vec<CertificateDer<'static>>,
    /// The same for verifying.
    pub(super) roots: RootCertStore,
    pub(super) revoked: Vec<CertificateRevocationListDer<'static>>,
}

impl Places {
    /// As configured, else where libvirt has them.
    pub(super) fn of(root: &Root, files: &TlsFiles) -> Self {
        let home = std::env::var_os("HOME").map(PathBuf::from).filter(|_| root.is_session());
        let place = |configured: &Option<PathBuf>, own: &str, system: &str, required: bool| {
            let path = match (configured, &home) {
                (Some(path), _) => root.resolve(path),
                (None, Some(home)) if home.join(".pki/libvirt").join(own).exists() => {
                    home.join(".pki/libvirt").join(own)
                }
                (None, _) => root.resolve(system),
            };
            Place { path, required: required || configured.is_some() }
        };
        Self {
            key: place(&files.key, "serverkey.pem", "/etc/pki/libvirt/private/serverkey.pem", true),
            certificate: place(&files.certificate, "servercert.pem", "/etc/pki/libvirt/servercert.pem", true),
            authorities: place(&files.authorities, "cacert.pem", "/etc/pki/CA/cacert.pem", true),
            revoked: place(&files.revoked, "cacrl.pem", "/etc/pki/CA/cacrl.pem", false),
        }
    }
}

impl Loaded {
    /// Reads everything.
    ///
    /// Errors: one line for each file that is missing or holds something else.
    pub(super) fn read(places: &Places) -> Result<Self, Vec<String>> {
        let mut wrong = Vec::new();
        let mut note = |error| wrong.push(error);
        let chain = certificates(&places.certificate, "certificate").map_err(&mut note);
        let authorities = certificates(&places.authorities, "CA certificate").map_err(&mut note);
        let key = key(&places.key).map_err(&mut note);
        let revoked = revoked(&places.revoked).map_err(&mut note);
        let roots = authorities
            .as_ref()
            .map(|all| roots(&places.authorities.path, all))
            .unwrap_or_else(|()| Ok(RootCertStore::empty()))
            .map_err(&mut note);
        match (chain, authorities, key, revoked, roots) {
            (Ok(chain), Ok(authorities), Ok(key), Ok(revoked), Ok(roots)) => {
                Ok(Self { key, chain, authorities, roots, revoked })
            }
            _ => Err(wrong),
        }
    }
}

fn read(place: &Place, what: &str) -> Result<Vec<u8>, String> {
    file::read_limited(&place.path, SIZE_MAX)
        .map_err(|error| format!("cannot read {what} '{}': {error}", place.path.display()))
}

fn certificates(place: &Place, what: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = read(place, what)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match all {
        Ok(all) if !all.is_empty() => Ok(all),
        Ok(_) => Err(format!("{what} '{}' has no certificate in the PEM format", place.path.display())),
        Err(error) => Err(format!("{what} '{}' is damaged: {error}", place.path.display())),
    }
}

fn key(place: &Place) -> Result<PrivateKeyDer<'static>, String> {
    let text = read(place, "private key")?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| {
        let encrypted = String::from_utf8_lossy(&text).contains("ENCRYPTED");
        let hint = if encrypted { " (it is encrypted, which is not supported)" } else { "" };
        format!("private key '{}' cannot be used: {error}{hint}", place.path.display())
    })
}

fn revoked(place: &Place) -> Result<Vec<CertificateRevocationListDer<'static>>, String> {
    if !place.required && !place.path.exists() {
        return Ok(Vec::new());
    }
    let text = read(place, "revocation list")?;
    let all: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(&text).collect();
    match all {
        Ok(all) if !all.is_empty() => Ok(all),
        Ok(_) => Err(format!("'{}' has no revocation list in the PEM format", place.path.display())),
        Err(error) => Err(format!("revocation list '{}' is damaged: {error}", place.path.display())),
    }
}

fn roots(path: &Path, all: &[CertificateDer<'static>]) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for certificate in all {
        roots
            .add(certificate.clone())
            .map_err(|error| format!("CA certificate '{}' cannot be used: {error}", path.display()))?;
    }
    Ok(roots)
}
