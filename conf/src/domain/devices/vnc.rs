//! VNC, and passwords of graphics.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use super::graphics::{auto_yes_no, is_yes, word};
use super::listen::{has_ports, listen_address};
use super::*;
use crate::rare::Rare;
use crate::xml::{Node, Writer, YesNo};
use crate::xml_enum;

xml_enum! {
    pub enum ConnectedAction { Default = "default", Fail = "fail", Disconnect = "disconnect", Keep = "keep" }
}

/// A password and how long it holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GraphicsAuth {
    /// Printed with secrets only.
    pub passwd: Option<String>,
    /// `YYYY-MM-DDThh:mm:ss` in UTC.
    pub valid_to: Option<String>,
    pub connected: Option<ConnectedAction>,
}

xml_enum! {
    pub enum SharePolicy { AllowExclusive = "allow-exclusive", ForceShared = "force-shared", Ignore = "ignore" }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Vnc {
    /// 0: chosen at the start.
    pub port: i32,
    pub autoport: bool,
    /// -1: chosen at the start.
    pub websocket: Option<i32>,
    pub keymap: Option<String>,
    pub share_policy: Option<SharePolicy>,
    pub power_control: Option<YesNo>,
    pub wait: Option<i32>,
    pub auth: Rare<GraphicsAuth>,
    /// Id of the `<audio>` it plays to.
    pub audio: Option<u32>,
}

crate::absent!(GraphicsAuth);

impl GraphicsAuth {
    pub(super) fn parse(node: Node<'_>) -> Result<Self> {
        let passwd: Option<String> = node.value("passwd")?;
        let valid_to: Option<String> = node.value("passwdValidTo")?.filter(|_| passwd.is_some());
        let has_password = passwd.is_some();
        if let Some(text) = &valid_to
            && !is_date_time(text)
        {
            return Err(node.bad_attr("passwdValidTo", text, "YYYY-MM-DDThh:mm:ss"));
        }
        Ok(Self { passwd, valid_to, connected: node.value("connected")?.filter(|_| has_password) })
    }

    pub(super) fn format(&self, w: &mut Writer) {
        if w.mode().secure {
            w.attr_opt("passwd", self.passwd.as_ref());
        }
        if self.passwd.is_some() {
            w.attr_opt("passwdValidTo", self.valid_to.as_ref());
        }
        w.attr_opt("connected", self.connected.as_ref());
    }
}

fn is_date_time(text: &str) -> bool {
    let shape = b"dddd-dd-ddTdd:dd:dd";
    text.len() == shape.len()
        && text.bytes().zip(shape).all(|(b, s)| if *s == b'd' { b.is_ascii_digit() } else { b == *s })
}

impl Vnc {
    pub(super) fn parse(node: Node<'_>) -> Result<Self> {
        let mut port: i32 = node.value("port")?.unwrap_or(0);
        let mut autoport = node.attr("port").is_none() || port == -1;
        if port == -1 {
            port = 0;
        }
        if node.value::<YesNo>("autoport")? == Some(YesNo::No) {
            autoport = false;
        }
        if is_yes(node, "autoport")? {
            autoport = true;
            if !node.mode().live {
                port = 0;
            }
        }
        Ok(Self {
            port,
            autoport,
            websocket: node.value("websocket")?,
            keymap: node.value("keymap")?,
            share_policy: node.value("sharePolicy")?,
            power_control: node.value("powerControl")?,
            wait: node.value("wait")?,
            auth: GraphicsAuth::parse(node)?.into(),
            audio: node.child("audio").map(|a| a.require("id")).transpose()?,
        })
    }

    pub(super) fn format(&self, w: &mut Writer, listens: &[Listen]) {
        w.attr_str("type", "vnc");
        if let Some(Listen::Socket { socket: Some(socket), origin }) = listens.first()
            && (w.mode().live || origin.is_document())
        {
            w.attr("socket", socket);
        }
        if has_ports(listens) {
            if self.port != 0 && (!self.autoport || w.mode().live) {
                w.attr("port", &self.port);
            } else if self.autoport {
                w.attr_str("port", "-1");
            }
            auto_yes_no(w, self.autoport);
            w.attr_opt("websocket", self.websocket.as_ref());
            if let Some(address) = listen_address(listens, w) {
                w.attr_str("listen", address);
            }
        }
        w.attr_opt("keymap", self.keymap.as_ref());
        w.attr_opt("sharePolicy", self.share_policy.as_ref());
        w.attr_opt("powerControl", self.power_control.as_ref());
        w.attr_opt("wait", self.wait.as_ref());
        self.auth.format(w);
        w.elements("listen", listens);
        word(w, "audio", "id", self.audio.as_ref());
    }
}
