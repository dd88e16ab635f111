//! Displays, for what their definitions leave open.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use oxivirt_util::config::{Complaints, Config, ConfigError};

use super::tls::{self, Certificates, Service};

/// One kind of display.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisplayRules {
    /// The address to listen at.
    pub listen: String,
    /// Whether to listen at a socket in the guest's folder instead.
    pub auto_unix_socket: bool,
    /// What it is encrypted with.
    pub tls: Option<Certificates>,
    /// The password.
    pub password: Option<String>,
    /// Whether clients prove who they are by SASL.
    pub sasl: bool,
    /// Where SASL's configuration is.
    pub sasl_folder: Option<PathBuf>,
}

impl DisplayRules {
    pub(super) fn read(config: &Config, name: &str, service: &Service, wrong: &mut Complaints) -> Self {
        let key = |what: &str| format!("{name}_{what}");
        let tls = wrong.switch(config, &key("tls"), false);
        // A wrong folder is told even while it is not used.
        let certificates = Certificates::read(config, service, wrong);
        Self {
            listen: wrong.text(config, &key("listen")).unwrap_or_else(|| LOOPBACK.to_owned()),
            auto_unix_socket: wrong.switch(config, &key("auto_unix_socket"), false),
            tls: tls.then_some(certificates),
            // An empty one is a password, too: one that lets nobody in.
            password: wrong.take(None, config.str(&key("password"))).map(str::to_owned),
            sasl: wrong.switch(config, &key("sasl"), false),
            sasl_folder: wrong.take(None, config.path(&key("sasl_dir"))),
        }
    }
}

impl Default for DisplayRules {
    fn default() -> Self {
        Self {
            listen: LOOPBACK.to_owned(),
            auto_unix_socket: false,
            tls: None,
            password: None,
            sasl: false,
            sasl_folder: None,
        }
    }
}

/// A range of ports out of two settings.
pub(super) fn ports(config: &Config, name: &str, least: u16, wrong: &mut Complaints) -> RangeInclusive<u16> {
    let (low, high) = (format!("{name}_min"), format!("{name}_max"));
    let bounds = u64::from(least)..=u64::from(u16::MAX);
    let first: u16 = wrong.number(config, &low, bounds.clone(), least);
    let last: u16 = wrong.number(config, &high, bounds, u16::MAX);
    if first > last {
        let key = if config.get(&low).is_some() { &low } else { &high };
        wrong.add(complaint(config, key, &low, first, &high, last));
    }
    first..=last
}

fn complaint(config: &Config, key: &str, low: &str, first: u16, high: &str, last: u16) -> ConfigError {
    config.error(key, format!("'{low}' is {first}, more than '{high}' with {last}"))
}

pub(super) fn vnc(config: &Config, wrong: &mut Complaints) -> DisplayRules {
    DisplayRules::read(config, "vnc", &tls::VNC, wrong)
}

pub(super) fn spice(config: &Config, wrong: &mut Complaints) -> DisplayRules {
    DisplayRules::read(config, "spice", &tls::SPICE, wrong)
}

const LOOPBACK: &str = "127.0.0.1";
