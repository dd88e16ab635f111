//! The stored definition with, without, or with another device.
//!
//! What comes out is completed and checked as a whole by the caller.

use oxivirt_conf::domain::devices::{Device, Graphics, GraphicsKind, WatchdogModel};
use oxivirt_conf::domain::{DeviceRef, DomainDefinition};
use oxivirt_core::{Error, ErrorCode, Result};

use super::detach::shrink;

/// Adds a device.
///
/// Errors: `OPERATION_INVALID` when it is there already;
/// `OPERATION_UNSUPPORTED` for kinds that cannot be added.
pub fn insert(domain: &mut DomainDefinition, device: Device) -> Result<()> {
    let invalid = |text: String| Err(Error::operation_invalid(text));
    let exists = || invalid("chardev already exists".to_owned());
    let d = &mut domain.devices;
    let known = || d.find(device.as_ref()).is_ok();
    match &device {
        Device::Disk(disk) if known() => return invalid(format!("target {} already exists", disk.target.dev)),
        Device::Controller(c) if c.index.is_some() && known() => {
            return invalid("Target already exists".to_owned());
        }
        Device::Hostdev(_) if known() => return invalid("device is already in the domain configuration".to_owned()),
        Device::Lease(lease) if known() => {
            let space = lease.lockspace.as_deref().unwrap_or("NULL");
            return invalid(format!("Lease {} in lockspace {space} already exists", lease.key));
        }
        Device::Filesystem(_) if known() => return invalid("Target already exists".to_owned()),
        // A port that was not given is the next one.
        Device::Serial(line) if line.port.is_some() && known() => return exists(),
        Device::Parallel(line) if line.port.is_some() && known() => return exists(),
        Device::Console(line) if line.port.is_some() && known() => return exists(),
        Device::Channel(_) if known() => return exists(),
        Device::Shmem(_) if known() => {
            return invalid("shmem device is already in the domain configuration".to_owned());
        }
        Device::Watchdog(_) if d.watchdogs.iter().any(|w| w.model != WatchdogModel::Itco) => {
            return invalid("domain already has a watchdog".to_owned());
        }
        Device::Vsock(_) if !d.vsocks.is_empty() => {
            return invalid("domain already has a vsock device".to_owned());
        }
        Device::Smartcard(_)
        | Device::Tpm(_)
        | Device::Graphics(_)
        | Device::Audio(_)
        | Device::Video(_)
        | Device::Hub(_)
        | Device::MemBalloon(_)
        | Device::Nvram(_)
        | Device::Panic(_)
        | Device::Iommu(_)
        | Device::Crypto(_)
        | Device::Pstore(_) => return Err(unsupported("attach", device.as_ref())),
        _ => {}
    }
    match device {
        Device::Disk(disk) => domain.devices.insert_disk(*disk),
        Device::Memory(module) => {
            domain.memory.0 = domain.memory.0.saturating_add(module.target.size.0);
            domain.devices.push(Device::Memory(module));
        }
        other => domain.devices.push(other),
    }
    Ok(())
}

/// Takes out the device that `wanted` describes.
///
/// Errors: `DEVICE_MISSING` when there is none such;
/// `OPERATION_UNSUPPORTED` for kinds that cannot be taken out.
pub fn take_out(domain: &mut DomainDefinition, wanted: DeviceRef<'_>) -> Result<()> {
    let at = domain.devices.find(wanted).map_err(|error| match error.code() {
        ErrorCode::OPERATION_UNSUPPORTED => unsupported("detach", wanted),
        _ => error,
    })?;
    if let Some(Device::Memory(module)) = domain.devices.take(wanted, at) {
        shrink(domain, &module);
    }
    Ok(())
}

/// Puts a device in the place of the one that it describes.
///
/// Errors: `DEVICE_MISSING` or `INVALID_ARG` when there is none such;
/// `OPERATION_UNSUPPORTED` for kinds that cannot be changed.
pub fn replace(domain: &mut DomainDefinition, mut device: Device) -> Result<()> {
    let d = &mut domain.devices;
    let at = match &device {
        Device::Disk(disk) => d
            .find(device.as_ref())
            .map_err(|_| Error::invalid_arg(format!("target {} doesn't exist.", disk.target.dev)))?,
        Device::Interface(_) | Device::Memory(_) => d.find(device.as_ref())?,
        Device::Graphics(graphics) => display(&d.graphics, graphics)?,
        _ => return Err(unsupported("update", device.as_ref())),
    };
    // A place that was not given is the one that it had.
    if let (Device::Disk(new), Some(old)) = (&mut device, d.disks.get(at)) {
        if new.info.address.is_none() && new.target.bus == old.target.bus {
            new.info.address.clone_from(&old.info.address);
        }
    } else if let Some(old) = d.nth(device.as_ref(), at).and_then(DeviceRef::info).cloned()
        && let Some(info) = device.as_mut().info()
        && info.address.is_none()
    {
        info.address = old.address.clone();
    }
    d.replace(at, device);
    Ok(())
}

/// The display of the same type.
pub(super) fn display(all: &[Graphics], wanted: &Graphics) -> Result<usize> {
    let kind = |g: &Graphics| std::mem::discriminant::<GraphicsKind>(&g.kind);
    let missing = || Error::new(ErrorCode::DEVICE_MISSING, "cannot find a graphics device of this type to modify");
    all.iter().position(|g| kind(g) == kind(wanted)).ok_or_else(missing)
}

fn unsupported(what: &str, device: DeviceRef<'_>) -> Error {
    let text = format!("persistent {what} of device '{}' is not supported", device.name());
    Error::new(ErrorCode::OPERATION_UNSUPPORTED, text)
}
