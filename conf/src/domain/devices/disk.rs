//! `<disk>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::{Error, ErrorCode, Result};

use super::storage::{format_status, status_child};
use super::*;
use crate::rare::Rare;
use crate::xml::{Element, Node, OnOff, RawElement, Writer, YesNo};
use crate::xml_enum;

xml_enum! {
    /// What the guest takes the device for.
    pub enum DiskDevice { Disk = "disk", CdRom = "cdrom", Floppy = "floppy", Lun = "lun" }
}

xml_enum! {
    /// The bus the device is on.
    pub enum DiskBus {
        Ide = "ide", Fdc = "fdc", Scsi = "scsi", Virtio = "virtio", Xen = "xen", Usb = "usb", Uml = "uml", Sata = "sata",
        Sd = "sd", Nvme = "nvme",
    }
}

xml_enum! {
    /// How a snapshot of the domain treats the disk.
    pub enum SnapshotLocation { Default = "default", No = "no", Internal = "internal", External = "external", Manual = "manual" }
}

xml_enum! {
    /// Whether unprivileged SCSI commands are filtered.
    pub enum SgIo { Filtered = "filtered", Unfiltered = "unfiltered" }
}

/// `<disk>`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Disk {
    pub device: DiskDevice,
    pub model: Option<VirtioModel>,
    pub rawio: Option<YesNo>,
    pub sgio: Option<SgIo>,
    pub snapshot: Option<SnapshotLocation>,
    pub driver: DiskDriver,
    /// Given beside `<source>` instead of inside.
    pub auth: Option<Box<StorageAuth>>,
    pub source: StorageSource,
    pub backing: Option<Box<BackingStore>>,
    pub backend_domain: Option<String>,
    pub geometry: Option<Box<Geometry>>,
    pub blockio: Option<Box<BlockIo>>,
    pub mirror: Option<Box<Mirror>>,
    pub target: DiskTarget,
    pub iotune: Option<Box<IoTune>>,
    pub throttle_filters: Rare<Vec<ThrottleFilter>>,
    pub readonly: bool,
    pub shareable: bool,
    pub transient: Option<Transient>,
    pub serial: Option<String>,
    pub wwn: Option<String>,
    pub vendor: Option<String>,
    pub product: Option<String>,
    /// Given beside `<source>` instead of inside.
    pub encryption: Option<Box<Encryption>>,
    pub info: DeviceInfo,
    /// The driver's notes in a status file.
    pub private_data: Option<Box<RawElement>>,
    /// Where secrets stood in the document, in a status file.
    pub secrets_placement: Option<Box<RawElement>>,
}

xml_enum! {
    pub enum GeometryTranslation { Auto = "auto", None = "none", Lba = "lba" }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Geometry {
    #[xml(attr)]
    pub cyls: u32,
    #[xml(attr)]
    pub heads: u32,
    #[xml(attr)]
    pub secs: u32,
    #[xml(attr)]
    pub trans: Option<GeometryTranslation>,
}

/// `<blockio>`, bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct BlockIo {
    #[xml(attr)]
    pub logical_block_size: Option<u32>,
    #[xml(attr)]
    pub physical_block_size: Option<u32>,
    #[xml(attr)]
    pub discard_granularity: Option<u32>,
}

xml_enum! {
    /// State of a drive's tray.
    pub enum Tray { Closed = "closed", Open = "open" }
}

/// `<target dev='vda' bus='virtio'/>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DiskTarget {
    /// A name such as `vda`; its prefix suggests the bus.
    pub dev: String,
    pub bus: Option<DiskBus>,
    pub tray: Option<Tray>,
    pub removable: Option<OnOff>,
    pub rotation_rate: Option<u32>,
    pub dpofua: Option<OnOff>,
}

/// `<throttlefilter group='limit0'/>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct ThrottleFilter {
    #[xml(attr)]
    pub group: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Transient {
    #[xml(attr = "shareBacking")]
    pub share_backing: Option<YesNo>,
}

impl Element for Disk {
    fn parse(node: Node<'_>) -> Result<Self> {
        let kind = node.attr("type").unwrap_or("file");
        let mut disk = Self {
            device: node.value("device")?.unwrap_or_default(),
            model: node.value("model")?,
            rawio: node.value("rawio")?,
            sgio: node.value("sgio")?,
            snapshot: node.value("snapshot")?,
            source: StorageSource::parse_typed(node, kind)?,
            info: DeviceInfo::parse(node)?,
            private_data: status_child(node, "privateData"),
            secrets_placement: status_child(node, "diskSecretsPlacement"),
            ..Self::default()
        };
        for child in node.children() {
            match child.qualified_name() {
                "driver" => disk.driver = DiskDriver::parse(child)?,
                "auth" => disk.auth = Some(Element::parse(child)?),
                "backingStore" => disk.backing = Some(Element::parse(child)?),
                "backenddomain" => disk.backend_domain = child.value("name")?,
                "geometry" => disk.geometry = Some(Element::parse(child)?),
                "blockio" => disk.blockio = Some(Element::parse(child)?),
                "mirror" if node.mode().live => disk.mirror = Some(Element::parse(child)?),
                "target" => disk.target = parse_target(child)?,
                "iotune" => disk.iotune = Some(Element::parse(child)?),
                "throttlefilters" => disk.throttle_filters = child.child_elements("throttlefilter")?.into(),
                "readonly" => disk.readonly = true,
                "shareable" => disk.shareable = true,
                "transient" => disk.transient = Some(Transient::parse(child)?),
                "serial" => disk.serial = Some(child.text().into_owned()),
                "wwn" => disk.wwn = Some(parse_wwn(child)?),
                "vendor" => disk.vendor = Some(parse_inquiry(child, 8)?),
                "product" => disk.product = Some(parse_inquiry(child, 16)?),
                "encryption" => disk.encryption = Some(Element::parse(child)?),
                _ => {}
            }
        }
        if disk.readonly && disk.snapshot == Some(SnapshotLocation::No) {
            disk.snapshot = None;
        }
        if disk.target.dev.is_empty() {
            let source = disk.source.path().unwrap_or_default().to_owned();
            return Err(Error::new(ErrorCode::NO_TARGET, source));
        }
        Ok(disk)
    }

    fn format(&self, w: &mut Writer) {
        w.attr_str("type", self.source.type_name());
        w.attr("device", &self.device);
        w.attr_opt("model", self.model.as_ref());
        w.attr_opt("rawio", self.rawio.as_ref());
        w.attr_opt("sgio", self.sgio.as_ref());
        // A read-only disk is left out of snapshots anyway.
        if self.snapshot.is_some_and(|s| !(s == SnapshotLocation::No && self.readonly)) {
            w.attr_opt("snapshot", self.snapshot.as_ref());
        }
        w.element_unless_empty("driver", &self.driver);
        if let Some(auth) = &self.auth {
            w.element("auth", auth);
        }
        self.source.format_source(w);
        if let Some(backing) = &self.backing {
            w.element("backingStore", backing);
        }
        if let Some(name) = &self.backend_domain {
            w.open("backenddomain");
            w.attr("name", name);
            w.close();
        }
        if let Some(geometry) = &self.geometry {
            w.element("geometry", geometry);
        }
        if let Some(blockio) = &self.blockio {
            w.element_unless_empty("blockio", blockio);
        }
        if let Some(mirror) = self.mirror.as_ref().filter(|_| w.mode().live) {
            w.element("mirror", mirror);
        }
        self.format_target(w);
        if let Some(iotune) = &self.iotune {
            w.element_unless_empty("iotune", iotune);
        }
        if !self.throttle_filters.is_empty() {
            w.open("throttlefilters");
            w.elements("throttlefilter", &self.throttle_filters);
            w.close();
        }
        if self.readonly {
            w.flag("readonly");
        }
        if self.shareable {
            w.flag("shareable");
        }
        if let Some(transient) = &self.transient {
            w.element("transient", transient);
        }
        w.leaf_opt("serial", self.serial.as_ref());
        w.leaf_opt("wwn", self.wwn.as_ref());
        w.leaf_opt("vendor", self.vendor.as_ref());
        w.leaf_opt("product", self.product.as_ref());
        if let Some(encryption) = &self.encryption {
            w.element("encryption", encryption);
        }
        self.info.format(w);
        format_status(w, self.private_data.as_deref());
        format_status(w, self.secrets_placement.as_deref());
    }
}

fn parse_target(node: Node<'_>) -> Result<DiskTarget> {
    let bus: Option<DiskBus> = node.value("bus")?;
    Ok(DiskTarget {
        dev: node.require("dev")?,
        bus,
        tray: node.value("tray")?.filter(|tray| *tray == Tray::Open || node.mode().live),
        // No document of a SCSI disk shows it again.
        removable: node.value("removable")?.filter(|_| matches!(bus, None | Some(DiskBus::Usb | DiskBus::Scsi))),
        rotation_rate: node.value("rotation_rate")?,
        dpofua: node.value("dpofua")?,
    })
}

fn parse_wwn(node: Node<'_>) -> Result<String> {
    let text = node.text();
    let digits = text.strip_prefix("0x").unwrap_or(&text);
    let valid = digits.len() == 16 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    if valid { Ok(text.into_owned()) } else { Err(node.bad_text(&text, "16 hexadecimal digits")) }
}

fn parse_inquiry(node: Node<'_>, longest: usize) -> Result<String> {
    let text = node.text();
    let printable = text.bytes().all(|b| matches!(b, 0x20..=0x7e));
    if text.len() <= longest && printable {
        Ok(text.into_owned())
    } else {
        Err(node.bad_text(&text, &format!("at most {longest} printable characters")))
    }
}

impl Disk {
    pub(super) fn format_target(&self, w: &mut Writer) {
        w.open("target");
        w.attr("dev", &self.target.dev);
        w.attr_opt("bus", self.target.bus.as_ref());
        let has_tray = matches!(self.device, DiskDevice::CdRom | DiskDevice::Floppy);
        let shows_tray = self.target.tray == Some(Tray::Open) || w.mode().live;
        if has_tray && shows_tray {
            w.attr_opt("tray", self.target.tray.as_ref());
        }
        w.attr_opt("removable", self.target.removable.as_ref().filter(|_| self.target.bus == Some(DiskBus::Usb)));
        w.attr_opt("rotation_rate", self.target.rotation_rate.as_ref());
        w.attr_opt("dpofua", self.target.dpofua.as_ref());
        w.close();
    }

    /// The place of the disk among those with the same prefix: 0 for `vda`,
    /// 27 for `hdab`; `None` when the name has no such form.
    pub fn index(&self) -> Option<u32> {
        let dev = self.target.dev.as_str();
        let letters = ["fd", "hd", "vd", "sd", "xvd", "ubd", "nvme"].iter().find_map(|p| dev.strip_prefix(p))?;
        let letters = letters.trim_end_matches(|c: char| c.is_ascii_digit());
        if letters.is_empty() || !letters.bytes().all(|b| b.is_ascii_lowercase()) {
            return None;
        }
        letters
            .bytes()
            .try_fold(0_u32, |index, b| index.checked_mul(26)?.checked_add(u32::from(b - b'a') + 1))
            .map(|n| n - 1)
    }

    /// The drive address that the letters of the target stand for; `None` on
    /// a bus without such addresses.
    pub fn default_place(&self) -> Option<DriveAddress> {
        let index = self.index()?;
        let at = |controller, bus, unit| DriveAddress { controller, bus, target: 0, unit };
        Some(match self.target.bus? {
            DiskBus::Ide => at(index / 4, (index % 4) / 2, index % 2),
            DiskBus::Fdc => at(index / 2, 0, index % 2),
            DiskBus::Sata => at(index / 6, 0, index % 6),
            DiskBus::Scsi => at(index / 7, 0, index % 7),
            _ => return None,
        })
    }
}
