//! Character devices, smart cards and redirected USB devices: their guest's ends.

use oxivirt_core::Result;

use super::address::info;
use super::at::{At, attrs};
use crate::domain::devices::{Channel, ChannelTarget, Devices, RedirDev, SmartcardKind};

pub(super) fn check(old: &Devices, new: &Devices, at: At<'_>) -> Result<()> {
    at.each("smartcard", &old.smartcards, &new.smartcards, |at, old, new| {
        at.same_word("@mode", smartcard(&old.kind), smartcard(&new.kind))?;
        info(&old.info, &new.info, at)
    })?;
    at.each("serial", &old.serials, &new.serials, |at, old, new| {
        attrs!(at.child("target"), old, new; "@type" => target_type, "@port" => port, "model/@name" => model);
        info(&old.info, &new.info, at)
    })?;
    at.each("parallel", &old.parallels, &new.parallels, |at, old, new| {
        at.same_opt("target/@port", &old.port, &new.port)?;
        info(&old.info, &new.info, at)
    })?;
    at.each("console", &old.consoles, &new.consoles, |at, old, new| {
        attrs!(at.child("target"), old, new; "@type" => target_type, "@port" => port);
        info(&old.info, &new.info, at)
    })?;
    at.each("channel", &old.channels, &new.channels, |at, old, new| channel(old, new, at))?;
    at.each("redirdev", &old.redirdevs, &new.redirdevs, |at, old, new| redirected(old, new, at))?;
    at.both("redirfilter", old.redir_filter.as_ref(), new.redir_filter.as_ref(), |at, old, new| {
        at.same_elements("usbdev", &old.rules, &new.rules)
    })
}

fn smartcard(kind: &SmartcardKind) -> &'static str {
    match kind {
        SmartcardKind::Host => "host",
        SmartcardKind::HostCertificates { .. } => "host-certificates",
        SmartcardKind::Passthrough(_) => "passthrough",
    }
}

fn channel(old: &Channel, new: &Channel, at: At<'_>) -> Result<()> {
    use ChannelTarget::{GuestFwd, Virtio, Xen};
    let target = at.child("target");
    match (&old.target, &new.target) {
        (GuestFwd { address: old, port: old_port }, GuestFwd { address: new, port: new_port }) => {
            target.same("@address", old, new)?;
            target.same("@port", old_port, new_port)?;
        }
        (Virtio { name: old, .. }, Virtio { name: new, .. }) | (Xen { name: old, .. }, Xen { name: new, .. }) => {
            target.same_opt("@name", old, new)?;
        }
        (old, new) => target.same_word("@type", kind(old), kind(new))?,
    }
    info(&old.info, &new.info, at)
}

fn kind(target: &ChannelTarget) -> &'static str {
    match target {
        ChannelTarget::GuestFwd { .. } => "guestfwd",
        ChannelTarget::Virtio { .. } => "virtio",
        ChannelTarget::Xen { .. } => "xen",
    }
}

fn redirected(old: &RedirDev, new: &RedirDev, at: At<'_>) -> Result<()> {
    at.same("@bus", &old.bus, &new.bus)?;
    info(&old.info, &new.info, at)
}
