//! Everything that is wrong with a file, not only the first.

use std::ops::RangeInclusive;

use super::{Config, ConfigError};

/// Complaints gathered while reading goes on.
#[derive(Debug, Default)]
pub struct Complaints(Vec<ConfigError>);

impl Complaints {
    /// Notes one.
    pub fn add(&mut self, error: ConfigError) {
        self.0.push(error);
    }

    /// The value, or `fallback` after noting what is wrong with it.
    pub fn take<T>(&mut self, fallback: T, result: Result<T, ConfigError>) -> T {
        result.unwrap_or_else(|error| {
            self.add(error);
            fallback
        })
    }

    /// A number within bounds, `default` when it is not set.
    pub fn number<T: TryFrom<u64>>(
        &mut self,
        config: &Config,
        key: &str,
        bounds: RangeInclusive<u64>,
        default: T,
    ) -> T {
        let value = self.take(None, config.uint_within(key, bounds));
        value.and_then(|value| T::try_from(value).ok()).unwrap_or(default)
    }

    /// A switch, `default` when it is not set.
    pub fn switch(&mut self, config: &Config, key: &str, default: bool) -> bool {
        self.take(None, config.bool(key)).unwrap_or(default)
    }

    /// A string, none when it is not set or empty.
    pub fn text(&mut self, config: &Config, key: &str) -> Option<String> {
        self.take(None, config.str(key)).filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// `value` if there are no complaints, else each of them once, in the order of the file.
    pub fn none_or<T>(mut self, value: T) -> Result<T, Vec<ConfigError>> {
        self.0.sort_by_key(|error| error.line);
        let mut once: Vec<ConfigError> = Vec::new();
        for error in self.0 {
            if !once.contains(&error) {
                once.push(error);
            }
        }
        if once.is_empty() { Ok(value) } else { Err(once) }
    }
}
