//! Controllers, and the PCI bridges that make buses.

use oxivirt_conf::domain::devices::{Controller, ControllerType};
use oxivirt_core::{Error, Result};

use super::{Builder, Props, place};

/// Every controller that is not part of the board, in the order QEMU needs.
pub(super) fn controllers(b: &mut Builder<'_>) -> Result<()> {
    let domain = b.domain;
    for c in &domain.devices.controllers {
        if let Some(hole) = &c.pci.hole64 {
            let host = match c.model.as_deref() {
                Some("pci-root") => "i440FX-pcihost",
                Some("pcie-root") => "q35-pcihost",
                _ => return Err(unsupported(c, "<pcihole64>")),
            };
            b.pair("-global", format!("{host}.pci-hole64-size={}K", hole.0));
        }
        let bridges = crate::arch::board(domain).is_some_and(|board| board.host_bridges);
        if c.kind == ControllerType::Pci && c.pci.target_index.is_some() && !bridges {
            return Err(unsupported(c, "<target index>"));
        }
        if let (Some("pci-root"), Some(hotplug)) = (c.model.as_deref(), c.pci.hotplug) {
            b.pair("-global", format!("PIIX4_PM.acpi-root-pci-hotplug={}", super::on_off(hotplug.is_on())));
        }
    }
    for kind in ORDER {
        of_kind(b, *kind)?;
    }
    let elsewhere = [ControllerType::Fdc, ControllerType::Isa, ControllerType::Ccid];
    let known = |c: &&Controller| !ORDER.contains(&c.kind) && !elsewhere.contains(&c.kind);
    match domain.devices.controllers.iter().find(known) {
        Some(other) => Err(unsupported(other, "this type")),
        None => Ok(()),
    }
}

/// Those of one kind that are no part of the board.
pub(super) fn of_kind(b: &mut Builder<'_>, kind: ControllerType) -> Result<()> {
    let mut same: Vec<&Controller> = b.domain.devices.controllers.iter().filter(|c| c.kind == kind).collect();
    // The master of a bus comes before its companions.
    same.sort_by_key(|c| (c.index, c.info.master_start_port.is_some()));
    for controller in same {
        if let Some(props) = device(b, controller)? {
            b.json("-device", &props);
        }
    }
    Ok(())
}

const ORDER: &[ControllerType] = &[
    ControllerType::Pci,
    ControllerType::Usb,
    ControllerType::Scsi,
    ControllerType::Ide,
    ControllerType::Sata,
    ControllerType::VirtioSerial,
];

/// The device of a controller; none for one that the board has built in.
pub(crate) fn device(b: &Builder<'_>, c: &Controller) -> Result<Option<Props>> {
    let model = c.model.as_deref().unwrap_or_default();
    let d = &c.driver;
    let alias = super::alias(&c.info)?;
    let props = match c.kind {
        ControllerType::Pci => match pci(c, model, alias)? {
            Some(props) => props,
            None => return Ok(None),
        },
        ControllerType::Usb => {
            if model == "none" {
                return Ok(None);
            }
            usb(b, c, model, alias)?
        }
        ControllerType::Scsi => {
            let (driver, is_virtio) = scsi_driver(c, model)?;
            let mut props = Props::new().text("driver", place::virtio_driver(driver, &c.info));
            if is_virtio {
                props = props
                    .and(&place::virtio(Some(&d.virtio)))
                    .maybe_text("iothread", d.iothread.map(|n| format!("iothread{n}")))
                    .text("id", alias)
                    .maybe_number("num_queues", d.queues);
                props = super::disk::threads(props, &d.iothreads)
                    .maybe_number("cmd_per_lun", d.cmd_per_lun)
                    .maybe_number("max_sectors", d.max_sectors)
                    .maybe_flag("ioeventfd", d.ioeventfd.map(|v| v.is_on()));
            } else {
                if d.queues.is_some() || d.iothread.is_some() || d.cmd_per_lun.is_some() || d.max_sectors.is_some() {
                    return Err(unsupported(c, "a virtio <driver> option"));
                }
                props = props.text("id", alias);
            }
            props
        }
        ControllerType::Ide => {
            if b.is_i440fx() && c.index.unwrap_or(0) == 0 {
                return Ok(None);
            }
            return Err(unsupported(c, "another IDE controller than the board's"));
        }
        ControllerType::Sata => {
            if b.is_q35() && c.index.unwrap_or(0) == 0 {
                return Ok(None);
            }
            Props::new().text("driver", "ahci").text("id", alias)
        }
        ControllerType::VirtioSerial => {
            let driver = virtio_driver("virtio-serial-pci", model)?;
            Props::new()
                .text("driver", place::virtio_driver(&driver, &c.info))
                .and(&place::virtio(Some(&d.virtio)))
                .text("id", alias)
                .maybe_number("max_ports", c.ports)
                .maybe_number("vectors", c.vectors)
        }
        ControllerType::Ccid => Props::new().text("driver", "usb-ccid").text("id", alias),
        _ => return Err(unsupported(c, "this type")),
    };
    Ok(Some(props.and(&place::device(b, &c.info, "controller")?)))
}

fn pci(c: &Controller, model: &str, alias: &str) -> Result<Option<Props>> {
    let o = &c.pci;
    let name = |default: &str| o.model_name.clone().unwrap_or_else(|| default.to_owned());
    let need = |value: Option<u8>, what: &str| {
        value.ok_or_else(|| Error::internal(format!("PCI controller '{alias}' has no {what}")))
    };
    Ok(Some(match model {
        // A host bridge of its own beside the board's.
        "pci-root" if c.index != Some(0) => Props::new()
            .text("driver", name("spapr-pci-host-bridge"))
            .maybe_number("index", o.target_index)
            .text("id", alias)
            .maybe_number("numa_node", o.numa_node),
        "pci-root" | "pcie-root" => return Ok(None),
        "pci-bridge" => Props::new()
            .text("driver", name("pci-bridge"))
            .number("chassis_nr", need(o.chassis_nr, "chassis number")?)
            .maybe_number("mem-reserve", o.mem_reserve.map(|kib| kib.saturating_mul(1024)))
            .text("id", alias),
        "pcie-root-port" | "pcie-switch-downstream-port" => {
            let default = if model == "pcie-root-port" { "pcie-root-port" } else { "xio3130-downstream" };
            Props::new()
                .text("driver", name(default))
                .number("port", need(o.port, "port")?)
                .number("chassis", need(o.chassis, "chassis")?)
                .maybe_flag("hotplug", o.hotplug.map(|v| v.is_on()))
                .text("id", alias)
        }
        "pcie-switch-upstream-port" => Props::new().text("driver", name("x3130-upstream")).text("id", alias),
        "dmi-to-pci-bridge" => Props::new().text("driver", name("i82801b11-bridge")).text("id", alias),
        "pcie-to-pci-bridge" => Props::new().text("driver", name("pcie-pci-bridge")).text("id", alias),
        "pci-expander-bus" | "pcie-expander-bus" => {
            let default = if model == "pci-expander-bus" { "pxb" } else { "pxb-pcie" };
            Props::new()
                .text("driver", name(default))
                .number("bus_nr", need(o.bus_nr, "bus number")?)
                .text("id", alias)
                .maybe_number("numa_node", o.numa_node)
        }
        _ => return Err(unsupported(c, "this model")),
    }))
}

fn usb(b: &Builder<'_>, c: &Controller, model: &str, alias: &str) -> Result<Props> {
    let driver = match model {
        "piix3-uhci" => "piix3-usb-uhci",
        "piix4-uhci" => "piix4-usb-uhci",
        "ehci" => "usb-ehci",
        "ich9-ehci1" => "ich9-usb-ehci1",
        "ich9-uhci1" => "ich9-usb-uhci1",
        "ich9-uhci2" => "ich9-usb-uhci2",
        "ich9-uhci3" => "ich9-usb-uhci3",
        "vt82c686b-uhci" => "vt82c686b-usb-uhci",
        "pci-ohci" => "pci-ohci",
        "nec-xhci" => "nec-usb-xhci",
        "qemu-xhci" => "qemu-xhci",
        "" => return Err(Error::config_unsupported("no model provided for USB controller")),
        _ => return Err(unsupported(c, "this model")),
    };
    if !b.emulator.has_type(driver) {
        return Err(Error::config_unsupported(format!(
            "USB controller model '{model}' not supported in this QEMU binary"
        )));
    }
    let mut props = Props::new().text("driver", driver);
    if c.ports.is_some() {
        if !model.ends_with("xhci") {
            return Err(Error::config_unsupported("ports attribute is not supported on this USB controller model"));
        }
        props = props.maybe_number("p2", c.ports).maybe_number("p3", c.ports);
    }
    // A companion is reached through the bus of the controller that it helps.
    Ok(match c.info.master_start_port {
        Some(port) => {
            let master = b.controller_alias("usb", c.index.unwrap_or(0))?;
            props.text("masterbus", format!("{master}.0")).number("firstport", port)
        }
        None => props.text("id", alias),
    })
}

fn scsi_driver(c: &Controller, model: &str) -> Result<(&'static str, bool)> {
    Ok(match model {
        "virtio-scsi" => ("virtio-scsi-pci", true),
        "virtio-transitional" => ("virtio-scsi-pci-transitional", true),
        "virtio-non-transitional" => ("virtio-scsi-pci-non-transitional", true),
        "lsilogic" => ("lsi", false),
        "ibmvscsi" => ("spapr-vscsi", false),
        "lsisas1068" => ("mptsas1068", false),
        "lsisas1078" => ("megasas", false),
        "vmpvscsi" => ("pvscsi", false),
        "am53c974" => ("am53c974", false),
        "dc390" => ("dc390", false),
        _ => return Err(unsupported(c, "this model")),
    })
}

/// The driver of a device that has the three virtio models.
pub(super) fn virtio_driver(base: &str, model: &str) -> Result<String> {
    match model {
        "" | "virtio" => Ok(base.to_owned()),
        "virtio-transitional" => Ok(format!("{base}-transitional")),
        "virtio-non-transitional" => Ok(format!("{base}-non-transitional")),
        other => Err(Error::config_unsupported(format!("'{base}' has no model '{other}'"))),
    }
}

fn unsupported(c: &Controller, what: &str) -> Error {
    Error::config_unsupported(format!(
        "controller type='{}' index='{}' model='{}': {what} is not supported by this driver",
        c.kind.as_str(),
        c.index.unwrap_or(0),
        c.model.as_deref().unwrap_or("")
    ))
}
