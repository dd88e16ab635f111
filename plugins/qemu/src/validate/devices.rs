//! Devices that need only a few words.

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::{
    Channel, CharKind, ControllerType, Graphics, GraphicsKind, Input, InputType, Interface, Serial, Shmem, ShmemModel,
    UnixSource, Video, VideoType, VirtioModel,
};
use oxivirt_core::{Error, Result};

use super::{refuse, unsupported};

pub(super) fn devices(def: &DomainDefinition) -> Result<()> {
    let d = &def.devices;
    d.interfaces.iter().try_for_each(interface)?;
    d.channels.iter().try_for_each(channel)?;
    d.serials.iter().try_for_each(|s| serial(s, def))?;
    d.inputs.iter().try_for_each(input)?;
    graphics(&d.graphics)?;
    d.videos.iter().try_for_each(video)?;
    d.shmems.iter().try_for_each(shmem)?;
    no_buses(def)
}

fn interface(net: &Interface) -> Result<()> {
    let sizes = [("rx_queue_size", net.driver.rx_queue_size), ("tx_queue_size", net.driver.tx_queue_size)];
    for (name, size) in sizes {
        if size.is_some_and(|n| !n.is_power_of_two()) {
            return unsupported(format!("{name} has to be a power of two"));
        }
    }
    Ok(())
}

/// A socket that the driver chooses is one that QEMU listens on.
fn channel(channel: &Channel) -> Result<()> {
    match &channel.source.kind {
        CharKind::Unix(UnixSource { path: None, reconnect: Some(r), .. }) if r.enabled.is_yes() => {
            Err(Error::internal("chardev reconnect is possible only for connect mode"))
        }
        _ => Ok(()),
    }
}

/// The target types and models of PCs.
const PC_SERIALS: &[(&str, &str)] = &[
    ("isa-serial", "isa-serial"),
    ("isa-debug", "isa-debugcon"),
    ("pci-serial", "pci-serial"),
    ("usb-serial", "usb-serial"),
];

fn serial(serial: &Serial, def: &DomainDefinition) -> Result<()> {
    let Some(kind) = serial.target_type.as_deref() else { return Ok(()) };
    let model = serial.model.as_deref().unwrap_or("none");
    if matches!(def.os.arch(), "x86_64" | "i686") && !PC_SERIALS.contains(&(kind, model)) {
        return unsupported(format!(
            "Serial device with target type '{kind}' and target model '{model}' not compatible with guest architecture \
             or machine type"
        ));
    }
    Ok(())
}

fn input(input: &Input) -> Result<()> {
    match input.model {
        Some(VirtioModel::Transitional | VirtioModel::NonTransitional) if input.kind != InputType::Passthrough => {
            unsupported(format!(
                "virtio (non-)transitional models are not supported for input type={}",
                input.kind.as_str()
            ))
        }
        _ => Ok(()),
    }
}

fn graphics(all: &[Graphics]) -> Result<()> {
    let has = |fits: fn(&GraphicsKind) -> bool| all.iter().any(|g| fits(&g.kind));
    let headless = has(|g| matches!(g, GraphicsKind::EglHeadless { .. }));
    // Alone it is fine: it may serve what reads the guest's screen.
    let other = has(|g| !matches!(g, GraphicsKind::EglHeadless { .. }));
    let shown = has(|g| matches!(g, GraphicsKind::Vnc(_) | GraphicsKind::Spice(_)));
    if headless && other && !shown {
        return unsupported(
            "graphics type 'egl-headless' is only supported with one of: 'vnc', 'spice' graphics types",
        );
    }
    Ok(())
}

fn video(video: &Video) -> Result<()> {
    match (video.model.kind, &video.info.address) {
        (VideoType::Ramfb, Some(_)) => unsupported("address not supported for video type ramfb"),
        _ => Ok(()),
    }
}

fn shmem(shmem: &Shmem) -> Result<()> {
    let fits = |size: u64| size.is_power_of_two() && size >= 1 << 20;
    if matches!(shmem.model, ShmemModel::Ivshmem | ShmemModel::IvshmemPlain)
        && shmem.size.is_some_and(|size| !fits(size))
    {
        return refuse("shmem size must be a power of 2 and at least 1 MiB (1024 KiB)");
    }
    Ok(())
}

/// A board without PCI has no place for USB, which would be on it.
fn no_buses(def: &DomainDefinition) -> Result<()> {
    let d = &def.devices;
    let usb = d.controllers.iter().any(|c| c.kind == ControllerType::Usb && c.model.as_deref() != Some("none"));
    if usb && def.os.machine().starts_with("isapc") && d.controller(ControllerType::Pci, 0).is_none() {
        return Err(Error::xml("No PCI buses available"));
    }
    Ok(())
}
