//! Names of devices inside QEMU.
//!
//! Given at each start, the same for the same definition; names of the
//! user's own (`ua-…`) are kept.

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::{
    Address, Controller, ControllerType, DeviceInfo, Disk, DiskBus, InterfaceSource, MemoryDevice, MemoryModel,
    StorageSource,
};
use oxivirt_core::{Error, Result};

use crate::command;

/// Gives every device its alias.
pub fn assign(domain: &mut DomainDefinition) -> Result<()> {
    let (q35, i440fx) = (command::is_q35(domain), command::is_i440fx(domain));
    let devices = &mut domain.devices;
    for c in &mut devices.controllers {
        let name = controller(c, q35, i440fx);
        give(&mut c.info, || name);
    }
    let mut usb_disks = 0;
    let flat: Vec<u32> = devices
        .controllers
        .iter()
        .filter(|c| c.kind == ControllerType::Scsi && command::is_flat_scsi(c.model.as_deref()))
        .filter_map(|c| c.index)
        .collect();
    for d in &mut devices.disks {
        let name = disk(d, &flat, &mut usb_disks)?;
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
    let cards = devices.interfaces.iter_mut().filter(|n| matches!(n.source, InterfaceSource::Hostdev { .. }));
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

/// `flat` are the SCSI controllers that know units only.
fn disk(d: &Disk, flat: &[u32], usb_disks: &mut u32) -> Result<String> {
    let bus = d.target.bus.ok_or_else(|| Error::internal(format!("disk '{}' has no bus", d.target.dev)))?;
    match bus {
        DiskBus::Virtio => {
            let index = d.index().ok_or_else(|| {
                Error::config_unsupported(format!("cannot convert '{}' to a disk number", d.target.dev))
            })?;
            Ok(format!("virtio-disk{index}"))
        }
        DiskBus::Usb => {
            let number = *usb_disks;
            *usb_disks += 1;
            Ok(format!("usb-disk{number}"))
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

/// Modules with a slot are called after it.
fn memories(modules: &mut [MemoryDevice]) {
    let mut counts = std::collections::HashMap::<&str, u32>::new();
    for module in modules {
        let prefix = match module.model {
            MemoryModel::Dimm => "dimm",
            MemoryModel::Nvdimm => "nvdimm",
            MemoryModel::VirtioPmem => "virtiopmem",
            MemoryModel::VirtioMem => "virtiomem",
            MemoryModel::SgxEpc => "epc",
        };
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
pub fn number_images(domain: &mut DomainDefinition) {
    use oxivirt_conf::domain::devices::BackingStore;
    let mut next = 0;
    let mut take = || {
        next += 1;
        Some(next)
    };
    for disk in domain.devices.disks.iter_mut().rev() {
        number_image(&mut disk.source, &mut take);
        let mut below = disk.backing.as_deref_mut();
        while let Some(BackingStore::Layer(layer)) = below {
            number_image(&mut layer.source, &mut take);
            below = layer.backing.as_deref_mut();
        }
    }
}

/// An image, and what it keeps its bytes in.
fn number_image(source: &mut StorageSource, take: &mut impl FnMut() -> Option<u32>) {
    source.index = take();
    if let Some(store) = &mut source.data_store {
        store.source.index = take();
    }
}
