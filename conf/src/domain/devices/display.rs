//! `<video>`, `<sound>`, `<audio>`, `<input>`, `<hub>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use super::address::{DeviceInfo, VirtioOptions};
use super::disk::VirtioModel;
use crate::xml::{Element, Node, OnOff, Value, Writer, YesNo};
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
    pub accel2d: Option<YesNo>,
    #[xml(attr)]
    pub accel3d: Option<YesNo>,
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
        let mut driver: VideoDriver = node.child_element("driver")?.unwrap_or_default();
        // An older place of the same attribute.
        if let Some(child) = node.child("model").filter(|_| driver.vgaconf.is_none()) {
            driver.vgaconf = child.value("vgaconf")?;
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

xml_enum! {
    pub enum SoundModel {
        Sb16 = "sb16", Es1370 = "es1370", PcSpk = "pcspk", Ac97 = "ac97", Ich6 = "ich6", Ich9 = "ich9", Usb = "usb",
        Ich7 = "ich7", Virtio = "virtio",
    }
}

xml_enum! {
    pub enum CodecType { Duplex = "duplex", Micro = "micro", Output = "output" }
}

/// `<sound>`: a sound card.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Sound {
    #[xml(attr)]
    pub model: SoundModel,
    #[xml(attr)]
    pub multichannel: Option<YesNo>,
    #[xml(attr)]
    pub streams: Option<u32>,
    #[xml(children = "codec")]
    pub codecs: Vec<SoundCodec>,
    #[xml(child)]
    pub audio: Option<AudioRef>,
    #[xml(child)]
    pub driver: VirtioOptions,
    #[xml(flatten)]
    pub info: DeviceInfo,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct SoundCodec {
    #[xml(attr = "type")]
    pub kind: CodecType,
}

/// `<audio id='1'/>` inside another device: which backend it uses.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct AudioRef {
    #[xml(attr)]
    pub id: u32,
}

xml_enum! {
    pub enum AudioType {
        None = "none", Alsa = "alsa", CoreAudio = "coreaudio", Jack = "jack", Oss = "oss", PulseAudio = "pulseaudio",
        Sdl = "sdl", Spice = "spice", File = "file", DBus = "dbus", Pipewire = "pipewire",
    }
}

/// `<audio>`: where sound goes on the host. Which attributes mean something
/// depends on the type.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Audio {
    #[xml(attr, default)]
    pub id: u32,
    #[xml(attr = "type")]
    pub kind: AudioType,
    /// Microseconds.
    #[xml(attr = "timerPeriod")]
    pub timer_period: Option<u32>,
    #[xml(attr = "tryMMap")]
    pub try_mmap: Option<YesNo>,
    #[xml(attr)]
    pub exclusive: Option<YesNo>,
    #[xml(attr = "dspPolicy")]
    pub dsp_policy: Option<i32>,
    #[xml(attr = "serverName")]
    pub server_name: Option<String>,
    #[xml(attr)]
    pub driver: Option<String>,
    #[xml(attr)]
    pub path: Option<String>,
    #[xml(attr = "runtimeDir")]
    pub runtime_dir: Option<String>,
    #[xml(child)]
    pub input: AudioDirection,
    #[xml(child)]
    pub output: AudioDirection,
}

/// `<input>` or `<output>` of `<audio>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct AudioDirection {
    #[xml(attr = "mixingEngine")]
    pub mixing_engine: Option<YesNo>,
    #[xml(attr = "fixedSettings")]
    pub fixed_settings: Option<YesNo>,
    #[xml(attr)]
    pub voices: Option<u32>,
    /// Microseconds.
    #[xml(attr = "bufferLength")]
    pub buffer_length: Option<u32>,
    #[xml(attr)]
    pub dev: Option<String>,
    #[xml(attr = "serverName")]
    pub server_name: Option<String>,
    #[xml(attr = "clientName")]
    pub client_name: Option<String>,
    #[xml(attr = "connectPorts")]
    pub connect_ports: Option<String>,
    #[xml(attr = "exactName")]
    pub exact_name: Option<YesNo>,
    #[xml(attr)]
    pub name: Option<String>,
    #[xml(attr = "streamName")]
    pub stream_name: Option<String>,
    #[xml(attr = "bufferCount")]
    pub buffer_count: Option<u32>,
    #[xml(attr = "tryPoll")]
    pub try_poll: Option<YesNo>,
    #[xml(attr)]
    pub latency: Option<u32>,
    #[xml(child)]
    pub settings: Option<AudioSettings>,
}

xml_enum! {
    pub enum AudioFormat {
        U8 = "u8", S8 = "s8", U16 = "u16", S16 = "s16", U32 = "u32", S32 = "s32", F32 = "f32",
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct AudioSettings {
    #[xml(attr)]
    pub frequency: Option<u32>,
    #[xml(attr)]
    pub channels: Option<u32>,
    #[xml(attr)]
    pub format: Option<AudioFormat>,
}

xml_enum! {
    pub enum InputType { Mouse = "mouse", Tablet = "tablet", Keyboard = "keyboard", Passthrough = "passthrough", Evdev = "evdev" }
}

xml_enum! {
    pub enum InputBus { Ps2 = "ps2", Usb = "usb", Xen = "xen", Parallels = "parallels", Virtio = "virtio", None = "none" }
}

/// `<input>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Input {
    pub kind: InputType,
    /// `None`: chosen after parsing.
    pub bus: Option<InputBus>,
    pub model: Option<VirtioModel>,
    pub driver: VirtioOptions,
    pub source: Option<InputSource>,
    pub info: DeviceInfo,
}

xml_enum! {
    pub enum GrabToggle {
        CtrlCtrl = "ctrl-ctrl", AltAlt = "alt-alt", ShiftShift = "shift-shift", MetaMeta = "meta-meta",
        Scrolllock = "scrolllock", CtrlScrolllock = "ctrl-scrolllock",
    }
}

xml_enum! {
    pub enum InputGrab { All = "all" }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InputSource {
    pub path: String,
    pub grab: Option<InputGrab>,
    pub grab_toggle: Option<GrabToggle>,
    pub repeat: Option<OnOff>,
}

impl Element for Input {
    fn parse(node: Node<'_>) -> Result<Self> {
        let kind = node.require("type")?;
        let source = match (kind, node.child("source")) {
            (InputType::Passthrough, Some(source)) => {
                Some(InputSource { path: source.require("evdev")?, ..InputSource::default() })
            }
            (InputType::Evdev, Some(source)) => Some(InputSource {
                path: source.require("dev")?,
                grab: source.value("grab")?,
                grab_toggle: source.value("grabToggle")?,
                repeat: source.value("repeat")?,
            }),
            (InputType::Passthrough | InputType::Evdev, None) => return Err(node.missing_child("source")),
            _ => None,
        };
        Ok(Self {
            kind,
            bus: node.value("bus")?,
            model: node.value("model")?,
            driver: node.child_element("driver")?.unwrap_or_default(),
            source,
            info: DeviceInfo::parse(node)?,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("type", &self.kind);
        w.attr_opt("bus", self.bus.as_ref().filter(|b| **b != InputBus::None));
        w.attr_opt("model", self.model.as_ref());
        w.element_unless_empty("driver", &self.driver);
        if let Some(source) = &self.source {
            w.open("source");
            w.attr(if self.kind == InputType::Evdev { "dev" } else { "evdev" }, &source.path);
            w.attr_opt("grab", source.grab.as_ref());
            w.attr_opt("grabToggle", source.grab_toggle.as_ref());
            w.attr_opt("repeat", source.repeat.as_ref());
            w.close();
        }
        self.info.format(w);
    }
}

xml_enum! {
    pub enum HubType { Usb = "usb" }
}

/// `<hub>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Hub {
    #[xml(attr = "type")]
    pub kind: HubType,
    #[xml(flatten)]
    pub info: DeviceInfo,
}

/// `filter` of `<redirfilter>`: which USB devices may be redirected.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct RedirFilter {
    #[xml(children = "usbdev")]
    pub rules: Vec<RedirRule>,
}

/// One rule; absent numbers match everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RedirRule {
    pub class: Option<u8>,
    pub vendor: Option<u16>,
    pub product: Option<u16>,
    /// As written, such as `1.10`.
    pub version: Option<String>,
    pub allow: YesNo,
}

impl Element for RedirRule {
    fn parse(node: Node<'_>) -> Result<Self> {
        fn any<T: Value>(node: Node<'_>, name: &str) -> Result<Option<T>> {
            if node.attr(name) == Some("-1") { Ok(None) } else { node.value(name) }
        }
        Ok(Self {
            class: any(node, "class")?,
            vendor: any(node, "vendor")?,
            product: any(node, "product")?,
            version: any(node, "version")?,
            allow: node.require("allow")?,
        })
    }

    fn format(&self, w: &mut Writer) {
        if let Some(class) = self.class {
            w.attr_hex("class", class, 2);
        }
        if let Some(vendor) = self.vendor {
            w.attr_hex("vendor", vendor, 4);
        }
        if let Some(product) = self.product {
            w.attr_hex("product", product, 4);
        }
        w.attr_opt("version", self.version.as_ref());
        w.attr("allow", &self.allow);
    }
}
