//! SPICE.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use super::graphics::{auto_yes_no, child_word, is_yes, word};
use super::listen::{has_ports, listen_address};
use super::*;
use crate::rare::Rare;
use crate::xml::{Element, Node, OnOff, Writer, YesNo};
use crate::xml_enum;

xml_enum! {
    pub enum SpiceChannelName {
        Main = "main", Display = "display", Inputs = "inputs", Cursor = "cursor", Playback = "playback", Record = "record",
        Smartcard = "smartcard", Usbredir = "usbredir",
    }
}

xml_enum! {
    pub enum SpiceChannelMode { Any = "any", Secure = "secure", Insecure = "insecure" }
}

xml_enum! {
    pub enum SpiceImageCompression {
        AutoGlz = "auto_glz", AutoLz = "auto_lz", Quic = "quic", Glz = "glz", Lz = "lz", Off = "off",
    }
}

xml_enum! {
    pub enum SpiceWanCompression { Auto = "auto", Never = "never", Always = "always" }
}

xml_enum! {
    pub enum SpiceStreaming { Filter = "filter", All = "all", Off = "off" }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Spice {
    /// 0: none or chosen at the start; -1: chosen.
    pub port: i32,
    pub tls_port: i32,
    pub autoport: bool,
    pub default_mode: Option<SpiceChannelMode>,
    pub keymap: Option<String>,
    pub auth: Rare<GraphicsAuth>,
    pub channels: Vec<SpiceChannel>,
    pub image: Option<SpiceImageCompression>,
    pub jpeg: Option<SpiceWanCompression>,
    pub zlib: Option<SpiceWanCompression>,
    pub playback: Option<OnOff>,
    pub streaming: Option<SpiceStreaming>,
    pub mouse: Option<super::char_source::MouseMode>,
    pub clipboard: Option<YesNo>,
    pub filetransfer: Option<YesNo>,
    pub gl: Gl,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct SpiceChannel {
    #[xml(attr)]
    pub name: SpiceChannelName,
    #[xml(attr)]
    pub mode: SpiceChannelMode,
}

impl Spice {
    pub(super) fn parse(node: Node<'_>) -> Result<Self> {
        let mut port: i32 = node.value("port")?.unwrap_or(0);
        let mut tls_port: i32 = node.value("tlsPort")?.unwrap_or(0);
        let autoport = is_yes(node, "autoport")? || (port == -1 && tls_port == -1);
        if autoport && !node.mode().live {
            (port, tls_port) = (0, 0);
        }
        Ok(Self {
            port,
            tls_port,
            autoport,
            default_mode: node.value("defaultMode")?,
            keymap: node.value("keymap")?,
            auth: GraphicsAuth::parse(node)?.into(),
            channels: node
                .child_elements("channel")?
                .into_iter()
                .filter(|c: &SpiceChannel| c.mode != SpiceChannelMode::Any)
                .collect(),
            image: child_word(node, "image", "compression")?,
            jpeg: child_word(node, "jpeg", "compression")?,
            zlib: child_word(node, "zlib", "compression")?,
            playback: child_word(node, "playback", "compression")?,
            streaming: child_word(node, "streaming", "mode")?,
            mouse: child_word(node, "mouse", "mode")?,
            clipboard: child_word(node, "clipboard", "copypaste")?,
            filetransfer: child_word(node, "filetransfer", "enable")?,
            gl: node.child_element("gl")?.unwrap_or_default(),
        })
    }

    pub(super) fn format(&self, w: &mut Writer, listens: &[Listen]) {
        w.attr_str("type", "spice");
        if has_ports(listens) {
            let shown = |port: i32| port != 0 && (!self.autoport || w.mode().live);
            let (port, tls_port) = (shown(self.port), shown(self.tls_port));
            if port {
                w.attr("port", &self.port);
            }
            if tls_port {
                w.attr("tlsPort", &self.tls_port);
            }
            auto_yes_no(w, self.autoport);
            if let Some(address) = listen_address(listens, w) {
                w.attr_str("listen", address);
            }
        }
        w.attr_opt("keymap", self.keymap.as_ref());
        w.attr_opt("defaultMode", self.default_mode.as_ref().filter(|m| **m != SpiceChannelMode::Any));
        self.auth.format(w);
        w.elements("listen", listens);
        w.elements("channel", &self.channels);
        word(w, "image", "compression", self.image.as_ref());
        word(w, "jpeg", "compression", self.jpeg.as_ref());
        word(w, "zlib", "compression", self.zlib.as_ref());
        word(w, "playback", "compression", self.playback.as_ref());
        word(w, "streaming", "mode", self.streaming.as_ref());
        word(w, "mouse", "mode", self.mouse.as_ref());
        word(w, "clipboard", "copypaste", self.clipboard.as_ref());
        word(w, "filetransfer", "enable", self.filetransfer.as_ref());
        w.element_unless_empty("gl", &self.gl);
    }
}
