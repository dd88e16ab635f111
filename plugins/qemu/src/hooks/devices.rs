//! The defaults of one device.

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::{
    Controller, ControllerType, DeviceMut, Disk, DiskDevice, InterfaceSource, PanicModel, RngBackend, Serial,
    StorageFormat, Video, VideoType,
};

use super::is_x86;
use crate::arch;

/// Fills in what a device leaves open.
pub(super) fn complete(device: DeviceMut<'_>, def: &DomainDefinition) {
    match device {
        DeviceMut::Disk(disk) => self::disk(disk),
        DeviceMut::Interface(net) => {
            let hostdev = matches!(net.source, InterfaceSource::Hostdev { .. });
            if net.model.is_none() && !hostdev {
                net.model = Some("rtl8139".to_owned());
            }
        }
        DeviceMut::Controller(c) => controller(c, def),
        DeviceMut::Serial(serial) => self::serial(serial, def),
        DeviceMut::Video(video) => self::video(video, def),
        DeviceMut::Rng(rng) => {
            if let RngBackend::Random(path @ None) = &mut rng.backend {
                *path = Some("/dev/random".to_owned());
            }
        }
        DeviceMut::Panic(panic) if is_x86(def) => {
            panic.model.get_or_insert(PanicModel::Isa);
        }
        _ => {}
    }
}

fn disk(disk: &mut Disk) {
    disk.driver.name.get_or_insert_with(|| "qemu".to_owned());
    // Never guessed from the content: a guest could write another header.
    disk.driver.format.get_or_insert(StorageFormat::Raw);
    if disk.device == DiskDevice::CdRom {
        disk.readonly = true;
    }
}

pub(super) fn controller(c: &mut Controller, def: &DomainDefinition) {
    let open = c.model.as_deref().is_none_or(|m| m == "auto" && c.kind == ControllerType::Scsi);
    if !open {
        return;
    }
    let model = match c.kind {
        ControllerType::Usb if is_x86(def) => "piix3-uhci",
        ControllerType::Scsi if is_x86(def) => "lsilogic",
        _ => return,
    };
    c.model = Some(model.to_owned());
}

pub(super) fn serial(serial: &mut Serial, def: &DomainDefinition) {
    if !is_x86(def) {
        return;
    }
    let target = serial.target_type.get_or_insert_with(|| "isa-serial".to_owned());
    if serial.model.is_none() {
        let model = match target.as_str() {
            "isa-serial" => "isa-serial",
            "isa-debug" => "isa-debugcon",
            "pci-serial" => "pci-serial",
            "usb-serial" => "usb-serial",
            _ => return,
        };
        serial.model = Some(model.to_owned());
    }
}

pub(super) fn video(video: &mut Video, def: &DomainDefinition) {
    let m = &mut video.model;
    if m.kind == VideoType::Default {
        m.kind = arch::board(def).map_or(VideoType::Cirrus, |board| board.video);
    }
    match m.kind {
        VideoType::Qxl => {
            m.ram.get_or_insert(65_536);
            m.vram.get_or_insert(65_536);
            m.vgamem.get_or_insert(16_384);
        }
        VideoType::Vga | VideoType::Cirrus | VideoType::Vmvga | VideoType::Bochs => {
            m.vram.get_or_insert(16_384);
        }
        _ => {}
    }
    if !matches!(m.kind, VideoType::None) {
        m.heads.get_or_insert(1);
    }
}
