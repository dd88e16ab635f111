//! Ports of USB controllers and hubs.

use std::collections::BTreeSet;

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::{
    Address, ControllerType, DeviceInfo, DiskBus, HostdevSource, InputBus, SoundModel, UsbAddress, UsbPort,
};
use oxivirt_core::{Error, Result};

/// A port that a device can be put in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Port {
    bus: u32,
    path: Vec<u32>,
}

/// Gives every USB device a port.
///
/// Errors: `XML_ERROR` when two were put in one port or there is none left.
pub fn assign(domain: &mut DomainDefinition) -> Result<()> {
    let controllers: Vec<(u32, u32)> = domain
        .devices
        .controllers
        .iter()
        .filter(|c| c.kind == ControllerType::Usb && c.info.master_start_port.is_none())
        .map(|c| (c.index.unwrap_or(0), root_ports(c.model.as_deref().unwrap_or_default(), c.ports)))
        .collect();
    let mut taken = check(domain)?;
    // Hubs come first: they make ports for the others.
    let mut hubs: Vec<Port> = Vec::new();
    for (info, is_hub) in wanting(domain) {
        if placed(info).is_none() {
            let wanted_bus = match &info.address {
                Some(Address::Usb(at)) => Some(at.bus),
                _ => None,
            };
            let roots = controllers
                .iter()
                .flat_map(|(bus, ports)| (1..=*ports).map(|port| Port { bus: *bus, path: vec![port] }));
            let on_hubs = hubs.iter().flat_map(|hub| {
                (1..=HUB_PORTS).map(|port| Port { bus: hub.bus, path: [&hub.path[..], &[port]].concat() })
            });
            let free =
                roots.chain(on_hubs).find(|port| !taken.contains(port) && wanted_bus.is_none_or(|bus| bus == port.bus));
            let port = free.ok_or_else(|| Error::xml("No free USB ports; add a hub or another USB controller"))?;
            taken.insert(port.clone());
            info.address = Some(Address::Usb(UsbAddress { bus: port.bus, port: Some(UsbPort(port.path)) }));
        }
        if is_hub && let Some(port) = placed(info) {
            hubs.push(port);
        }
    }
    Ok(())
}

/// Holds the ports that were given against each other, and gives them back.
///
/// Errors: `XML_ERROR` when two devices are in one port or a port is on no hub.
pub(super) fn check(domain: &mut DomainDefinition) -> Result<BTreeSet<Port>> {
    let placed: Vec<(Port, bool)> =
        wanting(domain).into_iter().filter_map(|(info, is_hub)| Some((placed(info)?, is_hub))).collect();
    let mut taken = BTreeSet::new();
    for (port, _) in &placed {
        if !taken.insert(port.clone()) {
            return Err(Error::xml(format!("Duplicate USB address bus {} port {}", port.bus, joined(&port.path))));
        }
        // Each part of the path but the last is a hub.
        for length in 1..port.path.len() {
            let on = port.path.get(..length).unwrap_or_default();
            if !placed.iter().any(|(hub, is_hub)| *is_hub && hub.bus == port.bus && hub.path == on) {
                return Err(Error::xml(format!(
                    "there is no hub at port {} in USB address bus: {} port: {}",
                    joined(on),
                    port.bus,
                    joined(&port.path)
                )));
            }
        }
    }
    Ok(taken)
}

/// Everything that sits on a USB bus, hubs first.
fn wanting(domain: &mut DomainDefinition) -> Vec<(&mut DeviceInfo, bool)> {
    let d = &mut domain.devices;
    let mut all: Vec<(&mut DeviceInfo, bool)> = d.hubs.iter_mut().map(|h| (&mut h.info, true)).collect();
    let hostdevs = d.hostdevs.iter_mut().filter(|x| matches!(x.source, HostdevSource::Usb(_)));
    all.extend(hostdevs.map(|x| (&mut x.info, false)));
    let ccid = d.controllers.iter_mut().filter(|c| c.kind == ControllerType::Ccid);
    all.extend(ccid.map(|c| (&mut c.info, false)));
    all.extend(d.disks.iter_mut().filter(|x| x.target.bus == Some(DiskBus::Usb)).map(|x| (&mut x.info, false)));
    let inputs = d.inputs.iter_mut().filter(|x| x.bus == Some(InputBus::Usb));
    all.extend(inputs.map(|x| (&mut x.info, false)));
    all.extend(d.interfaces.iter_mut().filter(|x| x.model.as_deref() == Some("usb-net")).map(|x| (&mut x.info, false)));
    all.extend(
        d.serials.iter_mut().filter(|x| x.target_type.as_deref() == Some("usb-serial")).map(|x| (&mut x.info, false)),
    );
    all.extend(d.sounds.iter_mut().filter(|x| x.model == SoundModel::Usb).map(|x| (&mut x.info, false)));
    all.extend(d.redirdevs.iter_mut().map(|x| (&mut x.info, false)));
    all
}

fn placed(info: &DeviceInfo) -> Option<Port> {
    match &info.address {
        Some(Address::Usb(UsbAddress { bus, port: Some(port) })) => Some(Port { bus: *bus, path: port.0.clone() }),
        _ => None,
    }
}

fn root_ports(model: &str, ports: Option<u32>) -> u32 {
    match model {
        "none" => 0,
        "nec-xhci" | "qemu-xhci" => ports.unwrap_or(4),
        "ehci" | "ich9-ehci1" => 6,
        "pci-ohci" => 3,
        _ => 2,
    }
}

fn joined(path: &[u32]) -> String {
    path.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
}

const HUB_PORTS: u32 = 8;
