//! Devices of the host in the guest's hands. Which of several equal ones it
//! is may change, since that is how a guest moves to another host.

use oxivirt_core::Result;

use super::address::info;
use super::at::{At, attrs};
use crate::domain::devices::{Devices, Hostdev, HostdevSource};

pub(super) fn check(old: &Devices, new: &Devices, at: At<'_>) -> Result<()> {
    at.each("hostdev", &old.hostdevs, &new.hostdevs, |at, old, new| hostdev(old, new, at))
}

fn hostdev(old: &Hostdev, new: &Hostdev, at: At<'_>) -> Result<()> {
    let ((old_mode, old_kind), (new_mode, new_kind)) = (old.source.type_names(), new.source.type_names());
    at.same_word("@mode", old_mode, new_mode)?;
    at.same_word("@type", old_kind, new_kind)?;
    match (&old.source, &new.source) {
        (
            HostdevSource::Mdev { model: old, display: old_display, ramfb: old_ramfb, .. },
            HostdevSource::Mdev { model: new, display, ramfb, .. },
        ) => {
            at.same("@model", old, new)?;
            at.same_opt("@display", old_display, display)?;
            at.same_opt("@ramfb", old_ramfb, ramfb)?;
        }
        (HostdevSource::ScsiHost { model: old, .. }, HostdevSource::ScsiHost { model: new, .. }) => {
            at.same_opt("@model", old, new)?;
        }
        (HostdevSource::Usb(old), HostdevSource::Usb(new)) => {
            attrs!(at.child("source"), old, new; "@guestReset" => guest_reset);
        }
        _ => {}
    }
    at.same_flag("readonly", old.readonly, new.readonly)?;
    at.same_element("teaming", &old.teaming, &new.teaming)?;
    info(&old.info, &new.info, at)
}
