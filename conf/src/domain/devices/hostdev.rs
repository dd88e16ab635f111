//! `<hostdev>`: host devices given to the guest.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::{Error, Result};

use super::address::{DeviceInfo, PciAddress};
use super::disk::SgIo;
use super::interface_options::Teaming;
use super::ip::IpInfo;
use super::network_source::NetworkHost;
use super::storage::{StartupPolicy, format_status, status_child};
use super::storage_secrets::StorageAuth;
use crate::xml::{Element, Node, OnOff, RawElement, Writer, YesNo};
use crate::xml_enum;

/// `<hostdev>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hostdev {
    pub source: HostdevSource,
    /// Whether the daemon takes the device from the host and gives it back.
    pub managed: YesNo,
    pub teaming: Option<Teaming>,
    pub readonly: bool,
    pub shareable: bool,
    pub info: DeviceInfo,
}

/// The device, by `mode=` and `type=`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostdevSource {
    Usb(UsbHostdev),
    Pci {
        address: PciAddress,
        driver: Option<PciDriver>,
        write_filtering: Option<YesNo>,
        /// How the host had the device before, in status files.
        origstates: Option<Box<RawElement>>,
    },
    Scsi(ScsiHostdev),
    ScsiHost {
        protocol: ScsiHostProtocol,
        wwpn: String,
        model: Option<String>,
    },
    Mdev {
        uuid: uuid::Uuid,
        model: MdevModel,
        display: Option<OnOff>,
        ramfb: Option<OnOff>,
    },
    /// Containers: a block device, a character device, a network card.
    Storage {
        block: String,
    },
    Misc {
        char: String,
    },
    Net {
        interface: String,
        ip: IpInfo,
    },
}

xml_enum! {
    pub enum UsbGuestReset { Default = "default", Off = "off", Uninitialized = "uninitialized", On = "on" }
}

/// By vendor and product, by place, or both.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UsbHostdev {
    pub startup_policy: Option<StartupPolicy>,
    pub guest_reset: Option<UsbGuestReset>,
    pub missing: Option<YesNo>,
    pub vendor: Option<u16>,
    pub product: Option<u16>,
    pub bus: Option<u32>,
    pub device: Option<u32>,
    pub port: Option<super::UsbPort>,
}

xml_enum! {
    pub enum PciDriverName { Kvm = "kvm", Vfio = "vfio", Xen = "xen" }
}

/// `<driver name='vfio' model='mlx5_vfio_pci'/>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct PciDriver {
    #[xml(attr)]
    pub name: Option<PciDriverName>,
    #[xml(attr)]
    pub model: Option<String>,
}

/// A SCSI device of a host adapter or of an iSCSI target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScsiHostdev {
    pub sgio: Option<SgIo>,
    pub rawio: Option<YesNo>,
    pub source: ScsiSource,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScsiSource {
    Host {
        adapter: String,
        bus: u32,
        target: u32,
        unit: u64,
        /// The driver's notes in a status file.
        private_data: Option<Box<RawElement>>,
    },
    Iscsi {
        name: String,
        hosts: Vec<NetworkHost>,
        /// The driver's notes in a status file.
        private_data: Option<Box<RawElement>>,
        auth: Option<StorageAuth>,
        initiator: Option<String>,
    },
}

xml_enum! {
    pub enum ScsiHostProtocol { Vhost = "vhost" }
}

xml_enum! {
    pub enum MdevModel { VfioPci = "vfio-pci", VfioCcw = "vfio-ccw", VfioAp = "vfio-ap" }
}

impl HostdevSource {
    /// The words of `mode=` and `type=`.
    pub const fn type_names(&self) -> (&'static str, &'static str) {
        match self {
            Self::Usb(_) => ("subsystem", "usb"),
            Self::Pci { .. } => ("subsystem", "pci"),
            Self::Scsi(_) => ("subsystem", "scsi"),
            Self::ScsiHost { .. } => ("subsystem", "scsi_host"),
            Self::Mdev { .. } => ("subsystem", "mdev"),
            Self::Storage { .. } => ("capabilities", "storage"),
            Self::Misc { .. } => ("capabilities", "misc"),
            Self::Net { .. } => ("capabilities", "net"),
        }
    }

    pub(super) fn parse(node: Node<'_>) -> Result<Self> {
        let source = node.child("source").ok_or_else(|| node.missing_child("source"))?;
        let kind = node.attr("type").ok_or_else(|| node.missing_attr("type"))?;
        let address = || source.child("address").ok_or_else(|| source.missing_child("address"));
        let leaf = |name: &str| match source.child_text(name) {
            Some(text) if !text.is_empty() => Ok(text.into_owned()),
            _ => Err(source.missing_child(name)),
        };
        match (node.attr("mode").unwrap_or("subsystem"), kind) {
            ("subsystem", "usb") => UsbHostdev::parse(source).map(Self::Usb),
            ("subsystem", "pci") => Ok(Self::Pci {
                address: PciAddress::parse(address()?)?,
                driver: node.child_element("driver")?,
                write_filtering: source.value("writeFiltering")?,
                origstates: status_child(source, "origstates"),
            }),
            ("subsystem", "scsi") => Ok(Self::Scsi(ScsiHostdev {
                sgio: node.value("sgio")?,
                rawio: node.value("rawio")?,
                source: ScsiSource::parse(source)?,
            })),
            (_, kind) if kind != "scsi" && node.attr("rawio").is_some() => {
                Err(node.error("rawio is only supported for scsi host device"))
            }
            ("subsystem", "scsi_host") => Ok(Self::ScsiHost {
                protocol: source.require("protocol")?,
                wwpn: source.require("wwpn")?,
                model: node.value("model")?,
            }),
            ("subsystem", "mdev") => Ok(Self::Mdev {
                uuid: mdev_uuid(address()?)?,
                model: node.require("model")?,
                display: node.value("display")?,
                ramfb: node.value("ramfb")?,
            }),
            ("capabilities", "storage") => Ok(Self::Storage { block: leaf("block")? }),
            ("capabilities", "misc") => Ok(Self::Misc { char: leaf("char")? }),
            ("capabilities", "net") => Ok(Self::Net { interface: leaf("interface")?, ip: IpInfo::parse(node)? }),
            ("subsystem", other) => Err(node.bad_attr("type", other, "usb, pci, scsi, scsi_host, mdev")),
            ("capabilities", other) => Err(node.bad_attr("type", other, "storage, misc, net")),
            (other, _) => Err(node.bad_attr("mode", other, "subsystem, capabilities")),
        }
    }

    pub(super) fn format_source(&self, w: &mut Writer) {
        w.open("source");
        match self {
            Self::Usb(usb) => usb.format(w),
            Self::Pci { address, write_filtering, origstates, .. } => {
                w.attr_opt("writeFiltering", write_filtering.as_ref());
                w.open("address");
                address.format_place(w);
                w.close();
                format_status(w, origstates.as_deref());
            }
            Self::Scsi(scsi) => scsi.source.format(w),
            Self::ScsiHost { protocol, wwpn, .. } => {
                w.attr("protocol", protocol);
                w.attr("wwpn", wwpn);
            }
            Self::Mdev { uuid, .. } => {
                w.open("address");
                w.attr("uuid", uuid);
                w.close();
            }
            Self::Storage { block } => w.leaf("block", block),
            Self::Misc { char } => w.leaf("char", char),
            Self::Net { interface, .. } => w.leaf("interface", interface),
        }
        w.close();
    }
}

fn mdev_uuid(address: Node<'_>) -> Result<uuid::Uuid> {
    match address.attr("uuid") {
        Some(_) => address.require("uuid"),
        None => Err(Error::config_unsupported("Missing 'uuid' attribute for element <address>")),
    }
}

impl UsbHostdev {
    pub(super) fn parse(source: Node<'_>) -> Result<Self> {
        let id = |name: &str| source.child(name).map(|c| c.require("id")).transpose();
        let address = source.child("address");
        let number = |name: &str| address.map(|a| a.value(name)).transpose().map(Option::flatten);
        let found = Self {
            startup_policy: source.value("startupPolicy")?,
            guest_reset: source.value("guestReset")?,
            missing: if source.mode().live { source.value("missing")? } else { None },
            vendor: id("vendor")?,
            product: id("product")?,
            bus: number("bus")?,
            device: number("device")?,
            port: address.map(|a| a.value("port")).transpose()?.flatten(),
        };
        if found.vendor.is_some() != found.product.is_some() {
            return Err(source.error("'vendor' and 'product' stand together or not at all"));
        }
        if found.vendor.is_none() && found.bus.is_none() {
            return Err(source.error("either 'vendor' and 'product' or 'address' is needed"));
        }
        Ok(found)
    }

    pub(super) fn format(&self, w: &mut Writer) {
        w.attr_opt("startupPolicy", self.startup_policy.as_ref());
        w.attr_opt("guestReset", self.guest_reset.as_ref());
        if w.mode().live {
            w.attr_opt("missing", self.missing.as_ref());
        }
        for (name, id) in [("vendor", self.vendor), ("product", self.product)] {
            if let Some(id) = id {
                w.open(name);
                w.attr_hex("id", id, 4);
                w.close();
            }
        }
        if self.bus.is_some() || self.device.is_some() || self.port.is_some() {
            w.open("address");
            w.attr_opt("bus", self.bus.as_ref());
            w.attr_opt("device", self.device.as_ref());
            w.attr_opt("port", self.port.as_ref());
            w.close();
        }
    }
}

impl ScsiSource {
    pub(super) fn parse(source: Node<'_>) -> Result<Self> {
        if let Some(protocol) = source.attr("protocol").filter(|p| *p != "adapter") {
            if protocol != "iscsi" {
                return Err(source.bad_attr("protocol", protocol, "adapter, iscsi"));
            }
            let initiator = source.child("initiator").and_then(|i| i.child("iqn"));
            return Ok(Self::Iscsi {
                name: source.require("name")?,
                hosts: source.child_elements("host")?,
                private_data: status_child(source, "privateData"),
                auth: source.child_element("auth")?,
                initiator: initiator.map(|i| i.require("name")).transpose()?,
            });
        }
        let adapter = source.child("adapter").ok_or_else(|| source.missing_child("adapter"))?;
        let address = source.child("address").ok_or_else(|| source.missing_child("address"))?;
        Ok(Self::Host {
            adapter: adapter.require("name")?,
            bus: address.require("bus")?,
            target: address.require("target")?,
            unit: address.require("unit")?,
            private_data: status_child(source, "privateData"),
        })
    }

    pub(super) fn format(&self, w: &mut Writer) {
        match self {
            Self::Host { adapter, bus, target, unit, private_data } => {
                w.open("adapter");
                w.attr("name", adapter);
                w.close();
                w.open("address");
                w.attr("bus", bus);
                w.attr("target", target);
                w.attr("unit", unit);
                w.close();
                format_status(w, private_data.as_deref());
            }
            Self::Iscsi { name, hosts, private_data, auth, initiator } => {
                w.attr_str("protocol", "iscsi");
                w.attr("name", name);
                w.elements("host", hosts);
                format_status(w, private_data.as_deref());
                if let Some(auth) = auth {
                    w.element("auth", auth);
                }
                if let Some(initiator) = initiator {
                    w.open("initiator");
                    w.open("iqn");
                    w.attr("name", initiator);
                    w.close();
                    w.close();
                }
            }
        }
    }
}

impl Element for Hostdev {
    fn parse(node: Node<'_>) -> Result<Self> {
        let source = HostdevSource::parse(node)?;
        let scsi = matches!(source, HostdevSource::Scsi(_));
        Ok(Self {
            source,
            managed: node.value("managed")?.unwrap_or(YesNo::No),
            teaming: node.child_element("teaming")?,
            readonly: scsi && node.child("readonly").is_some(),
            shareable: scsi && node.child("shareable").is_some(),
            info: DeviceInfo::parse(node)?,
        })
    }

    fn format(&self, w: &mut Writer) {
        let (mode, kind) = self.source.type_names();
        w.attr_str("mode", mode);
        w.attr_str("type", kind);
        if mode == "subsystem" {
            w.attr("managed", &self.managed);
        }
        match &self.source {
            HostdevSource::Scsi(scsi) => {
                w.attr_opt("sgio", scsi.sgio.as_ref());
                w.attr_opt("rawio", scsi.rawio.as_ref());
            }
            HostdevSource::ScsiHost { model, .. } => w.attr_opt("model", model.as_ref()),
            HostdevSource::Mdev { model, display, ramfb, .. } => {
                w.attr("model", model);
                w.attr_opt("display", display.as_ref());
                w.attr_opt("ramfb", ramfb.as_ref());
            }
            HostdevSource::Pci { driver: Some(driver), .. } => w.element_unless_empty("driver", driver),
            _ => {}
        }
        if let Some(teaming) = &self.teaming {
            w.element("teaming", teaming);
        }
        self.source.format_source(w);
        if let HostdevSource::Net { ip, .. } = &self.source {
            ip.format(w);
        }
        if self.readonly {
            w.flag("readonly");
        }
        if self.shareable {
            w.flag("shareable");
        }
        self.info.format(w);
    }
}
