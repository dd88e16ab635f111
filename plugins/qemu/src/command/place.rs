//! Where a device sits, as properties of the device.

use oxivirt_conf::domain::devices::{Address, DeviceInfo, PciAddress, VirtioOptions};
use oxivirt_core::{Error, Result};

use super::{Builder, Props};
use crate::capabilities::Emulator;

/// The properties for whatever address the device has.
pub(super) fn device(b: &Builder<'_>, info: &DeviceInfo, what: &str) -> Result<Props> {
    match &info.address {
        Some(Address::Pci(at)) => pci_at(b, info, at),
        Some(Address::Usb(at)) => {
            let port = at.port.as_ref().ok_or_else(|| Error::internal(format!("{what} has no USB port")))?;
            let words: Vec<String> = port.0.iter().map(u32::to_string).collect();
            let controller = b.controller_alias("usb", at.bus)?;
            Ok(Props::new().text("bus", format!("{controller}.0")).text("port", words.join(".")))
        }
        Some(Address::VirtioSerial { controller, bus, port }) => {
            let controller = b.controller_alias("virtio-serial", *controller)?;
            Ok(Props::new().text("bus", format!("{controller}.{bus}")).number("nr", *port))
        }
        Some(Address::Ccid { controller, .. }) => {
            let controller = b.controller_alias("ccid", *controller)?;
            Ok(Props::new().text("bus", format!("{controller}.0")))
        }
        Some(Address::Isa { iobase, irq }) => {
            Ok(Props::new().maybe_number("iobase", *iobase).maybe_number("irq", *irq))
        }
        Some(Address::Dimm { slot, base }) => Ok(Props::new().maybe_number("slot", *slot).maybe_number("addr", *base)),
        Some(Address::Ccw(Some(at))) => {
            Ok(Props::new().text("devno", format!("{:x}.{:x}.{:04x}", at.cssid, at.ssid, at.devno)))
        }
        Some(Address::SpaprVio { reg: Some(reg) }) => Ok(Props::new().number("reg", *reg)),
        // The board finds a place by itself.
        Some(Address::VirtioMmio) => Ok(Props::new()),
        Some(other) => Err(Error::config_unsupported(format!(
            "{what}: an address of type '{}' is not supported on this machine",
            other.type_name()
        ))),
        None => Ok(Props::new()),
    }
}

/// What the firmware of s390 is told to load from a device.
pub(super) fn loadparm<'i>(b: &Builder<'_>, info: &'i DeviceInfo) -> Option<&'i str> {
    if !devices_take_loadparm(b.emulator) {
        return None;
    }
    info.boot.as_ref().and_then(|boot| boot.loadparm.as_deref())
}

/// Whether each device can be told what to load from it, not only the board.
pub(super) fn devices_take_loadparm(emulator: &Emulator) -> bool {
    emulator.has_property("virtio-net-ccw", "loadparm")
}

/// The driver of a virtio device, named after the bus that it sits on.
///
/// * `pci` – its name on PCI.
pub(super) fn virtio_driver(pci: &str, info: &DeviceInfo) -> String {
    let bus = match &info.address {
        Some(Address::Ccw(_)) => "-ccw",
        Some(Address::VirtioMmio) => "-device",
        _ => return pci.to_owned(),
    };
    pci.strip_suffix("-pci").map_or_else(|| pci.to_owned(), |base| format!("{base}{bus}"))
}

/// A place on a PCI bus, with what belongs to it there.
fn pci_at(b: &Builder<'_>, info: &DeviceInfo, at: &PciAddress) -> Result<Props> {
    let mut props = Props::new().text("bus", b.pci_bus(u32::from(at.bus))?);
    props = props.maybe_flag("multifunction", at.multifunction.map(|m| m.is_on()));
    if let Some(zpci) = &at.zpci
        && let Some(uid) = zpci.uid
    {
        // On s390 the identity of a PCI device is a device of its own.
        let identity = Props::new()
            .text("driver", "zpci")
            .number("uid", uid)
            .maybe_number("fid", zpci.fid)
            .text("target", super::alias(info)?)
            .text("id", format!("zpci{uid}"));
        b.before.borrow_mut().push(identity);
    }
    let place = match at.function {
        0 => format!("{:#x}", at.slot),
        function => format!("{:#x}.{function:#x}", at.slot),
    };
    props = props.text("addr", place);
    if let Some(rom) = &info.rom {
        if rom.enabled.is_some_and(|v| !v.is_yes()) {
            props = props.text("romfile", "");
        } else {
            props = props.maybe_number("rombar", rom.bar.map(|v| i32::from(v.is_on())));
            props = props.maybe_text("romfile", rom.file.as_ref());
        }
    }
    Ok(props.maybe_number("acpi-index", info.acpi_index))
}

/// The switches that every virtio device has.
pub(super) fn virtio(options: Option<&VirtioOptions>) -> Props {
    let Some(options) = options else { return Props::new() };
    Props::new()
        .maybe_flag("iommu_platform", options.iommu.map(|v| v.is_on()))
        .maybe_flag("ats", options.ats.map(|v| v.is_on()))
        .maybe_flag("packed", options.packed.map(|v| v.is_on()))
        .maybe_flag("page-per-vq", options.page_per_vq.map(|v| v.is_on()))
}
