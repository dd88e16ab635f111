//! Ports of virtio-serial controllers.

use std::collections::BTreeSet;

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::{Address, ChannelTarget, ControllerType, DeviceInfo};
use oxivirt_core::{Error, Result};

pub(super) fn assign(domain: &mut DomainDefinition) -> Result<()> {
    let limits: Vec<(u32, u32)> = domain
        .devices
        .controllers
        .iter()
        .filter(|c| c.kind == ControllerType::VirtioSerial)
        .map(|c| (c.index.unwrap_or(0), c.ports.unwrap_or(DEFAULT_PORTS)))
        .collect();
    let devices = &mut domain.devices;
    let channels = devices.channels.iter_mut().filter(|c| matches!(c.target, ChannelTarget::Virtio { .. }));
    let consoles = devices.consoles.iter_mut().filter(|c| c.target_type.as_deref() == Some("virtio"));
    let mut infos: Vec<(&mut DeviceInfo, bool)> =
        channels.map(|c| (&mut c.info, true)).chain(consoles.map(|c| (&mut c.info, false))).collect();
    let mut taken = BTreeSet::new();
    for (info, _) in &infos {
        if let Some(Address::VirtioSerial { controller, port, .. }) = info.address {
            // Port 0 may be left to be chosen.
            if port != 0 && !taken.insert((controller, port)) {
                return Err(Error::xml(format!(
                    "virtio serial port {port} of controller {controller} is already occupied"
                )));
            }
        }
    }
    for (info, is_channel) in &mut infos {
        let wanted = match info.address {
            Some(Address::VirtioSerial { controller, port: 0, .. }) if *is_channel => Some(controller),
            Some(_) => continue,
            None if !*is_channel => continue,
            None => None,
        };
        let place = limits
            .iter()
            .filter(|(controller, _)| wanted.is_none_or(|w| w == *controller))
            // Port 0 is kept for the first console.
            .find_map(|(controller, ports)| {
                let port = (1..*ports).find(|p| !taken.contains(&(*controller, *p)))?;
                Some((*controller, port))
            });
        let (controller, port) = place.ok_or_else(|| Error::xml("Unable to find a free virtio-serial port"))?;
        taken.insert((controller, port));
        info.address = Some(Address::VirtioSerial { controller, bus: 0, port });
    }
    Ok(())
}

/// What QEMU gives a controller without a number of its own.
const DEFAULT_PORTS: u32 = 31;
