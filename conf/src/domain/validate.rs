//! Checks that hold for every driver.

use oxivirt_core::{Error, Result};

use super::DomainDefinition;
use super::devices::{Address, Devices};

/// Refuses a domain that no driver could run.
pub(super) fn run(def: &DomainDefinition) -> Result<()> {
    name(def)?;
    memory(def)?;
    boot_orders(&def.devices)?;
    addresses(&def.devices)?;
    aliases(&def.devices)?;
    disks(&def.devices)?;
    Ok(())
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
