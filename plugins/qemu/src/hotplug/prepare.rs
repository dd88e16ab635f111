//! What a device needs before it can be plugged: checks against the others, a
//! place, a name, numbers of block nodes.

use oxivirt_conf::domain::devices::{
    Address, BackingStore, Channel, ChannelTarget, Controller, ControllerType, Device, DeviceInfo, Disk, DiskBus,
    DiskDevice, HostdevSource, InputBus, MemoryModel, StorageFormat,
};
use oxivirt_conf::domain::{DeviceRef, DomainDefinition};
use oxivirt_core::{Error, ErrorCode, Result};
use serde_json::Value;

use super::Session;
use crate::command::Free;
use crate::hooks::insert_in_order;
use crate::{addresses, aliases};

/// Refuses what cannot be plugged into this domain.
pub(super) fn check(domain: &DomainDefinition, device: &Device) -> Result<()> {
    let unsupported = |text: String| Err(Error::new(ErrorCode::OPERATION_UNSUPPORTED, text));
    let d = &domain.devices;
    if let Some(alias) = device.as_ref().info().and_then(|info| info.alias.as_deref())
        && d.by_alias(alias).is_some()
    {
        return Err(Error::xml(format!("non unique alias detected: {alias}")));
    }
    if let Some(order) = device.as_ref().info().and_then(|info| info.boot.as_ref()).map(|boot| boot.order) {
        if !domain.os.boot.is_empty() {
            let text = "per-device boot elements cannot be used together with os/boot elements";
            return Err(Error::config_unsupported(text));
        }
        if d.iter().any(|other| other.info().and_then(|i| i.boot.as_ref()).is_some_and(|b| b.order == order)) {
            return Err(Error::xml(format!("boot order {order} is already used by another device")));
        }
    }
    match device {
        Device::Disk(disk) => self::disk(domain, disk),
        Device::Controller(c) => controller(domain, c),
        Device::Interface(card) => match card.mac.filter(|mac| d.interfaces.iter().any(|n| n.mac == Some(*mac))) {
            Some(mac) => {
                tracing::warn!(domain = %domain.name, %mac, "another card has this hardware address");
                Ok(())
            }
            None => Ok(()),
        },
        Device::Hostdev(_) | Device::Lease(_) => match d.find(device.as_ref()) {
            Ok(_) => Err(Error::operation_failed("target device already exists")),
            Err(_) => Ok(()),
        },
        Device::Input(input) if input.bus == Some(InputBus::Ps2) => {
            unsupported("input device on bus 'ps2' cannot be hot plugged.".to_owned())
        }
        // QEMU does the same for all of them.
        Device::Watchdog(watchdog) if d.watchdogs.iter().any(|other| other.action != watchdog.action) => {
            unsupported("all watchdogs must have the same action".to_owned())
        }
        Device::Channel(channel) if d.channels.iter().any(|other| is_same_channel(other, channel)) => {
            Err(Error::operation_invalid("chardev already exists"))
        }
        Device::Vsock(_) if !d.vsocks.is_empty() => {
            Err(Error::operation_invalid("the domain already has a vsock device"))
        }
        Device::Memory(module) => {
            let Some(limit) = domain.max_memory.as_ref().filter(|_| module.model != MemoryModel::SgxEpc) else {
                let text = "cannot use/hotplug a memory device when domain 'maxMemory' is not defined";
                return Err(Error::config_unsupported(text));
            };
            match domain.memory.0.saturating_add(module.target.size.0) > limit.size.0 {
                true => Err(Error::operation_failed(
                    "Attaching memory device with size would exceed domain's maxMemory config",
                )),
                false => Ok(()),
            }
        }
        Device::Filesystem(fs) if d.find(DeviceRef::Filesystem(fs)).is_ok() => {
            Err(Error::operation_failed(format!("filesystem target '{}' already exists", fs.target)))
        }
        Device::Tpm(_)
        | Device::Graphics(_)
        | Device::Audio(_)
        | Device::Video(_)
        | Device::Sound(_)
        | Device::Hub(_)
        | Device::Smartcard(_)
        | Device::MemBalloon(_)
        | Device::Nvram(_)
        | Device::Panic(_)
        | Device::Iommu(_)
        | Device::Crypto(_)
        | Device::Pstore(_)
        | Device::Parallel(_) => {
            unsupported(format!("live attach of device '{}' is not supported", device.as_ref().name()))
        }
        _ => Ok(()),
    }
}

/// Two channels to one guest have different names.
fn is_same_channel(one: &Channel, other: &Channel) -> bool {
    match (&one.target, &other.target) {
        (ChannelTarget::Virtio { name: Some(a), .. }, ChannelTarget::Virtio { name: Some(b), .. }) => a == b,
        _ => false,
    }
}

fn disk(domain: &DomainDefinition, disk: &Disk) -> Result<()> {
    let unsupported = |text: String| Err(Error::new(ErrorCode::OPERATION_UNSUPPORTED, text));
    if domain.devices.disks.iter().any(|other| other.target.dev == disk.target.dev) {
        return Err(Error::operation_failed(format!("target {} already exists", disk.target.dev)));
    }
    match (disk.device, disk.target.bus) {
        (DiskDevice::Floppy, _) => unsupported("floppy device hotplug isn't supported".to_owned()),
        (DiskDevice::Lun, Some(DiskBus::Usb)) => {
            Err(Error::config_unsupported("disk device='lun' is not supported for usb bus"))
        }
        (_, Some(DiskBus::Virtio | DiskBus::Scsi | DiskBus::Usb)) => {
            // What the host would have to keep for it.
            for (present, what) in [
                (disk.rawio.is_some_and(|v| v.is_yes()) || disk.sgio.is_some(), "rawio or sgio of a disk"),
                (
                    disk.source.reservations.as_ref().is_some_and(|r| r.managed.is_yes()),
                    "<reservations> that the daemon keeps",
                ),
            ] {
                if present {
                    return Err(Error::config_unsupported(format!("{what} is not supported by this driver yet")));
                }
            }
            Ok(())
        }
        (_, bus) => {
            let bus = bus.map_or("none", |bus| bus.as_str());
            unsupported(format!("disk bus '{bus}' cannot be hotplugged."))
        }
    }
}

fn controller(domain: &DomainDefinition, c: &Controller) -> Result<()> {
    let hot = match c.kind {
        ControllerType::Scsi | ControllerType::VirtioSerial => true,
        ControllerType::Usb => c.info.master_start_port.is_none(),
        _ => false,
    };
    if !hot {
        return Err(Error::new(
            ErrorCode::OPERATION_UNSUPPORTED,
            format!("'{}' controller cannot be hot plugged.", c.kind.as_str()),
        ));
    }
    match c.index.filter(|index| domain.devices.controller(c.kind, *index).is_some()) {
        Some(index) => Err(Error::operation_failed(format!("target {}:{index} already exists", c.kind.as_str()))),
        None => Ok(()),
    }
}

/// The SCSI controllers that a device needs and the domain does not have, in
/// the order in which they are plugged.
pub fn missing_controllers(domain: &DomainDefinition, device: &Device) -> Vec<Controller> {
    let place = match device {
        Device::Disk(disk) if disk.target.bus == Some(DiskBus::Scsi) => match &disk.info.address {
            Some(Address::Drive(at)) => Some(*at),
            _ => disk.default_place(),
        },
        Device::Hostdev(hostdev) if matches!(hostdev.source, HostdevSource::Scsi(_)) => match &hostdev.info.address {
            Some(Address::Drive(at)) => Some(*at),
            _ => None,
        },
        _ => None,
    };
    // More than a bus has room for is refused where it is plugged.
    let Some(last) = place.map(|at| at.controller.min(MOST_CONTROLLERS)) else { return Vec::new() };
    let wanted = (0..=last).filter(|index| domain.devices.controller(ControllerType::Scsi, *index).is_none());
    wanted.map(|index| Controller { kind: ControllerType::Scsi, index: Some(index), ..Controller::default() }).collect()
}

const MOST_CONTROLLERS: u32 = 31;

/// The definition with the device in it, complete with place, name and
/// numbers of its nodes; and where it is among those of its kind.
///
/// * `highest_node` – the highest number of a block node in QEMU.
pub(super) fn enter(
    domain: &DomainDefinition,
    mut device: Device,
    highest_node: u32,
) -> Result<(DomainDefinition, Device, usize)> {
    complete(domain, &mut device, highest_node)?;
    place(domain, &mut device)?;
    aliases::assign_one(domain, &mut device)?;
    let mut with = domain.clone();
    let at = insert(&mut with, device.clone());
    Ok((with, device, at))
}

/// Adds a device where it belongs in a live definition.
fn insert(domain: &mut DomainDefinition, device: Device) -> usize {
    let like = device.clone();
    if let Device::Memory(module) = &device {
        let full = domain.current_memory >= domain.memory;
        domain.memory.0 = domain.memory.0.saturating_add(module.target.size.0);
        if full {
            domain.current_memory = domain.memory;
        }
    }
    match device {
        Device::Disk(disk) => {
            let target = disk.target.dev.clone();
            domain.devices.insert_disk(*disk);
            domain.devices.disks.iter().position(|d| d.target.dev == target).unwrap_or_default()
        }
        Device::Controller(controller) => {
            let alias = controller.info.alias.clone();
            domain.devices.push(Device::Controller(controller));
            // Where the next daemon would put it as well.
            insert_in_order(&mut domain.devices.controllers);
            domain.devices.controllers.iter().position(|c| c.info.alias == alias).unwrap_or_default()
        }
        device => {
            domain.devices.push(device);
            domain.devices.count(like.as_ref()).saturating_sub(1)
        }
    }
}

/// Numbers and defaults that a start would have given to the whole.
fn complete(domain: &DomainDefinition, device: &mut Device, highest_node: u32) -> Result<()> {
    let d = &domain.devices;
    match device {
        Device::Controller(c) if c.index.is_none() => {
            c.index = (0..=u32::MAX).find(|index| d.controller(c.kind, *index).is_none());
        }
        Device::Disk(disk) => {
            if disk.info.address.is_none() {
                disk.info.address = disk.default_place().map(Address::Drive);
            }
            number(domain, disk, highest_node)?;
        }
        Device::Serial(serial) => {
            let next = d.serials.iter().filter_map(|s| s.port).max().map_or(0, |port| port.saturating_add(1));
            serial.port.get_or_insert(next);
        }
        Device::Console(console) => console.port = u32::try_from(d.consoles.len()).ok(),
        Device::Memory(module) if matches!(module.model, MemoryModel::Dimm | MemoryModel::Nvdimm) => {
            let taken = |slot: u32| {
                let at = d.memories.iter().filter_map(|m| m.info.address.as_ref());
                at.into_iter().any(|at| matches!(at, Address::Dimm { slot: Some(other), .. } if *other == slot))
            };
            let slot = (0..=u32::MAX).find(|slot| !taken(*slot));
            module.info.address.get_or_insert(Address::Dimm { slot, base: None });
        }
        _ => {}
    }
    Ok(())
}

/// Numbers the images of a disk, behind all that are there.
pub(super) fn number(domain: &DomainDefinition, disk: &mut Disk, highest_node: u32) -> Result<()> {
    // Nothing can be under a raw image.
    if disk.driver.format == Some(StorageFormat::Raw) && disk.backing.is_none() && !disk.source.is_empty() {
        disk.backing = Some(Box::new(BackingStore::End));
    }
    let next = aliases::free_index(domain).max(highest_node.saturating_add(1));
    aliases::number_disk(disk, next).map(drop)
}

/// Finds a free place, as things are: no bus is added to a running guest.
fn place(domain: &DomainDefinition, device: &mut Device) -> Result<()> {
    let mut trial = domain.clone();
    trial.devices.push(device.clone());
    let buses =
        |domain: &DomainDefinition| domain.devices.controllers.iter().filter(|c| c.kind == ControllerType::Pci).count();
    addresses::assign(&mut trial, addresses::HOST_PCI.as_ref())?;
    addresses::assign_usb(&mut trial)?;
    if buses(&trial) > buses(domain) {
        return Err(Error::internal("No more available PCI slots"));
    }
    let like = device.clone();
    let placed = trial.devices.remove(like.as_ref(), trial.devices.count(like.as_ref()).saturating_sub(1));
    let found = placed.as_ref().and_then(|placed| placed.as_ref().info());
    if let (Some(found), Some(info)) = (found, device.as_mut().info()) {
        info.address.clone_from(&found.address);
        check_drive(domain, &like, info)?;
    }
    Ok(())
}

/// No two drives in one place.
fn check_drive(domain: &DomainDefinition, device: &Device, info: &DeviceInfo) -> Result<()> {
    let (Device::Disk(disk), Some(Address::Drive(at))) = (device, &info.address) else { return Ok(()) };
    let same = |other: &&Disk| {
        other.target.bus == disk.target.bus && other.info.address.as_ref() == Some(&Address::Drive(*at))
    };
    match domain.devices.disks.iter().find(same) {
        Some(_) => Err(Error::operation_failed(format!(
            "Domain already contains a disk with that address: {}:{}:{}:{}",
            at.controller, at.bus, at.target, at.unit
        ))),
        None => Ok(()),
    }
}

/// Numbers that are free in QEMU: of sets, of nodes.
pub(super) fn free(session: &Session<'_>, domain: &DomainDefinition) -> Result<Free> {
    let sets = session.run("query-fdsets", Value::Null)?;
    let sets = sets.as_array().into_iter().flatten().filter_map(|set| set.get("fdset-id")?.as_u64());
    let fdset = sets.max().map_or(0, |highest| highest.saturating_add(1));
    let node = aliases::free_index(domain).max(highest_node(session)?.saturating_add(1));
    Ok(Free { fdset: u32::try_from(fdset).unwrap_or(u32::MAX), node })
}

/// The highest number in a name that this driver gave to a block node.
pub(super) fn highest_node(session: &Session<'_>) -> Result<u32> {
    let nodes = session.run("query-named-block-nodes", serde_json::json!({"flat": true}))?;
    let number = |node: &Value| {
        let rest = node.get("node-name")?.as_str()?.strip_prefix("libvirt-")?;
        rest.split('-').next()?.parse::<u32>().ok()
    };
    Ok(nodes.as_array().into_iter().flatten().filter_map(number).max().unwrap_or_default())
}
