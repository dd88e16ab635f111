//! The guest's side of disks.

use oxivirt_conf::domain::devices::{
    Address, DeviceInfo, Disk, DiskBus, DiskCache, DiskDevice, DriveAddress, ErrorPolicy, GeometryTranslation,
    IoThreadMapping, StorageKind, VirtioModel,
};
use oxivirt_core::{Error, Result};

use super::storage::{self, unsupported};
use super::{Builder, Props, escape, place};

/// Block nodes and device of one disk.
pub(super) fn disk(b: &mut Builder<'_>, disk: &Disk) -> Result<()> {
    refuse_unknown(disk)?;
    if disk.device == DiskDevice::Floppy && crate::arch::board(b.domain).is_some_and(|board| board.host_bridges) {
        return Err(Error::config_unsupported("PowerPC pseries machines do not support floppy device"));
    }
    if disk.target.bus == Some(DiskBus::Sd) {
        return storage::card(b, disk);
    }
    let node = match &disk.source.kind {
        // Another program is the disk; what it reads from is its own matter.
        StorageKind::VhostUser { path, reconnect } => {
            let path = path.as_deref().ok_or_else(|| unsupported(disk, "a socket without a path"))?;
            let id = format!("chr-vu-{}", super::alias(&disk.info)?);
            let wait = reconnect.as_ref().and_then(|r| r.timeout).filter(|seconds| *seconds > 0);
            let wait = super::chardev::reconnect(b, wait);
            b.chardev(format!("socket,id={id},path={}{wait}", escape(path)))?;
            Some(id)
        }
        _ => storage::nodes(b, disk)?,
    };
    let device = device(b, disk, node.as_deref())?;
    b.json("-device", &device);
    Ok(())
}

/// What a definition may say that would be lost here.
fn refuse_unknown(disk: &Disk) -> Result<()> {
    for (present, what) in [
        (disk.transient.is_some(), "<transient>"),
        (disk.backend_domain.is_some(), "<backenddomain>"),
        (disk.target.dpofua.is_some(), "dpofua"),
    ] {
        if present {
            return Err(unsupported(disk, what));
        }
    }
    Ok(())
}

fn device(b: &Builder<'_>, disk: &Disk, node: Option<&str>) -> Result<Props> {
    let bus = disk.target.bus.ok_or_else(|| Error::internal("disk without a bus"))?;
    let alias = super::alias(&disk.info)?;
    let cdrom = disk.device == DiskDevice::CdRom;
    let mut share = disk.shareable;
    let mut props = match bus {
        DiskBus::Ide => {
            let at = drive(disk)?;
            if at.controller != 0 {
                return Err(unsupported(disk, "a second IDE controller"));
            }
            let driver = if cdrom { "ide-cd" } else { "ide-hd" };
            Props::new().text("driver", driver).text("bus", format!("ide.{}", at.bus)).number("unit", at.unit)
        }
        DiskBus::Sata => {
            let at = drive(disk)?;
            let controller = b.controller_alias("sata", at.controller)?;
            let driver = if cdrom { "ide-cd" } else { "ide-hd" };
            Props::new().text("driver", driver).text("bus", format!("{controller}.{}", at.unit))
        }
        DiskBus::Scsi => scsi(b, disk)?,
        DiskBus::Virtio => virtio(b, disk)?,
        DiskBus::Usb => {
            let props = Props::new().text("driver", "usb-storage");
            props.and(&place::device(b, &disk.info, "usb-storage")?)
        }
        DiskBus::Fdc => {
            share = false;
            Props::new().text("driver", "floppy").number("unit", drive(disk)?.unit)
        }
        other => return Err(unsupported(disk, &format!("bus '{}'", other.as_str()))),
    };
    if share {
        props = props.flag("share-rw", true);
    }
    let other = matches!(disk.source.kind, StorageKind::VhostUser { .. });
    props = props.maybe_text(if other { "chardev" } else { "drive" }, node).text("id", alias);
    if bus != DiskBus::Fdc {
        props = props.maybe_number("bootindex", b.boot_index(&disk.info));
        props = props.maybe_text("loadparm", place::loadparm(b, &disk.info));
    }
    if let Some(io) = &disk.blockio {
        props = props
            .maybe_number("logical_block_size", io.logical_block_size)
            .maybe_number("physical_block_size", io.physical_block_size)
            .maybe_number("discard_granularity", io.discard_granularity);
    }
    if let Some(wwn) = &disk.wwn {
        let number = u64::from_str_radix(wwn.trim_start_matches("0x"), 16)
            .map_err(|_| Error::xml(format!("disk '{}': '{wwn}' is no WWN", disk.target.dev)))?;
        props = props.number("wwn", number);
    }
    props = props
        .maybe_number("rotation_rate", disk.target.rotation_rate)
        .maybe_text("vendor", disk.vendor.as_ref())
        .maybe_text("product", disk.product.as_ref());
    props = match (bus, disk.target.removable) {
        (DiskBus::Usb, removable) => props.flag("removable", removable.is_some_and(|r| r.is_on())),
        (_, removable) => props.maybe_flag("removable", removable.map(|r| r.is_on())),
    };
    // Shared disks bypass the host's cache unless the definition says otherwise.
    let cache = effective_cache(disk);
    props = props.maybe_on_off("write-cache", storage::write_cache(cache));
    if let Some(geometry) = &disk.geometry {
        props = props.number("cyls", geometry.cyls).number("heads", geometry.heads).number("secs", geometry.secs);
        if let Some(translation) = geometry.trans {
            props = props.text("bios-chs-trans", GeometryTranslation::as_str(translation));
        }
    }
    let write = disk.driver.error_policy;
    // Reads fail the way writes do, except that no space is no matter to them.
    let read = disk.driver.rerror_policy.or(write.filter(|p| *p != ErrorPolicy::Enospace));
    props = props.maybe_text("werror", write.map(policy)).maybe_text("rerror", read.map(policy));
    Ok(props.maybe_text("serial", disk.serial.as_deref().map(serial)))
}

fn virtio(b: &Builder<'_>, disk: &Disk) -> Result<Props> {
    let driver = match disk.model {
        _ if matches!(disk.source.kind, StorageKind::VhostUser { .. }) => "vhost-user-blk-pci",
        None | Some(VirtioModel::Virtio) => "virtio-blk-pci",
        Some(VirtioModel::Transitional) => "virtio-blk-pci-transitional",
        Some(VirtioModel::NonTransitional) => "virtio-blk-pci-non-transitional",
    };
    if disk.device != DiskDevice::Disk {
        return Err(unsupported(disk, &format!("device='{}' on the virtio bus", disk.device.as_str())));
    }
    let d = &disk.driver;
    let mut props = Props::new()
        .text("driver", place::virtio_driver(driver, &disk.info))
        .and(&place::virtio(Some(&d.virtio)))
        .maybe_flag("ioeventfd", d.ioeventfd.map(|v| v.is_on()))
        .maybe_flag("event_idx", d.event_idx.map(|v| v.is_on()))
        .maybe_text("iothread", d.iothread.map(|n| format!("iothread{n}")))
        .maybe_number("num-queues", d.queues)
        .maybe_number("queue-size", d.queue_size);
    props = threads(props, &d.iothreads);
    props = props.and(&place::device(b, &disk.info, "disk")?);
    Ok(props)
}

/// Which thread serves which queue.
pub(super) fn threads(props: Props, mapping: &[IoThreadMapping]) -> Props {
    if mapping.is_empty() {
        return props;
    }
    let one = |thread: &IoThreadMapping| {
        let props = Props::new().text("iothread", format!("iothread{}", thread.id));
        match thread.queues.is_empty() {
            true => props,
            false => props.numbers("vqs", thread.queues.iter().map(|queue| queue.id)),
        }
    };
    let all: Vec<Props> = mapping.iter().map(one).collect();
    props.list("iothread-vq-mapping", &all)
}

/// The place of a device of the host among SCSI devices.
pub(super) fn scsi_place(b: &Builder<'_>, info: &DeviceInfo) -> Result<Props> {
    let Some(Address::Drive(at)) = &info.address else {
        return Err(Error::internal("a SCSI device of the host has no address"));
    };
    let props = Props::new().text("bus", format!("{}.0", b.controller_alias("scsi", at.controller)?));
    Ok(match b.scsi_model(at.controller) {
        ScsiAddressing::Flat => props.number("scsi-id", at.unit),
        ScsiAddressing::Full => props.number("channel", at.bus).number("scsi-id", at.target).number("lun", at.unit),
    })
}

fn scsi(b: &Builder<'_>, disk: &Disk) -> Result<Props> {
    let at = drive(disk)?;
    let controller = b.controller_alias("scsi", at.controller)?;
    let model = b.scsi_model(at.controller);
    let driver = match disk.device {
        DiskDevice::CdRom => "scsi-cd",
        DiskDevice::Lun => "scsi-block",
        _ => "scsi-hd",
    };
    let mut props = Props::new().text("driver", driver).text("bus", format!("{controller}.0"));
    props = match model {
        ScsiAddressing::Flat => {
            if at.bus != 0 || at.target != 0 && at.unit != 0 {
                return Err(unsupported(disk, "this address on this SCSI controller"));
            }
            props.number("scsi-id", at.unit)
        }
        ScsiAddressing::Full => props.number("channel", at.bus).number("scsi-id", at.target).number("lun", at.unit),
    };
    if disk.device != DiskDevice::Lun {
        let id = match &disk.serial {
            Some(text) => serial(text),
            None => format!("drive-{}", super::alias(&disk.info)?),
        };
        props = props.text("device_id", id);
    }
    Ok(props)
}

/// How a SCSI controller numbers its devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ScsiAddressing {
    /// One number.
    Flat,
    /// Channel, target, unit.
    Full,
}

/// Disks that several guests share must not be cached by the host.
pub(super) fn effective_cache(disk: &Disk) -> Option<DiskCache> {
    match disk.driver.cache {
        None | Some(DiskCache::Default) if disk.shareable && !disk.readonly => Some(DiskCache::None),
        cache => cache,
    }
}

fn drive(disk: &Disk) -> Result<DriveAddress> {
    match &disk.info.address {
        Some(Address::Drive(at)) => Ok(*at),
        Some(other) => Err(Error::config_unsupported(format!(
            "disk '{}': bus does not take an address of type '{}'",
            disk.target.dev,
            other.type_name()
        ))),
        None => Err(Error::internal(format!("disk '{}' has no address", disk.target.dev))),
    }
}

fn policy(policy: ErrorPolicy) -> &'static str {
    match policy {
        ErrorPolicy::Stop => "stop",
        ErrorPolicy::Report => "report",
        ErrorPolicy::Ignore => "ignore",
        ErrorPolicy::Enospace => "enospc",
    }
}

/// Characters outside a plain set get a backslash, as guests have always seen them.
fn serial(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if !(c.is_ascii_alphanumeric() || "-_.+".contains(c)) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
