//! Disks behind a network protocol.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::{ErrorCode, Result};

use super::*;
use crate::xml::{Element, Node, Value, Writer, YesNo};
use crate::xml_enum;

/// A source behind a network protocol.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NetworkSource {
    pub protocol: NetworkProtocol,
    /// Pool and image, volume and path, export name…
    pub name: Option<String>,
    pub query: Option<String>,
    pub tls: Option<YesNo>,
    /// `tls` came from the configuration (status files).
    pub tls_from_config: Option<u32>,
    pub tls_hostname: Option<String>,
    pub hosts: Vec<NetworkHost>,
    pub snapshot: Option<String>,
    pub config: Option<String>,
    pub initiator: Option<String>,
    pub identity: Option<NfsIdentity>,
    pub reconnect: Option<Reconnect>,
    pub ssl_verify: Option<YesNo>,
    /// Name and value.
    pub cookies: Vec<(String, String)>,
    /// Bytes.
    pub readahead: Option<u64>,
    /// Seconds.
    pub timeout: Option<u64>,
    pub known_hosts: Option<String>,
    pub ssh_identity: Option<SshIdentity>,
}

xml_enum! {
    /// A network storage protocol.
    pub enum NetworkProtocol {
        Nbd = "nbd", Rbd = "rbd", Sheepdog = "sheepdog", Gluster = "gluster", Iscsi = "iscsi", Http = "http", Https = "https",
        Ftp = "ftp", Ftps = "ftps", Tftp = "tftp", Ssh = "ssh", Vxhs = "vxhs", Nfs = "nfs",
    }
}

xml_enum! {
    /// How a host is reached.
    pub enum Transport { Tcp = "tcp", Unix = "unix", Rdma = "rdma" }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NetworkHost {
    pub transport: Transport,
    pub name: Option<String>,
    pub port: Option<u32>,
    pub socket: Option<String>,
}

impl Element for NetworkHost {
    fn parse(node: Node<'_>) -> Result<Self> {
        let transport = node.value("transport")?.unwrap_or_default();
        let name: Option<String> = node.value("name")?;
        let socket: Option<String> = node.value("socket")?;
        if transport == Transport::Unix && socket.is_none() {
            return Err(node.missing_attr("socket"));
        }
        if transport != Transport::Unix && socket.is_some() {
            return Err(node.error("attribute 'socket' needs transport='unix'"));
        }
        if transport != Transport::Unix && name.is_none() {
            return Err(node.missing_attr("name"));
        }
        let port: Option<u32> = node.value("port")?;
        if let Some(large) = port.filter(|port| *port > 65_535) {
            let what = format!("attribute 'port' has the invalid value '{large}', allowed: 0 to 65535");
            return Err(node.error_coded(ErrorCode::INVALID_ARG, what));
        }
        Ok(Self { transport, name, port, socket })
    }

    fn format(&self, w: &mut Writer) {
        w.attr_opt("name", self.name.as_ref());
        w.attr_opt("port", self.port.as_ref());
        if self.transport != Transport::Tcp {
            w.attr("transport", &self.transport);
        }
        w.attr_opt("socket", self.socket.as_ref());
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct NfsIdentity {
    #[xml(attr)]
    pub user: Option<String>,
    #[xml(attr)]
    pub group: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct SshIdentity {
    #[xml(attr)]
    pub username: Option<String>,
    #[xml(attr)]
    pub keyfile: Option<String>,
    #[xml(attr)]
    pub agentsock: Option<String>,
}

impl NetworkSource {
    /// Hosts that are reached by TCP have the protocol's port unless they say
    /// another.
    pub(crate) fn complete_ports(&mut self) {
        let port = match self.protocol {
            NetworkProtocol::Nbd => 10_809,
            NetworkProtocol::Sheepdog => 7_000,
            NetworkProtocol::Gluster => 24_007,
            NetworkProtocol::Iscsi => 3_260,
            NetworkProtocol::Http => 80,
            NetworkProtocol::Https => 443,
            NetworkProtocol::Ftp => 21,
            NetworkProtocol::Ftps => 990,
            NetworkProtocol::Tftp => 69,
            NetworkProtocol::Ssh => 22,
            NetworkProtocol::Vxhs => 9_999,
            // Found by other means.
            NetworkProtocol::Rbd | NetworkProtocol::Nfs => return,
        };
        for host in self.hosts.iter_mut().filter(|host| host.transport == Transport::Tcp) {
            host.port.get_or_insert(port);
        }
    }

    pub(super) fn parse(source: Node<'_>) -> Result<Self> {
        let child_attr = |child: &str, attr: &str| source.child(child).and_then(|c| c.attr(attr)).map(str::to_owned);
        let mut cookies = Vec::new();
        if let Some(list) = source.child("cookies") {
            for cookie in list.children_named("cookie") {
                cookies.push((cookie.require("name")?, cookie.text().into_owned()));
            }
        }
        let number = |child: &str, attr: &str| -> Result<Option<u64>> {
            source.child(child).map(|c| c.require(attr)).transpose()
        };
        let protocol = source.require("protocol")?;
        let initiator = source.child("initiator").and_then(|i| i.child("iqn"));
        let identity = source.child("identity");
        Ok(Self {
            protocol,
            name: source.value("name")?,
            query: source.value("query")?,
            tls: source.value("tls")?,
            tls_from_config: if source.mode().status { source.value("tlsFromConfig")? } else { None },
            tls_hostname: source.value("tlsHostname")?,
            hosts: source.child_elements("host")?,
            snapshot: child_attr("snapshot", "name"),
            config: child_attr("config", "file"),
            initiator: initiator.and_then(|i| i.attr("name")).map(str::to_owned),
            identity: identity.filter(|_| protocol == NetworkProtocol::Nfs).map(NfsIdentity::parse).transpose()?,
            reconnect: source.child_element("reconnect")?,
            ssl_verify: source.child("ssl").map(|s| s.value("verify")).transpose()?.flatten(),
            cookies,
            readahead: number("readahead", "size")?,
            timeout: number("timeout", "seconds")?,
            known_hosts: child_attr("knownHosts", "path"),
            ssh_identity: identity.filter(|_| protocol == NetworkProtocol::Ssh).map(SshIdentity::parse).transpose()?,
        })
    }

    pub(super) fn format_children(&self, w: &mut Writer) {
        fn one<V: Value>(w: &mut Writer, name: &str, attr: &str, value: Option<&V>) {
            if let Some(value) = value {
                w.open(name);
                w.attr(attr, value);
                w.close();
            }
        }
        w.elements("host", &self.hosts);
        one(w, "snapshot", "name", self.snapshot.as_ref());
        one(w, "config", "file", self.config.as_ref());
        if let Some(name) = &self.initiator {
            w.open("initiator");
            w.open("iqn");
            w.attr("name", name);
            w.close();
            w.close();
        }
        if let Some(identity) = &self.identity {
            w.element("identity", identity);
        }
        if let Some(reconnect) = &self.reconnect {
            w.element("reconnect", reconnect);
        }
        one(w, "ssl", "verify", self.ssl_verify.as_ref());
        // Cookies open doors as passwords do.
        if !self.cookies.is_empty() && w.mode().secure {
            w.open("cookies");
            for (name, value) in &self.cookies {
                w.open("cookie");
                w.attr("name", name);
                w.text(value);
                w.close();
            }
            w.close();
        }
        one(w, "readahead", "size", self.readahead.as_ref());
        one(w, "timeout", "seconds", self.timeout.as_ref());
        one(w, "knownHosts", "path", self.known_hosts.as_ref());
        if let Some(identity) = &self.ssh_identity {
            w.element("identity", identity);
        }
    }
}
