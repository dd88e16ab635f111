//! SASL: users prove with a password who they are.
//!
//! The mechanisms are SCRAM-SHA-256, SCRAM-SHA-1 and PLAIN. None of them
//! encrypts what follows, so they are offered where nobody can listen anyway:
//! on Unix sockets and inside TLS.

pub(crate) mod command;
mod exchange;
mod scram;
pub(crate) mod users;

use std::path::PathBuf;

use oxivirt_core::{Error, ErrorCode, ErrorDomain, Result};
use oxivirt_util::file;
use oxivirt_util::paths::Root;

use crate::globs;
use crate::settings::SaslRules;
pub(crate) use exchange::{Exchange, Step};
use users::Users;

/// What is spoken here, the best first.
pub(crate) const MECHANISMS: &[&str] = &["SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"];

/// The rules of SASL.
pub(crate) struct Sasl {
    rules: SaslRules,
    users: PathBuf,
    /// The file where stock daemons have their mechanisms.
    system: PathBuf,
    /// The mechanisms that the administrator left.
    offered: Vec<&'static str>,
}

impl Sasl {
    /// Reads which mechanisms are wanted.
    ///
    /// Errors: that file is there and cannot be read, or names no mechanism
    /// that is spoken here.
    pub(crate) fn open(root: &Root, rules: &SaslRules) -> std::result::Result<Self, String> {
        let system = root.resolve("/etc/sasl2/libvirt.conf");
        let users = users_file(root, rules);
        let mut all = Self { rules: rules.clone(), users, system, offered: MECHANISMS.to_vec() };
        if let Some(wanted) = all.wanted()? {
            all.offered.retain(|mechanism| wanted.iter().any(|name| name.eq_ignore_ascii_case(mechanism)));
            if all.offered.is_empty() {
                return Err(format!(
                    "'mech_list' in '{}' names none of {}, the mechanisms that are spoken here",
                    all.system.display(),
                    MECHANISMS.join(", ")
                ));
            }
        }
        Ok(all)
    }

    /// Checks the users' file.
    pub(crate) fn check(&self) -> std::result::Result<(), String> {
        Users::read(&self.users).map(drop)
    }

    /// The mechanisms to offer.
    ///
    /// * `protected`: nobody can listen to the connection.
    /// * Errors: `AUTH_FAILED` where encryption is wanted that no mechanism has.
    pub(crate) fn mechanisms(&self, protected: bool) -> Result<&[&'static str]> {
        match protected {
            true => Ok(&self.offered),
            false => Err(Error::new(
                ErrorCode::AUTH_FAILED,
                format!(
                    "SASL on a plain TCP socket must encrypt with {} bits and no mechanism here does: use TLS",
                    self.rules.tcp_min_ssf
                ),
            )
            .in_domain(ErrorDomain::RPC)),
        }
    }

    /// Begins an exchange by a mechanism.
    ///
    /// Errors: `AUTH_FAILED` for a mechanism that was not offered, and when the
    /// users cannot be read.
    pub(crate) fn begin(&self, mechanism: &str, protected: bool) -> Result<Exchange> {
        let offered = self.mechanisms(protected)?;
        if !offered.contains(&mechanism) {
            let text = format!("mechanism '{mechanism}' is not offered");
            return Err(Error::new(ErrorCode::AUTH_FAILED, text).in_domain(ErrorDomain::RPC));
        }
        let users = Users::read(&self.users).map_err(|error| {
            tracing::error!(error, "nobody can come in by SASL");
            Error::new(ErrorCode::AUTH_FAILED, "the users cannot be read").in_domain(ErrorDomain::RPC)
        })?;
        Exchange::begin(mechanism, users)
    }

    /// Whether a user who proved its name may come in.
    pub(crate) fn admits(&self, user: &str) -> bool {
        match &self.rules.allowed_users {
            None => true,
            Some(allowed) => allowed.iter().any(|pattern| globs::fits(pattern, user)),
        }
    }

    /// The value of `mech_list`, where there is one.
    fn wanted(&self) -> std::result::Result<Option<Vec<String>>, String> {
        const SIZE_MAX: usize = 1 << 20;
        let text = match file::read_text(&self.system, SIZE_MAX) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("cannot read '{}': {error}", self.system.display())),
        };
        let value =
            text.lines().filter_map(|line| line.trim().split_once(':')).find(|(key, _)| key.trim() == "mech_list");
        Ok(value
            .map(|(_, list)| list.split([' ', '\t', ',']).filter(|name| !name.is_empty()).map(str::to_owned).collect()))
    }
}

/// Where users and their keys are.
pub(crate) fn users_file(root: &Root, rules: &SaslRules) -> PathBuf {
    match &rules.users_file {
        Some(path) => root.resolve(path),
        None => root.config().join("sasl-users"),
    }
}
