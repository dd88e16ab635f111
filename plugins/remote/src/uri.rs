//! What a URI with a transport says.

use fluent_uri::Uri;
use fluent_uri::pct_enc::EStr;
use oxivirt_core::{Error, Result};

use crate::parameters::Parameters;

/// How a server is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportKind {
    /// A socket of this machine.
    Unix,
    /// TCP in the clear.
    Tcp,
    /// TLS over TCP.
    Tls,
    /// A program of another machine, through ssh.
    Ssh,
    /// A program of this machine.
    Ext,
}

/// A URI taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteUri {
    /// The driver that the server is to use, such as `qemu`.
    pub driver: String,
    /// How the server is reached.
    pub transport: TransportKind,
    /// The user before the host.
    pub user: Option<String>,
    /// The host, without the brackets of an IPv6 address; empty for this machine.
    pub host: String,
    /// The port, where given.
    pub port: Option<u16>,
    /// The path, such as `/system`.
    pub path: String,
    /// The URI that the server is to open.
    pub name: String,
    /// The parameters that are ours.
    pub parameters: Parameters,
}

impl RemoteUri {
    /// Takes a URI apart.
    ///
    /// * Errors: `INVALID_ARG` for what is no URI, an unknown transport or port,
    ///   a parameter of ours with a value that means nothing.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = |why: String| Error::invalid_arg(format!("'{text}': {why}"));
        let uri = Uri::parse(text).map_err(|error| wrong(format!("not a valid URI: {error}")))?;
        let scheme = uri.scheme().as_str();
        let (driver, transport) = match scheme.split_once('+') {
            Some((driver, transport)) => (driver, Some(transport)),
            None => (scheme, None),
        };
        let authority = uri.authority();
        let host = authority.map(|authority| authority.host().trim_matches(['[', ']'])).unwrap_or_default();
        let port = match authority.and_then(|authority| authority.port()).map(|port| port.as_str()) {
            None | Some("") => None,
            Some(port) => Some(port.parse().map_err(|_| wrong(format!("'{port}' is no port")))?),
        };
        let transport = match transport {
            Some("unix") => TransportKind::Unix,
            Some("tcp") => TransportKind::Tcp,
            Some("tls") => TransportKind::Tls,
            // The same protocol; which program speaks it is our matter.
            Some("ssh" | "libssh" | "libssh2") => TransportKind::Ssh,
            Some("ext") => TransportKind::Ext,
            Some(other) => {
                return Err(wrong(format!("transport '{other}' is none of unix, tcp, tls, ssh, libssh, libssh2, ext")));
            }
            None if host.is_empty() => TransportKind::Unix,
            None => TransportKind::Tls,
        };
        let user = authority.and_then(|authority| authority.userinfo()).map(|user| decoded(user.as_str()));
        let (mut parameters, mut passed) = (Parameters::default(), Vec::new());
        for part in uri.query().map(|query| query.as_str()).unwrap_or_default().split(['&', ';']) {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            if !part.is_empty() && !parameters.take(key, &decoded(value))? {
                passed.push(part);
            }
        }
        let name = match &parameters.name {
            Some(name) => name.clone(),
            None => {
                let query = if passed.is_empty() { String::new() } else { format!("?{}", passed.join("&")) };
                format!("{driver}://{}{query}", uri.path().as_str())
            }
        };
        let path = decoded(uri.path().as_str());
        let host = decoded(host);
        Ok(Self { driver: driver.to_owned(), transport, user, host, port, path, name, parameters })
    }

    /// The server's name in errors.
    pub fn peer(&self) -> String {
        let how = match self.transport {
            TransportKind::Unix => "unix",
            TransportKind::Tcp => "tcp",
            TransportKind::Tls => "tls",
            TransportKind::Ssh => "ssh",
            TransportKind::Ext => "ext",
        };
        let place = match (self.host.as_str(), self.parameters.socket.as_deref().or(self.parameters.command.as_deref()))
        {
            ("", Some(place)) => place,
            ("", None) => "this machine",
            (host, _) => host,
        };
        format!("the daemon at '{place}' ({how})")
    }

    /// Whether one user's daemon is meant.
    pub fn is_session(&self) -> bool {
        self.path == "/session"
    }
}

fn decoded(text: &str) -> String {
    use fluent_uri::pct_enc::encoder::Query;
    EStr::<Query>::new(text).map_or_else(|| text.to_owned(), |text| text.decode().to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_server_sees_what_is_not_for_us() {
        for (text, transport, host, port, name) in [
            ("qemu+tcp://box/system", TransportKind::Tcp, "box", None, "qemu:///system"),
            ("qemu://box:1/system", TransportKind::Tls, "box", Some(1), "qemu:///system"),
            ("qemu+ssh://me@[::1]:22/session?no_tty=1", TransportKind::Ssh, "::1", Some(22), "qemu:///session"),
            ("test+unix:///default?socket=/a%20b", TransportKind::Unix, "", None, "test:///default"),
            ("test+unix://?socket=/a", TransportKind::Unix, "", None, "test://"),
            ("x+ext:///?command=/c&keep=1", TransportKind::Ext, "", None, "x:///?keep=1"),
            ("remote+unix:///?name=xen:///system", TransportKind::Unix, "", None, "xen:///system"),
        ] {
            let uri = RemoteUri::parse(text).unwrap();
            assert_eq!((uri.transport, uri.host.as_str(), uri.port), (transport, host, port), "{text}");
            assert_eq!(uri.name, name, "{text}");
        }
        let uri = RemoteUri::parse("test+unix:///default?socket=/a%20b").unwrap();
        assert_eq!(uri.parameters.socket.as_deref(), Some("/a b"));
        assert_eq!(RemoteUri::parse("qemu+ssh://me@box/system").unwrap().user.as_deref(), Some("me"));
    }

    #[test]
    fn strange_uris_are_refused() {
        for text in [
            "qemu+carrier://pigeon/",
            "qemu+tcp://box:99999/system",
            "no uri",
            "qemu+tcp://box/%",
            "qemu+tls://b/?no_verify=x",
            "qemu+unix:///system?mode=odd",
        ] {
            assert!(RemoteUri::parse(text).is_err(), "{text}");
        }
    }
}
