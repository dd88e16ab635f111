//! Network sockets, TLS and SASL.

use std::path::PathBuf;

use oxivirt_util::config::{Complaints, Config, ConfigError};

use super::{Auth, auth};

/// The network sockets.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    /// Whether `--listen` opens a TLS socket.
    pub(crate) tls: bool,
    /// Whether `--listen` opens a plain one.
    pub(crate) tcp: bool,
    /// Port of the TLS socket, a number or the name of a service.
    pub(crate) tls_port: String,
    /// Port of the plain one.
    pub(crate) tcp_port: String,
    /// The one address, or all.
    pub(crate) address: Option<String>,
    /// How clients of the TLS socket prove who they are besides their certificate.
    pub(crate) tls_auth: Auth,
    /// How clients of the plain one prove who they are.
    pub(crate) tcp_auth: Auth,
}

/// The files of TLS as they were configured.
#[derive(Clone, Debug, Default)]
pub(crate) struct TlsFiles {
    /// The private key.
    pub(crate) key: Option<PathBuf>,
    /// The certificate with those between it and the authority's.
    pub(crate) certificate: Option<PathBuf>,
    /// Certificates of the authorities.
    pub(crate) authorities: Option<PathBuf>,
    /// Revoked certificates.
    pub(crate) revoked: Option<PathBuf>,
}

/// TLS.
#[derive(Clone, Debug, Default)]
pub(crate) struct TlsRules {
    /// Its files.
    pub(crate) files: TlsFiles,
    /// Whether the daemon's own certificate is used without checking it.
    pub(crate) skip_sanity: bool,
    /// Whether clients come in whatever their certificate.
    pub(crate) skip_verification: bool,
    /// Patterns of the names in clients' certificates; absent lets in all.
    pub(crate) allowed_names: Option<Vec<String>>,
    /// Versions and ciphers in the syntax of GnuTLS.
    pub(crate) priority: Option<String>,
}

/// SASL.
#[derive(Clone, Debug, Default)]
pub(crate) struct SaslRules {
    /// Patterns of the names of users; absent lets in all.
    pub(crate) allowed_users: Option<Vec<String>>,
    /// Where users and their keys are.
    pub(crate) users_file: Option<PathBuf>,
    /// Least strength of the encryption on a plain TCP socket, in bits.
    pub(crate) tcp_min_ssf: u64,
}

impl Network {
    pub(super) fn from_config(config: &Config, wrong: &mut Complaints) -> Self {
        Self {
            tls: wrong.take(None, config.bool("listen_tls")).unwrap_or(true),
            tcp: wrong.take(None, config.bool("listen_tcp")).unwrap_or(false),
            tls_port: wrong.take(None, port(config, "tls_port")).unwrap_or_else(|| "16514".to_owned()),
            tcp_port: wrong.take(None, port(config, "tcp_port")).unwrap_or_else(|| "16509".to_owned()),
            address: wrong.take(None, config.str("listen_addr")).map(str::to_owned),
            tls_auth: wrong.take(None, remote_auth(config, "auth_tls")).unwrap_or(Auth::None),
            tcp_auth: wrong.take(None, remote_auth(config, "auth_tcp")).unwrap_or(Auth::Sasl),
        }
    }
}

impl TlsRules {
    pub(super) fn from_config(config: &Config, wrong: &mut Complaints) -> Self {
        let mut file = |key: &str| wrong.take(None, config.path(key));
        let files = TlsFiles {
            key: file("key_file"),
            certificate: file("cert_file"),
            authorities: file("ca_file"),
            revoked: file("crl_file"),
        };
        Self {
            files,
            skip_sanity: wrong.take(None, config.bool("tls_no_sanity_certificate")).unwrap_or(false),
            skip_verification: wrong.take(None, config.bool("tls_no_verify_certificate")).unwrap_or(false),
            allowed_names: wrong.take(None, patterns(config, "tls_allowed_dn_list")),
            priority: wrong.take(None, config.str("tls_priority")).map(str::to_owned),
        }
    }
}

impl SaslRules {
    pub(super) fn from_config(config: &Config, wrong: &mut Complaints) -> Self {
        /// The weakest that stock daemons accept.
        const LEAST: u64 = 112;
        Self {
            allowed_users: wrong.take(None, patterns(config, "sasl_allowed_username_list")),
            users_file: wrong.take(None, config.path("sasl_users_file")),
            tcp_min_ssf: wrong
                .take(None, config.uint_within("tcp_min_ssf", LEAST..=u64::from(u32::MAX)))
                .unwrap_or(LEAST),
        }
    }
}

fn patterns(config: &Config, key: &str) -> Result<Option<Vec<String>>, ConfigError> {
    Ok(config.str_list(key)?.map(|list| list.into_iter().map(str::to_owned).collect()))
}

fn port(config: &Config, key: &str) -> Result<Option<String>, ConfigError> {
    let Some(text) = config.str(key)? else { return Ok(None) };
    let is_number = text.parse::<u16>().is_ok_and(|number| number > 0);
    let is_name = text.chars().any(|c| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+'));
    match is_number || is_name {
        true => Ok(Some(text.to_owned())),
        false => Err(config.error(key, format!("'{text}' for '{key}' is neither a port nor the name of a service"))),
    }
}

/// polkit decides about processes of this host only.
fn remote_auth(config: &Config, key: &str) -> Result<Option<Auth>, ConfigError> {
    match auth(config, key)? {
        Some(Auth::Polkit) => {
            Err(config.error(key, format!("'polkit' for '{key}' is for Unix sockets only: expected none or sasl")))
        }
        other => Ok(other),
    }
}
