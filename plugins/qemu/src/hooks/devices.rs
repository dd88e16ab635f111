//! The defaults of one device.

use std::path::Path;

use oxivirt_conf::domain::devices::{
    BackingStore, Channel, ChannelTarget, CharKind, Controller, ControllerType, DeviceMut, Disk, DiskDevice,
    EncryptionEngine, Interface, InterfaceSource, NetworkProtocol, PanicModel, RngBackend, Serial, Shmem, ShmemModel,
    SnapshotLocation, StorageFormat, StorageKind, StorageSource, Transport, Video, VideoType, VirtioModel,
};
use oxivirt_conf::domain::{DomainDefinition, SecLabel, SecLabelType};

use super::{Site, is_x86};
use crate::arch;
use crate::capabilities::Emulator;

/// Fills in what a device leaves open.
pub(super) fn complete(
    device: DeviceMut<'_>,
    def: &DomainDefinition,
    site: &Site,
    emulator: Option<&Emulator>,
    runs: bool,
) {
    match device {
        DeviceMut::Disk(disk) => self::disk(disk, runs),
        DeviceMut::Interface(net) => interface(net),
        DeviceMut::Controller(c) => controller(c, def, emulator),
        DeviceMut::Serial(serial) => self::serial(serial, def),
        DeviceMut::Channel(channel) => self::channel(channel, site),
        DeviceMut::Video(video) => self::video(video, def),
        DeviceMut::Rng(rng) => {
            if let RngBackend::Random(path @ None) = &mut rng.backend {
                *path = Some("/dev/random".to_owned());
            }
        }
        DeviceMut::Panic(panic) if is_x86(def) => {
            panic.model.get_or_insert(PanicModel::Isa);
        }
        DeviceMut::Shmem(shmem) => self::shmem(shmem),
        DeviceMut::Vsock(vsock) => {
            vsock.model.get_or_insert(VirtioModel::Virtio);
        }
        _ => {}
    }
}

fn disk(disk: &mut Disk, runs: bool) {
    disk.driver.name.get_or_insert_with(|| "qemu".to_owned());
    if matches!(&disk.source.kind, StorageKind::Volume { pool: None, volume: None, .. }) {
        disk.source.kind = StorageKind::default();
    }
    // Never guessed from the content: a guest could write another header. A
    // volume's format its pool knows.
    // What a running guest's empty drive has is nothing.
    let open = matches!(disk.source.kind, StorageKind::Volume { .. }) || runs && disk.source.is_empty();
    if !open {
        disk.driver.format.get_or_insert(StorageFormat::Raw);
    }
    if let Some(encryption) = &mut disk.encryption {
        encryption.engine.get_or_insert(EncryptionEngine::Qemu);
    }
    if let Some(mirror) = &mut disk.mirror {
        mirror.format.get_or_insert(StorageFormat::Raw);
    }
    source(&mut disk.source);
    let mut behind = disk.backing.as_deref_mut();
    while let Some(BackingStore::Layer(layer)) = behind {
        source(&mut layer.source);
        behind = layer.backing.as_deref_mut();
    }
    // Another process writes to it.
    if matches!(disk.source.kind, StorageKind::VhostUser { .. }) {
        disk.snapshot.get_or_insert(SnapshotLocation::No);
    }
    if disk.device == DiskDevice::CdRom {
        disk.readonly = true;
    }
}

fn interface(net: &mut Interface) {
    let default = match net.source {
        InterfaceSource::Hostdev { .. } => return,
        // Only virtio can be served by another process.
        InterfaceSource::Vdpa { .. } | InterfaceSource::VhostUser { .. } => "virtio",
        _ => "rtl8139",
    };
    net.model.get_or_insert_with(|| default.to_owned());
}

/// Where an image lies, in full.
fn source(source: &mut StorageSource) {
    if let Some(encryption) = &mut source.encryption {
        encryption.engine.get_or_insert(EncryptionEngine::Qemu);
    }
    let StorageKind::Network(network) = &mut source.kind else { return };
    if let Some((_, port)) = PORTS.iter().find(|(protocol, _)| *protocol == network.protocol) {
        for host in network.hosts.iter_mut().filter(|h| h.transport == Transport::Tcp) {
            host.port.get_or_insert(*port);
        }
    }
    // A target without a unit means its first.
    if network.protocol == NetworkProtocol::Iscsi
        && let Some(name) = &mut network.name
        && !name.contains('/')
    {
        name.push_str("/0");
    }
}

/// The ports that protocols are known by.
const PORTS: &[(NetworkProtocol, u32)] = &[
    (NetworkProtocol::Http, 80),
    (NetworkProtocol::Https, 443),
    (NetworkProtocol::Ftp, 21),
    (NetworkProtocol::Ftps, 990),
    (NetworkProtocol::Tftp, 69),
    (NetworkProtocol::Ssh, 22),
    (NetworkProtocol::Iscsi, 3260),
    (NetworkProtocol::Nbd, 10809),
    (NetworkProtocol::Gluster, 24007),
    (NetworkProtocol::Vxhs, 9999),
];

/// Without a size it is as large as it was before sizes could be given.
fn shmem(shmem: &mut Shmem) {
    if shmem.model != ShmemModel::IvshmemDoorbell {
        shmem.size.get_or_insert(4 << 20);
    }
}

/// A socket that the driver chose is forgotten: it is chosen anew at each start.
pub(super) fn channel(channel: &mut Channel, site: &Site) {
    let ChannelTarget::Virtio { name: Some(name), .. } = &channel.target else { return };
    let CharKind::Unix(socket) = &mut channel.source.kind else { return };
    let Some(path) = &socket.path else { return };
    let chosen = site.channels.iter().filter_map(|folder| Path::new(path).strip_prefix(folder).ok()).any(|rest| {
        let Some(before) = rest.to_str().and_then(|rest| rest.strip_suffix(name.as_str())) else { return false };
        // `GUEST.NAME`, `domain-GUEST/NAME` or `ID-GUEST/NAME`.
        match before.strip_suffix('/') {
            None => before.ends_with('.') && !before.contains('/'),
            Some(folder) => {
                let number = folder.split('-').next().is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()));
                !folder.contains('/') && (folder.starts_with("domain-") || number)
            }
        }
    });
    if chosen {
        socket.path = None;
    }
}

pub(super) fn controller(c: &mut Controller, def: &DomainDefinition, emulator: Option<&Emulator>) {
    let companion = COMPANIONS.iter().find(|(model, _)| c.model.as_deref() == Some(model));
    if let Some((_, first_port)) = companion {
        c.info.master_start_port.get_or_insert(*first_port);
    }
    let open = c.model.as_deref().is_none_or(|m| m == "auto" && c.kind == ControllerType::Scsi);
    if !open {
        return;
    }
    let model = match c.kind {
        ControllerType::Usb if is_x86(def) && emulator.is_none_or(|e| e.has_type("piix3-usb-uhci")) => "piix3-uhci",
        ControllerType::Scsi if is_x86(def) => "lsilogic",
        _ => return,
    };
    c.model = Some(model.to_owned());
}

/// No security driver labels guests here, whatever a definition leaves to the first one.
pub(super) fn seclabel(label: &mut SecLabel) {
    if label.model.is_none() && !label.implicit && label.kind != Some(SecLabelType::Static) {
        *label = SecLabel { kind: Some(SecLabelType::None), model: Some("none".to_owned()), ..SecLabel::default() };
    }
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

/// The older halves of a USB 2 controller, and the first port each serves.
const COMPANIONS: &[(&str, u32)] = &[("ich9-uhci1", 0), ("ich9-uhci2", 2), ("ich9-uhci3", 4)];
