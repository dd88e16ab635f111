//! How QEMU's output is written down.

use std::path::Path;

use oxivirt_util::config::{Complaints, Config};
use oxivirt_util::log_keeper::{MAX_BACKUPS, MAX_SIZE};

/// How QEMU's output is written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRules {
    /// A process of its own does that; else QEMU writes to the file itself, without a limit.
    pub keeper: bool,
    /// Bytes of one file.
    pub max_size: u64,
    /// Older files that are kept.
    pub max_backups: u32,
}

impl Default for LogRules {
    fn default() -> Self {
        Self { keeper: true, max_size: MAX_SIZE, max_backups: MAX_BACKUPS }
    }
}

impl LogRules {
    pub(super) fn read(config: &Config, wrong: &mut Complaints) -> Self {
        let handler = wrong.take(None, config.str("stdio_handler"));
        Self { keeper: handler != Some("file"), ..Self::default() }
    }

    /// Takes sizes from `virtlogd.conf`, where hosts have them that used libvirt before.
    pub(super) fn sizes(&mut self, file: &Path) {
        let config = match Config::read_or_empty(file) {
            Ok(config) => config,
            Err(error) => {
                tracing::warn!(file = %file.display(), %error, "usual sizes of logs are used");
                return;
            }
        };
        if let Ok(Some(size)) = config.uint("max_size") {
            self.max_size = size.max(1024);
        }
        if let Ok(Some(backups)) = config.uint("max_backups") {
            self.max_backups = u32::try_from(backups).unwrap_or(u32::MAX).min(10_000);
        }
    }
}
