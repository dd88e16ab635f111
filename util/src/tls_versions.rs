//! Which versions of TLS a priority string leaves.

/// The versions that are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlsVersions {
    /// TLS 1.2.
    pub tls12: bool,
    /// TLS 1.3.
    pub tls13: bool,
}

impl TlsVersions {
    /// The versions that `priority` allows, in GnuTLS' syntax: `+VERS-…` adds,
    /// `-VERS-…` and `!VERS-…` take away; without any of them both are. Its
    /// other words choose among ciphers that are all sound here, and have no effect.
    ///
    /// Errors: no version is left that is spoken here.
    pub fn of_priority(priority: &str) -> Result<Self, String> {
        let mut left = Self { tls12: true, tls13: true };
        for word in priority.split(':') {
            let Some((sign, version)) = word.split_once("VERS-") else { continue };
            let allowed = match sign {
                "+" => true,
                "-" | "!" => false,
                _ => continue,
            };
            match version {
                "TLS1.2" => left.tls12 = allowed,
                "TLS1.3" => left.tls13 = allowed,
                "ALL" | "TLS-ALL" => left = Self { tls12: allowed, tls13: allowed },
                _ => {}
            }
        }
        match left.tls12 || left.tls13 {
            true => Ok(left),
            false => Err(format!(
                "'{priority}' for 'tls_priority' leaves neither TLS 1.2 nor TLS 1.3, the versions that are spoken here"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities_choose_versions() {
        for (priority, wanted) in [
            ("", (true, true)),
            ("NORMAL", (true, true)),
            ("NORMAL:-VERS-TLS1.2", (false, true)),
            ("NORMAL:-VERS-ALL:+VERS-TLS1.3", (false, true)),
            ("SECURE256:!VERS-TLS1.3:-VERS-TLS1.1", (true, false)),
        ] {
            let versions = TlsVersions::of_priority(priority).map(|versions| (versions.tls12, versions.tls13));
            assert_eq!(versions, Ok(wanted), "{priority}");
        }
        assert!(TlsVersions::of_priority("NORMAL:-VERS-TLS-ALL:+VERS-TLS1.0").is_err());
    }
}
