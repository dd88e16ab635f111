//! Checks of one device on its own that hold for every driver.

use oxivirt_core::{Error, ErrorCode, Result};

use super::devices::{
    Address, Audio, AudioDirection, ChannelTarget, CharKind, Controller, ControllerType, DeviceInfo, DeviceRef,
    Filesystem, FilesystemDriverType, Graphics, GraphicsKind, Hostdev, HostdevSource, Input, InputBus, InputType,
    Iommu, IommuDriver, IommuModel, Listen, MdevModel, MemoryDevice, MemoryModel, ScsiHostdev, ScsiSource, TeamingType,
    Tpm, TpmBackend, TpmVersion, Video, VideoBackend, VideoType,
};
use super::locate::Place;
use super::validate::{refuse, unsupported};
use super::{DomainDefinition, validate_cpu, validate_disk, validate_interface};
use crate::xml::YesNo;

/// Refuses devices that contradict themselves.
pub(super) fn run(def: &DomainDefinition, place: Place<'_>) -> Result<()> {
    let (mut kind, mut nth) = ("", 0);
    for device in def.devices.iter() {
        nth = if device.name() == kind { nth + 1 } else { 0 };
        kind = device.name();
        device_alone(device, def).map_err(|error| place.device(device, nth, error))?;
    }
    let ramfb = |h: &&Hostdev| matches!(h.source, HostdevSource::Mdev { ramfb: Some(on), .. } if on.is_on());
    if def.devices.hostdevs.iter().filter(ramfb).count() > 1 {
        return unsupported("Only one vgpu device can have 'ramfb' enabled");
    }
    Ok(())
}

/// Refuses one device that contradicts itself.
pub(super) fn device_alone(device: DeviceRef<'_>, def: &DomainDefinition) -> Result<()> {
    device.info().map_or(Ok(()), |info| common(device, info))?;
    one(device, def)
}

fn common(device: DeviceRef<'_>, info: &DeviceInfo) -> Result<()> {
    if info.address == Some(Address::Unassigned) && !matches!(device, DeviceRef::Hostdev(_)) {
        return unsupported(format!("{}: address of type 'unassigned' is supported only for hostdevs", device.name()));
    }
    let Some(rom) = &info.rom else { return Ok(()) };
    if rom.enabled == Some(YesNo::No) && (rom.bar.is_some() || rom.file.as_ref().is_some_and(|f| !f.is_empty())) {
        return unsupported(format!("{}: ROM tuning is not supported when ROM is disabled", device.name()));
    }
    Ok(())
}

fn one(device: DeviceRef<'_>, def: &DomainDefinition) -> Result<()> {
    match device {
        DeviceRef::Input(input) => self::input(input),
        DeviceRef::RedirDev(redirdev) => on_usb("redirdev", &redirdev.info),
        DeviceRef::Smartcard(card) => match &card.info.address {
            None | Some(Address::Ccid { .. }) => Ok(()),
            Some(other) => unsupported(format!("smartcard: address type '{}', wanted 'ccid'", other.type_name())),
        },
        DeviceRef::Iommu(iommu) => self::iommu(iommu),
        DeviceRef::Disk(disk) => validate_disk::run(disk, def),
        DeviceRef::Interface(interface) => validate_interface::run(interface),
        DeviceRef::Memory(memory) => self::memory(memory, def),
        DeviceRef::Pstore(pstore) if pstore.path.is_none() => refuse("missing path for ACPI ERST pstore device"),
        DeviceRef::Pstore(pstore) if pstore.size.is_none() => refuse("missing size for ACPI ERST pstore device"),
        DeviceRef::Shmem(shmem) if shmem.msi.is_some() && shmem.server.is_none() => {
            refuse("shmem: msi option is only supported with a server")
        }
        DeviceRef::Sound(sound) => has_audio(def, sound.audio.as_ref().map(|audio| audio.id)),
        DeviceRef::Graphics(graphics) => match &graphics.kind {
            GraphicsKind::Vnc(vnc) => has_audio(def, vnc.audio),
            GraphicsKind::Rdp(_) => rdp_listens(graphics),
            _ => Ok(()),
        },
        DeviceRef::Audio(audio) => self::audio(audio),
        DeviceRef::Video(video) => self::video(video),
        DeviceRef::Filesystem(filesystem) => self::filesystem(filesystem),
        DeviceRef::Tpm(tpm) => self::tpm(tpm),
        DeviceRef::Channel(channel) => {
            let virtio = matches!(channel.target, ChannelTarget::Virtio { .. });
            match channel.source.kind == CharKind::SpiceVmc && !virtio {
                true => unsupported("spicevmc device type only supports virtio"),
                false => Ok(()),
            }
        }
        DeviceRef::Controller(controller) => self::controller(controller),
        DeviceRef::Hostdev(hostdev) => self::hostdev(hostdev),
        _ => Ok(()),
    }
}

fn on_usb(name: &str, info: &DeviceInfo) -> Result<()> {
    match &info.address {
        None | Some(Address::Usb(_)) => Ok(()),
        Some(other) => refuse(format!("{name}: address type '{}' for a USB device, wanted 'usb'", other.type_name())),
    }
}

fn input(input: &Input) -> Result<()> {
    let bus = input.bus.unwrap_or_default();
    if bus == InputBus::Ps2 && !matches!(input.kind, InputType::Mouse | InputType::Keyboard) {
        let what = format!("ps2 bus does not support {} input device", input.kind);
        return Err(Error::new(ErrorCode::INTERNAL_ERROR, what));
    }
    if let Some(model) = input.model.filter(|_| input.bus.is_some() && bus != InputBus::Virtio) {
        return unsupported(format!("only bus 'virtio' is supported for input model '{model}'"));
    }
    if input.bus == Some(InputBus::Usb) { on_usb("input", &input.info) } else { Ok(()) }
}

fn iommu(iommu: &Iommu) -> Result<()> {
    let model = iommu.model;
    if model != IommuModel::Virtio && iommu.info.address.is_some() {
        return refuse(format!("iommu model '{model}' can't have address"));
    }
    let bare = match model {
        IommuModel::Intel => return Ok(()),
        IommuModel::SmmuV3 => iommu.driver == IommuDriver::default(),
        IommuModel::Virtio => iommu.driver == IommuDriver { aw_bits: iommu.driver.aw_bits, ..IommuDriver::default() },
    };
    if bare { Ok(()) } else { refuse(format!("iommu model '{model}' doesn't support additional attributes")) }
}

/// Remote desktops listen on addresses only.
fn rdp_listens(graphics: &Graphics) -> Result<()> {
    let other = graphics.listens.iter().find_map(|listen| match listen {
        Listen::Socket { .. } => Some("socket"),
        Listen::None => Some("none"),
        Listen::Address { .. } | Listen::Network { .. } => None,
    });
    match other {
        Some(kind) => unsupported(format!("listen type '{kind}' is not available for graphics type 'rdp'")),
        None => Ok(()),
    }
}

fn memory(memory: &MemoryDevice, def: &DomainDefinition) -> Result<()> {
    let target = &memory.target;
    if let Some(node) = target.node {
        validate_cpu::has_cell(def, node)?;
    }
    let detail = |what: String| Err(Error::new(ErrorCode::XML_DETAIL, what));
    if target.block.is_some_and(|block| !block.0.is_power_of_two()) {
        return detail("block size must be a power of two".to_owned());
    }
    if target.requested.is_some_and(|requested| requested > target.size) {
        return detail(format!("requested size must be smaller than or equal to @size ({}KiB)", target.size.0));
    }
    if target.label_size.is_some_and(|label| label >= target.size) {
        return refuse("label size must be smaller than NVDIMM size");
    }
    match memory.model {
        MemoryModel::Nvdimm if memory.target.label_size.is_some_and(|label| label.0 < 128) => {
            refuse("nvdimm label must be at least 128KiB")
        }
        MemoryModel::Nvdimm | MemoryModel::VirtioPmem if memory.source.path.is_none() => {
            refuse(format!("path is required for model '{}'", memory.model))
        }
        MemoryModel::SgxEpc if memory.info.address.is_some() => {
            unsupported("memory device address is not supported for model 'sgx-epc'")
        }
        _ => Ok(()),
    }
}

fn has_audio(def: &DomainDefinition, id: Option<u32>) -> Result<()> {
    match id {
        Some(id) if !def.devices.audios.iter().any(|audio| audio.id == id) => {
            refuse(format!("no audio device with ID {id}"))
        }
        _ => Ok(()),
    }
}

fn audio(audio: &Audio) -> Result<()> {
    let settles = |way: &AudioDirection| {
        let settings = way.settings.as_ref();
        settings.is_some_and(|s| s.frequency.is_some() || s.channels.is_some() || s.format.is_some())
            && way.fixed_settings != Some(YesNo::Yes)
    };
    match settles(&audio.input) || settles(&audio.output) {
        true => unsupported(format!("audio {}: settings specified without fixed settings flag", audio.id)),
        false => Ok(()),
    }
}

fn video(video: &Video) -> Result<()> {
    let model = &video.model;
    let vhost_user = video.driver.name == Some(VideoBackend::VhostUser);
    if vhost_user && model.kind != VideoType::Virtio {
        return unsupported("'vhostuser' driver is only supported with 'virtio' device");
    }
    if !vhost_user && model.acceleration.as_ref().is_some_and(|a| a.rendernode.is_some()) {
        return unsupported("unsupported rendernode accel attribute without 'vhostuser'");
    }
    if model.kind != VideoType::Virtio && model.blob.is_some() {
        return unsupported(format!("video type '{}' does not support blob resources", model.kind));
    }
    if model.kind == VideoType::Ramfb && video.info.address.is_some() {
        return unsupported("address not supported for video type ramfb");
    }
    Ok(())
}

fn filesystem(filesystem: &Filesystem) -> Result<()> {
    let virtiofs = filesystem.driver.kind == Some(FilesystemDriverType::Virtiofs);
    match filesystem.info.boot.is_some() && !virtiofs {
        true => unsupported(format!("filesystem '{}': boot order is only supported for virtiofs", filesystem.target)),
        false => Ok(()),
    }
}

fn tpm(tpm: &Tpm) -> Result<()> {
    match &tpm.backend {
        TpmBackend::Emulator(emulator) if emulator.profile.is_some() && emulator.version == Some(TpmVersion::V1_2) => {
            refuse("<profile/> requires TPM version '2.0'")
        }
        _ => Ok(()),
    }
}

fn controller(controller: &Controller) -> Result<()> {
    if controller.kind != ControllerType::Pci {
        return Ok(());
    }
    let root = matches!(controller.model.as_deref(), Some("pci-root" | "pcie-root"));
    if root && controller.info.address.is_some() {
        return unsupported("pci-root and pcie-root controllers should not have an address");
    }
    if controller.index == Some(0) && controller.pci.numa_node.is_some() {
        return unsupported("The PCI controller with index=0 can't be associated with a NUMA node");
    }
    if controller.pci.target_index.is_some_and(|target| (controller.index == Some(0)) != (target == 0)) {
        return unsupported("Only the PCI controller with index 0 can have target index 0, and vice versa");
    }
    Ok(())
}

/// An iSCSI device comes from one host, with a secret of its kind.
fn iscsi(scsi: &ScsiHostdev) -> Result<()> {
    let ScsiSource::Iscsi { hosts, auth, .. } = &scsi.source else { return Ok(()) };
    if hosts.is_empty() {
        return refuse("missing the host address for the iSCSI hostdev");
    }
    if hosts.len() > 1 {
        return refuse("only one source host address may be specified for the iSCSI hostdev");
    }
    match auth.as_ref().and_then(|auth| auth.secret.kind.as_deref()) {
        Some(kind) if kind != "iscsi" => Err(Error::internal(format!("hostdev invalid secret type '{kind}'"))),
        _ => Ok(()),
    }
}

fn hostdev(hostdev: &Hostdev) -> Result<()> {
    if let HostdevSource::Scsi(scsi) = &hostdev.source {
        iscsi(scsi)?;
    }
    if let Some(teaming) = &hostdev.teaming
        && teaming.kind != TeamingType::Transient
    {
        return unsupported("teaming hostdev devices must have type='transient'");
    }
    let Some(address) = hostdev.info.address.as_ref().filter(|a| **a != Address::Unassigned) else { return Ok(()) };
    let kind = address.type_name();
    let (name, wanted): (&str, &[&str]) = match &hostdev.source {
        HostdevSource::Usb(_) => ("USB", &["usb"]),
        HostdevSource::Scsi(_) => ("SCSI", &["drive"]),
        HostdevSource::ScsiHost { .. } => ("SCSI_host", &["pci", "ccw"]),
        HostdevSource::Mdev { model, .. } => {
            let wanted = match model {
                MdevModel::VfioPci => "pci",
                MdevModel::VfioCcw => "ccw",
                MdevModel::VfioAp => return Ok(()),
            };
            return match kind == wanted {
                true => Ok(()),
                false => refuse(format!("Unsupported address type '{kind}' with mediated device model '{model}'")),
            };
        }
        _ => return Ok(()),
    };
    match wanted.contains(&kind) {
        true => Ok(()),
        false => unsupported(format!("{name} host device must use address type {}, not '{kind}'", wanted.join(" or "))),
    }
}
