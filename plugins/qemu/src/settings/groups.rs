//! Control groups of guests.

use oxivirt_util::cgroup::Controller;
use oxivirt_util::config::{Complaints, Config};

use crate::surroundings::USUAL_DEVICES;

/// What of the host's control groups is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRules {
    /// The only controllers that are used; whatever there is when nothing is said.
    pub controllers: Option<Vec<Controller>>,
    /// Device nodes that every guest may open.
    pub device_acl: Vec<String>,
}

impl Default for GroupRules {
    fn default() -> Self {
        Self { controllers: None, device_acl: USUAL_DEVICES.iter().map(|&path| path.to_owned()).collect() }
    }
}

impl GroupRules {
    pub(super) fn read(config: &Config, wrong: &mut Complaints) -> Self {
        // Words that are none were complained of already.
        let controllers = config.str_list("cgroup_controllers").ok().flatten();
        let controllers = controllers.map(|names| names.into_iter().filter_map(Controller::from_name).collect());
        let acl = wrong.take(None, config.str_list("cgroup_device_acl"));
        let acl = acl.map(|paths| paths.into_iter().map(str::to_owned).collect());
        Self { controllers, device_acl: acl.unwrap_or_else(|| Self::default().device_acl) }
    }
}
