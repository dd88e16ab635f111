//! The programs beside QEMU.

use oxivirt_util::config::{Complaints, Config};

use super::process::{ProcessRules, account};

/// What the programs beside QEMU are and run as.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HelperRules {
    /// Whom a TPM in software runs as, the daemon's own user when absent.
    pub swtpm: ProcessRules,
    /// The message bus of guests, if not the usual one.
    pub dbus_daemon: Option<String>,
    /// The program that asks for reservations, if not the usual one.
    pub pr_helper: Option<String>,
    /// Whether programs that serve folders tell more.
    pub virtiofsd_debug: bool,
    /// Whether nbdkit reads images in the network where it can.
    pub nbdkit: bool,
}

impl HelperRules {
    pub(super) fn read(config: &Config, wrong: &mut Complaints) -> Self {
        use oxivirt_util::accounts;
        let user = wrong.take(None, account(config, "swtpm_user", accounts::user_id));
        let group = wrong.take(None, account(config, "swtpm_group", accounts::group_id));
        let groups = user.and_then(accounts::user_name).map(|name| accounts::group_ids(&name, group));
        let groups = groups.unwrap_or_else(|| group.into_iter().collect());
        Self {
            swtpm: ProcessRules { user, group, groups, ..ProcessRules::default() },
            dbus_daemon: wrong.text(config, "dbus_daemon").filter(|text| !text.is_empty()),
            pr_helper: wrong.text(config, "pr_helper").filter(|text| !text.is_empty()),
            virtiofsd_debug: wrong.switch(config, "virtiofsd_debug", false),
            nbdkit: wrong.switch(config, "storage_use_nbdkit", false),
        }
    }
}
