//! `<server>` of a backup that clients pull.

use oxivirt_core::Result;

use crate::xml::{Element, Node, Writer, YesNo};

/// Where the NBD server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackupServer {
    /// `transport='tcp'`.
    Tcp {
        /// Whether clients have to use TLS.
        tls: Option<YesNo>,
        /// Name or address to listen on.
        name: String,
        /// A free one is taken where none is given.
        port: Option<u32>,
    },
    /// `transport='unix'`.
    Unix {
        /// See [`Self::Tcp`].
        tls: Option<YesNo>,
        /// An absolute path.
        socket: String,
    },
    /// `transport='fd'`: the caller handed in the socket.
    Fd {
        /// See [`Self::Tcp`].
        tls: Option<YesNo>,
        /// The name under which it did.
        fdgroup: String,
    },
}

impl Element for BackupServer {
    fn parse(node: Node<'_>) -> Result<Self> {
        let tls = node.value("tls")?;
        match node.attr("transport").unwrap_or("tcp") {
            "tcp" => {
                let port: Option<u32> = node.value("port")?;
                if let Some(port) = port.filter(|port| *port > 65_535) {
                    return Err(node.bad_attr("port", &port.to_string(), "a number from 0 to 65535"));
                }
                Ok(Self::Tcp { tls, name: node.require("name")?, port: port.filter(|port| *port > 0) })
            }
            "unix" => {
                let socket: String = node.require("socket")?;
                if !socket.starts_with('/') {
                    return Err(node.bad_attr("socket", &socket, "an absolute path"));
                }
                Ok(Self::Unix { tls, socket })
            }
            "fd" => Ok(Self::Fd { tls, fdgroup: node.require("fdgroup")? }),
            other => Err(node.bad_attr("transport", other, "tcp, unix, fd")),
        }
    }

    fn format(&self, w: &mut Writer) {
        let (transport, tls) = match self {
            Self::Tcp { tls, .. } => ("tcp", tls),
            Self::Unix { tls, .. } => ("unix", tls),
            Self::Fd { tls, .. } => ("fd", tls),
        };
        w.attr_str("transport", transport);
        w.attr_opt("tls", tls.as_ref());
        match self {
            Self::Tcp { name, port, .. } => {
                w.attr("name", name);
                w.attr_opt("port", port.as_ref());
            }
            Self::Unix { socket, .. } => w.attr("socket", socket),
            Self::Fd { fdgroup, .. } => w.attr("fdgroup", fdgroup),
        }
    }
}
