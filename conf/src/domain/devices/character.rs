//! `<serial>`, `<parallel>`, `<console>`, `<channel>`, and other devices with
//! a character source: `<smartcard>`, `<redirdev>`, `<rng>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use super::address::{DeviceInfo, VirtioOptions};
use super::char_source::{CharKind, CharSource};
use super::disk::VirtioModel;
use crate::xml::{Element, Node, Writer};
use crate::xml_enum;

/// The type of a device whose `type=` may be missing.
fn char_type<'d>(node: Node<'d>) -> &'d str {
    node.attr("type").unwrap_or("pty")
}

/// `<serial>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Serial {
    pub source: CharSource,
    /// `isa-serial`, `usb-serial`, …; words, since each driver has its own.
    pub target_type: Option<String>,
    /// `None`: the next free one, set after parsing.
    pub port: Option<u32>,
    /// The emulated device, such as `isa-serial` or `pl011`.
    pub model: Option<String>,
    pub info: DeviceInfo,
}

impl Element for Serial {
    fn parse(node: Node<'_>) -> Result<Self> {
        let mut serial = Self {
            source: CharSource::parse_typed(node, char_type(node))?,
            info: DeviceInfo::parse(node)?,
            ..Self::default()
        };
        if let Some(target) = node.child("target") {
            serial.target_type = target.value("type")?;
            serial.port = target.value("port")?;
            serial.model = target.child("model").map(|m| m.require("name")).transpose()?;
        }
        Ok(serial)
    }

    fn format(&self, w: &mut Writer) {
        w.attr_str("type", self.source.type_name());
        self.source.format_children(w);
        w.open("target");
        w.attr_opt("type", self.target_type.as_ref());
        w.attr_opt("port", self.port.as_ref());
        if let Some(model) = &self.model {
            w.open("model");
            w.attr("name", model);
            w.close();
        }
        w.close_or_drop();
        self.info.format(w);
    }
}

/// `<parallel>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parallel {
    pub source: CharSource,
    /// `None`: the next free one, set after parsing.
    pub port: Option<u32>,
    pub info: DeviceInfo,
}

impl Element for Parallel {
    fn parse(node: Node<'_>) -> Result<Self> {
        let port = node.child("target").map(|t| t.value("port")).transpose()?.flatten();
        Ok(Self { source: CharSource::parse_typed(node, char_type(node))?, port, info: DeviceInfo::parse(node)? })
    }

    fn format(&self, w: &mut Writer) {
        w.attr_str("type", self.source.type_name());
        self.source.format_children(w);
        if let Some(port) = &self.port {
            w.open("target");
            w.attr("port", port);
            w.close();
        }
        self.info.format(w);
    }
}

/// `<console>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Console {
    pub source: CharSource,
    /// `serial`, `virtio`, `sclp`, `lxc`, `xen`…
    pub target_type: Option<String>,
    /// `None`: the next free one, set after parsing.
    pub port: Option<u32>,
    pub info: DeviceInfo,
}

impl Element for Console {
    fn parse(node: Node<'_>) -> Result<Self> {
        let mut console = Self {
            source: CharSource::parse_typed(node, char_type(node))?,
            info: DeviceInfo::parse(node)?,
            ..Self::default()
        };
        if let (CharKind::Pty { path }, true) = (&mut console.source.kind, node.mode().live)
            && path.is_none()
        {
            *path = node.value("tty")?;
        }
        if let Some(target) = node.child("target") {
            console.target_type = target.value("type")?;
            console.port = target.value("port")?;
        }
        Ok(console)
    }

    fn format(&self, w: &mut Writer) {
        w.attr_str("type", self.source.type_name());
        // An old place of the path, still printed for live terminals.
        if let (CharKind::Pty { path: Some(path) }, true) = (&self.source.kind, w.mode().live)
            && self.target_type.as_deref() != Some("virtio")
        {
            w.attr("tty", path);
        }
        self.source.format_children(w);
        w.open("target");
        w.attr_opt("type", self.target_type.as_ref());
        w.attr_opt("port", self.port.as_ref());
        w.close_or_drop();
        self.info.format(w);
    }
}

/// `<channel>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    pub source: CharSource,
    pub target: ChannelTarget,
    pub info: DeviceInfo,
}

xml_enum! {
    /// Whether the guest has the channel open.
    pub enum ChannelState { Connected = "connected", Disconnected = "disconnected" }
}

/// The guest's end of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelTarget {
    /// A TCP port that the guest sees, forwarded to the host.
    GuestFwd { address: String, port: u16 },
    Virtio { name: Option<String>, state: Option<ChannelState> },
    Xen { name: Option<String>, state: Option<ChannelState> },
}

impl Element for Channel {
    fn parse(node: Node<'_>) -> Result<Self> {
        let target = node.child("target").ok_or_else(|| node.missing_child("target"))?;
        let kind = target.attr("type").ok_or_else(|| target.missing_attr("type"))?;
        let name = || -> Result<Option<String>> { target.value("name") };
        let state = if node.mode().live { target.value("state")? } else { None };
        let source = CharSource::parse_typed(node, char_type(node))?;
        let target = match kind {
            "guestfwd" => ChannelTarget::GuestFwd { address: target.require("address")?, port: target.require("port")? },
            "virtio" => {
                ChannelTarget::Virtio { name: name()?, state }
            }
            "xen" => ChannelTarget::Xen { name: name()?, state },
            other => return Err(target.bad_attr("type", other, "guestfwd, virtio, xen")),
        };
        Ok(Self { source, target, info: DeviceInfo::parse(node)? })
    }

    fn format(&self, w: &mut Writer) {
        w.attr_str("type", self.source.type_name());
        self.source.format_children(w);
        w.open("target");
        match &self.target {
            ChannelTarget::GuestFwd { address, port } => {
                w.attr_str("type", "guestfwd");
                w.attr("address", address);
                w.attr("port", port);
            }
            ChannelTarget::Virtio { name, state } | ChannelTarget::Xen { name, state } => {
                let virtio = matches!(self.target, ChannelTarget::Virtio { .. });
                w.attr_str("type", if virtio { "virtio" } else { "xen" });
                w.attr_opt("name", name.as_ref());
                if w.mode().live {
                    w.attr_opt("state", state.as_ref());
                }
            }
        }
        w.close();
        self.info.format(w);
    }
}

/// `<smartcard>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Smartcard {
    pub kind: SmartcardKind,
    pub info: DeviceInfo,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SmartcardKind {
    #[default]
    Host,
    HostCertificates { certificates: [String; 3], database: Option<String> },
    Passthrough(CharSource),
}

impl Element for Smartcard {
    fn parse(node: Node<'_>) -> Result<Self> {
        let kind = match node.attr("mode") {
            None => return Err(node.missing_attr("mode")),
            Some("host") => SmartcardKind::Host,
            Some("host-certificates") => {
                let certificates: Vec<String> =
                    node.children_named("certificate").map(|c| c.text_value()).collect::<Result<_>>()?;
                let certificates = <[String; 3]>::try_from(certificates)
                    .map_err(|found| node.error(format_args!("{} certificates given, exactly 3 needed", found.len())))?;
                let database: Option<String> = node.child_value("database")?;
                if let Some(path) = database.as_ref().filter(|p| !p.starts_with('/')) {
                    return Err(node.error(format_args!("database '{path}' is not an absolute path")));
                }
                SmartcardKind::HostCertificates { certificates, database }
            }
            Some("passthrough") => {
                let kind = node.attr("type").ok_or_else(|| node.missing_attr("type"))?;
                SmartcardKind::Passthrough(CharSource::parse_typed(node, kind)?)
            }
            Some(other) => return Err(node.bad_attr("mode", other, "host, host-certificates, passthrough")),
        };
        Ok(Self { kind, info: DeviceInfo::parse(node)? })
    }

    fn format(&self, w: &mut Writer) {
        match &self.kind {
            SmartcardKind::Host => w.attr_str("mode", "host"),
            SmartcardKind::HostCertificates { certificates, database } => {
                w.attr_str("mode", "host-certificates");
                for certificate in certificates {
                    w.leaf("certificate", certificate);
                }
                w.leaf_opt("database", database.as_ref());
            }
            SmartcardKind::Passthrough(source) => {
                w.attr_str("mode", "passthrough");
                w.attr_str("type", source.type_name());
                source.format_children(w);
            }
        }
        self.info.format(w);
    }
}

xml_enum! {
    pub enum RedirBus { Usb = "usb" }
}

/// `<redirdev bus='usb' type='spicevmc'>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RedirDev {
    pub bus: RedirBus,
    pub source: CharSource,
    pub info: DeviceInfo,
}

impl Element for RedirDev {
    fn parse(node: Node<'_>) -> Result<Self> {
        let kind = node.attr("type").ok_or_else(|| node.missing_attr("type"))?;
        Ok(Self {
            bus: node.value("bus")?.unwrap_or_default(),
            source: CharSource::parse_typed(node, kind)?,
            info: DeviceInfo::parse(node)?,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("bus", &self.bus);
        w.attr_str("type", self.source.type_name());
        self.source.format_children(w);
        self.info.format(w);
    }
}

/// `<rng>`: random numbers for the guest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rng {
    pub model: VirtioModel,
    pub rate: Option<RngRate>,
    pub backend: RngBackend,
    pub driver: VirtioOptions,
    pub info: DeviceInfo,
}

/// At most `bytes` per `period` milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct RngRate {
    #[xml(attr)]
    pub bytes: u32,
    #[xml(attr)]
    pub period: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RngBackend {
    /// A device file; `None`: the default of the driver.
    Random(Option<String>),
    Egd(CharSource),
    Builtin,
}

impl Default for RngBackend {
    fn default() -> Self {
        Self::Random(None)
    }
}

impl Element for Rng {
    fn parse(node: Node<'_>) -> Result<Self> {
        let backend = node.child("backend").ok_or_else(|| node.missing_child("backend"))?;
        let kind = match backend.attr("model") {
            None => return Err(backend.missing_attr("model")),
            Some("random") => {
                let path = backend.text().trim().to_owned();
                RngBackend::Random((!path.is_empty()).then_some(path))
            }
            Some("egd") => {
                let kind = backend.attr("type").ok_or_else(|| backend.missing_attr("type"))?;
                RngBackend::Egd(CharSource::parse_typed(backend, kind)?)
            }
            Some("builtin") => RngBackend::Builtin,
            Some(other) => return Err(backend.bad_attr("model", other, "random, egd, builtin")),
        };
        Ok(Self {
            model: node.require("model")?,
            rate: node.child_element("rate")?,
            backend: kind,
            driver: node.child_element("driver")?.unwrap_or_default(),
            info: DeviceInfo::parse(node)?,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("model", &self.model);
        if let Some(rate) = &self.rate {
            w.element("rate", rate);
        }
        w.open("backend");
        match &self.backend {
            RngBackend::Random(path) => {
                w.attr_str("model", "random");
                if let Some(path) = path {
                    w.text(path);
                }
            }
            RngBackend::Egd(source) => {
                w.attr_str("model", "egd");
                w.attr_str("type", source.type_name());
                source.format_children(w);
            }
            RngBackend::Builtin => w.attr_str("model", "builtin"),
        }
        w.close();
        w.element_unless_empty("driver", &self.driver);
        self.info.format(w);
    }
}
