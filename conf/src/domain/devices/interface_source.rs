//! What a network card is connected to.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use super::*;
use crate::xml::{Element, Node, Writer, YesNo};
use crate::xml_enum;

/// What the card is connected to, by `type=`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum InterfaceSource {
    #[default]
    User,
    /// `passt` may bind to one host interface.
    UserOn {
        dev: String,
    },
    Ethernet,
    VhostUser {
        path: Option<String>,
        mode: Option<VhostUserMode>,
        dev: Option<String>,
        reconnect: Option<CharReconnect>,
    },
    Server(SocketSource),
    Client(SocketSource),
    Mcast(SocketSource),
    Udp(SocketSource),
    Network {
        network: String,
        portgroup: Option<String>,
        portid: Option<uuid::Uuid>,
        bridge: Option<String>,
    },
    Bridge {
        bridge: String,
        mac_table_manager: Option<String>,
    },
    Internal {
        name: Option<String>,
    },
    Direct {
        dev: Option<String>,
        mode: DirectMode,
    },
    Hostdev {
        managed: Option<YesNo>,
        address: Option<PciAddress>,
    },
    Vdpa {
        dev: String,
    },
    Null,
    Vds {
        switchid: uuid::Uuid,
        portid: Option<i64>,
        portgroupid: Option<String>,
        connectionid: Option<i64>,
    },
}

xml_enum! {
    pub enum VhostUserMode { Server = "server", Client = "client" }
}

xml_enum! {
    /// How a host interface is shared.
    pub enum DirectMode { Vepa = "vepa", Private = "private", Bridge = "bridge", Passthrough = "passthrough" }
}

/// A tunnel over a host socket.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SocketSource {
    pub address: Option<String>,
    pub port: u16,
    /// UDP only: the own end.
    pub local: Option<(Option<String>, u16)>,
}

impl InterfaceSource {
    /// The word of `type=`.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::User | Self::UserOn { .. } => "user",
            Self::Ethernet => "ethernet",
            Self::VhostUser { .. } => "vhostuser",
            Self::Server(_) => "server",
            Self::Client(_) => "client",
            Self::Mcast(_) => "mcast",
            Self::Udp(_) => "udp",
            Self::Network { .. } => "network",
            Self::Bridge { .. } => "bridge",
            Self::Internal { .. } => "internal",
            Self::Direct { .. } => "direct",
            Self::Hostdev { .. } => "hostdev",
            Self::Vdpa { .. } => "vdpa",
            Self::Null => "null",
            Self::Vds { .. } => "vds",
        }
    }

    pub(super) fn parse(node: Node<'_>) -> Result<Self> {
        let source = node.child("source");
        let need = || source.ok_or_else(|| node.missing_child("source"));
        let kind = node.attr("type").unwrap_or("user");
        let attr = |name: &str| source.and_then(|s| s.attr(name)).map(str::to_owned);
        Ok(match kind {
            "user" => match attr("dev") {
                Some(dev) => Self::UserOn { dev },
                None => Self::User,
            },
            "ethernet" => Self::Ethernet,
            "vhostuser" => {
                // With passt as backend the source is its host interface, or
                // nothing.
                let passt = node.child("backend").and_then(|b| b.attr("type")) == Some("passt");
                let Some(source) = source else {
                    let mode = if passt { None } else { Some(VhostUserMode::Client) };
                    return Ok(Self::VhostUser { path: None, mode, dev: None, reconnect: None });
                };
                if let Some(other) = source.attr("type").filter(|t| *t != "unix") {
                    return Err(source.bad_attr("type", other, "unix"));
                }
                Self::VhostUser {
                    path: source.value("path")?,
                    mode: source.value("mode")?,
                    dev: source.value("dev")?,
                    reconnect: source.child_element("reconnect")?,
                }
            }
            "server" => Self::Server(SocketSource::parse(need()?, false)?),
            "client" => Self::Client(SocketSource::parse(need()?, true)?),
            "mcast" => Self::Mcast(SocketSource::parse(need()?, true)?),
            "udp" => Self::Udp(SocketSource::parse(need()?, true)?),
            "network" => {
                let source = need()?;
                let live = node.mode().live;
                Self::Network {
                    network: source.require("network")?,
                    portgroup: source.value("portgroup")?,
                    portid: if live { source.value("portid")? } else { None },
                    bridge: if live { source.value("bridge")? } else { None },
                }
            }
            "bridge" => {
                let source = need()?;
                let live = node.mode().live;
                Self::Bridge {
                    bridge: source.require("bridge")?,
                    mac_table_manager: if live { source.value("macTableManager")? } else { None },
                }
            }
            "internal" => Self::Internal { name: attr("name") },
            "direct" => {
                let source = need()?;
                Self::Direct { dev: source.value("dev")?, mode: source.value("mode")?.unwrap_or_default() }
            }
            "hostdev" => {
                let address = need()?.child("address").map(PciAddress::parse).transpose()?;
                Self::Hostdev { managed: node.value("managed")?, address }
            }
            "vdpa" => Self::Vdpa { dev: need()?.require("dev")? },
            "null" => Self::Null,
            "vds" => {
                let source = need()?;
                Self::Vds {
                    switchid: source.require("switchid")?,
                    portid: Some(source.value("portid")?.unwrap_or(0)),
                    portgroupid: source.value("portgroupid")?,
                    connectionid: Some(source.value("connectionid")?.unwrap_or(0)),
                }
            }
            other => {
                return Err(node.bad_attr(
                    "type",
                    other,
                    "user, ethernet, vhostuser, server, client, mcast, udp, network, bridge, internal, direct, hostdev, vdpa, null, vds",
                ));
            }
        })
    }

    pub(super) fn format(&self, w: &mut Writer, ip: &IpInfo) {
        w.open("source");
        match self {
            Self::User | Self::Ethernet | Self::Null => {}
            Self::UserOn { dev } | Self::Vdpa { dev } => w.attr("dev", dev),
            Self::VhostUser { path, mode, dev, reconnect } => {
                if path.is_some() || mode.is_some() {
                    w.attr_str("type", "unix");
                }
                w.attr_opt("path", path.as_ref());
                w.attr_opt("mode", mode.as_ref());
                w.attr_opt("dev", dev.as_ref());
                if let Some(reconnect) = reconnect {
                    w.element("reconnect", reconnect);
                }
            }
            Self::Server(socket) | Self::Client(socket) | Self::Mcast(socket) | Self::Udp(socket) => {
                w.attr_opt("address", socket.address.as_ref());
                w.attr("port", &socket.port);
                if let Some((address, port)) = &socket.local {
                    w.open("local");
                    w.attr_opt("address", address.as_ref());
                    w.attr("port", port);
                    w.close();
                }
            }
            Self::Network { network, portgroup, portid, bridge } => {
                w.attr("network", network);
                w.attr_opt("portgroup", portgroup.as_ref());
                if w.mode().live {
                    w.attr_opt("portid", portid.as_ref());
                    w.attr_opt("bridge", bridge.as_ref());
                }
            }
            Self::Bridge { bridge, mac_table_manager } => {
                w.attr("bridge", bridge);
                if w.mode().live {
                    w.attr_opt("macTableManager", mac_table_manager.as_ref());
                }
            }
            Self::Internal { name } => w.attr_opt("name", name.as_ref()),
            Self::Direct { dev, mode } => {
                w.attr_opt("dev", dev.as_ref());
                w.attr("mode", mode);
            }
            Self::Hostdev { address, .. } => {
                if let Some(address) = address {
                    w.open("address");
                    w.attr_str("type", "pci");
                    address.format_place(w);
                    w.close();
                }
            }
            Self::Vds { switchid, portid, portgroupid, connectionid } => {
                w.attr("switchid", switchid);
                w.attr_opt("portid", portid.as_ref());
                w.attr_opt("portgroupid", portgroupid.as_ref());
                w.attr_opt("connectionid", connectionid.as_ref());
            }
        }
        ip.format(w);
        w.close_or_drop();
    }
}

impl SocketSource {
    pub(super) fn parse(node: Node<'_>, needs_address: bool) -> Result<Self> {
        let address: Option<String> = node.value("address")?;
        if needs_address && address.is_none() {
            return Err(node.missing_attr("address"));
        }
        let local = match node.child("local") {
            Some(local) => Some((local.value("address")?, local.require("port")?)),
            None => None,
        };
        Ok(Self { address, port: node.require("port")?, local })
    }
}
