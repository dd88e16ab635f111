//! `<controller>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::{Error, Result};

use super::address::{DeviceInfo, VirtioOptions};
use super::disk_driver::IoThreadMapping;
use crate::rare::Rare;
use crate::xml::{Element, KiB, Node, OnOff, Writer};
use crate::xml_enum;

xml_enum! {
    pub enum ControllerType {
        Ide = "ide", Fdc = "fdc", Scsi = "scsi", Sata = "sata", VirtioSerial = "virtio-serial", Ccid = "ccid", Usb = "usb",
        Pci = "pci", XenBus = "xenbus", Isa = "isa", Nvme = "nvme",
    }
}

/// `<controller type='pci' index='0' model='pcie-root'/>`.
///
/// Models are words because each driver has its own set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Controller {
    pub kind: ControllerType,
    /// `None`: the next free one, set after parsing.
    pub index: Option<u32>,
    pub model: Option<String>,
    pub serial: Option<String>,
    /// virtio-serial and USB.
    pub ports: Option<u32>,
    pub vectors: Option<u32>,
    pub max_grant_frames: Option<u32>,
    pub max_event_channels: Option<u32>,
    pub driver: Rare<ControllerDriver>,
    pub pci: Rare<PciControllerOptions>,
    pub info: DeviceInfo,
}

crate::absent!(ControllerDriver, PciControllerOptions);

/// `<driver>` of a controller.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct ControllerDriver {
    #[xml(attr)]
    pub queues: Option<u32>,
    #[xml(attr)]
    pub cmd_per_lun: Option<u32>,
    #[xml(attr)]
    pub max_sectors: Option<u32>,
    #[xml(attr)]
    pub ioeventfd: Option<OnOff>,
    #[xml(attr)]
    pub iothread: Option<u32>,
    #[xml(flatten)]
    pub virtio: VirtioOptions,
    #[xml(children = "iothread", wrap = "iothreads")]
    pub iothreads: Vec<IoThreadMapping>,
}

/// What only PCI controllers have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PciControllerOptions {
    /// Name of the emulated device, `<model name='…'/>`.
    pub model_name: Option<String>,
    pub chassis_nr: Option<u8>,
    pub chassis: Option<u8>,
    pub port: Option<u8>,
    pub bus_nr: Option<u8>,
    pub target_index: Option<u32>,
    pub hotplug: Option<OnOff>,
    /// KiB.
    pub mem_reserve: Option<u64>,
    pub numa_node: Option<u32>,
    pub hole64: Option<KiB>,
}

impl Element for Controller {
    fn parse(node: Node<'_>) -> Result<Self> {
        let kind = node.require("type")?;
        let mut found = Self {
            kind,
            index: node.value("index")?,
            model: node.value("model")?,
            serial: node.value("serial")?,
            driver: node.child_element("driver")?.unwrap_or_default(),
            info: DeviceInfo::parse(node)?,
            ..Self::default()
        };
        if found.driver.iothread.is_some() && kind != ControllerType::Scsi {
            return Err(node.error("'iothread' is for virtio SCSI controllers only"));
        }
        match kind {
            ControllerType::VirtioSerial => {
                found.ports = node.value("ports")?;
                found.vectors = node.value("vectors")?;
            }
            ControllerType::Usb => {
                found.ports = node.value("ports")?;
                if found.ports.is_some_and(|p| p == 0 || p > 15) {
                    return Err(Error::config_unsupported(format!(
                        "'{}' controller only supports 1 to '15' ports",
                        found.model.as_deref().unwrap_or("usb")
                    )));
                }
            }
            ControllerType::XenBus => {
                found.max_grant_frames = node.value("maxGrantFrames")?;
                found.max_event_channels = node.value("maxEventChannels")?;
            }
            ControllerType::Pci => found.pci = PciControllerOptions::parse(node)?.into(),
            _ => {}
        }
        Ok(found)
    }

    fn format(&self, w: &mut Writer) {
        w.attr("type", &self.kind);
        w.attr_opt("index", self.index.as_ref());
        w.attr_opt("model", self.model.as_ref());
        w.attr_opt("serial", self.serial.as_ref());
        w.attr_opt("ports", self.ports.as_ref());
        w.attr_opt("vectors", self.vectors.as_ref());
        w.attr_opt("maxGrantFrames", self.max_grant_frames.as_ref());
        w.attr_opt("maxEventChannels", self.max_event_channels.as_ref());
        if self.kind == ControllerType::Pci {
            self.pci.format(w);
        }
        w.element_unless_empty("driver", &self.driver);
        self.info.format(w);
        if let Some(hole) = &self.pci.hole64 {
            w.element("pcihole64", hole);
        }
    }
}

impl PciControllerOptions {
    pub(super) fn parse(node: Node<'_>) -> Result<Self> {
        let mut found = Self { hole64: node.child_element("pcihole64")?, ..Self::default() };
        if let Some(model) = node.child("model") {
            found.model_name = model.value("name")?;
        }
        if let Some(target) = node.child("target") {
            found.chassis_nr = target.value("chassisNr")?;
            found.chassis = target.value("chassis")?;
            found.port = target.value("port")?;
            found.bus_nr = target.value("busNr")?;
            found.target_index = target.value("index")?;
            found.hotplug = target.value("hotplug")?;
            found.mem_reserve = target.value("memReserve")?;
            found.numa_node = target.child_value("node")?;
        }
        Ok(found)
    }

    pub(super) fn format(&self, w: &mut Writer) {
        if let Some(name) = &self.model_name {
            w.open("model");
            w.attr("name", name);
            w.close();
        }
        w.open("target");
        w.attr_opt("chassisNr", self.chassis_nr.as_ref());
        w.attr_opt("chassis", self.chassis.as_ref());
        if let Some(port) = self.port {
            w.attr_hex("port", port, 1);
        }
        w.attr_opt("busNr", self.bus_nr.as_ref());
        w.attr_opt("index", self.target_index.as_ref());
        w.attr_opt("memReserve", self.mem_reserve.as_ref());
        w.attr_opt("hotplug", self.hotplug.as_ref());
        w.leaf_opt("node", self.numa_node.as_ref());
        w.close_or_drop();
    }
}
