//! Checks that hold for every driver.

use oxivirt_core::{Error, Result};

use super::DomainDefinition;
use super::devices::{Address, ChannelTarget, CharKind, CharSource, DeviceRef, Devices, RngBackend, SmartcardKind};
use super::{CacheShare, CacheType};

/// Refuses a domain that no driver could run.
pub(super) fn run(def: &DomainDefinition) -> Result<()> {
    name(def)?;
    memory(def)?;
    boot_orders(&def.devices)?;
    addresses(&def.devices)?;
    aliases(&def.devices)?;
    disks(&def.devices)?;
    char_sources(&def.devices)?;
    cputune(def)
}

fn refuse(what: impl Into<String>) -> Result<()> {
    Err(Error::xml(what))
}

fn name(def: &DomainDefinition) -> Result<()> {
    if def.name.contains('/') {
        return refuse(format!("name '{}' cannot contain '/'", def.name));
    }
    if def.name.trim().is_empty() {
        return refuse("the name consists of blanks only");
    }
    if let Some(title) = def.title.as_ref().filter(|t| t.contains('\n')) {
        return refuse(format!("the title '{title}' has more than one line"));
    }
    Ok(())
}

fn memory(def: &DomainDefinition) -> Result<()> {
    if def.os.kind.kind.is_none() && def.bootloader.is_none() {
        return refuse("/domain/os/type: an os <type> must be specified");
    }
    if let Some(limit) = &def.max_memory
        && limit.size.0 < def.memory.0
    {
        return refuse(format!("maxMemory of {} KiB is below the memory of {} KiB", limit.size.0, def.memory.0));
    }
    Ok(())
}

fn boot_orders(devices: &Devices) -> Result<()> {
    let mut seen = Vec::new();
    for device in devices.iter() {
        let Some(boot) = device.info().and_then(|i| i.boot.as_ref()) else { continue };
        if seen.contains(&boot.order) {
            return refuse(format!("boot order '{}' is used for more than one device", boot.order));
        }
        seen.push(boot.order);
    }
    Ok(())
}

/// No two drives on one place.
fn addresses(devices: &Devices) -> Result<()> {
    let mut seen = Vec::new();
    for disk in &devices.disks {
        if let Some(Address::Drive(place)) = &disk.info.address {
            let place = (disk.target.bus, *place);
            if seen.contains(&place) {
                let (_, at) = place;
                return refuse(format!(
                    "disk '{}': drive address {}:{}:{}:{} is in use already",
                    disk.target.dev, at.controller, at.bus, at.target, at.unit
                ));
            }
            seen.push(place);
        }
    }
    Ok(())
}

fn aliases(devices: &Devices) -> Result<()> {
    let mut seen = Vec::new();
    for device in devices.iter() {
        // A console that mirrors the first serial port shares its alias.
        if device.name() == "console" {
            continue;
        }
        let Some(alias) = device.info().and_then(|i| i.alias.as_deref()) else { continue };
        if !super::devices::is_user_alias(alias) {
            continue;
        }
        if seen.contains(&alias) {
            return refuse(format!("alias '{alias}' is used for more than one device"));
        }
        seen.push(alias);
    }
    Ok(())
}

fn disks(devices: &Devices) -> Result<()> {
    for (at, disk) in devices.disks.iter().enumerate() {
        if devices.disks.iter().take(at).any(|d| d.target.dev == disk.target.dev) {
            return refuse(format!("target '{}' duplicated for disk sources", disk.target.dev));
        }
    }
    Ok(())
}

/// Every character device says where its bytes go.
fn char_sources(devices: &Devices) -> Result<()> {
    for device in devices.iter() {
        let name = device.name();
        match device {
            DeviceRef::Serial(d) => char_source(name, &d.source, true)?,
            DeviceRef::Parallel(d) => char_source(name, &d.source, true)?,
            DeviceRef::Console(d) => char_source(name, &d.source, d.target_type.as_deref() != Some("virtio"))?,
            DeviceRef::Channel(d) => char_source(name, &d.source, matches!(d.target, ChannelTarget::GuestFwd { .. }))?,
            DeviceRef::RedirDev(d) => char_source(name, &d.source, true)?,
            DeviceRef::Smartcard(d) => {
                if let SmartcardKind::Passthrough(source) = &d.kind {
                    char_source(name, source, true)?;
                }
            }
            DeviceRef::Rng(d) => {
                if let RngBackend::Egd(source) = &d.backend {
                    char_source(name, source, true)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// `needs_path`: the driver does not choose the path of a socket.
fn char_source(device: &str, source: &CharSource, needs_path: bool) -> Result<()> {
    let missing = match &source.kind {
        CharKind::Dev { path } | CharKind::File { path, .. } | CharKind::Pipe { path } => path.is_none().then_some("path"),
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
        Some(name) => refuse(format!("/domain/devices/{device}/source: missing attribute '{name}' for type '{}'", source.type_name())),
    }
}

/// Shares of caches and bandwidth do not collide.
fn cputune(def: &DomainDefinition) -> Result<()> {
    let Some(tune) = &def.cputune else { return Ok(()) };
    for (at, share) in tune.cachetune.iter().enumerate() {
        for (nth, cache) in share.caches.iter().enumerate() {
            if share.caches.iter().take(nth).any(|other| collide(other, cache)) {
                return refuse(format!("two shares of cache {} on level {} for vCPUs {}", cache.id, cache.level, share.vcpus));
            }
        }
        if tune.cachetune.iter().take(at).any(|other| other.vcpus.overlaps(&share.vcpus)) {
            return refuse(format!("vCPUs {} have more than one <cachetune>", share.vcpus));
        }
        if let Some(monitor) = share.monitors.iter().find(|m| m.vcpus.iter().any(|vcpu| !share.vcpus.contains(vcpu))) {
            return refuse(format!("monitor of vCPUs {} exceeds its <cachetune> of {}", monitor.vcpus, share.vcpus));
        }
    }
    for (at, share) in tune.memorytune.iter().enumerate() {
        for (nth, node) in share.nodes.iter().enumerate() {
            if share.nodes.iter().take(nth).any(|other| other.id == node.id) {
                return refuse(format!("two shares of bandwidth of node {} for vCPUs {}", node.id, share.vcpus));
            }
        }
        let collides = |other: &super::CpuSet| other.overlaps(&share.vcpus) && *other != share.vcpus;
        if tune.memorytune.iter().take(at).any(|other| other.vcpus.overlaps(&share.vcpus)) {
            return refuse(format!("vCPUs {} have more than one <memorytune>", share.vcpus));
        }
        if tune.cachetune.iter().any(|other| collides(&other.vcpus)) {
            return refuse(format!("<memorytune> of vCPUs {} overlaps a <cachetune> of others", share.vcpus));
        }
    }
    Ok(())
}

fn collide(a: &CacheShare, b: &CacheShare) -> bool {
    a.id == b.id && a.level == b.level && (a.kind == b.kind || a.kind == CacheType::Both || b.kind == CacheType::Both)
}
