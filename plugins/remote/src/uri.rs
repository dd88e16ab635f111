//! What a URI with a transport says.

use fluent_uri::Uri;
use fluent_uri::pct_enc::EStr;
use oxivirt_core::{Error, Result};

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
    /// Parameters that are ours, in the order given.
    pub parameters: Vec<(String, String)>,
}

/// Parameters that are for us, not for the server.
const OWN: &[&str] = &[
    "name",
    "command",
    "socket",
    "auth",
    "netcat",
    "keyfile",
    "no_sanity",
    "no_verify",
    "no_tty",
    "pkipath",
    "known_hosts",
    "known_hosts_verify",
    "sshauth",
    "mode",
    "proxy",
    "tls_priority",
    "authfile",
];

impl RemoteUri {
    /// Takes a URI apart.
    ///
    /// * Errors: `INVALID_ARG` for what is no URI, an unknown transport or port.
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
            Some("ssh") => TransportKind::Ssh,
            Some("ext") => TransportKind::Ext,
            Some(other) => return Err(wrong(format!("transport '{other}' is none of unix, tcp, tls, ssh, ext"))),
            None if host.is_empty() => TransportKind::Unix,
            None => TransportKind::Tls,
        };
        let user = authority.and_then(|authority| authority.userinfo()).map(|user| decoded(user.as_str()));
        let (mut parameters, mut passed) = (Vec::new(), Vec::new());
        for part in uri.query().map(|query| query.as_str()).unwrap_or_default().split(['&', ';']) {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            match OWN.contains(&key) {
                true => parameters.push((key.to_owned(), decoded(value))),
                false if part.is_empty() => {}
                false => passed.push(part),
            }
        }
        let name = match parameters.iter().find(|(key, _)| key == "name") {
            Some((_, name)) => name.clone(),
            None => {
                let query = if passed.is_empty() { String::new() } else { format!("?{}", passed.join("&")) };
                format!("{driver}://{}{query}", uri.path().as_str())
            }
        };
        let path = decoded(uri.path().as_str());
        let host = decoded(host);
        Ok(Self { driver: driver.to_owned(), transport, user, host, port, path, name, parameters })
    }

    /// One of our parameters.
    pub fn parameter(&self, key: &str) -> Option<&str> {
        self.parameters.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// A parameter that is a number; anything but 0 is yes.
    ///
    /// * Errors: `INVALID_ARG` for what is no number.
    pub fn switch(&self, key: &str) -> Result<bool> {
        match self.parameter(key).map(str::parse::<i32>) {
            None => Ok(false),
            Some(Ok(number)) => Ok(number != 0),
            Some(Err(_)) => {
                let value = self.parameter(key).unwrap_or_default();
                Err(Error::invalid_arg(format!("URI parameter '{key}' is '{value}', which is no number")))
            }
        }
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
        let place = match (self.host.as_str(), self.parameter("socket").or(self.parameter("command"))) {
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
        assert_eq!(uri.parameter("socket"), Some("/a b"));
        assert_eq!(RemoteUri::parse("qemu+ssh://me@box/system").unwrap().user.as_deref(), Some("me"));
    }

    #[test]
    fn strange_uris_are_refused() {
        for text in ["qemu+carrier://pigeon/", "qemu+tcp://box:99999/system", "no uri", "qemu+tcp://box/%"] {
            assert!(RemoteUri::parse(text).is_err(), "{text}");
        }
        assert!(RemoteUri::parse("qemu+tls://b/?no_verify=x").unwrap().switch("no_verify").is_err());
    }
}
