//! `qemu.conf`: read whole, every key known and checked.

mod audio;
mod displays;
mod groups;
mod helpers;
mod host;
mod keys;
mod logs;
mod process;
#[cfg(test)]
mod tests;
mod tls;

use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use oxivirt_core::{Error, ErrorCode, Result};
use oxivirt_util::config::{Complaints, Config, ConfigError};

pub use audio::HostAudio;
pub use displays::DisplayRules;
pub use groups::GroupRules;
pub use helpers::HelperRules;
pub use host::{MemoryRules, OwnerRules};
use keys::KEYS;
pub use logs::LogRules;
pub use process::ProcessRules;
pub use tls::Certificates;

/// What the host's administrator chose for all guests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// VNC displays.
    pub vnc: DisplayRules,
    /// SPICE displays.
    pub spice: DisplayRules,
    /// Ports of displays.
    pub display_ports: RangeInclusive<u16>,
    /// Ports of VNC through web sockets.
    pub websocket_ports: RangeInclusive<u16>,
    /// Certificates of character devices.
    pub chardev_certificates: Certificates,
    /// Whether character devices over TCP are encrypted that do not say.
    pub chardev_tls: bool,
    /// Certificates of NBD disks.
    pub nbd_certificates: Certificates,
    /// Whether NBD disks are encrypted that do not say.
    pub nbd_tls: bool,
    /// The host's sound system for guests that do not say.
    pub audio: HostAudio,
    /// What QEMU runs as.
    pub process: ProcessRules,
    /// How its output is written down.
    pub logs: LogRules,
    /// Its control groups.
    pub groups: GroupRules,
    /// The programs beside QEMU.
    pub helpers: HelperRules,
    /// Whom its files belong to.
    pub owners: OwnerRules,
    /// Where its memory is when it is files.
    pub memory: MemoryRules,
    /// Whether it has mounts of its own; left open when nothing is said.
    pub mount_namespace: Option<bool>,
    /// Whether the process is called after the guest.
    pub set_process_name: bool,
    /// Whether memory of guests that do not say is part of core dumps.
    pub dump_guest_core: bool,
    /// Whether system calls are filtered.
    pub seccomp: bool,
    /// Whether lines of QEMU's log begin with the time.
    pub log_timestamp: bool,
    /// What QEMU does about deprecated commands.
    pub deprecation: Deprecation,
    /// Time between guests that start with the host.
    pub auto_start_delay: Duration,
}

/// What QEMU does about deprecated commands and fields.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Deprecation {
    /// Nothing.
    #[default]
    None,
    /// Leaves them out of answers.
    Omit,
    /// And refuses them.
    Reject,
    /// And ends.
    Crash,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            vnc: DisplayRules::default(),
            spice: DisplayRules::default(),
            display_ports: 5900..=u16::MAX,
            websocket_ports: 5700..=u16::MAX,
            chardev_certificates: Certificates::unconfigured(&tls::CHARDEV),
            chardev_tls: false,
            nbd_certificates: Certificates::unconfigured(&tls::NBD),
            nbd_tls: false,
            audio: HostAudio::default(),
            process: ProcessRules::default(),
            logs: LogRules::default(),
            groups: GroupRules::default(),
            helpers: HelperRules::default(),
            owners: OwnerRules::default(),
            memory: MemoryRules::default(),
            mount_namespace: None,
            set_process_name: false,
            dump_guest_core: false,
            seccomp: true,
            log_timestamp: true,
            deprecation: Deprecation::None,
            auto_start_delay: Duration::ZERO,
        }
    }
}

impl Settings {
    /// Reads the file; a missing one says nothing.
    ///
    /// Settings without an effect yet are logged.
    ///
    /// Errors: `CONF_SYNTAX` with one line for each mistake, with file and line number.
    pub fn read(path: &Path) -> Result<Self> {
        let config = Config::read_or_empty(path).map_err(|error| match error.get_ref() {
            Some(inner) => Error::new(ErrorCode::CONF_SYNTAX, inner.to_string()),
            None => Error::system(format_args!("cannot read '{}'", path.display()), &error),
        })?;
        let mut settings = Self::from_config(&config).map_err(|all| {
            let lines: Vec<String> = all.iter().map(ConfigError::to_string).collect();
            Error::new(ErrorCode::CONF_SYNTAX, lines.join("\n"))
        })?;
        settings.logs.sizes(&path.with_file_name("virtlogd.conf"));
        for key in config.idle_keys(KEYS) {
            tracing::warn!(file = %path.display(), key, "this setting has no effect yet");
        }
        Ok(settings)
    }

    fn from_config(config: &Config) -> std::result::Result<Self, Vec<ConfigError>> {
        let mut wrong = Complaints::default();
        config.check_keys(KEYS, &mut wrong);
        let settings = Self {
            vnc: displays::vnc(config, &mut wrong),
            spice: displays::spice(config, &mut wrong),
            display_ports: displays::ports(config, "remote_display_port", 5900, &mut wrong),
            websocket_ports: displays::ports(config, "remote_websocket_port", 5700, &mut wrong),
            chardev_certificates: Certificates::read(config, &tls::CHARDEV, &mut wrong),
            chardev_tls: wrong.switch(config, "chardev_tls", false),
            nbd_certificates: Certificates::read(config, &tls::NBD, &mut wrong),
            nbd_tls: wrong.switch(config, "nbd_tls", false),
            audio: HostAudio::named_by_environment(
                wrong.switch(config, "vnc_allow_host_audio", false),
                wrong.switch(config, "nographics_allow_host_audio", false),
            ),
            process: ProcessRules::read(config, &mut wrong),
            logs: LogRules::read(config, &mut wrong),
            groups: GroupRules::read(config, &mut wrong),
            helpers: HelperRules::read(config, &mut wrong),
            owners: OwnerRules::read(config, &mut wrong),
            memory: MemoryRules::read(config, &mut wrong),
            mount_namespace: host::mount_namespace(config),
            set_process_name: wrong.switch(config, "set_process_name", false),
            dump_guest_core: wrong.switch(config, "dump_guest_core", false),
            seccomp: wrong.switch(config, "seccomp_sandbox", true),
            log_timestamp: wrong.switch(config, "log_timestamp", true),
            deprecation: wrong.take(Deprecation::None, deprecation(config)),
            auto_start_delay: Duration::from_millis(wrong.number(config, "auto_start_delay", 0..=86_400_000, 0)),
        };
        for (key, words) in CHOICES {
            wrong.take((), choice(config, key, words));
        }
        wrong.none_or(settings)
    }
}

fn deprecation(config: &Config) -> std::result::Result<Deprecation, ConfigError> {
    Ok(match config.str("deprecation_behavior")? {
        None | Some("none") => Deprecation::None,
        Some("omit") => Deprecation::Omit,
        Some("reject") => Deprecation::Reject,
        Some("crash") => Deprecation::Crash,
        Some(other) => {
            let message = format!("'{other}' for 'deprecation_behavior' is none of none, omit, reject, crash");
            return Err(config.error("deprecation_behavior", message));
        }
    })
}

/// Every word of a setting must be one of some.
fn choice(config: &Config, key: &str, words: &[&str]) -> std::result::Result<(), ConfigError> {
    let Ok(Some(chosen)) = config.str_list(key) else { return Ok(()) };
    match chosen.iter().find(|word| !words.contains(word)) {
        None => Ok(()),
        Some(other) => Err(config.error(key, format!("'{other}' for '{key}' is none of {}", words.join(", ")))),
    }
}

const IMAGE_FORMATS: &[&str] = &["raw", "sparse", "zstd", "lzop", "gzip", "bzip2", "xz"];

/// Settings whose words are limited, whatever their effect.
const CHOICES: &[(&str, &[&str])] = &[
    ("save_image_format", IMAGE_FORMATS),
    ("dump_image_format", IMAGE_FORMATS),
    ("snapshot_image_format", IMAGE_FORMATS),
    ("cgroup_controllers", &["cpu", "devices", "memory", "blkio", "cpuset", "cpuacct"]),
    ("auto_shutdown_try_save", &["none", "persistent"]),
    ("auto_shutdown_try_shutdown", &["none", "persistent", "transient", "all"]),
    ("auto_shutdown_poweroff", &["none", "persistent", "transient", "all"]),
    ("lock_manager", &["lockd", "sanlock"]),
    ("stdio_handler", &["file", "logd"]),
    ("namespaces", &["mount"]),
    ("sched_core", &["none", "vcpus", "emulator", "full"]),
];
