//! Devices of the host.

use oxivirt_conf::domain::devices::{
    DeviceInfo, Hostdev, HostdevSource, Interface, InterfaceSource, MdevModel, NetworkProtocol, NetworkSource,
    PciAddress, ScsiSource, StorageFormat, StorageKind, StorageSource, Teaming, UsbGuestReset, UsbHostdev,
};
use oxivirt_core::{Error, Result};

use super::storage::{Backing, Layer, Names, image};
use super::{Builder, Opening, Props, alias, place};

/// Cards that are devices of the host, then the devices proper.
///
/// * `index` – the first number of a node that is free.
pub(super) fn all(b: &mut Builder<'_>, mut index: u32) -> Result<()> {
    let domain = b.domain;
    for net in &domain.devices.interfaces {
        if matches!(net.connection(), InterfaceSource::Hostdev { .. }) {
            host_card(b, net)?;
        }
    }
    for hostdev in &domain.devices.hostdevs {
        one(b, hostdev, &mut index)?;
    }
    Ok(())
}

/// A card that is a device of the host.
pub(super) fn host_card(b: &mut Builder<'_>, net: &Interface) -> Result<()> {
    let InterfaceSource::Hostdev { address: Some(address), .. } = net.connection() else {
        return Err(Error::config_unsupported("a card of the host needs its PCI address"));
    };
    pci(b, &net.info, address, net.driver.model.as_deref(), net.teaming.as_deref())
}

/// A device of the host; `index` is the number of the next node.
pub(super) fn one(b: &mut Builder<'_>, hostdev: &Hostdev, index: &mut u32) -> Result<()> {
    let info = &hostdev.info;
    let alias = alias(info)?.to_owned();
    match &hostdev.source {
        HostdevSource::Pci { address, driver, .. } => {
            let model = driver.as_ref().and_then(|d| d.model.as_deref());
            pci(b, info, address, model, hostdev.teaming.as_ref())
        }
        HostdevSource::Usb(usb) => {
            let mut props = Props::new().text("driver", "usb-host");
            if usb.missing.is_none_or(|m| !m.is_yes()) {
                props = props.text("hostdevice", usb_node(b, usb)?);
            }
            props = props.text("id", alias).maybe_number("bootindex", b.boot_index(info));
            props = match usb.guest_reset {
                None | Some(UsbGuestReset::Default) => props,
                Some(UsbGuestReset::Off) => props.flag("guest-reset", false),
                Some(UsbGuestReset::Uninitialized) => props.flag("guest-reset", true),
                Some(UsbGuestReset::On) => props.flag("guest-reset", true).flag("guest-resets-all", true),
            };
            let place = place::device(b, info, "hostdev")?;
            b.json("-device", &props.and(&place));
            Ok(())
        }
        HostdevSource::Scsi(scsi) => {
            let source = scsi_source(b, &scsi.source)?;
            let layer = Layer::alone(Names::backend(*index), &source, StorageFormat::Raw, hostdev.readonly);
            *index = index.saturating_add(1);
            let node = image(b, &layer, &Backing::Unsaid)?;
            let place = super::disk::scsi_place(b, info)?;
            let mut props = Props::new().text("driver", "scsi-generic");
            if hostdev.shareable {
                props = props.flag("share-rw", true);
            }
            let props =
                props.text("drive", node).text("id", alias).maybe_number("bootindex", b.boot_index(info)).and(&place);
            b.json("-device", &props);
            Ok(())
        }
        HostdevSource::ScsiHost { wwpn, model, .. } => {
            let fd = b.host.open(Opening::VhostScsi, "/dev/vhost-scsi")?;
            let driver = super::controller::virtio_driver("vhost-scsi-pci", model.as_deref().unwrap_or_default())?;
            let place = place::device(b, info, "hostdev")?;
            let props = Props::new()
                .text("driver", place::virtio_driver(&driver, info))
                .text("wwpn", wwpn)
                .text("vhostfd", fd.to_string())
                .text("id", alias)
                .and(&place);
            b.json("-device", &props);
            Ok(())
        }
        HostdevSource::Mdev { uuid, model, display, ramfb } => {
            let ramfb = ramfb.is_some_and(|v| v.is_on());
            let driver = match model {
                MdevModel::VfioPci if ramfb => "vfio-pci-nohotplug",
                MdevModel::VfioPci => "vfio-pci",
                MdevModel::VfioCcw => "vfio-ccw",
                MdevModel::VfioAp => "vfio-ap",
            };
            let place = place::device(b, info, "hostdev")?;
            let mut props = Props::new()
                .text("driver", driver)
                .text("id", alias)
                .text("sysfsdev", format!("/sys/bus/mdev/devices/{uuid}"))
                .maybe_text("display", display.map(|v| super::on_off(v.is_on())));
            if ramfb {
                props = props.flag("ramfb", true);
            }
            let props = props
                .maybe_number("bootindex", b.boot_index(info))
                .maybe_text("loadparm", place::loadparm(b, info))
                .and(&place);
            b.json("-device", &props);
            Ok(())
        }
        HostdevSource::Storage { .. } | HostdevSource::Misc { .. } | HostdevSource::Net { .. } => {
            Err(Error::config_unsupported("hostdev mode 'capabilities' is not supported by QEMU"))
        }
    }
}

fn pci(
    b: &mut Builder<'_>,
    info: &DeviceInfo,
    address: &PciAddress,
    model: Option<&str>,
    teaming: Option<&Teaming>,
) -> Result<()> {
    // Present in the definition, but kept out of the guest.
    if matches!(info.address, Some(oxivirt_conf::domain::devices::Address::Unassigned)) {
        return Ok(());
    }
    let host = format!("{:04x}:{:02x}:{:02x}.{:x}", address.domain, address.bus, address.slot, address.function);
    b.host.pci(&host)?;
    // How the host binds it says nothing about the device in the guest.
    let _ = model;
    let place = place::device(b, info, "hostdev")?;
    let props = Props::new()
        .text("driver", "vfio-pci")
        .text("host", host)
        .text("id", alias(info)?)
        .maybe_number("bootindex", b.boot_index(info))
        .maybe_text("loadparm", place::loadparm(b, info))
        .maybe_text("failover_pair_id", teaming.and_then(|t| t.persistent.as_ref()))
        .and(&place);
    b.json("-device", &props);
    Ok(())
}

fn usb_node(b: &mut Builder<'_>, usb: &UsbHostdev) -> Result<String> {
    match (usb.bus, usb.device) {
        (Some(bus), Some(device)) => Ok(format!("/dev/bus/usb/{bus:03}/{device:03}")),
        _ => b.host.usb(usb),
    }
}

fn scsi_source(b: &mut Builder<'_>, source: &ScsiSource) -> Result<StorageSource> {
    Ok(match source {
        ScsiSource::Host { adapter, bus, target, unit, .. } => {
            let path = b.host.scsi_generic(adapter, *bus, *target, *unit)?;
            StorageSource { kind: StorageKind::Block { path: Some(path) }, ..StorageSource::default() }
        }
        ScsiSource::Iscsi { name, hosts, auth, initiator, .. } => {
            let network = NetworkSource {
                protocol: NetworkProtocol::Iscsi,
                name: Some(name.clone()),
                hosts: hosts.clone(),
                initiator: initiator.clone(),
                ..NetworkSource::default()
            };
            StorageSource {
                kind: StorageKind::Network(Box::new(network)),
                auth: auth.clone().map(Box::new),
                ..StorageSource::default()
            }
        }
    })
}
