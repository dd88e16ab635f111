//! Unplugging a device of a running guest.

use std::collections::HashSet;

use oxivirt_conf::domain::devices::{
    Address, ControllerType, Device, DiskBus, HostdevSource, InputBus, MemoryDevice, PciAddress, WatchdogModel,
};
use oxivirt_conf::domain::{DeviceRef, DomainDefinition};
use oxivirt_core::{Error, ErrorCode, Result};
use serde_json::Value;

use super::{News, Part, Session, dry, part, remove_all};
use crate::status;

/// Whether the caller waits for the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Until the guest let the device go, or the limit.
    Wait,
    /// Only until it was asked.
    Ask,
}

/// How far an unplug came.
#[derive(Debug, Clone)]
pub enum Detached {
    /// The device is gone; the live definition without it.
    Gone(Box<DomainDefinition>),
    /// The guest was asked; an event will tell.
    Asked,
}

/// Unplugs the device at a place among those of the kind of `like`.
///
/// Errors: `OPERATION_UNSUPPORTED` for what cannot be unplugged;
/// `OPERATION_FAILED` when it is in use or the guest keeps it;
/// `OPERATION_TIMEOUT` when the guest said nothing, after which it may still
/// go.
pub fn detach(
    session: &Session<'_>,
    live: &DomainDefinition,
    like: DeviceRef<'_>,
    at: usize,
    patience: Patience,
) -> Result<Detached> {
    let device = live.devices.nth(like, at).ok_or_else(|| Error::internal("the device is lost"))?;
    check(live, device)?;
    let parts = parts(session, live, device)?;
    let Some(alias) = device_of(&parts) else {
        remove_all(session, &parts)?;
        return Ok(Detached::Gone(Box::new(without(live, like, at))));
    };
    if patience == Patience::Ask {
        return match part::request(session, alias)? {
            true => Ok(Detached::Asked),
            false => Ok(Detached::Gone(Box::new(finish(session, live, like, at)))),
        };
    }
    match part::ask_to_go(session, alias)? {
        Some(News::Gone) => Ok(Detached::Gone(Box::new(finish(session, live, like, at)))),
        Some(News::Refused) => {
            Err(Error::operation_failed(format!("unplug of device '{alias}' was rejected by the guest")))
        }
        None => Err(part::too_late(session, alias)),
    }
}

/// Takes away what belonged to a device that the guest let go; gives the live
/// definition without it. What cannot be taken away is logged.
pub fn finish(session: &Session<'_>, live: &DomainDefinition, like: DeviceRef<'_>, at: usize) -> DomainDefinition {
    if let Some(device) = live.devices.nth(like, at) {
        match parts(session, live, device) {
            Ok(parts) => {
                let rest: Vec<Part> = parts.into_iter().filter(|part| !matches!(part, Part::Device(_))).collect();
                // Each that stays is logged; the device is gone either way.
                let _ = remove_all(session, &rest);
            }
            Err(error) => tracing::error!(domain = %live.name, %error, "what belonged to a device is not known"),
        }
    }
    without(live, like, at)
}

/// Devices of the live definition that QEMU should have and does not have any
/// more, by alias.
pub fn lost(session: &Session<'_>, live: &DomainDefinition) -> Result<Vec<String>> {
    let there: HashSet<String> = super::recover::devices(session)?.into_iter().collect();
    let mut lost = Vec::new();
    for device in live.devices.iter() {
        // What could not be plugged did not go either.
        let Ok(parts) = parts(session, live, device) else { continue };
        if let Some(alias) = device_of(&parts).filter(|alias| !there.contains(*alias))
            && check(live, device).is_ok()
        {
            lost.push(alias.to_owned());
        }
    }
    Ok(lost)
}

/// The live definition without a device.
fn without(live: &DomainDefinition, like: DeviceRef<'_>, at: usize) -> DomainDefinition {
    let mut rest = live.clone();
    if let Some(Device::Memory(module)) = rest.devices.take(like, at) {
        shrink(&mut rest, &module);
    }
    rest
}

/// The memory of a domain after a module went.
pub(super) fn shrink(domain: &mut DomainDefinition, module: &MemoryDevice) {
    domain.memory.0 = domain.memory.0.saturating_sub(module.target.size.0);
    domain.current_memory = domain.current_memory.min(domain.memory);
}

/// What QEMU has for a device.
fn parts(session: &Session<'_>, live: &DomainDefinition, device: DeviceRef<'_>) -> Result<Vec<Part>> {
    let mut parts = dry::parts(session, live, device)?;
    // The number of such a node does not follow from the definition.
    if let DeviceRef::Hostdev(hostdev) = device
        && let HostdevSource::Scsi(_) = &hostdev.source
    {
        let node = match status::backend_of(hostdev)? {
            Some(node) => Some(node),
            None => node_behind(session, hostdev.info.alias.as_deref().unwrap_or_default())?,
        };
        let number = node.as_deref().and_then(|node| node.strip_prefix("libvirt-")?.split('-').next());
        for part in &mut parts {
            if let (Part::Node(name), Some(number)) = (part, number) {
                *name = name.replacen("libvirt-0-", &format!("libvirt-{number}-"), 1);
            }
        }
    }
    Ok(parts)
}

/// The node that a device reads from.
fn node_behind(session: &Session<'_>, alias: &str) -> Result<Option<String>> {
    let answer = session.run("query-block", Value::Null)?;
    let blocks = answer.as_array().into_iter().flatten();
    let mut of = blocks.filter(|block| {
        block.get("qdev").and_then(Value::as_str).is_some_and(|qdev| qdev.rsplit('/').next() == Some(alias))
    });
    Ok(of.find_map(|block| Some(block.pointer("/inserted/node-name")?.as_str()?.to_owned())))
}

/// What the guest is asked to let go: the last one, others are on its way.
fn device_of(parts: &[Part]) -> Option<&str> {
    parts.iter().rev().find_map(|part| match part {
        Part::Device(alias) if !alias.is_empty() => Some(alias.as_str()),
        _ => None,
    })
}

/// Whether devices of this kind are unplugged at all.
pub fn can_go(device: DeviceRef<'_>) -> bool {
    use DeviceRef as D;
    matches!(
        device,
        D::Disk(_)
            | D::Controller(_)
            | D::Filesystem(_)
            | D::Interface(_)
            | D::Serial(_)
            | D::Console(_)
            | D::Channel(_)
            | D::Input(_)
            | D::Hostdev(_)
            | D::RedirDev(_)
            | D::Watchdog(_)
            | D::Rng(_)
            | D::Shmem(_)
            | D::Memory(_)
            | D::Vsock(_)
    )
}

/// Refuses what cannot be unplugged.
fn check(live: &DomainDefinition, device: DeviceRef<'_>) -> Result<()> {
    let unsupported = |text: String| Err(Error::new(ErrorCode::OPERATION_UNSUPPORTED, text));
    match device {
        DeviceRef::Disk(disk) => {
            if !matches!(disk.target.bus, Some(DiskBus::Virtio | DiskBus::Scsi | DiskBus::Usb)) {
                return unsupported("This type of disk cannot be hot unplugged".to_owned());
            }
        }
        DeviceRef::Controller(c) => {
            if !matches!(c.kind, ControllerType::Scsi | ControllerType::VirtioSerial | ControllerType::Usb)
                || c.info.master_start_port.is_some()
            {
                return unsupported(format!("'{}' controller cannot be hot unplugged.", c.kind.as_str()));
            }
            if is_used(live, c.kind, c.index.unwrap_or_default()) {
                return Err(Error::operation_failed("device cannot be detached: device is busy"));
            }
        }
        DeviceRef::Input(input) if input.bus == Some(InputBus::Ps2) => {
            return unsupported("input device on bus 'ps2' cannot be detached".to_owned());
        }
        DeviceRef::Watchdog(watchdog) if watchdog.model == WatchdogModel::Itco => {
            return unsupported("watchdog of model 'itco' cannot be detached".to_owned());
        }
        other if can_go(other) => {}
        other => return unsupported(format!("live detach of device '{}' is not supported", other.name())),
    }
    if let Some(Address::Pci(at)) = device.info().and_then(|info| info.address.as_ref())
        && shares_slot(live, at)
    {
        return Err(Error::operation_failed(format!(
            "cannot hot unplug multifunction PCI device: {:04x}:{:02x}:{:02x}.{:x}",
            at.domain, at.bus, at.slot, at.function
        )));
    }
    Ok(())
}

fn shares_slot(live: &DomainDefinition, at: &PciAddress) -> bool {
    let of = |device: DeviceRef<'_>| device.info()?.address.as_ref()?.pci().copied();
    let same = |other: &PciAddress| (other.domain, other.bus, other.slot) == (at.domain, at.bus, at.slot);
    !at.is_empty() && live.devices.iter().filter_map(of).filter(same).count() > 1
}

/// Whether a device sits on a controller.
fn is_used(live: &DomainDefinition, kind: ControllerType, index: u32) -> bool {
    live.devices.iter().any(|device| {
        let Some(address) = device.info().and_then(|info| info.address.as_ref()) else { return false };
        match (kind, address, device) {
            (ControllerType::Scsi, Address::Drive(at), DeviceRef::Disk(disk)) => {
                disk.target.bus == Some(DiskBus::Scsi) && at.controller == index
            }
            (ControllerType::Scsi, Address::Drive(at), DeviceRef::Hostdev(_)) => at.controller == index,
            (ControllerType::VirtioSerial, Address::VirtioSerial { controller, .. }, _) => *controller == index,
            (ControllerType::Usb, Address::Usb(at), _) => at.bus == index,
            _ => false,
        }
    })
}
