//! `<address>`, and what every device may have: alias, boot order, ROM.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::{Error, Result};

use crate::rare::Rare;
use crate::xml::{Element, Node, OnOff, Value, Writer, YesNo};

/// Where a device sits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    Pci(PciAddress),
    Drive(DriveAddress),
    VirtioSerial {
        controller: u32,
        bus: u32,
        port: u32,
    },
    Ccid {
        controller: u32,
        slot: u32,
    },
    Usb(UsbAddress),
    SpaprVio {
        reg: Option<u64>,
    },
    VirtioS390,
    /// `None`: to be assigned.
    Ccw(Option<CcwAddress>),
    VirtioMmio,
    Isa {
        iobase: Option<u32>,
        irq: Option<u32>,
    },
    Dimm {
        slot: Option<u32>,
        base: Option<u64>,
    },
    /// The device exists but is not given to the guest.
    Unassigned,
}

/// `<address type='pci' domain='0x0000' bus='0x00' slot='0x01' function='0x0'/>`.
///
/// All zero means that the driver chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct PciAddress {
    pub domain: u32,
    pub bus: u8,
    /// 0 to 31.
    pub slot: u8,
    /// 0 to 7.
    pub function: u8,
    pub multifunction: Option<OnOff>,
    pub zpci: Option<ZpciAddress>,
}

impl PciAddress {
    /// Whether no place was chosen yet.
    pub const fn is_empty(&self) -> bool {
        self.domain == 0 && self.bus == 0 && self.slot == 0
    }
}

/// `<zpci uid='0x0001' fid='0x00000000'/>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Element)]
pub struct ZpciAddress {
    #[xml(attr, hex = 4)]
    pub uid: Option<u32>,
    #[xml(attr, hex = 8)]
    pub fid: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Element)]
pub struct DriveAddress {
    #[xml(attr, default)]
    pub controller: u32,
    #[xml(attr, default)]
    pub bus: u32,
    #[xml(attr, default)]
    pub target: u32,
    #[xml(attr, default)]
    pub unit: u32,
}

/// `<address type='usb' bus='0' port='1.2'/>`; at most four levels of ports.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Element)]
pub struct UsbAddress {
    #[xml(attr, default)]
    pub bus: u32,
    #[xml(attr)]
    pub port: Option<UsbPort>,
}

/// A path of USB ports such as `1.4.2`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UsbPort(pub Vec<u32>);

impl Value for UsbPort {
    fn parse_value(text: &str) -> Option<Self> {
        let ports: Option<Vec<u32>> = text.split('.').map(u32::parse_value).collect();
        ports.filter(|p| p.len() <= 4).map(Self)
    }

    fn allowed() -> String {
        "one to four numbers joined by '.'".to_owned()
    }

    fn write_value(&self, out: &mut String) {
        for (at, port) in self.0.iter().enumerate() {
            if at > 0 {
                out.push('.');
            }
            port.write_value(out);
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct CcwAddress {
    pub cssid: u32,
    pub ssid: u32,
    pub devno: u32,
}

impl Element for PciAddress {
    fn parse(node: Node<'_>) -> Result<Self> {
        let address = Self {
            domain: node.value("domain")?.unwrap_or(0),
            bus: node.value("bus")?.unwrap_or(0),
            slot: node.value("slot")?.unwrap_or(0),
            function: node.value("function")?.unwrap_or(0),
            multifunction: node.value("multifunction")?,
            zpci: node.child_element("zpci")?,
        };
        if address.slot > 0x1f {
            return Err(node.bad_attr("slot", &format!("{:#x}", address.slot), "0x00 to 0x1f"));
        }
        if let Some(zpci) = address.zpci
            && zpci.uid.is_some_and(|uid| uid == 0 || uid > 0xffff)
        {
            return Err(node.error("the uid of 'zpci' is not within 0x0001 to 0xffff"));
        }
        if address.function > 7 {
            return Err(node.bad_attr("function", &format!("{:#x}", address.function), "0x0 to 0x7"));
        }
        Ok(address)
    }

    fn format(&self, w: &mut Writer) {
        if !self.is_empty() {
            self.format_place(w);
        }
        w.attr_opt("multifunction", self.multifunction.as_ref());
        if let Some(zpci) = &self.zpci {
            w.element_unless_empty("zpci", zpci);
        }
    }
}

impl PciAddress {
    /// Prints the four numbers, chosen or not.
    pub(crate) fn format_place(&self, w: &mut Writer) {
        w.attr_hex("domain", self.domain, 4);
        w.attr_hex("bus", self.bus, 2);
        w.attr_hex("slot", self.slot, 2);
        w.attr_hex("function", self.function, 1);
    }
}

impl Element for Address {
    fn parse(node: Node<'_>) -> Result<Self> {
        let number = |name| node.value(name);
        let zero = |name| -> Result<u32> { Ok(number(name)?.unwrap_or(0)) };
        let Some(kind) = node.attr("type") else {
            return Err(node.missing_attr("type"));
        };
        Ok(match kind {
            "pci" => Self::Pci(PciAddress::parse(node)?),
            "drive" => Self::Drive(DriveAddress::parse(node)?),
            "virtio-serial" => {
                Self::VirtioSerial { controller: zero("controller")?, bus: zero("bus")?, port: zero("port")? }
            }
            "ccid" => Self::Ccid { controller: zero("controller")?, slot: zero("slot")? },
            "usb" => Self::Usb(UsbAddress::parse(node).map_err(|error| Error::internal(error.detail()))?),
            "spapr-vio" => Self::SpaprVio { reg: node.value("reg")? },
            "virtio-s390" => Self::VirtioS390,
            "ccw" => Self::Ccw(match (number("cssid")?, number("ssid")?, number("devno")?) {
                (Some(cssid), Some(ssid), Some(devno)) => {
                    if cssid > 254 {
                        return Err(node.bad_attr("cssid", &format!("{cssid:#x}"), "0x0 to 0xfe"));
                    }
                    if ssid > 3 {
                        return Err(node.bad_attr("ssid", &format!("{ssid:#x}"), "0x0 to 0x3"));
                    }
                    if devno > 0xffff {
                        return Err(node.bad_attr("devno", &format!("{devno:#x}"), "0x0 to 0xffff"));
                    }
                    Some(CcwAddress { cssid, ssid, devno })
                }
                (None, None, None) => None,
                _ => return Err(node.error("'cssid', 'ssid' and 'devno' stand together or not at all")),
            }),
            "virtio-mmio" => Self::VirtioMmio,
            "isa" => Self::Isa { iobase: number("iobase")?, irq: number("irq")? },
            "dimm" => Self::Dimm { slot: Some(node.require("slot")?), base: node.value("base")? },
            "unassigned" => Self::Unassigned,
            other => {
                return Err(node.bad_attr(
                    "type",
                    other,
                    "pci, drive, virtio-serial, ccid, usb, spapr-vio, virtio-s390, ccw, virtio-mmio, isa, dimm, unassigned",
                ));
            }
        })
    }

    fn format(&self, w: &mut Writer) {
        w.attr_str("type", self.type_name());
        match self {
            Self::Pci(pci) => pci.format(w),
            Self::Drive(drive) => drive.format(w),
            Self::VirtioSerial { controller, bus, port } => {
                w.attr("controller", controller);
                w.attr("bus", bus);
                w.attr("port", port);
            }
            Self::Ccid { controller, slot } => {
                w.attr("controller", controller);
                w.attr("slot", slot);
            }
            Self::Usb(usb) => usb.format(w),
            Self::SpaprVio { reg } => {
                if let Some(reg) = reg {
                    w.attr_hex("reg", *reg, 8);
                }
            }
            Self::Ccw(Some(ccw)) => {
                w.attr_hex("cssid", ccw.cssid, 1);
                w.attr_hex("ssid", ccw.ssid, 1);
                w.attr_hex("devno", ccw.devno, 4);
            }
            Self::Isa { iobase, irq } => {
                if let Some(iobase) = iobase {
                    w.attr_hex("iobase", *iobase, 1);
                }
                if let Some(irq) = irq {
                    w.attr_hex("irq", *irq, 1);
                }
            }
            Self::Dimm { slot, base } => {
                w.attr_opt("slot", slot.as_ref());
                if let Some(base) = base {
                    w.attr_hex("base", *base, 1);
                }
            }
            Self::VirtioS390 | Self::Ccw(None) | Self::VirtioMmio | Self::Unassigned => {}
        }
    }
}

impl Address {
    /// The word of `type=`.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::Pci(_) => "pci",
            Self::Drive(_) => "drive",
            Self::VirtioSerial { .. } => "virtio-serial",
            Self::Ccid { .. } => "ccid",
            Self::Usb(_) => "usb",
            Self::SpaprVio { .. } => "spapr-vio",
            Self::VirtioS390 => "virtio-s390",
            Self::Ccw(_) => "ccw",
            Self::VirtioMmio => "virtio-mmio",
            Self::Isa { .. } => "isa",
            Self::Dimm { .. } => "dimm",
            Self::Unassigned => "unassigned",
        }
    }

    /// The PCI place, when it is one and chosen.
    pub fn pci(&self) -> Option<&PciAddress> {
        match self {
            Self::Pci(pci) if !pci.is_empty() => Some(pci),
            _ => None,
        }
    }
}

/// What every device may have; see [`DeviceParts`] for the fields.
pub type DeviceInfo = Rare<DeviceParts>;

crate::absent!(DeviceParts);

/// What every device may have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceParts {
    pub boot: Option<Box<BootOrder>>,
    /// The name of the device; a user's own begins with `ua-`.
    pub alias: Option<String>,
    /// Port of the companion controller this one belongs to (USB).
    pub master_start_port: Option<u32>,
    pub rom: Option<Box<Rom>>,
    pub acpi_index: Option<u32>,
    pub address: Option<Address>,
}

/// `<boot order='1' loadparm='2'/>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootOrder {
    /// From 1; every order stands once in a domain.
    pub order: u32,
    /// What to load, on s390x.
    pub loadparm: Option<String>,
}

impl Element for BootOrder {
    fn parse(node: Node<'_>) -> Result<Self> {
        let order = node.require("order")?;
        let loadparm: Option<String> = node.value("loadparm")?;
        if order == 0 {
            return Err(node.bad_attr("order", "0", "a number above 0"));
        }
        if let Some(text) = &loadparm {
            if text.is_empty() || text.len() > 8 {
                return Err(Error::internal(format!("loadparm value '{text}' must be between 1 and 8 characters")));
            }
            let valid = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || matches!(c, '.' | ' ');
            if !text.to_ascii_uppercase().chars().all(valid) {
                return Err(Error::internal(format!(
                    "invalid loadparm value '{text}', expecting chars in set of [a-zA-Z0-9.] and blank spaces"
                )));
            }
        }
        Ok(Self { order, loadparm: loadparm.map(|l| l.to_ascii_uppercase()) })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("order", &self.order);
        w.attr_opt("loadparm", self.loadparm.as_ref());
    }
}

/// `<rom enabled='yes' bar='on' file='/path'/>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Rom {
    #[xml(attr)]
    pub enabled: Option<YesNo>,
    #[xml(attr)]
    pub bar: Option<OnOff>,
    #[xml(attr)]
    pub file: Option<String>,
}

/// Whether a name is one that a user may give.
pub fn is_user_alias(name: &str) -> bool {
    let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    name.starts_with("ua-") && name.chars().all(valid)
}

impl DeviceParts {
    /// What is left for a device that the guest does not get: its name.
    pub(super) fn alias_only(&self) -> DeviceInfo {
        Self { alias: self.alias.clone(), ..Self::default() }.into()
    }
}

impl Element for DeviceParts {
    fn parse(node: Node<'_>) -> Result<Self> {
        let mut info = Self::default();
        let live = node.mode().live;
        for child in node.children() {
            match child.qualified_name() {
                "boot" if info.boot.is_none() => info.boot = Some(Element::parse(child)?),
                "alias" if info.alias.is_none() => {
                    info.alias = child.attr("name").filter(|name| live || is_user_alias(name)).map(str::to_owned);
                }
                "master" => info.master_start_port = child.value("startport")?,
                "rom" if info.rom.is_none() => info.rom = Some(Element::parse(child)?),
                "acpi" => info.acpi_index = child.value("index")?.filter(|index| *index > 0),
                "address" if info.address.is_none() && child.attr("type").is_some() => {
                    info.address = Some(Address::parse(child)?);
                }
                _ => {}
            }
        }
        Ok(info)
    }

    fn format(&self, w: &mut Writer) {
        if let Some(boot) = &self.boot {
            w.element("boot", boot);
        }
        if let Some(alias) = &self.alias
            && (w.mode().live || is_user_alias(alias))
        {
            w.open("alias");
            w.attr("name", alias);
            w.close();
        }
        if let Some(port) = &self.master_start_port {
            w.open("master");
            w.attr("startport", port);
            w.close();
        }
        if let Some(rom) = &self.rom {
            w.element("rom", rom);
        }
        if let Some(index) = &self.acpi_index {
            w.open("acpi");
            w.attr("index", index);
            w.close();
        }
        if let Some(address) = &self.address {
            w.element("address", address);
        }
    }
}

/// Attributes of `<driver>` that all virtio devices share.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct VirtioOptions {
    #[xml(attr)]
    pub iommu: Option<OnOff>,
    #[xml(attr)]
    pub ats: Option<OnOff>,
    #[xml(attr)]
    pub packed: Option<OnOff>,
    #[xml(attr)]
    pub page_per_vq: Option<OnOff>,
}
