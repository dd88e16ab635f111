//! The host side of character devices.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use crate::domain::security::DeviceSecLabel;
use crate::rare::Rare;
use crate::xml::{Element, Node, OnOff, Value, Writer, YesNo};
use crate::xml_enum;

/// Where the bytes of a character device go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CharSource {
    pub kind: CharKind,
    pub log: Option<Box<CharLog>>,
    pub seclabels: Rare<Vec<DeviceSecLabel>>,
}

/// The kind, by `type=`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum CharKind {
    #[default]
    Null,
    Vc,
    /// The path is a run-time fact.
    Pty {
        path: Option<String>,
    },
    Dev {
        path: Option<String>,
    },
    File {
        path: Option<String>,
        append: Option<OnOff>,
    },
    Pipe {
        path: Option<String>,
    },
    Stdio,
    Udp(Box<UdpSource>),
    Tcp(Box<TcpSource>),
    Unix(UnixSource),
    SpiceVmc,
    SpicePort {
        channel: Option<String>,
    },
    Nmdm {
        master: Option<String>,
        slave: Option<String>,
    },
    QemuVdagent {
        clipboard: Option<YesNo>,
        mouse: Option<MouseMode>,
    },
    DBus {
        channel: Option<String>,
    },
}

xml_enum! {
    /// Which end opens the connection.
    pub enum SocketMode { Connect = "connect", Bind = "bind" }
}

xml_enum! {
    /// What is spoken on a connection.
    pub enum CharProtocol { Raw = "raw", Telnet = "telnet", Telnets = "telnets", Tls = "tls" }
}

xml_enum! {
    /// Which side draws the mouse pointer.
    pub enum MouseMode { Server = "server", Client = "client" }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TcpSource {
    pub mode: SocketMode,
    pub host: Option<String>,
    pub service: Option<String>,
    pub tls: Option<YesNo>,
    /// `tls` came from the daemon's configuration (status files).
    pub tls_from_config: bool,
    pub protocol: CharProtocol,
    pub reconnect: Option<CharReconnect>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UdpSource {
    pub bind_host: Option<String>,
    pub bind_service: Option<String>,
    pub connect_host: Option<String>,
    pub connect_service: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UnixSource {
    /// Set wherever the document says anything about the socket.
    pub mode: Option<SocketMode>,
    pub path: Option<String>,
    pub reconnect: Option<CharReconnect>,
}

/// `<reconnect enabled='yes' timeout='10'/>`, seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CharReconnect {
    pub enabled: YesNo,
    pub timeout: Option<u32>,
}

impl Element for CharReconnect {
    fn parse(node: Node<'_>) -> Result<Self> {
        let enabled = node.require("enabled")?;
        let timeout = if enabled == YesNo::Yes { Some(node.require("timeout")?) } else { None };
        Ok(Self { enabled, timeout })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("enabled", &self.enabled);
        w.attr_opt("timeout", self.timeout.as_ref());
    }
}

/// `<log file='/path' append='on'/>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct CharLog {
    #[xml(attr)]
    pub file: String,
    #[xml(attr)]
    pub append: Option<OnOff>,
}

impl CharSource {
    /// Reads `<source>` and its siblings inside `node`; `kind` is the word of
    /// `type=`.
    pub fn parse_typed(node: Node<'_>, kind: &str) -> Result<Self> {
        let source = node.child("source");
        // Only what is a file on the host has a label.
        let labelled = matches!(kind, "dev" | "file" | "pipe" | "unix");
        let seclabels = match source.filter(|_| labelled) {
            Some(source) => DeviceSecLabel::parse_all(source)?,
            None => Vec::new(),
        };
        Ok(Self {
            kind: CharKind::parse(node, source, kind)?,
            log: node.child_element("log")?,
            seclabels: seclabels.into(),
        })
    }

    /// The word of `type=`.
    pub const fn type_name(&self) -> &'static str {
        match self.kind {
            CharKind::Null => "null",
            CharKind::Vc => "vc",
            CharKind::Pty { .. } => "pty",
            CharKind::Dev { .. } => "dev",
            CharKind::File { .. } => "file",
            CharKind::Pipe { .. } => "pipe",
            CharKind::Stdio => "stdio",
            CharKind::Udp(_) => "udp",
            CharKind::Tcp(_) => "tcp",
            CharKind::Unix(_) => "unix",
            CharKind::SpiceVmc => "spicevmc",
            CharKind::SpicePort { .. } => "spiceport",
            CharKind::Nmdm { .. } => "nmdm",
            CharKind::QemuVdagent { .. } => "qemu-vdagent",
            CharKind::DBus { .. } => "dbus",
        }
    }

    /// The path on this host, for the kinds that have one.
    pub fn path(&self) -> Option<&str> {
        match &self.kind {
            CharKind::Pty { path } | CharKind::Dev { path } | CharKind::Pipe { path } | CharKind::File { path, .. } => {
                path.as_deref()
            }
            CharKind::Unix(unix) => unix.path.as_deref(),
            _ => None,
        }
    }

    /// Prints `<source>`, `<protocol>` and `<log>`.
    pub fn format_children(&self, w: &mut Writer) {
        match &self.kind {
            CharKind::Null | CharKind::Vc | CharKind::Stdio | CharKind::SpiceVmc => {}
            CharKind::Pty { path } => {
                if w.mode().live && path.is_some() {
                    self.source(w, |w| w.attr_opt("path", path.as_ref()));
                }
            }
            CharKind::Dev { path } | CharKind::Pipe { path } => {
                self.source(w, |w| w.attr_opt("path", path.as_ref()));
            }
            CharKind::File { path, append } => self.source(w, |w| {
                w.attr_opt("path", path.as_ref());
                w.attr_opt("append", append.as_ref());
            }),
            CharKind::Udp(udp) => {
                if udp.bind_host.is_some() || udp.bind_service.is_some() {
                    w.open("source");
                    w.attr_str("mode", "bind");
                    w.attr_opt("host", udp.bind_host.as_ref());
                    w.attr_opt("service", udp.bind_service.as_ref());
                    w.close();
                }
                if udp.connect_host.is_some() || udp.connect_service.is_some() {
                    w.open("source");
                    w.attr_str("mode", "connect");
                    w.attr_opt("host", udp.connect_host.as_ref());
                    w.attr_opt("service", udp.connect_service.as_ref());
                    w.close();
                }
            }
            CharKind::Tcp(tcp) => {
                self.source(w, |w| {
                    w.attr("mode", &tcp.mode);
                    w.attr_opt("host", tcp.host.as_ref());
                    w.attr_opt("service", tcp.service.as_ref());
                    if !(w.mode().migratable && tcp.tls_from_config) {
                        w.attr_opt("tls", tcp.tls.as_ref());
                    }
                    if w.mode().status && tcp.tls.is_some() {
                        w.attr_str("tlsFromConfig", if tcp.tls_from_config { "1" } else { "0" });
                    }
                    if let Some(reconnect) = &tcp.reconnect {
                        w.element("reconnect", reconnect);
                    }
                });
                w.open("protocol");
                w.attr("type", &tcp.protocol);
                w.close();
            }
            CharKind::Unix(unix) => {
                if unix.path.is_some() || unix.reconnect.is_some() || !self.seclabels.is_empty() {
                    self.source(w, |w| {
                        w.attr("mode", &unix.mode.unwrap_or_default());
                        w.attr_opt("path", unix.path.as_ref());
                        if let Some(reconnect) = &unix.reconnect {
                            w.element("reconnect", reconnect);
                        }
                    });
                }
            }
            CharKind::SpicePort { channel } | CharKind::DBus { channel } => {
                self.source(w, |w| w.attr_opt("channel", channel.as_ref()));
            }
            CharKind::Nmdm { master, slave } => self.source(w, |w| {
                w.attr_opt("master", master.as_ref());
                w.attr_opt("slave", slave.as_ref());
            }),
            CharKind::QemuVdagent { clipboard, mouse } => self.source(w, |w| {
                if let Some(mode) = clipboard {
                    w.open("clipboard");
                    w.attr("copypaste", mode);
                    w.close();
                }
                if let Some(mode) = mouse {
                    w.open("mouse");
                    w.attr("mode", mode);
                    w.close();
                }
            }),
        }
        if let Some(log) = &self.log {
            w.element("log", log);
        }
    }

    pub(super) fn source(&self, w: &mut Writer, inside: impl FnOnce(&mut Writer)) {
        w.open("source");
        inside(w);
        DeviceSecLabel::format_all(&self.seclabels, w);
        w.close_or_drop();
    }
}

impl CharKind {
    pub(super) fn parse(node: Node<'_>, source: Option<Node<'_>>, kind: &str) -> Result<Self> {
        let attr = |name: &str| source.and_then(|s| s.attr(name)).map(str::to_owned);
        let path = || attr("path").filter(|p| !p.is_empty());
        let reconnect = || -> Result<Option<CharReconnect>> {
            source.map(|s| s.child_element("reconnect")).transpose().map(Option::flatten)
        };
        Ok(match kind {
            "null" => Self::Null,
            "vc" => Self::Vc,
            "pty" => Self::Pty { path: if node.mode().live { path() } else { None } },
            "dev" => Self::Dev { path: path() },
            "file" => Self::File { path: path(), append: value(source, "append")? },
            "pipe" => Self::Pipe { path: path() },
            "stdio" => Self::Stdio,
            "udp" => Self::Udp(Box::new(UdpSource::parse(node)?)),
            "tcp" => Self::Tcp(Box::new(TcpSource {
                mode: value(source, "mode")?.unwrap_or_default(),
                host: attr("host"),
                service: attr("service"),
                tls: value(source, "tls")?,
                tls_from_config: attr("tlsFromConfig").is_some_and(|flag| flag == "1"),
                protocol: value(node.child("protocol"), "type")?.unwrap_or_default(),
                reconnect: reconnect()?,
            })),
            "unix" => {
                let (path, reconnect) = (path(), reconnect()?);
                // Without a path there is no source, and no end of it.
                let has_source =
                    path.is_some() || reconnect.is_some() || source.is_some_and(|s| s.child("seclabel").is_some());
                let mode = value(source, "mode")?.unwrap_or_default();
                Self::Unix(UnixSource { mode: has_source.then_some(mode), path, reconnect })
            }
            "spicevmc" => Self::SpiceVmc,
            "spiceport" => Self::SpicePort { channel: attr("channel") },
            "nmdm" => Self::Nmdm { master: attr("master"), slave: attr("slave") },
            "qemu-vdagent" => Self::QemuVdagent {
                clipboard: value(source.and_then(|s| s.child("clipboard")), "copypaste")?,
                mouse: value(source.and_then(|s| s.child("mouse")), "mode")?,
            },
            "dbus" => Self::DBus { channel: attr("channel") },
            other => {
                return Err(node.bad_attr(
                    "type",
                    other,
                    "null, vc, pty, dev, file, pipe, stdio, udp, tcp, unix, spicevmc, spiceport, nmdm, qemu-vdagent, dbus",
                ));
            }
        })
    }
}

fn value<T: Value>(node: Option<Node<'_>>, name: &str) -> Result<Option<T>> {
    node.map(|n| n.value(name)).transpose().map(Option::flatten)
}

impl UdpSource {
    pub(super) fn parse(node: Node<'_>) -> Result<Self> {
        let mut found = Self::default();
        for source in node.children_named("source") {
            let mode: SocketMode = source.value("mode")?.unwrap_or_default();
            let (host, service) = (source.value("host")?, source.value("service")?);
            match mode {
                SocketMode::Connect => (found.connect_host, found.connect_service) = (host, service),
                SocketMode::Bind => (found.bind_host, found.bind_service) = (host, service),
            }
        }
        Ok(found)
    }
}
