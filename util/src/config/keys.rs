//! The keys that a file may hold.

use super::{Complaints, Config, ConfigError};

/// What a value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 0 or more.
    Unsigned,
    /// Any number.
    Number,
    /// 0 or 1.
    Switch,
    /// A string.
    Text,
    /// A list of strings, or one string.
    Texts,
    /// Permission bits as a string of octal digits.
    Permissions,
    /// A number of 0 or more, or a string.
    UnsignedOrText,
}

/// One key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// As it is written.
    pub name: &'static str,
    /// What its value may be.
    pub kind: Kind,
    /// Whether the program does something about it.
    pub effective: bool,
}

impl Key {
    /// A key that does what it says.
    pub const fn works(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, effective: true }
    }

    /// A key that is read and checked, and changes nothing.
    pub const fn accepted(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, effective: false }
    }
}

impl Config {
    /// Notes unknown keys and wrong types.
    pub fn check_keys(&self, keys: &[Key], wrong: &mut Complaints) {
        let names: Vec<&str> = keys.iter().map(|key| key.name).collect();
        for entry in self.unknown_keys(&names) {
            wrong.add(ConfigError {
                file: self.file().to_owned(),
                line: Some(entry.line),
                message: format!("unknown key '{}'", entry.key),
            });
        }
        for key in keys {
            let checked = match key.kind {
                Kind::Unsigned => self.uint(key.name).map(drop),
                Kind::Number => self.int(key.name).map(drop),
                Kind::Switch => self.bool(key.name).map(drop),
                Kind::Text => self.str(key.name).map(drop),
                Kind::Texts => self.str_list(key.name).map(drop),
                Kind::Permissions => self.permissions(key.name).map(drop),
                Kind::UnsignedOrText => self.uint(key.name).map(drop).or_else(|_| self.str(key.name).map(drop)),
            };
            wrong.take((), checked);
        }
    }

    /// The keys that are set and change nothing.
    pub fn idle_keys(&self, keys: &[Key]) -> Vec<&'static str> {
        keys.iter().filter(|key| !key.effective && self.get(key.name).is_some()).map(|key| key.name).collect()
    }

    /// Permission bits, written as octal digits in a string; `Ok(None)` when not set.
    pub fn permissions(&self, key: &str) -> Result<Option<u32>, ConfigError> {
        let Some(text) = self.str(key)? else { return Ok(None) };
        match u32::from_str_radix(text, 8) {
            Ok(mode) if mode <= 0o777 => Ok(Some(mode)),
            _ => Err(self.error(key, format!("'{text}' for '{key}' is no permission mode such as \"0770\""))),
        }
    }

    /// An absolute path; `Ok(None)` when not set.
    pub fn path(&self, key: &str) -> Result<Option<std::path::PathBuf>, ConfigError> {
        match self.str(key)?.map(std::path::PathBuf::from) {
            Some(path) if !path.is_absolute() => {
                Err(self.error(key, format!("'{}' for '{key}' is not an absolute path", path.display())))
            }
            other => Ok(other),
        }
    }
}
