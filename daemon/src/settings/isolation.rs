//! Which plugins run in processes of their own.

use std::collections::BTreeSet;
use std::time::Duration;

use oxivirt_util::config::{Complaints, Config, ConfigError};

/// What the configuration says about plugins in processes of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Isolation {
    /// Whether all of them do.
    pub(crate) all: bool,
    /// Those that do in any case, by their names.
    pub(crate) plugins: BTreeSet<String>,
    /// How long the drivers of one plugin may take to start there.
    pub(crate) start_limit: Duration,
}

/// Seconds that a plugin may take to start unless something else is said:
/// one that takes guests over asks each of them with limits of its own.
const START_LIMIT: u64 = 90;

impl Default for Isolation {
    fn default() -> Self {
        Self { all: false, plugins: BTreeSet::new(), start_limit: Duration::from_secs(START_LIMIT) }
    }
}

impl Isolation {
    pub(super) fn from_config(config: &Config, wrong: &mut Complaints) -> Self {
        let plugins = wrong.take(None, config.str_list("isolated_plugins")).unwrap_or_default();
        Self {
            all: wrong.take(false, all(config)),
            plugins: plugins.into_iter().map(str::to_owned).collect(),
            start_limit: Duration::from_secs(wrong.number(config, "isolation_start_limit", 1..=3600, START_LIMIT)),
        }
    }

    /// Whether a plugin runs in a process of its own.
    pub(crate) fn concerns(&self, plugin: &str) -> bool {
        self.all || self.plugins.contains(plugin)
    }

    /// Names that stand in the configuration and belong to none of `found`.
    pub(crate) fn unknown<'a>(&'a self, found: &[&str]) -> Vec<&'a str> {
        self.plugins.iter().map(String::as_str).filter(|name| !found.contains(name)).collect()
    }
}

fn all(config: &Config) -> Result<bool, ConfigError> {
    match config.str("isolation")? {
        None | Some("none") => Ok(false),
        Some("process") => Ok(true),
        Some(other) => Err(config.error("isolation", format!("'{other}' for 'isolation' is none of none, process"))),
    }
}
