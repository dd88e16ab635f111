//! `<graphics>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use super::address::DeviceInfo;
use crate::xml::{Element, Node, OnOff, Value, Writer, YesNo};
use crate::xml_enum;

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

/// `<listen>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listen {
    Address { address: Option<String> },
    /// The address is a run-time fact.
    Network { network: String, address: Option<String> },
    Socket { socket: Option<String> },
    None,
}

impl Element for Listen {
    fn parse(node: Node<'_>) -> Result<Self> {
        let address = || -> Option<String> { node.attr("address").filter(|a| !a.is_empty()).map(str::to_owned) };
        match node.attr("type") {
            None => Err(node.missing_attr("type")),
            Some("address") => Ok(Self::Address { address: address() }),
            Some("network") => Ok(Self::Network {
                network: node.require("network")?,
                address: if node.mode().live { address() } else { None },
            }),
            Some("socket") => Ok(Self::Socket { socket: node.value("socket")? }),
            Some("none") => Ok(Self::None),
            Some(other) => Err(node.bad_attr("type", other, "address, network, socket, none")),
        }
    }

    fn format(&self, w: &mut Writer) {
        match self {
            Self::Address { address } => {
                w.attr_str("type", "address");
                w.attr_opt("address", address.as_ref());
            }
            Self::Network { network, address } => {
                w.attr_str("type", "network");
                if w.mode().live {
                    w.attr_opt("address", address.as_ref());
                }
                w.attr("network", network);
            }
            Self::Socket { socket } => {
                w.attr_str("type", "socket");
                w.attr_opt("socket", socket.as_ref());
            }
            Self::None => w.attr_str("type", "none"),
        }
    }
}

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
    pub auth: GraphicsAuth,
    /// Id of the `<audio>` it plays to.
    pub audio: Option<u32>,
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
    pub auth: GraphicsAuth,
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

/// `<gl enable='yes' rendernode='/dev/dri/…'/>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Gl {
    #[xml(attr)]
    pub enable: Option<YesNo>,
    #[xml(attr)]
    pub rendernode: Option<String>,
}

fn is_yes(node: Node<'_>, name: &str) -> Result<bool> {
    Ok(node.value::<YesNo>(name)? == Some(YesNo::Yes))
}

impl GraphicsAuth {
    fn parse(node: Node<'_>) -> Result<Self> {
        let passwd: Option<String> = node.value("passwd")?;
        let valid_to: Option<String> = node.value("passwdValidTo")?.filter(|_| passwd.is_some());
        if let Some(text) = &valid_to
            && !is_date_time(text)
        {
            return Err(node.bad_attr("passwdValidTo", text, "YYYY-MM-DDThh:mm:ss"));
        }
        Ok(Self { passwd, valid_to, connected: node.value("connected")? })
    }

    fn format(&self, w: &mut Writer) {
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
            "desktop" => GraphicsKind::Desktop { display: node.value("display")?, fullscreen: node.value("fullscreen")? },
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

/// Joins the elements with the older attributes `listen` and `socket`.
fn parse_listens(node: Node<'_>, kind: &GraphicsKind) -> Result<Vec<Listen>> {
    if !matches!(kind, GraphicsKind::Vnc(_) | GraphicsKind::Spice(_) | GraphicsKind::Rdp(_)) {
        return Ok(Vec::new());
    }
    let mut listens: Vec<Listen> = node.child_elements("listen")?;
    if let (Some(socket), GraphicsKind::Vnc(_)) = (node.attr("socket"), kind) {
        match listens.first() {
            Some(Listen::Socket { socket: Some(first) }) if first != socket => {
                return Err(node.bad_attr("socket", socket, &format!("the same as in the first <listen>, '{first}'")));
            }
            Some(Listen::Socket { socket: Some(_) }) => {}
            _ => listens = vec![Listen::Socket { socket: Some(socket.to_owned()) }],
        }
        return Ok(listens);
    }
    if let Some(listen) = node.attr("listen").filter(|l| !l.is_empty())
        && let Some(Listen::Address { address: Some(first) }) = listens.first()
        && first != listen
    {
        return Err(node.bad_attr("listen", listen, &format!("the same as in the first <listen>, '{first}'")));
    }
    if listens.is_empty() {
        let address = node.attr("listen").filter(|l| !l.is_empty()).map(str::to_owned);
        listens.push(Listen::Address { address });
    }
    Ok(listens)
}

/// Whether ports are shown, and the address of the older attribute.
fn listen_address<'l>(listens: &'l [Listen], w: &Writer) -> Option<&'l str> {
    match listens.first() {
        Some(Listen::Address { address }) => address.as_deref(),
        Some(Listen::Network { address, .. }) if w.mode().live => address.as_deref(),
        _ => None,
    }
}

fn has_ports(listens: &[Listen]) -> bool {
    !matches!(listens.first(), Some(Listen::Socket { .. } | Listen::None))
}

fn auto_yes_no(w: &mut Writer, auto: bool) {
    w.attr_str("autoport", if auto { "yes" } else { "no" });
}

impl Vnc {
    fn parse(node: Node<'_>) -> Result<Self> {
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
            auth: GraphicsAuth::parse(node)?,
            audio: node.child("audio").map(|a| a.require("id")).transpose()?,
        })
    }

    fn format(&self, w: &mut Writer, listens: &[Listen]) {
        w.attr_str("type", "vnc");
        if let Some(Listen::Socket { socket: Some(socket) }) = listens.first() {
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

impl Rdp {
    fn parse(node: Node<'_>) -> Result<Self> {
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

    fn format(&self, w: &mut Writer, listens: &[Listen]) {
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
    fn format(&self, w: &mut Writer) {
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

fn child_word<T: Value>(node: Node<'_>, child: &str, attr: &str) -> Result<Option<T>> {
    node.child(child).map(|c| c.require(attr)).transpose()
}

fn word<T: Value>(w: &mut Writer, child: &str, attr: &str, value: Option<&T>) {
    if let Some(value) = value {
        w.open(child);
        w.attr(attr, value);
        w.close();
    }
}

impl Spice {
    fn parse(node: Node<'_>) -> Result<Self> {
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
            auth: GraphicsAuth::parse(node)?,
            channels: node.child_elements("channel")?,
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

    fn format(&self, w: &mut Writer, listens: &[Listen]) {
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
