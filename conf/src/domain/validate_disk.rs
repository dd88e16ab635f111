//! Checks of a disk that hold for every driver.

use oxivirt_core::{Error, ErrorCode, Result};

use super::devices::{
    Address, BackingStore, Disk, DiskBus, DiskDevice, NetworkProtocol, SgIo, SnapshotLocation, StartupPolicy,
    StorageAuth, StorageKind, ThrottleGroup, VirtioModel,
};
use super::validate::{refuse, unsupported};
use super::{DomainDefinition, DomainType};

/// Emulated machines have whole disks; only other hypervisors show a guest
/// single partitions.
fn whole_disk(disk: &Disk) -> Result<()> {
    let name = &disk.target.dev;
    match name.ends_with(|c: char| c.is_ascii_digit()) && !name.starts_with("nvme") {
        true => unsupported(format!("invalid disk target '{name}', partitions can't appear in disk targets")),
        false => Ok(()),
    }
}

/// Refuses a disk that contradicts itself.
pub(super) fn run(disk: &Disk, def: &DomainDefinition) -> Result<()> {
    if matches!(def.kind, DomainType::Qemu | DomainType::Kvm | DomainType::Hvf) {
        whole_disk(disk)?;
    }
    kind_and_bus(disk)?;
    source(disk)?;
    limits(disk)?;
    let name = &disk.target.dev;
    if disk.auth.is_some() && disk.source.auth.is_some() {
        return unsupported(format!("disk '{name}': an <auth> definition already found for disk source"));
    }
    if disk.encryption.is_some() && disk.source.encryption.is_some() {
        return unsupported(format!("disk '{name}': an <encryption> definition already found for disk source"));
    }
    let encryption = disk.encryption.as_deref().or(disk.source.encryption.as_deref());
    if encryption.is_some_and(|e| e.cipher.is_some()) {
        return unsupported(format!("disk '{name}': supplying <cipher> is unnecessary, the image knows its own"));
    }
    let Some(bus) = disk.target.bus else { return Ok(()) };
    let on_drive = matches!(bus, DiskBus::Ide | DiskBus::Fdc | DiskBus::Scsi | DiskBus::Sata);
    match &disk.info.address {
        Some(Address::Drive(_)) | Some(Address::Unassigned) => {}
        Some(other) if on_drive => {
            let kind = other.type_name();
            return unsupported(format!(
                "Invalid address type '{kind}' for the disk '{name}' with the bus type '{bus}'"
            ));
        }
        None if bus != DiskBus::Xen && disk.index().is_none() => {
            return refuse(format!("Unknown disk name '{name}' and no address specified"));
        }
        _ => {}
    }
    if bus != DiskBus::Scsi && (disk.vendor.is_some() || disk.product.is_some()) {
        return unsupported(format!("disk '{name}': only SCSI disks have a vendor and a product"));
    }
    if !disk.throttle_filters.is_empty() && disk.iotune.is_some() {
        let what = format!("block 'throttlefilters' can't be used together with 'iotune' for disk '{name}'");
        return Err(Error::new(ErrorCode::OPERATION_UNSUPPORTED, what));
    }
    for filter in disk.throttle_filters.iter() {
        let known = |group: &ThrottleGroup| group.limits.group_name.as_ref() == Some(&filter.group);
        if !def.throttle_groups.iter().any(known) {
            return refuse(format!("throttle group '{}' not found", filter.group));
        }
    }
    Ok(())
}

/// What the guest sees fits the bus.
fn kind_and_bus(disk: &Disk) -> Result<()> {
    let internal = |what: String| Err(Error::new(ErrorCode::INTERNAL_ERROR, what));
    let removable = matches!(disk.device, DiskDevice::CdRom | DiskDevice::Floppy);
    match (disk.device, disk.target.bus) {
        (DiskDevice::Floppy, Some(bus)) if bus != DiskBus::Fdc => {
            return internal(format!("Invalid bus type '{bus}' for floppy disk"));
        }
        (DiskDevice::Disk | DiskDevice::CdRom, Some(DiskBus::Fdc)) => {
            return internal("Invalid bus type 'fdc' for disk".to_owned());
        }
        _ => {}
    }
    if disk.device == DiskDevice::Lun {
        // A volume and a network source are looked at when they are known.
        if matches!(disk.source.kind, StorageKind::File { .. } | StorageKind::Dir { .. }) {
            return unsupported("disk device='lun' is only valid for block type disk source");
        }
        if disk.sgio == Some(SgIo::Unfiltered) {
            return unsupported("unfiltered sgio is no longer supported");
        }
    } else {
        if disk.rawio.is_some() {
            return unsupported("rawio can be used only with device='lun'");
        }
        if disk.sgio.is_some() {
            return unsupported("sgio can be used only with device='lun'");
        }
    }
    if disk.target.tray.is_some() && !removable {
        return unsupported("tray is only valid for cdrom and floppy");
    }
    let Some(bus) = disk.target.bus else { return Ok(()) };
    if let Some(model) = disk.model.filter(|model| *model != VirtioModel::Virtio && bus != DiskBus::Virtio) {
        return unsupported(format!("disk model '{model}' not supported for bus '{bus}'"));
    }
    if bus != DiskBus::Virtio && disk.driver.queues.is_some() {
        return unsupported("queues attribute in disk driver element is only supported for virtio bus");
    }
    if disk.driver.iothread == Some(0) {
        return refuse("attribute 'iothread' has the invalid value '0', allowed: a number above 0");
    }
    Ok(())
}

/// The source says what its kind needs.
fn source(disk: &Disk) -> Result<()> {
    let name = &disk.target.dev;
    let removable = matches!(disk.device, DiskDevice::CdRom | DiskDevice::Floppy);
    if disk.source.is_empty() && !removable {
        return Err(Error::new(ErrorCode::NO_SOURCE, name.clone()));
    }
    if let Some(policy) = disk.source.startup_policy {
        if matches!(disk.source.kind, StorageKind::Network(_)) {
            return refuse(format!("disk startupPolicy '{policy}' is not allowed for disk of 'network' type"));
        }
        if policy == StartupPolicy::Requisite && !removable {
            return refuse(format!("disk startupPolicy '{policy}' is allowed only for cdrom or floppy"));
        }
    }
    match &disk.source.kind {
        StorageKind::Network(net) => {
            let named = matches!(net.protocol, NetworkProtocol::Nbd | NetworkProtocol::Ssh);
            match &net.name {
                None if !named => return refuse("missing name for disk source"),
                Some(name) if net.protocol == NetworkProtocol::Gluster && !name.contains('/') => {
                    return refuse(format!("can't split path '{name}' into pool name and image name"));
                }
                _ => {}
            }
            let wanted = match net.protocol {
                NetworkProtocol::Rbd => Some("ceph"),
                NetworkProtocol::Iscsi => Some("iscsi"),
                _ => None,
            };
            let auth: Option<&StorageAuth> = disk.auth.as_deref().or(disk.source.auth.as_deref());
            if let (Some(wanted), Some(kind)) = (wanted, auth.and_then(|auth| auth.secret.kind.as_deref()))
                && kind != wanted
            {
                return unsupported(format!("invalid secret type '{kind}', allowed: {wanted}"));
            }
        }
        StorageKind::VhostUser { path, .. } => {
            if path.is_none() {
                return refuse("missing 'path' attribute for vhostuser disk source");
            }
            if disk.target.bus != Some(DiskBus::Virtio) {
                return unsupported("vhostuser disk supports only virtio bus");
            }
            if disk.snapshot.is_some_and(|snapshot| snapshot != SnapshotLocation::No) {
                return unsupported("only snapshot=no is supported with vhostuser disk");
            }
            if disk.readonly {
                return unsupported("readonly is not supported with vhostuser disk");
            }
        }
        _ => {}
    }
    let mut next = disk.backing.as_deref();
    while let Some(BackingStore::Layer(layer)) = next {
        if layer.format.is_none() {
            return refuse("missing disk backing store format");
        }
        if layer.source.is_empty() {
            return refuse("missing disk backing store source");
        }
        next = layer.backing.as_deref();
    }
    Ok(())
}

/// A limit of the total and one of its parts exclude each other.
fn limits(disk: &Disk) -> Result<()> {
    let Some(tune) = disk.iotune.as_deref() else { return Ok(()) };
    let pairs = [
        ("bytes_sec", tune.total_bytes_sec, tune.read_bytes_sec, tune.write_bytes_sec),
        ("iops_sec", tune.total_iops_sec, tune.read_iops_sec, tune.write_iops_sec),
        ("bytes_sec_max", tune.total_bytes_sec_max, tune.read_bytes_sec_max, tune.write_bytes_sec_max),
        ("iops_sec_max", tune.total_iops_sec_max, tune.read_iops_sec_max, tune.write_iops_sec_max),
    ];
    for (name, total, read, write) in pairs {
        if total > 0 && (read > 0 || write > 0) {
            return refuse(format!("total and read/write {name} cannot be set at the same time"));
        }
    }
    Ok(())
}
