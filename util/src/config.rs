//! Configuration files made of `key = value` lines.
//!
//! Values are integers, strings in single, double or triple double quotes,
//! and lists in brackets that may span lines; `#` begins a comment. Everything
//! is kept with its line, so that a complaint can name the place.

mod complaints;
mod keys;
mod text;

use std::fmt;
use std::io;
use std::ops::RangeInclusive;
use std::path::Path;

use crate::file;

pub use complaints::Complaints;
pub use keys::{Key, Kind};

/// One value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A number without a minus sign.
    Unsigned(u64),
    /// A number below zero.
    Negative(i64),
    /// A string; it has no escapes.
    Text(String),
    /// A list, possibly empty, possibly of lists.
    List(Vec<Value>),
}

/// A file with all its settings.
///
/// Printing it gives the settings and comments back, one per line.
#[derive(Debug, Clone)]
pub struct Config {
    file: String,
    lines: Vec<Line>,
}

/// What stood on one line (a list or long string may have taken several).
#[derive(Debug, Clone)]
struct Line {
    number: usize,
    setting: Option<(String, Value)>,
    comment: Option<String>,
}

/// One setting and where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The key.
    pub key: &'a str,
    /// The value.
    pub value: &'a Value,
    /// The line where it begins, from 1.
    pub line: usize,
}

/// What is wrong with a file, and where: `/etc/x.conf:12: expecting a value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The file as it was named.
    pub file: String,
    /// The line, from 1; `None` when it concerns the whole.
    pub line: Option<usize>,
    /// The complaint.
    pub message: String,
}

impl Config {
    /// Reads text; `file` is the name for error messages.
    pub fn parse(file: impl Into<String>, text: &str) -> Result<Self, ConfigError> {
        let file = file.into();
        match text::parse(text) {
            Ok(lines) => Ok(Self { file, lines }),
            Err((line, message)) => Err(ConfigError { file, line: Some(line), message: message.to_owned() }),
        }
    }

    /// Reads a file of at most 10 MiB.
    ///
    /// Errors: [`io::ErrorKind::NotFound`] and other failures to read;
    /// [`io::ErrorKind::InvalidData`] with a [`ConfigError`] inside.
    pub fn read(path: &Path) -> io::Result<Self> {
        let text = file::read_text(path, MAX_SIZE)?;
        Ok(Self::parse(path.display().to_string(), &text)?)
    }

    /// [`Config::read`], where a missing file is one without settings.
    pub fn read_or_empty(path: &Path) -> io::Result<Self> {
        match Self::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Ok(Self { file: path.display().to_string(), lines: Vec::new() })
            }
            other => other,
        }
    }

    /// The file's name as given.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// All settings in order, repeated ones included.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        self.lines.iter().filter_map(|line| {
            let (key, value) = line.setting.as_ref()?;
            Some(Entry { key, value, line: line.number })
        })
    }

    /// The setting of that key; of repeated ones the first counts.
    pub fn get(&self, key: &str) -> Option<Entry<'_>> {
        self.entries().find(|entry| entry.key == key)
    }

    /// A string; `Ok(None)` when not set.
    pub fn str(&self, key: &str) -> Result<Option<&str>, ConfigError> {
        self.typed(key, "a string", |value| match value {
            Value::Text(text) => Some(text.as_str()),
            _ => None,
        })
    }

    /// A number of 0 or more; `Ok(None)` when not set.
    pub fn uint(&self, key: &str) -> Result<Option<u64>, ConfigError> {
        self.typed(key, "an unsigned integer", |value| match value {
            Value::Unsigned(number) => Some(*number),
            _ => None,
        })
    }

    /// A number within bounds; `Ok(None)` when not set.
    pub fn uint_within(&self, key: &str, bounds: RangeInclusive<u64>) -> Result<Option<u64>, ConfigError> {
        match self.uint(key)? {
            Some(number) if !bounds.contains(&number) => {
                let (low, high) = bounds.into_inner();
                Err(self.error(key, format!("value {number} for '{key}' parameter must be in range {low}:{high}")))
            }
            other => Ok(other),
        }
    }

    /// A number; `Ok(None)` when not set.
    pub fn int(&self, key: &str) -> Result<Option<i64>, ConfigError> {
        self.typed(key, "an integer", |value| match value {
            Value::Unsigned(number) => i64::try_from(*number).ok(),
            Value::Negative(number) => Some(*number),
            _ => None,
        })
    }

    /// A switch, written 0 or 1; `Ok(None)` when not set.
    pub fn bool(&self, key: &str) -> Result<Option<bool>, ConfigError> {
        self.typed(key, "0 or 1", |value| match value {
            Value::Unsigned(0) => Some(false),
            Value::Unsigned(1) => Some(true),
            _ => None,
        })
    }

    /// A list of strings; a single string is a list of one. `Ok(None)` when not set.
    pub fn str_list(&self, key: &str) -> Result<Option<Vec<&str>>, ConfigError> {
        self.typed(key, "a string list", |value| match value {
            Value::Text(text) => Some(vec![text.as_str()]),
            Value::List(items) => items
                .iter()
                .map(|item| match item {
                    Value::Text(text) => Some(text.as_str()),
                    _ => None,
                })
                .collect(),
            _ => None,
        })
    }

    /// The settings whose key is not among `known`, in order.
    pub fn unknown_keys(&self, known: &[&str]) -> Vec<Entry<'_>> {
        self.entries().filter(|entry| !known.contains(&entry.key)).collect()
    }

    /// A complaint about a setting, with its line, for values that have the
    /// right type and still make no sense.
    pub fn error(&self, key: &str, message: impl Into<String>) -> ConfigError {
        ConfigError { file: self.file.clone(), line: self.get(key).map(|entry| entry.line), message: message.into() }
    }

    fn typed<'a, T>(
        &'a self,
        key: &str,
        wanted: &str,
        convert: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, ConfigError> {
        let Some(entry) = self.get(key) else { return Ok(None) };
        convert(entry.value)
            .map(Some)
            .ok_or_else(|| self.error(key, format!("expected {wanted} for '{key}' parameter")))
    }
}

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            match (&line.setting, &line.comment) {
                (Some((key, value)), Some(comment)) => writeln!(f, "{key} = {value} #{comment}")?,
                (Some((key, value)), None) => writeln!(f, "{key} = {value}")?,
                (None, Some(comment)) => writeln!(f, "#{comment}")?,
                (None, None) => {}
            }
        }
        Ok(())
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsigned(number) => write!(f, "{number}"),
            Self::Negative(number) => write!(f, "{number}"),
            Self::Text(text) if text.contains(['"', '\n', '\r']) => {
                write!(f, "\"\"\"{text}\"\"\"")
            }
            Self::Text(text) => write!(f, "\"{text}\""),
            Self::List(items) => {
                f.write_str("[")?;
                for (index, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if index == 0 { " " } else { ", " })?;
                }
                f.write_str(" ]")
            }
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

impl std::error::Error for ConfigError {}

impl From<ConfigError> for io::Error {
    fn from(error: ConfigError) -> Self {
        Self::new(io::ErrorKind::InvalidData, error)
    }
}

const MAX_SIZE: usize = 10 << 20;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn config(text: &str) -> Config {
        Config::parse("x.conf", text).unwrap()
    }

    fn complaint(text: &str) -> String {
        Config::parse("x.conf", text).unwrap_err().to_string()
    }

    #[test]
    fn values_of_every_type() {
        let c = config(concat!(
            "n = 5\nneg=-7\nplus = +3\nbig=18446744073709551615\n",
            "s = \"a'b\" # why\ns2='a\"b'\nlong = \"\"\"one\ntwo \"x\"\"\"\"\n",
            "l = [\n \"x\",\n 'y',\n]\nempty=[]\n\nyes=1; no = 0\n",
        ));
        assert_eq!(c.uint("n"), Ok(Some(5)));
        assert_eq!(c.int("neg"), Ok(Some(-7)));
        assert_eq!(c.int("plus"), Ok(Some(3)));
        assert_eq!(c.uint("big"), Ok(Some(u64::MAX)));
        assert_eq!(c.str("s"), Ok(Some("a'b")));
        assert_eq!(c.str("s2"), Ok(Some("a\"b")));
        assert_eq!(c.str("long"), Ok(Some("one\ntwo \"x\"")));
        assert_eq!(c.str_list("l"), Ok(Some(vec!["x", "y"])));
        assert_eq!(c.str_list("s"), Ok(Some(vec!["a'b"])));
        assert_eq!(c.str_list("empty"), Ok(Some(vec![])));
        assert_eq!(c.bool("yes"), Ok(Some(true)));
        assert_eq!(c.bool("no"), Ok(Some(false)));
        assert_eq!(c.str("absent"), Ok(None));
        assert_eq!(c.get("l").unwrap().line, 9);
        assert_eq!(c.get("yes").unwrap().line, 15);
    }

    #[test]
    fn wrong_types_name_file_line_and_key() {
        let c = config("\na = 5\nb = \"x\"\nc = [ 1 ]\nd = -1\ne = 2\nf = 9223372036854775808\n");
        let text = |r: Result<(), ConfigError>| r.unwrap_err().to_string();
        assert_eq!(text(c.str("a").map(drop)), "x.conf:2: expected a string for 'a' parameter");
        assert_eq!(text(c.str_list("c").map(drop)), "x.conf:4: expected a string list for 'c' parameter");
        assert!(c.uint("b").is_err() && c.uint("d").is_err() && c.int("f").is_err());
        assert_eq!(text(c.bool("e").map(drop)), "x.conf:6: expected 0 or 1 for 'e' parameter");
        assert_eq!(
            text(c.uint_within("a", 1..=4).map(drop)),
            "x.conf:2: value 5 for 'a' parameter must be in range 1:4"
        );
        assert_eq!(c.uint_within("a", 1..=5), Ok(Some(5)));
    }

    #[test]
    fn first_of_repeated_keys_counts_and_unknown_ones_are_listed() {
        let c = config("a = 1\na = 2\nodd = 3\n");
        assert_eq!(c.uint("a"), Ok(Some(1)));
        let unknown = c.unknown_keys(&["a", "b"]);
        assert_eq!(unknown.len(), 1);
        assert_eq!((unknown[0].key, unknown[0].line), ("odd", 3));
    }

    /// Complaints as the stock client prints them for the same files.
    #[test]
    fn syntax_errors_name_the_line() {
        for (text, wanted) in [
            ("a = \n", "1: expecting a value"),
            ("# c\n\n1a = 1\n", "3: expecting a name"),
            ("_ab = 1\n", "1: expecting a name"),
            ("[sec]\n", "1: expecting a name"),
            ("a 1\n", "1: expecting an assignment"),
            ("a\n=\n1\n", "1: expecting an assignment"),
            ("a.b = 1\n", "1: expecting an assignment"),
            ("a = 1 b = 2\n", "1: expecting a separator"),
            ("a = 0x10\n", "1: expecting a separator"),
            ("a = \"x\\\"y\"\n", "1: expecting a separator"),
            ("a = [ 1, 2\n", "2: list is not closed with ]"),
            ("a = [ 1 2 ]\n", "1: expecting a separator in list"),
            ("a = [,]\n", "1: expecting a value"),
            ("a = [ \"x\", # c\n \"y\" ]\n", "1: expecting a value"),
            ("a = yes\n", "1: expecting a value"),
            ("a = \"x\n", "1: unterminated string"),
            ("a = 'x", "1: unterminated string"),
            ("b = 1\na = \"\"\"x\ny\n", "2: unterminated string"),
            ("a = -x\n", "1: unterminated number"),
            ("a = 99999999999999999999\n", "1: numeric overflow in conf value"),
            ("a = -9223372036854775809\n", "1: numeric overflow in conf value"),
        ] {
            assert_eq!(complaint(text), format!("x.conf:{wanted}"), "{text:?}");
        }
    }

    #[test]
    fn deep_nesting_is_an_error_not_a_crash() {
        let text = format!("a = {}", "[".repeat(100_000));
        assert_eq!(complaint(&text), "x.conf:1: lists are nested too deeply");
    }

    #[test]
    fn missing_file_may_count_as_empty() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.conf");
        assert_eq!(Config::read(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(Config::read_or_empty(&path).unwrap().entries().count(), 0);
        std::fs::write(&path, "a = ").unwrap();
        let error = Config::read_or_empty(&path).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert_eq!(error.to_string(), format!("{}:1: expecting a value", path.display()));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in "[a-z0-9=\\[\\]\"', \n#;-]{0,60}") {
            if let Ok(config) = Config::parse("f", &text) {
                let printed = config.to_string();
                let again = Config::parse("f", &printed).unwrap().to_string();
                proptest::prop_assert_eq!(printed, again);
            }
        }
    }
}
