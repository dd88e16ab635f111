//! Checks of devices that hold for every driver.

use std::collections::{HashMap, HashSet};

use oxivirt_core::{Error, ErrorCode, Result};

use super::DomainDefinition;
use super::devices::{
    Address, ChannelTarget, CharKind, CharSource, ControllerType, DeviceRef, Devices, DiskBus, HostdevSource, InputBus,
    RngBackend, SmartcardKind, VideoType,
};
use super::validate::{refuse, unsupported};
use crate::xml::YesNo;

/// Refuses devices that no driver could give to a guest.
pub(super) fn run(def: &DomainDefinition) -> Result<()> {
    let devices = &def.devices;
    boot_orders(devices)?;
    if !def.os.boot.is_empty() && devices.iter().any(|d| d.info().is_some_and(|i| i.boot.is_some())) {
        return unsupported("per-device boot elements cannot be used together with os/boot elements");
    }
    addresses(devices)?;
    aliases(devices)?;
    targets(devices)?;
    hostdevs(devices)?;
    videos(devices)?;
    usb(devices)?;
    char_sources(devices)
}

fn boot_orders(devices: &Devices) -> Result<()> {
    let mut seen = HashSet::new();
    for device in devices.iter() {
        let Some(boot) = device.info().and_then(|i| i.boot.as_ref()) else { continue };
        if !seen.insert(boot.order) {
            return refuse(format!("boot order '{}' is used for more than one device", boot.order));
        }
    }
    Ok(())
}

/// No two drives on one place, and no place that does not exist.
fn addresses(devices: &Devices) -> Result<()> {
    for device in devices.iter() {
        if let Some(Address::SpaprVio { reg: Some(reg) }) = device.info().and_then(|info| info.address.as_ref())
            && *reg > u64::from(u32::MAX)
        {
            return unsupported(format!("spapr-vio reg='{reg:#x}' exceeds maximum possible value (0xffffffff)"));
        }
    }
    let mut seen = HashSet::new();
    for disk in &devices.disks {
        if let Some(Address::Drive(place)) = &disk.info.address {
            let place = (disk.target.bus, *place);
            if !seen.insert(place) {
                let (_, at) = place;
                return refuse(format!(
                    "disk '{}': drive address {}:{}:{}:{} is in use already",
                    disk.target.dev, at.controller, at.bus, at.target, at.unit
                ));
            }
        }
    }
    Ok(())
}

fn aliases(devices: &Devices) -> Result<()> {
    let mut seen = HashSet::new();
    for device in devices.iter() {
        // A console that mirrors the first serial port shares its alias.
        if device.name() == "console" {
            continue;
        }
        let Some(alias) = device.info().and_then(|i| i.alias.as_deref()) else { continue };
        if !super::devices::is_user_alias(alias) {
            continue;
        }
        if !seen.insert(alias) {
            let text = format!("non unique alias detected: {alias}");
            return Err(Error::new(ErrorCode::CONFIG_UNSUPPORTED, text));
        }
    }
    Ok(())
}

fn targets(devices: &Devices) -> Result<()> {
    let mut seen = HashMap::new();
    for disk in &devices.disks {
        if let Some(other) = seen.insert(disk.target.dev.as_str(), disk) {
            let [one, two] = [other, disk].map(|disk| disk.source.place().unwrap_or("<null>"));
            return refuse(format!("target '{}' duplicated for disk sources '{one}' and '{two}'", disk.target.dev));
        }
    }
    Ok(())
}

/// Every character device says where its bytes go.
fn char_sources(devices: &Devices) -> Result<()> {
    devices.iter().try_for_each(char_source_of)
}

/// A device that has one says where its bytes go.
pub(super) fn char_source_of(device: DeviceRef<'_>) -> Result<()> {
    let name = device.name();
    match device {
        DeviceRef::Serial(d) => char_source(name, &d.source, true),
        DeviceRef::Parallel(d) => char_source(name, &d.source, true),
        DeviceRef::Console(d) => char_source(name, &d.source, d.target_type.as_deref() != Some("virtio")),
        DeviceRef::Channel(d) => char_source(name, &d.source, matches!(d.target, ChannelTarget::GuestFwd { .. })),
        DeviceRef::RedirDev(d) => char_source(name, &d.source, true),
        DeviceRef::Smartcard(d) => match &d.kind {
            SmartcardKind::Passthrough(source) => char_source(name, source, true),
            _ => Ok(()),
        },
        DeviceRef::Rng(d) => match &d.backend {
            RngBackend::Egd(source) => char_source(name, source, true),
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

/// `needs_path`: the driver does not choose the path of a socket.
fn char_source(device: &str, source: &CharSource, needs_path: bool) -> Result<()> {
    let missing = match &source.kind {
        CharKind::Dev { path } | CharKind::File { path, .. } | CharKind::Pipe { path } => {
            path.is_none().then_some("path")
        }
        CharKind::Unix(unix) => (needs_path && unix.path.is_none()).then_some("path"),
        CharKind::Tcp(tcp) if tcp.host.is_none() => Some("host"),
        CharKind::Tcp(tcp) if tcp.service.is_none() => Some("service"),
        CharKind::Udp(udp) => udp.connect_service.is_none().then_some("service"),
        CharKind::SpicePort { channel } => channel.is_none().then_some("channel"),
        CharKind::Nmdm { master, slave } => match (master, slave) {
            (None, _) => Some("master"),
            (_, None) => Some("slave"),
            _ => None,
        },
        _ => None,
    };
    match missing {
        None => Ok(()),
        Some(name) => refuse(format!(
            "/domain/devices/{device}/source: missing attribute '{name}' for type '{}'",
            source.type_name()
        )),
    }
}

/// No host device is given away twice.
fn hostdevs(devices: &Devices) -> Result<()> {
    let mut seen = HashSet::new();
    for hostdev in &devices.hostdevs {
        let key = match &hostdev.source {
            HostdevSource::Pci { address: a, .. } => format!("pci {} {} {} {}", a.domain, a.bus, a.slot, a.function),
            HostdevSource::Mdev { uuid, .. } => format!("mdev {uuid}"),
            HostdevSource::Scsi(scsi) => format!("scsi {:?}", scsi.source),
            _ => continue,
        };
        if !seen.insert(key) {
            return refuse("Hostdev already exists in the domain configuration");
        }
    }
    Ok(())
}

fn videos(devices: &Devices) -> Result<()> {
    let videos = &devices.videos;
    if videos.len() > 1 && videos.iter().any(|v| v.model.kind == VideoType::None) {
        return unsupported("a 'none' video type must be the only video device defined for the domain");
    }
    if videos.iter().filter(|v| v.model.primary == Some(YesNo::Yes)).count() > 1 {
        return unsupported("Only one primary video device is supported");
    }
    Ok(())
}

/// A domain whose USB is switched off has no USB devices.
fn usb(devices: &Devices) -> Result<()> {
    let off = |c: &super::devices::Controller| c.kind == ControllerType::Usb && c.model.as_deref() == Some("none");
    if !devices.controllers.iter().any(off) {
        return Ok(());
    }
    let name = if devices.inputs.iter().any(|i| i.bus == Some(InputBus::Usb)) {
        "input"
    } else if !devices.hubs.is_empty() {
        "hub"
    } else if !devices.redirdevs.is_empty() {
        "redirdev"
    } else if devices.hostdevs.iter().any(|h| matches!(h.source, HostdevSource::Usb(_))) {
        "hostdev"
    } else if devices.disks.iter().any(|d| d.target.bus == Some(DiskBus::Usb)) {
        "disk"
    } else {
        return Ok(());
    };
    unsupported(format!("Can't add USB {name} device. USB bus is disabled"))
}
