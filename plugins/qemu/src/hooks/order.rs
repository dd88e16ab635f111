//! The order in which controllers and disks stand.

use oxivirt_conf::domain::devices::{Controller, ControllerType, Disk};

/// Controllers of one type stand together by their numbers, as if each had
/// been put in one after the other.
pub(crate) fn insert_in_order(controllers: &mut Vec<Controller>) {
    let mut sorted: Vec<Controller> = Vec::with_capacity(controllers.len());
    for c in std::mem::take(controllers) {
        let mut at = None;
        for (place, other) in sorted.iter().enumerate().rev().filter(|(_, o)| o.kind == c.kind) {
            if other.index <= c.index {
                at.get_or_insert(place + 1);
                break;
            }
            at = Some(place);
        }
        let at = at.unwrap_or(sorted.len());
        sorted.insert(at, c);
    }
    // A USB master comes before its companions.
    for at in 1..sorted.len() {
        let mut at = at;
        while at > 0
            && let (Some(before), Some(this)) = (sorted.get(at - 1), sorted.get(at))
            && this.kind == ControllerType::Usb
            && before.kind == ControllerType::Usb
            && this.index == before.index
            && this.info.master_start_port.is_none()
            && before.info.master_start_port.is_some()
        {
            sorted.swap(at - 1, at);
            at -= 1;
        }
    }
    *controllers = sorted;
}

/// Disks of one bus stand by their names.
pub(super) fn sort_disks(disks: &mut Vec<Disk>) {
    let mut sorted: Vec<Disk> = Vec::with_capacity(disks.len());
    for disk in std::mem::take(disks) {
        let mut at = None;
        for (place, other) in sorted.iter().enumerate().rev().filter(|(_, o)| o.target.bus == disk.target.bus) {
            if other.index() <= disk.index() {
                at.get_or_insert(place + 1);
                break;
            }
            at = Some(place);
        }
        let at = at.unwrap_or(sorted.len());
        sorted.insert(at, disk);
    }
    *disks = sorted;
}
