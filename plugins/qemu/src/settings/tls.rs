//! Certificates of the services that a guest offers or uses.

use std::path::{Path, PathBuf};

use oxivirt_util::config::{Complaints, Config};
use uuid::Uuid;

/// Where the certificates of one service are, and how strict it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificates {
    /// The folder with `ca-cert.pem` and the rest.
    pub folder: PathBuf,
    /// Whether the other side must show a certificate of its own.
    pub verify: bool,
    /// The secret that opens the private key.
    pub secret: Option<Uuid>,
}

impl Certificates {
    /// The certificates of a service that nobody configured.
    pub(super) fn unconfigured(service: &Service) -> Self {
        Self { folder: service.folder.into(), verify: service.verify, secret: None }
    }

    /// Reads what concerns one service; what it does not say is taken from the
    /// settings for all of them, then from what is usual.
    pub(super) fn read(config: &Config, service: &Service, wrong: &mut Complaints) -> Self {
        let key = |what: &str| format!("{}_tls_x509_{what}", service.name);
        let named = wrong.take(None, folder(config, &key("cert_dir")));
        let common = wrong.take(None, folder(config, "default_tls_x509_cert_dir"));
        let usual = Path::new(service.folder);
        let folder = named.unwrap_or_else(|| match usual.is_dir() {
            true => usual.to_owned(),
            false => common.unwrap_or_else(|| ALL.into()),
        });
        let verify = match service.has_verify {
            true => wrong.take(None, config.bool(&key("verify"))),
            false => Some(true),
        };
        let secret = wrong.take(None, uuid(config, &key("secret_uuid")));
        Self {
            folder,
            verify: verify.or(wrong.take(None, config.bool("default_tls_x509_verify"))).unwrap_or(service.verify),
            secret: secret.or(wrong.take(None, uuid(config, "default_tls_x509_secret_uuid"))),
        }
    }
}

/// One service, and what is usual for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Service {
    name: &'static str,
    folder: &'static str,
    verify: bool,
    has_verify: bool,
}

pub(super) const VNC: Service =
    Service { name: "vnc", folder: "/etc/pki/libvirt-vnc", verify: false, has_verify: true };
pub(super) const SPICE: Service =
    Service { name: "spice", folder: "/etc/pki/libvirt-spice", verify: false, has_verify: false };
pub(super) const CHARDEV: Service =
    Service { name: "chardev", folder: "/etc/pki/libvirt-chardev", verify: true, has_verify: true };
/// A client; it always looks at the server's certificate.
pub(super) const NBD: Service =
    Service { name: "nbd", folder: "/etc/pki/libvirt-nbd", verify: true, has_verify: false };

/// A folder that has to be there, since guests would only fail at their start.
fn folder(config: &Config, key: &str) -> Result<Option<PathBuf>, oxivirt_util::config::ConfigError> {
    match config.path(key)? {
        Some(path) if !path.is_dir() => {
            Err(config.error(key, format!("'{}' for '{key}' is not a folder", path.display())))
        }
        other => Ok(other),
    }
}

fn uuid(config: &Config, key: &str) -> Result<Option<Uuid>, oxivirt_util::config::ConfigError> {
    let Some(text) = config.str(key)? else { return Ok(None) };
    match Uuid::parse_str(text) {
        Ok(uuid) if !uuid.is_nil() => Ok(Some(uuid)),
        _ => Err(config.error(key, format!("'{text}' for '{key}' is not the UUID of a secret"))),
    }
}

/// Certificates of every service that has none of its own.
const ALL: &str = "/etc/pki/qemu";
