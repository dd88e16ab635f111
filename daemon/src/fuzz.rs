//! What reads bytes from outside, for the fuzz targets in `tests/fuzz`.
//!
//! Each function takes one input and panics when something holds that must not.

use std::sync::LazyLock;

use oxivirt_core::interface::{CallDescription, all_calls};
use oxivirt_util::config::Config;

use crate::sasl::users::Users;
use crate::settings::Settings;

/// Users with the password `secret` and few rounds, so that a run is quick.
const USERS: &str = "\
anna SCRAM-SHA-256:1:00112233445566778899aabbccddeeff:\
8a50a2b6b5a2e3cbd6fdd4ac4f5e9a3c0c7cf0e2b5b1f6a7d2a3a0a5c9a1b2c3:\
8a50a2b6b5a2e3cbd6fdd4ac4f5e9a3c0c7cf0e2b5b1f6a7d2a3a0a5c9a1b2c3
bert SCRAM-SHA-1:1:0011:000102030405060708090a0b0c0d0e0f10111213:000102030405060708090a0b0c0d0e0f10111213
";

/// An exchange of SASL: a byte that chooses the mechanism, then messages, each
/// behind two bytes with its length. Nobody here knows a password.
pub fn sasl_exchange(bytes: &[u8]) {
    static KNOWN: LazyLock<Users> = LazyLock::new(|| Users::parse(USERS).unwrap_or_default());
    assert_eq!(KNOWN.names().count(), 2);
    let Some((first, mut rest)) = bytes.split_first() else { return };
    let mechanisms = crate::sasl::MECHANISMS;
    let mechanism = mechanisms[usize::from(*first) % mechanisms.len()];
    let Ok(mut exchange) = crate::sasl::Exchange::begin(mechanism, KNOWN.clone()) else { return };
    while let Some((length, more)) = rest.split_first_chunk() {
        let (message, behind) = more.split_at(more.len().min(usize::from(u16::from_be_bytes(*length))));
        rest = behind;
        match exchange.step(Some(message)) {
            Ok(crate::sasl::Step::More(_)) => {}
            Ok(crate::sasl::Step::Proved { user, .. }) => panic!("{user} came in without a password"),
            Err(_) => return,
        }
    }
}

/// The file of SASL users: refused with its line, or written in a form that reads back the same.
pub fn sasl_users(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Users::parse(text) {
        Ok(users) => assert_eq!(Users::parse(&users.to_string()), Ok(users)),
        Err((line, message)) => assert!(line > 0 && !message.is_empty()),
    }
}

/// The file of access rules: refused with its lines, or able to decide.
pub fn access_rules(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        crate::access::fuzz::rules(text);
    }
}

/// What access control reads of a call before a driver does: a byte that says
/// what, another that chooses, then a document or arguments.
pub fn access_calls(bytes: &[u8]) {
    static CALLS: LazyLock<Vec<&'static CallDescription>> = LazyLock::new(|| all_calls().collect());
    match bytes {
        [0, kind, document @ ..] => crate::access::fuzz::document(*kind, document),
        [high, low, arguments @ ..] => {
            let at = usize::from(u16::from_be_bytes([high - 1, *low])) % CALLS.len();
            crate::access::fuzz::arguments(CALLS[at], arguments);
        }
        _ => {}
    }
}

/// The daemon's configuration: refused with its lines, or taken.
pub fn settings(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(config) = Config::parse("libvirtd.conf", text) else { return };
    if let Err(mistakes) = Settings::from_config(&config) {
        assert!(!mistakes.is_empty());
    }
    // An administrator says these over the wire as well.
    for line in text.lines().take(8) {
        let _ = crate::logging::Filter::parse_list(line);
        let _ = crate::logging::Output::parse_list(line);
    }
}

/// The certificate of a client.
pub fn certificate(bytes: &[u8]) {
    let _ = crate::tls::subject(bytes);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::path::Path;

    /// The seeds pass, and pass as what they are meant for.
    #[test]
    fn seeds_do_no_harm() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/seeds");
        type Target = fn(&[u8]);
        let targets: [(&str, Target); 6] = [
            ("sasl_exchange", super::sasl_exchange),
            ("sasl_users", super::sasl_users),
            ("access_rules", super::access_rules),
            ("access_calls", super::access_calls),
            ("settings", super::settings),
            ("certificate", super::certificate),
        ];
        for (name, target) in targets {
            let mut count = 0;
            for entry in std::fs::read_dir(folder.join(name)).unwrap() {
                target(&std::fs::read(entry.unwrap().path()).unwrap());
                count += 1;
            }
            assert!(count > 0, "{name} has no seeds");
        }
    }
}
