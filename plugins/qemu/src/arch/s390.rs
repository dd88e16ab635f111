//! s390x: the channel subsystem, with PCI beside it.

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::{Address, FilesystemDriverType, HostdevSource, MdevModel, PanicModel, VideoType};
use oxivirt_core::{Error, Result};

use super::{Board, VirtioBus, is};

pub(super) fn board(machine: &str) -> Board {
    let ccw = is(machine, "s390-ccw-virtio") || is(machine, "s390-ccw");
    Board {
        pci_root: Some("pci-root"),
        usb: &["none"],
        scsi: &["virtio-scsi"],
        net: "virtio",
        video: VideoType::Virtio,
        serial: Some(("sclp-serial", "sclpconsole")),
        panic: Some(PanicModel::S390),
        own_panic: true,
        virtio: if ccw { VirtioBus::Ccw } else { VirtioBus::Pci },
        ..Board::plain()
    }
}

pub(super) fn validate(def: &DomainDefinition) -> Result<()> {
    for fs in &def.devices.filesystems {
        let virtiofs = fs.driver.kind == Some(FilesystemDriverType::Virtiofs);
        if virtiofs && fs.info.boot.is_some() && !matches!(fs.info.address, Some(Address::Pci(_))) {
            return Err(Error::config_unsupported("setting virtiofs boot order is supported only with PCI bus"));
        }
    }
    for hostdev in &def.devices.hostdevs {
        if let HostdevSource::Mdev { model: MdevModel::VfioCcw, .. } = hostdev.source
            && let Some(address) = &hostdev.info.address
            && !matches!(address, Address::Ccw(_))
        {
            return Err(Error::xml(format!(
                "Unsupported address type '{}' with mediated device model 'vfio-ccw'",
                address.type_name()
            )));
        }
    }
    Ok(())
}
