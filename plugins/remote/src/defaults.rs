//! `libvirt.conf`: what counts where a URI says nothing.

use std::path::Path;
use std::time::Duration;

use oxivirt_core::client::Limits;
use oxivirt_core::{Error, ErrorCode, Result};
use oxivirt_util::config::{Config, ConfigError};

use crate::parameters::{Mode, Proxy};

/// The defaults of one user or of the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Defaults {
    pub(crate) mode: Mode,
    pub(crate) proxy: Proxy,
    /// Silence before a server is asked for a sign of life; zero never asks.
    pub(crate) alive_interval: Duration,
    /// How often it is asked.
    pub(crate) alive_count: u32,
}

impl Default for Defaults {
    fn default() -> Self {
        let Limits { alive_interval, alive_count, .. } = Limits::default();
        Self { mode: Mode::Auto, proxy: Proxy::Auto, alive_interval, alive_count }
    }
}

impl Defaults {
    /// Reads `libvirt.conf` in a folder; a file that is missing says nothing.
    ///
    /// * Errors: `CONF_SYNTAX`, `INVALID_ARG` naming file, line and value.
    pub(crate) fn read(folder: &Path) -> Result<Self> {
        let file = folder.join("libvirt.conf");
        let config = Config::read_or_empty(&file)
            .map_err(|source| Error::system(format!("cannot read '{}'", file.display()), &source))?;
        Self::of(&config).map_err(|error| Error::new(ErrorCode::CONF_SYNTAX, error.to_string()))
    }

    fn of(config: &Config) -> Result<Self, ConfigError> {
        let mut all = Self::default();
        if let Some(text) = config.str("remote_mode")? {
            let wrong = || config.error("remote_mode", format!("'{text}' is not auto, direct or legacy"));
            all.mode = Mode::parse(text).ok_or_else(wrong)?;
        }
        if let Some(text) = config.str("remote_proxy")? {
            let wrong = || config.error("remote_proxy", format!("'{text}' is not auto, native or netcat"));
            all.proxy = Proxy::parse(text).ok_or_else(wrong)?;
        }
        if let Some(seconds) = config.int("keepalive_interval")? {
            // A negative number asks no more.
            all.alive_interval = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
        }
        if let Some(count) = config.uint_within("keepalive_count", 0..=u64::from(u32::MAX))? {
            all.alive_count = u32::try_from(count).unwrap_or(u32::MAX);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn read(text: &str) -> Result<Defaults> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("libvirt.conf"), text).unwrap();
        Defaults::read(folder.path())
    }

    #[test]
    fn the_file_sets_what_uris_leave_open() {
        assert_eq!(Defaults::read(Path::new("/no/such/folder")).unwrap(), Defaults::default());
        let all = read(
            "uri_default = \"x:///\"\nremote_mode = \"direct\"\nremote_proxy = \"netcat\"\n\
             keepalive_interval = -1\nkeepalive_count = 3\n",
        );
        let wanted =
            Defaults { mode: Mode::Direct, proxy: Proxy::Netcat, alive_interval: Duration::ZERO, alive_count: 3 };
        assert_eq!(all.unwrap(), wanted);
        for text in ["remote_mode = \"odd\"\n", "remote_proxy = 1\n", "keepalive_count = -1\n", "= \n"] {
            let error = read(text).unwrap_err();
            assert!(error.message().contains("libvirt.conf"), "{error}");
        }
    }
}
