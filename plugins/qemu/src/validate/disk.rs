//! `<disk>`.

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::{
    Address, Disk, DiskBus, DiskDevice, EncryptionFormat, HostdevSource, NetworkProtocol, StorageFormat, StorageKind,
};
use oxivirt_core::Result;

use super::unsupported;
use crate::capabilities::Emulator;

pub(super) fn disks(def: &DomainDefinition, emulator: Option<&Emulator>) -> Result<()> {
    for disk in &def.devices.disks {
        image(disk, emulator)?;
        device(disk, emulator)?;
        place(disk, def)?;
    }
    Ok(())
}

/// What the image is.
fn image(disk: &Disk, emulator: Option<&Emulator>) -> Result<()> {
    match disk.driver.format {
        Some(StorageFormat::Iso) => {
            return unsupported("storage format 'iso' is not directly supported by QEMU, use 'raw' instead");
        }
        Some(StorageFormat::Dir) => {
            return unsupported("storage format 'dir' is not directly supported by QEMU, use 'fat' instead");
        }
        _ => {}
    }
    if let StorageKind::Network(source) = &disk.source.kind
        && matches!(source.protocol, NetworkProtocol::Sheepdog)
    {
        return unsupported("'sheepdog' protocol is no longer supported by any hypervisor driver");
    }
    let Some(encryption) = disk.source.encryption.as_ref().or(disk.encryption.as_ref()) else { return Ok(()) };
    if !matches!(disk.driver.format, None | Some(StorageFormat::Raw | StorageFormat::Qcow2)) {
        return unsupported("encryption is supported only with 'raw' and 'qcow2' image format");
    }
    if encryption.format == EncryptionFormat::LuksAny && emulator.is_some_and(|e| e.version < FIRST_WITH_LUKS_ANY) {
        return unsupported("luks-any encryption is not supported by this QEMU binary");
    }
    Ok(())
}

/// What the guest sees.
fn device(disk: &Disk, emulator: Option<&Emulator>) -> Result<()> {
    // Only drives with a door can be empty.
    if let Some(bus @ (DiskBus::Usb | DiskBus::Virtio)) = disk.target.bus
        && disk.source.is_empty()
        && disk.device == DiskDevice::CdRom
    {
        return unsupported(format!("'{bus}' disk must not be empty"));
    }
    if disk.device == DiskDevice::Lun
        && disk.target.bus == Some(DiskBus::Virtio)
        && emulator.is_some_and(|e| e.has_type(VIRTIO_BLK) && !e.has_property(VIRTIO_BLK, "scsi"))
    {
        return unsupported("This QEMU doesn't support SCSI emulation with 'virtio-blk' device");
    }
    Ok(())
}

/// A disk and a host device may not share a place.
fn place(disk: &Disk, def: &DomainDefinition) -> Result<()> {
    let Some(Address::Drive(at)) = disk.info.address.as_ref().filter(|_| disk.target.bus == Some(DiskBus::Scsi)) else {
        return Ok(());
    };
    let taken = def.devices.hostdevs.iter().any(|h| {
        matches!(h.source, HostdevSource::Scsi(_))
            && matches!(&h.info.address, Some(Address::Drive(other)) if other == at)
    });
    match taken {
        false => Ok(()),
        true => unsupported(format!(
            "using disk target name '{}' conflicts with SCSI host device address controller='{}' bus='{}' target='{}' \
             unit='{}'",
            disk.target.dev, at.controller, at.bus, at.target, at.unit
        )),
    }
}

const VIRTIO_BLK: &str = "virtio-blk-pci";

/// QEMU 8.0.0.
const FIRST_WITH_LUKS_ANY: u32 = 8_000_000;
