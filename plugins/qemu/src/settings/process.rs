//! What QEMU processes run as.

use oxivirt_util::accounts;
use oxivirt_util::config::{Complaints, Config, ConfigError};

/// What QEMU processes run as and may use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProcessRules {
    /// The user, the daemon's own when absent.
    pub user: Option<u32>,
    /// The group, the daemon's own when absent.
    pub group: Option<u32>,
    /// The user's other groups, such as that of `/dev/kvm`.
    pub groups: Vec<u32>,
    /// Processes and threads of the user.
    pub processes: Option<u64>,
    /// Open files of a process.
    pub files: Option<u64>,
    /// Bytes of a core dump; `u64::MAX` is no limit.
    pub core: Option<u64>,
}

impl ProcessRules {
    pub(super) fn read(config: &Config, wrong: &mut Complaints) -> Self {
        let positive = |value: Option<u64>| value.filter(|n| *n > 0);
        let user = wrong.take(None, account(config, "user", accounts::user_id));
        let group = wrong.take(None, account(config, "group", accounts::group_id));
        let groups = user.and_then(accounts::user_name).map(|name| accounts::group_ids(&name, group));
        let rules = Self {
            user,
            group,
            groups: groups.unwrap_or_else(|| group.into_iter().collect()),
            processes: positive(wrong.take(None, config.uint("max_processes"))),
            files: positive(wrong.take(None, config.uint("max_files"))),
            core: wrong.take(None, core(config)),
        };
        // The files of guests would stay out of reach for another user.
        if let Some(key) = ["user", "group"].into_iter().find(|key| config.get(key).is_some())
            && !rustix::process::geteuid().is_root()
            && (rules.user.is_some_and(|id| id != rustix::process::geteuid().as_raw())
                || rules.group.is_some_and(|id| id != rustix::process::getegid().as_raw()))
        {
            wrong.add(config.error(key, "only a daemon that runs as root can start guests as somebody else"));
        }
        rules
    }
}

/// A name, or a number; `+` in front says that it is no name.
pub(super) fn account(config: &Config, key: &str, named: fn(&str) -> Option<u32>) -> Result<Option<u32>, ConfigError> {
    let Some(text) = config.str(key)?.filter(|text| !text.is_empty()) else { return Ok(None) };
    let number = |text: &str| text.parse::<u32>().ok();
    let found = match text.strip_prefix('+') {
        Some(digits) => number(digits),
        None => named(text).or_else(|| number(text)),
    };
    match found {
        Some(id) => Ok(Some(id)),
        None => Err(config.error(key, format!("there is no {key} '{text}' on this host"))),
    }
}

fn core(config: &Config) -> Result<Option<u64>, ConfigError> {
    if let Ok(Some(number)) = config.uint("max_core") {
        return Ok(Some(number));
    }
    match config.str("max_core")? {
        None => Ok(None),
        Some("unlimited") => Ok(Some(u64::MAX)),
        Some(other) => {
            Err(config
                .error("max_core", format!("'{other}' for 'max_core' is neither a number of bytes nor unlimited")))
        }
    }
}
