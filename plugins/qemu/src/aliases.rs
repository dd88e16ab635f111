//! Names of devices inside QEMU.
//!
//! Given at each start, the same for the same definition; names of the
//! user's own (`ua-…`) are kept.

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::{
    Address, Controller, ControllerType, Device, DeviceInfo, DeviceRef, Disk, DiskBus, InterfaceSource, MemoryDevice,
    MemoryModel, StorageSource, ThrottleFilter,
};
use oxivirt_core::{Error, Result};

use crate::command;
use crate::status::{DiskNotes, ThrottleNode};

/// Gives every device its alias.
pub fn assign(domain: &mut DomainDefinition) -> Result<()> {
    let (q35, i440fx) = (command::is_q35(domain), command::is_i440fx(domain));
    let devices = &mut domain.devices;
    for c in &mut devices.controllers {
        let name = controller(c, q35, i440fx);
        give(&mut c.info, || name);
    }
    let flat = flat_controllers(&devices.controllers);
    for d in &mut devices.disks {
        let name = disk(d, &flat)?;
        give(&mut d.info, || name);
    }
    number(devices.filesystems.iter_mut().map(|d| &mut d.info), "fs");
    number(devices.interfaces.iter_mut().map(|d| &mut d.info), "net");
    number(devices.smartcards.iter_mut().map(|d| &mut d.info), "smartcard");
    number(devices.serials.iter_mut().map(|d| &mut d.info), "serial");
    number(devices.parallels.iter_mut().map(|d| &mut d.info), "parallel");
    number(devices.channels.iter_mut().map(|d| &mut d.info), "channel");
    number(devices.consoles.iter_mut().map(|d| &mut d.info), "console");
    number(devices.inputs.iter_mut().map(|d| &mut d.info), "input");
    number(devices.tpms.iter_mut().map(|d| &mut d.info), "tpm");
    number(devices.sounds.iter_mut().map(|d| &mut d.info), "sound");
    number(devices.videos.iter_mut().map(|d| &mut d.info), "video");
    // Cards of the host come first among its devices.
    let cards = devices.interfaces.iter_mut().filter(|n| matches!(n.connection(), InterfaceSource::Hostdev { .. }));
    let cards: Vec<&mut DeviceInfo> = cards.map(|n| &mut n.info).collect();
    let infos = cards.into_iter().chain(devices.hostdevs.iter_mut().map(|d| &mut d.info));
    number(infos, "hostdev");
    number(devices.redirdevs.iter_mut().map(|d| &mut d.info), "redir");
    number(devices.hubs.iter_mut().map(|d| &mut d.info), "hub");
    number(devices.watchdogs.iter_mut().map(|d| &mut d.info), "watchdog");
    number(devices.memballoons.iter_mut().map(|d| &mut d.info), "balloon");
    number(devices.rngs.iter_mut().map(|d| &mut d.info), "rng");
    number(devices.panics.iter_mut().map(|d| &mut d.info), "panic");
    number(devices.shmems.iter_mut().map(|d| &mut d.info), "shmem");
    number(devices.iommus.iter_mut().map(|d| &mut d.info), "iommu");
    number(devices.vsocks.iter_mut().map(|d| &mut d.info), "vsock");
    number(devices.cryptos.iter_mut().map(|d| &mut d.info), "crypto");
    number(devices.pstores.iter_mut().map(|d| &mut d.info), "pstore");
    memories(&mut devices.memories);
    // The first console may be another name of the first serial line.
    if let (Some(serial), Some(console)) = (devices.serials.first(), devices.consoles.first_mut())
        && matches!(console.target_type.as_deref(), None | Some("serial"))
    {
        console.info.alias = serial.info.alias.clone();
    }
    Ok(())
}

fn give(info: &mut DeviceInfo, name: impl FnOnce() -> String) {
    let users = info.alias.as_deref().is_some_and(oxivirt_conf::domain::devices::is_user_alias);
    if !users {
        info.alias = Some(name());
    }
}

fn number<'d>(infos: impl Iterator<Item = &'d mut DeviceInfo>, prefix: &str) {
    for (at, info) in infos.enumerate() {
        give(info, || format!("{prefix}{at}"));
    }
}

fn controller(c: &Controller, q35: bool, i440fx: bool) -> String {
    let index = c.index.unwrap_or(0);
    match c.kind {
        ControllerType::Pci => match c.model.as_deref() {
            Some("pcie-root") => "pcie.0".to_owned(),
            _ => format!("pci.{index}"),
        },
        ControllerType::Usb if index == 0 => "usb".to_owned(),
        ControllerType::Ide if index == 0 && i440fx => "ide".to_owned(),
        ControllerType::Sata if index == 0 && q35 => "ide".to_owned(),
        kind => format!("{}{index}", kind.as_str()),
    }
}

/// The SCSI controllers that know units only.
fn flat_controllers(controllers: &[Controller]) -> Vec<u32> {
    let flat = |c: &&Controller| c.kind == ControllerType::Scsi && command::is_flat_scsi(c.model.as_deref());
    controllers.iter().filter(flat).filter_map(|c| c.index).collect()
}

/// `flat` are the SCSI controllers that know units only.
fn disk(d: &Disk, flat: &[u32]) -> Result<String> {
    let bus = d.target.bus.ok_or_else(|| Error::internal(format!("disk '{}' has no bus", d.target.dev)))?;
    match bus {
        DiskBus::Virtio | DiskBus::Usb | DiskBus::Sd => {
            let index = d.index().ok_or_else(|| {
                Error::config_unsupported(format!("cannot convert '{}' to a disk number", d.target.dev))
            })?;
            Ok(format!("{}-disk{index}", bus.as_str()))
        }
        _ => match &d.info.address {
            Some(Address::Drive(at)) if bus == DiskBus::Scsi && !flat.contains(&at.controller) => {
                Ok(format!("scsi{}-{}-{}-{}", at.controller, at.bus, at.target, at.unit))
            }
            Some(Address::Drive(at)) => Ok(format!("{}{}-{}-{}", bus.as_str(), at.controller, at.bus, at.unit)),
            _ => Err(Error::xml(format!("disk '{}' has no drive address", d.target.dev))),
        },
    }
}

fn memory_prefix(model: MemoryModel) -> &'static str {
    match model {
        MemoryModel::Dimm => "dimm",
        MemoryModel::Nvdimm => "nvdimm",
        MemoryModel::VirtioPmem => "virtiopmem",
        MemoryModel::VirtioMem => "virtiomem",
        MemoryModel::SgxEpc => "epc",
    }
}

/// Modules with a slot are called after it.
fn memories(modules: &mut [MemoryDevice]) {
    let mut counts = std::collections::HashMap::<&str, u32>::new();
    for module in modules {
        let prefix = memory_prefix(module.model);
        let next = counts.entry(prefix).or_default();
        let number = match &module.info.address {
            Some(Address::Dimm { slot: Some(slot), .. }) => *slot,
            _ => *next,
        };
        *next = next.saturating_add(1);
        give(&mut module.info, || format!("{prefix}{number}"));
    }
}

/// The first number that no image of a disk has.
pub(crate) fn free_index(domain: &DomainDefinition) -> u32 {
    use oxivirt_conf::domain::devices::BackingStore;
    let mut highest = 0;
    for disk in &domain.devices.disks {
        let mut sources = vec![&disk.source];
        let mut below = disk.backing.as_deref();
        while let Some(BackingStore::Layer(layer)) = below {
            sources.push(&layer.source);
            below = layer.backing.as_deref();
        }
        for source in sources {
            let data = source.data_store.as_ref().and_then(|store| store.source.index);
            highest = highest.max(source.index.unwrap_or(0)).max(data.unwrap_or(0));
        }
    }
    highest.saturating_add(1)
}

/// Gives every image of every disk the index that names its block node, the
/// last disk first, images on top before those below.
///
/// Errors: `XML_ERROR` for notes of a disk that mean nothing.
pub fn number_images(domain: &mut DomainDefinition) -> Result<()> {
    let mut next = 1;
    // SD cards have no block nodes.
    for disk in domain.devices.disks.iter_mut().rev().filter(|disk| disk.target.bus != Some(DiskBus::Sd)) {
        next = number_disk(disk, next)?;
    }
    Ok(())
}

/// Numbers the images of one disk, and the nodes that hold it back, from the
/// first number that is free: images on top before those below. A drive
/// without medium has a number that nobody sees.
///
/// * Returns the next number that is free.
/// * Errors: as those of [`number_images`].
pub(crate) fn number_disk(disk: &mut Disk, first: u32) -> Result<u32> {
    use oxivirt_conf::domain::devices::BackingStore;
    let mut next = first;
    let mut take = || {
        let given = next;
        next = next.saturating_add(1);
        given
    };
    number_image(&mut disk.source, &mut take);
    let mut notes = DiskNotes::of(disk)?;
    if !disk.throttle_filters.is_empty() || !notes.throttles.is_empty() {
        let node = |filter: &ThrottleFilter| ThrottleNode {
            name: format!("libvirt-{}-filter", take()),
            group: Some(filter.group.clone()),
        };
        notes.throttles = disk.throttle_filters.iter().map(node).collect();
        notes.put(disk)?;
    }
    let mut below = disk.backing.as_deref_mut();
    while let Some(BackingStore::Layer(layer)) = below {
        number_image(&mut layer.source, &mut take);
        below = layer.backing.as_deref_mut();
    }
    Ok(next)
}

/// Gives a device that is plugged into a running domain its alias: the next
/// one of its kind. It has its place already.
pub(crate) fn assign_one(domain: &DomainDefinition, device: &mut Device) -> Result<()> {
    let (q35, i440fx) = (command::is_q35(domain), command::is_i440fx(domain));
    let flat = flat_controllers(&domain.devices.controllers);
    let name = match &*device {
        Device::Controller(c) => controller(c, q35, i440fx),
        Device::Disk(d) => disk(d, &flat)?,
        Device::Memory(module) => match &module.info.address {
            Some(Address::Dimm { slot: Some(slot), .. }) => format!("{}{slot}", memory_prefix(module.model)),
            _ => next(domain, memory_prefix(module.model)),
        },
        // The first one may have the name of a serial line.
        Device::Console(_) => {
            let taken = |number: &usize| domain.devices.by_alias(&format!("console{number}")).is_some();
            let free = (domain.devices.consoles.len()..).find(|number| !taken(number));
            format!("console{}", free.unwrap_or_default())
        }
        other => next(domain, prefix(other.as_ref())?),
    };
    if let Some(info) = device.as_mut().info() {
        give(info, || name);
    }
    Ok(())
}

/// What aliases of a kind begin with.
fn prefix(device: DeviceRef<'_>) -> Result<&'static str> {
    use DeviceRef as D;
    Ok(match device {
        D::Filesystem(_) => "fs",
        D::Interface(card) if matches!(card.connection(), InterfaceSource::Hostdev { .. }) => "hostdev",
        D::Interface(_) => "net",
        D::Serial(_) => "serial",
        D::Channel(_) => "channel",
        D::Input(_) => "input",
        D::Hostdev(_) => "hostdev",
        D::RedirDev(_) => "redir",
        D::Watchdog(_) => "watchdog",
        D::Rng(_) => "rng",
        D::Shmem(_) => "shmem",
        D::Vsock(_) => "vsock",
        other => return Err(Error::internal(format!("no names for devices of kind '{}'", other.name()))),
    })
}

/// The name behind all those that begin with a prefix.
fn next(domain: &DomainDefinition, prefix: &str) -> String {
    let number = |device: DeviceRef<'_>| device.info()?.alias.as_deref()?.strip_prefix(prefix)?.parse::<u32>().ok();
    let highest = domain.devices.iter().filter_map(number).max();
    format!("{prefix}{}", highest.map_or(0, |highest| highest.saturating_add(1)))
}

/// An image, and what it keeps its bytes in.
fn number_image(source: &mut StorageSource, take: &mut impl FnMut() -> u32) {
    source.index = Some(take()).filter(|_| !source.is_empty());
    if let Some(store) = &mut source.data_store {
        store.source.index = Some(take());
    }
}
