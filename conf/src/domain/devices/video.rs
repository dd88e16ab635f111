//! `<video>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use super::*;
use crate::xml::{Element, Node, OnOff, Writer, YesNo};
use crate::xml_enum;

xml_enum! {
    pub enum VideoType {
        Default = "default", Vga = "vga", Cirrus = "cirrus", Vmvga = "vmvga", Xen = "xen", Vbox = "vbox", Qxl = "qxl",
        Parallels = "parallels", Virtio = "virtio", Gop = "gop", None = "none", Bochs = "bochs", Ramfb = "ramfb",
    }
}

/// `<video>`: a graphics card.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Video {
    pub driver: VideoDriver,
    pub model: VideoModel,
    pub info: DeviceInfo,
}

xml_enum! {
    pub enum VideoBackend { Default = "default", Qemu = "qemu", VhostUser = "vhostuser" }
}

xml_enum! {
    pub enum VgaConf { Io = "io", On = "on", Off = "off" }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct VideoDriver {
    #[xml(flatten)]
    pub virtio: VirtioOptions,
    #[xml(attr)]
    pub name: Option<VideoBackend>,
    #[xml(attr)]
    pub vgaconf: Option<VgaConf>,
}

/// `<model type='qxl' ram='65536' vram='65536'/>`; memory in KiB.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct VideoModel {
    #[xml(attr = "type", default)]
    pub kind: VideoType,
    #[xml(attr)]
    pub ram: Option<u32>,
    #[xml(attr)]
    pub vram: Option<u32>,
    #[xml(attr)]
    pub vram64: Option<u32>,
    #[xml(attr)]
    pub vgamem: Option<u32>,
    #[xml(attr)]
    pub heads: Option<u32>,
    #[xml(attr)]
    pub primary: Option<YesNo>,
    #[xml(attr)]
    pub blob: Option<OnOff>,
    #[xml(attr)]
    pub edid: Option<OnOff>,
    #[xml(child)]
    pub acceleration: Option<VideoAcceleration>,
    #[xml(child)]
    pub resolution: Option<VideoResolution>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct VideoAcceleration {
    #[xml(attr)]
    pub accel3d: Option<YesNo>,
    #[xml(attr)]
    pub accel2d: Option<YesNo>,
    #[xml(attr)]
    pub rendernode: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct VideoResolution {
    #[xml(attr)]
    pub x: u32,
    #[xml(attr)]
    pub y: u32,
}

impl Element for Video {
    fn parse(node: Node<'_>) -> Result<Self> {
        let mut model: VideoModel = node.child_element("model")?.unwrap_or_default();
        if let Some(child) = node.child("model") {
            if model.resolution.is_some_and_zero() {
                return Err(child.error("a resolution needs 'x' and 'y' above 0"));
            }
            // Only one card is primary; the first one if nothing is said.
            model.primary = model.primary.filter(|p| p.is_yes());
        }
        if model.kind == VideoType::None {
            // No card, and nothing to say about it.
            let model = VideoModel { kind: VideoType::None, ..VideoModel::default() };
            return Ok(Self { model, info: DeviceInfo::parse(node)?.alias_only(), ..Self::default() });
        }
        let mut driver: VideoDriver = node.child_element("driver")?.unwrap_or_default();
        // An older place of the same attribute.
        if let Some(child) = node.child("model").filter(|_| driver.vgaconf.is_none()) {
            driver.vgaconf = child.value("vgaconf")?;
        }
        if model.kind == VideoType::Virtio {
            driver.vgaconf = None;
        }
        Ok(Self { driver, model, info: DeviceInfo::parse(node)? })
    }

    fn format(&self, w: &mut Writer) {
        w.element_unless_empty("driver", &self.driver);
        w.element("model", &self.model);
        self.info.format(w);
    }
}

trait Zero {
    fn is_some_and_zero(&self) -> bool;
}

impl Zero for Option<VideoResolution> {
    fn is_some_and_zero(&self) -> bool {
        self.as_ref().is_some_and(|r| r.x == 0 || r.y == 0)
    }
}
