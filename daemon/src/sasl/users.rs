//! Users and what proves their passwords.
//!
//! One line per user: the name, then one word per mechanism,
//! `MECHANISM:ITERATIONS:SALT:STORED:SERVER` with the last three in
//! hexadecimal digits. Nobody can compute a password or log in from them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::num::NonZeroU32;
use std::path::Path;

use oxivirt_util::file;
use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, hmac, pbkdf2};

/// The file is not larger.
const SIZE_MAX: usize = 16 << 20;

/// Rounds for new passwords.
const ITERATIONS: u32 = 16_384;

/// More rounds than anybody wants to wait for.
const ITERATIONS_MAX: u32 = 10_000_000;

/// A hash function that keys are made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hash {
    Sha1,
    Sha256,
}

/// What is kept of one password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Keys {
    pub(super) iterations: u32,
    pub(super) salt: Vec<u8>,
    pub(super) stored: Vec<u8>,
    pub(super) server: Vec<u8>,
}

/// All users.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Users(BTreeMap<String, BTreeMap<Hash, Keys>>);

impl Hash {
    const ALL: [Self; 2] = [Self::Sha256, Self::Sha1];

    fn mechanism(self) -> &'static str {
        match self {
            Self::Sha1 => "SCRAM-SHA-1",
            Self::Sha256 => "SCRAM-SHA-256",
        }
    }

    /// The hash that a mechanism is named for.
    pub(super) fn of(mechanism: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hash| hash.mechanism() == mechanism)
    }

    fn parts(self) -> (pbkdf2::Algorithm, hmac::Algorithm, &'static digest::Algorithm) {
        match self {
            Self::Sha1 => {
                (pbkdf2::PBKDF2_HMAC_SHA1, hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &digest::SHA1_FOR_LEGACY_USE_ONLY)
            }
            Self::Sha256 => (pbkdf2::PBKDF2_HMAC_SHA256, hmac::HMAC_SHA256, &digest::SHA256),
        }
    }

    /// Bytes of a result.
    pub(super) fn size(self) -> usize {
        self.parts().2.output_len()
    }
}

impl Keys {
    /// Computes what is kept of a password (RFC 5802, section 3).
    pub(super) fn compute(hash: Hash, password: &[u8], salt: Vec<u8>, iterations: NonZeroU32) -> Self {
        let (derivation, mac, digest) = hash.parts();
        let mut salted = vec![0; hash.size()];
        pbkdf2::derive(derivation, iterations, &salt, password, &mut salted);
        let key = hmac::Key::new(mac, &salted);
        let client = hmac::sign(&key, b"Client Key");
        Self {
            iterations: iterations.get(),
            salt,
            stored: digest::digest(digest, client.as_ref()).as_ref().to_vec(),
            server: hmac::sign(&key, b"Server Key").as_ref().to_vec(),
        }
    }

    /// Keys of nobody, always the same for a name while the program runs: an
    /// unknown user looks like one with another password.
    pub(super) fn of_nobody(hash: Hash, name: &str) -> Self {
        static SECRET: std::sync::OnceLock<[u8; 32]> = std::sync::OnceLock::new();
        let secret = SECRET.get_or_init(|| random().unwrap_or_default());
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let bytes = |what: &str| hmac::sign(&key, format!("{what} {name}").as_bytes()).as_ref().to_vec();
        let cut = |what: &str, size: usize| bytes(what).into_iter().take(size).collect::<Vec<u8>>();
        Self {
            iterations: ITERATIONS,
            salt: cut("salt", SALT),
            stored: cut("stored", hash.size()),
            server: cut("server", hash.size()),
        }
    }

    /// Whether a password is the one; takes as long as the rounds take.
    fn is_of(&self, hash: Hash, password: &[u8]) -> bool {
        let Some(iterations) = NonZeroU32::new(self.iterations) else { return false };
        let computed = Self::compute(hash, password, self.salt.clone(), iterations);
        // Comparing the results of a keyed function tells nothing by its duration.
        let secret: [u8; 32] = random().unwrap_or_default();
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        hmac::sign(&key, &computed.stored).as_ref() == hmac::sign(&key, &self.stored).as_ref()
    }
}

const SALT: usize = 16;

fn random<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).ok().map(|()| bytes)
}

impl Users {
    /// Reads the file; a missing one has no users.
    ///
    /// Errors: one line with file and line number.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let text = match file::read_text(path, SIZE_MAX) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(format!("cannot read users '{}': {error}", path.display())),
        };
        Self::parse(&text).map_err(|(line, message)| format!("{}:{line}: {message}", path.display()))
    }

    /// Writes the file, for its owner only.
    pub(crate) fn write(&self, path: &Path) -> Result<(), String> {
        let folder = path.parent().ok_or_else(|| format!("'{}' is no file", path.display()))?;
        file::make_folders(folder, 0o755).map_err(|error| error.to_string())?;
        file::write_atomic(path, self.to_string().as_bytes(), 0o600).map_err(|error| error.to_string())
    }

    /// Adds a user or gives it another password; whether it is new.
    ///
    /// Errors: a name or password that cannot be used.
    pub(crate) fn set(&mut self, name: &str, password: &str) -> Result<bool, String> {
        if name.is_empty() || name.starts_with('#') || name.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(format!("'{name}' is no name for a user: it needs letters, and no spaces"));
        }
        if password.is_empty() || password.chars().any(char::is_control) {
            return Err("the password is empty or has control characters".to_owned());
        }
        let iterations = NonZeroU32::new(ITERATIONS).unwrap_or(NonZeroU32::MIN);
        let mut keys = BTreeMap::new();
        for hash in Hash::ALL {
            let salt: [u8; SALT] = random().ok_or("the system has no random numbers")?;
            keys.insert(hash, Keys::compute(hash, password.as_bytes(), salt.to_vec(), iterations));
        }
        Ok(self.0.insert(name.to_owned(), keys).is_none())
    }

    /// Takes a user away; whether it was there.
    pub(crate) fn remove(&mut self, name: &str) -> bool {
        self.0.remove(name).is_some()
    }

    /// The names in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// What is kept of a user's password for one hash.
    pub(super) fn keys(&self, name: &str, hash: Hash) -> Option<&Keys> {
        self.0.get(name)?.get(&hash)
    }

    /// Whether that is the user's password; an unknown user takes as long as a known one.
    pub(super) fn knows(&self, name: &str, password: &[u8]) -> bool {
        let known = Hash::ALL.into_iter().find_map(|hash| Some((hash, self.keys(name, hash)?)));
        match known {
            Some((hash, keys)) => keys.is_of(hash, password),
            None => {
                Keys::of_nobody(Hash::Sha256, name).is_of(Hash::Sha256, password);
                false
            }
        }
    }

    /// Reads the text of the file; the first mistake is told with its line.
    pub(crate) fn parse(text: &str) -> Result<Self, (usize, String)> {
        let mut all = BTreeMap::new();
        for (at, line) in text.lines().enumerate() {
            let wrong = |message: String| (at + 1, message);
            let mut words = line.split_whitespace();
            let Some(name) = words.next().filter(|word| !word.starts_with('#')) else { continue };
            let mut keys = BTreeMap::new();
            for word in words {
                let (hash, entry) = parse_keys(word).map_err(|error| wrong(format!("user '{name}': {error}")))?;
                keys.insert(hash, entry);
            }
            if keys.is_empty() {
                return Err(wrong(format!("user '{name}' has no keys")));
            }
            if all.insert(name.to_owned(), keys).is_some() {
                return Err(wrong(format!("user '{name}' stands there twice")));
            }
        }
        Ok(Self(all))
    }
}

impl std::fmt::Display for Users {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "# Users of SASL: NAME MECHANISM:ITERATIONS:SALT:STORED:SERVER ...")?;
        for (name, all) in &self.0 {
            write!(f, "{name}")?;
            for (hash, keys) in all {
                let (salt, stored, server) = (hex(&keys.salt), hex(&keys.stored), hex(&keys.server));
                write!(f, " {}:{}:{salt}:{stored}:{server}", hash.mechanism(), keys.iterations)?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

fn parse_keys(word: &str) -> Result<(Hash, Keys), String> {
    let parts: Vec<&str> = word.split(':').collect();
    let [mechanism, iterations, salt, stored, server] = parts[..] else {
        return Err("keys are not of the form MECHANISM:ITERATIONS:SALT:STORED:SERVER".to_owned());
    };
    let hash = Hash::of(mechanism).ok_or_else(|| format!("there is no mechanism '{mechanism}'"))?;
    let iterations = iterations
        .parse()
        .ok()
        .filter(|count| (1..=ITERATIONS_MAX).contains(count))
        .ok_or_else(|| format!("'{iterations}' is no number of iterations"))?;
    let bytes = |what: &str, digits: &str| unhex(digits).ok_or_else(|| format!("the {what} is not hexadecimal"));
    let keys = Keys {
        iterations,
        salt: bytes("salt", salt)?,
        stored: bytes("stored key", stored)?,
        server: bytes("server key", server)?,
    };
    match keys.salt.is_empty() || keys.stored.len() != hash.size() || keys.server.len() != hash.size() {
        false => Ok((hash, keys)),
        true => Err(format!("salt or keys have the wrong length for {mechanism}")),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    if !digits.len().is_multiple_of(2) || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_the_standards() {
        let four_thousand = NonZeroU32::new(4096).expect("not zero");
        // The examples of RFC 5802 and RFC 7677.
        let salt = unhex("4125c247e43ab1e93c6dff76").expect("digits");
        let keys = Keys::compute(Hash::Sha1, b"pencil", salt, four_thousand);
        assert_eq!(hex(&keys.stored), "e9d94660c39d65c38fbad91c358f14da0eef2bd6");
        let salt = unhex("5b6d99689d123585ec0a042b141f0f19").expect("digits");
        let keys = Keys::compute(Hash::Sha256, b"pencil", salt, four_thousand);
        assert_eq!(keys.stored.len(), 32);
        assert!(keys.is_of(Hash::Sha256, b"pencil") && !keys.is_of(Hash::Sha256, b"pen"));
    }

    #[test]
    fn the_file_keeps_its_users() {
        let mut users = Users::default();
        assert!(users.set("anna", "one").expect("usable"));
        assert!(users.set("bert@EXAMPLE.COM", "two").expect("usable"));
        assert!(!users.set("anna", "three").expect("usable"));
        let again = Users::parse(&users.to_string()).expect("as written");
        assert_eq!(again, users);
        assert!(again.knows("anna", b"three") && !again.knows("anna", b"one") && !again.knows("carl", b"three"));
        assert!(!users.to_string().contains("three"));
        for name in ["", "two words", "#hash", "tab\t"] {
            users.set(name, "x").expect_err(name);
        }
        users.set("anna", "").expect_err("no password");
    }

    #[test]
    fn mistakes_have_their_line() {
        for (text, wanted) in [
            ("anna\n", "user 'anna' has no keys"),
            ("\n# x\nanna x\n", "keys are not of the form"),
            ("anna SCRAM-MD5:1:aa:bb:cc", "no mechanism 'SCRAM-MD5'"),
            ("anna SCRAM-SHA-1:0:aa:bb:cc", "'0' is no number of iterations"),
            ("anna SCRAM-SHA-1:1:ag:bb:cc", "the salt is not hexadecimal"),
            ("anna SCRAM-SHA-1:1:aa:bb:cc", "the wrong length"),
        ] {
            let (line, message) = Users::parse(text).expect_err(text);
            assert!(message.contains(wanted) && line > 0, "{message}");
        }
    }
}
