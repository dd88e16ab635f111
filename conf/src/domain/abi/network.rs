//! Network cards and sockets between host and guest.

use oxivirt_core::Result;

use super::address::{info, virtio};
use super::at::{At, attrs, elements};
use crate::domain::devices::{Devices, Interface, InterfaceSource, Vsock};

pub(super) fn check(old: &Devices, new: &Devices, at: At<'_>) -> Result<()> {
    at.each("interface", &old.interfaces, &new.interfaces, |at, old, new| interface(old, new, at))?;
    at.each("vsock", &old.vsocks, &new.vsocks, |at, old, new| vsock(old, new, at))
}

/// What the card is plugged into, its limits and filters are the host's.
fn interface(old: &Interface, new: &Interface, at: At<'_>) -> Result<()> {
    at.same_opt("mac/@address", &old.mac, &new.mac)?;
    at.same_opt("model/@type", &old.model, &new.model)?;
    at.same_word("@type", emulated(old), emulated(new))?;
    elements!(at, old, new; "mtu" => mtu, "teaming" => teaming);
    let driver = at.child("driver");
    attrs!(driver, old.driver, new.driver; "@queues" => queues, "@rx_queue_size" => rx_queue_size,
        "@tx_queue_size" => tx_queue_size, "@event_idx" => event_idx, "@rss" => rss,
        "@rss_hash_report" => rss_hash_report);
    elements!(driver, old.driver, new.driver; "host" => host, "guest" => guest);
    virtio(&old.driver.virtio, &new.driver.virtio, at)?;
    info(&old.info, &new.info, at)
}

/// A card of the host is another device than an emulated one; which emulated
/// kind it is makes no difference.
fn emulated(interface: &Interface) -> &'static str {
    match interface.source {
        InterfaceSource::Hostdev { .. } => "hostdev",
        _ => "an emulated card",
    }
}

/// The guest is told when its number on the socket changes.
fn vsock(old: &Vsock, new: &Vsock, at: At<'_>) -> Result<()> {
    at.same_opt("@model", &old.model, &new.model)?;
    virtio(&old.driver, &new.driver, at)?;
    info(&old.info, &new.info, at)
}
