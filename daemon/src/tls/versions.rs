//! Which versions of TLS a priority string leaves.

use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};

/// The versions that `priority` allows: `+VERS-…` adds, `-VERS-…` and
/// `!VERS-…` take away. Its other words choose among ciphers that are all
/// sound here, and have no effect.
///
/// Errors: no version is left that is spoken here.
pub(super) fn of_priority(priority: Option<&str>) -> Result<Vec<&'static SupportedProtocolVersion>, String> {
    let (mut old, mut new) = (true, true);
    for word in priority.unwrap_or_default().split(':') {
        let Some((sign, version)) = word.split_once("VERS-") else { continue };
        let allowed = match sign {
            "+" => true,
            "-" | "!" => false,
            _ => continue,
        };
        match version {
            "TLS1.2" => old = allowed,
            "TLS1.3" => new = allowed,
            "ALL" | "TLS-ALL" => (old, new) = (allowed, allowed),
            _ => {}
        }
    }
    let mut left = Vec::new();
    left.extend(new.then_some(&TLS13));
    left.extend(old.then_some(&TLS12));
    match left.is_empty() {
        false => Ok(left),
        true => Err(format!(
            "'{}' for 'tls_priority' leaves neither TLS 1.2 nor TLS 1.3, the versions that are spoken here",
            priority.unwrap_or_default()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities_choose_versions() {
        for (priority, wanted) in [
            ("", 2),
            ("NORMAL", 2),
            ("NORMAL:-VERS-TLS1.2", 1),
            ("NORMAL:-VERS-ALL:+VERS-TLS1.3", 1),
            ("SECURE256:!VERS-TLS1.3:-VERS-TLS1.1", 1),
        ] {
            assert_eq!(of_priority(Some(priority)).expect(priority).len(), wanted, "{priority}");
        }
        of_priority(Some("NORMAL:-VERS-TLS-ALL:+VERS-TLS1.0")).expect_err("too old");
    }
}
