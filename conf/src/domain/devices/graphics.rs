//! `<graphics>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use super::listen::{listen_address, parse_listens};
use super::*;
use crate::xml::{Element, Node, Value, Writer, YesNo};

/// `<graphics>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graphics {
    pub kind: GraphicsKind,
    /// Where it listens; at least one for vnc, spice and rdp.
    pub listens: Vec<Listen>,
    pub info: DeviceInfo,
}

/// The kind, by `type=`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GraphicsKind {
    Vnc(Vnc),
    Spice(Box<Spice>),
    Sdl { display: Option<String>, xauth: Option<String>, fullscreen: Option<YesNo>, gl: Option<YesNo> },
    Rdp(Rdp),
    Desktop { display: Option<String>, fullscreen: Option<YesNo> },
    EglHeadless { rendernode: Option<String> },
    DBus(DBus),
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rdp {
    pub port: i32,
    pub autoport: bool,
    pub replace_user: Option<YesNo>,
    pub multi_user: Option<YesNo>,
    pub username: Option<String>,
    pub passwd: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DBus {
    pub p2p: bool,
    pub address: Option<String>,
    /// The address came from the daemon, not from the document.
    pub from_config: bool,
    pub audio: Option<u32>,
    pub gl: Gl,
}

/// `<gl enable='yes' rendernode='/dev/dri/…'/>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Gl {
    #[xml(attr)]
    pub enable: Option<YesNo>,
    #[xml(attr)]
    pub rendernode: Option<String>,
}

pub(super) fn is_yes(node: Node<'_>, name: &str) -> Result<bool> {
    Ok(node.value::<YesNo>(name)? == Some(YesNo::Yes))
}

impl Element for Graphics {
    fn parse(node: Node<'_>) -> Result<Self> {
        let kind = node.attr("type").ok_or_else(|| node.missing_attr("type"))?;
        let gl = || node.child_element::<Gl>("gl").map(Option::unwrap_or_default);
        let kind = match kind {
            "vnc" => GraphicsKind::Vnc(Vnc::parse(node)?),
            "spice" => GraphicsKind::Spice(Box::new(Spice::parse(node)?)),
            "sdl" => GraphicsKind::Sdl {
                display: node.value("display")?,
                xauth: node.value("xauth")?,
                fullscreen: node.value("fullscreen")?,
                gl: gl()?.enable,
            },
            "rdp" => GraphicsKind::Rdp(Rdp::parse(node)?),
            "desktop" => {
                GraphicsKind::Desktop { display: node.value("display")?, fullscreen: node.value("fullscreen")? }
            }
            "egl-headless" => GraphicsKind::EglHeadless { rendernode: gl()?.rendernode },
            "dbus" => {
                let address: Option<String> = node.value("address")?;
                GraphicsKind::DBus(DBus {
                    p2p: is_yes(node, "p2p")?,
                    from_config: address.is_none() || node.attr("fromConfig") == Some("1"),
                    address,
                    audio: node.child("audio").map(|a| a.require("id")).transpose()?,
                    gl: gl()?,
                })
            }
            other => return Err(node.bad_attr("type", other, "vnc, spice, sdl, rdp, desktop, egl-headless, dbus")),
        };
        let listens = parse_listens(node, &kind)?;
        Ok(Self { kind, listens, info: DeviceInfo::parse(node)? })
    }

    fn format(&self, w: &mut Writer) {
        match &self.kind {
            GraphicsKind::Vnc(vnc) => vnc.format(w, &self.listens),
            GraphicsKind::Spice(spice) => spice.format(w, &self.listens),
            GraphicsKind::Sdl { display, xauth, fullscreen, gl } => {
                w.attr_str("type", "sdl");
                w.attr_opt("display", display.as_ref());
                w.attr_opt("xauth", xauth.as_ref());
                w.attr_opt("fullscreen", fullscreen.as_ref().filter(|f| f.is_yes()));
                if let Some(gl) = gl {
                    w.open("gl");
                    w.attr("enable", gl);
                    w.close();
                }
            }
            GraphicsKind::Rdp(rdp) => rdp.format(w, &self.listens),
            GraphicsKind::Desktop { display, fullscreen } => {
                w.attr_str("type", "desktop");
                w.attr_opt("display", display.as_ref());
                w.attr_opt("fullscreen", fullscreen.as_ref().filter(|f| f.is_yes()));
            }
            GraphicsKind::EglHeadless { rendernode } => {
                w.attr_str("type", "egl-headless");
                if let Some(rendernode) = rendernode {
                    w.open("gl");
                    w.attr("rendernode", rendernode);
                    w.close();
                }
            }
            GraphicsKind::DBus(dbus) => dbus.format(w),
        }
        self.info.format(w);
    }
}

pub(super) fn auto_yes_no(w: &mut Writer, auto: bool) {
    w.attr_str("autoport", if auto { "yes" } else { "no" });
}

impl Rdp {
    pub(super) fn parse(node: Node<'_>) -> Result<Self> {
        let port: i32 = node.value("port")?.unwrap_or(0);
        let autoport = port == -1 || node.attr("port").is_none() || is_yes(node, "autoport")?;
        Ok(Self {
            port: if autoport && !node.mode().live { 0 } else { port.max(0) },
            autoport,
            replace_user: node.value("replaceUser")?,
            multi_user: node.value("multiUser")?,
            username: node.value("username")?,
            passwd: node.value("passwd")?,
        })
    }

    pub(super) fn format(&self, w: &mut Writer, listens: &[Listen]) {
        w.attr_str("type", "rdp");
        if self.port != 0 && (!self.autoport || w.mode().live) {
            w.attr("port", &self.port);
        } else if self.autoport {
            w.attr_str("port", "0");
        }
        if self.autoport {
            w.attr_str("autoport", "yes");
        }
        w.attr_opt("replaceUser", self.replace_user.as_ref().filter(|v| v.is_yes()));
        w.attr_opt("multiUser", self.multi_user.as_ref().filter(|v| v.is_yes()));
        if let Some(address) = listen_address(listens, w) {
            w.attr_str("listen", address);
        }
        if w.mode().secure {
            w.attr_opt("username", self.username.as_ref());
            w.attr_opt("passwd", self.passwd.as_ref());
        }
        w.elements("listen", listens);
    }
}

impl DBus {
    pub(super) fn format(&self, w: &mut Writer) {
        w.attr_str("type", "dbus");
        if self.p2p {
            w.attr_str("p2p", "yes");
        }
        if !self.from_config || w.mode().live {
            w.attr_opt("address", self.address.as_ref());
        }
        if w.mode().status && self.from_config {
            w.attr_str("fromConfig", "1");
        }
        w.element_unless_empty("gl", &self.gl);
        if let Some(id) = &self.audio {
            w.open("audio");
            w.attr("id", id);
            w.close();
        }
    }
}

pub(super) fn child_word<T: Value>(node: Node<'_>, child: &str, attr: &str) -> Result<Option<T>> {
    node.child(child).map(|c| c.require(attr)).transpose()
}

pub(super) fn word<T: Value>(w: &mut Writer, child: &str, attr: &str, value: Option<&T>) {
    if let Some(value) = value {
        w.open(child);
        w.attr(attr, value);
        w.close();
    }
}
