//! Images in the network: one description per protocol.

use oxivirt_conf::domain::devices::{NetworkHost, NetworkProtocol, NetworkSource, Transport};
use oxivirt_conf::xml::YesNo;
use oxivirt_core::{Error, Result};

use super::super::Props;

/// What objects belong to an image.
#[derive(Debug, Default)]
pub(super) struct Keys<'a> {
    pub(super) user: Option<&'a str>,
    /// The secret of the user.
    pub(super) secret: Option<String>,
    pub(super) cookies: Option<String>,
    pub(super) certificates: Option<String>,
    /// For images that the server's library decrypts: format and secret.
    pub(super) encryption: Option<(&'static str, String)>,
}

/// The driver and where it finds the image.
pub(super) fn props(source: &NetworkSource, keys: &Keys<'_>) -> Result<Props> {
    use NetworkProtocol as P;
    let name = source.name.as_deref().unwrap_or_default();
    match source.protocol {
        P::Nbd => {
            let host = only(source)?;
            let delay = source.reconnect.as_ref().and_then(|r| r.delay);
            Ok(Props::new()
                .text("driver", "nbd")
                .object("server", &address(source, host)?)
                .maybe_text("export", source.name.as_ref())
                .maybe_text("tls-creds", keys.certificates.as_ref())
                .maybe_text("tls-hostname", source.tls_hostname.as_ref())
                .maybe_number("reconnect-delay", delay.filter(|seconds| *seconds > 0)))
        }
        P::Rbd => rbd(source, keys, name),
        P::Iscsi => {
            let host = only(source)?;
            let (target, lun) = name.split_once('/').unwrap_or((name, "0"));
            let lun: u32 = lun.parse().map_err(|_| Error::xml(format!("'{lun}' is no number of an iSCSI unit")))?;
            let port = host.port.unwrap_or(default_port(source.protocol));
            Ok(Props::new()
                .text("driver", "iscsi")
                .text("portal", format!("{}:{port}", bracketed(host_name(host)?)))
                .text("target", target)
                .number("lun", lun)
                .text("transport", "tcp")
                .maybe_text("user", keys.user)
                .maybe_text("password-secret", keys.secret.as_ref())
                .maybe_text("initiator-name", source.initiator.as_ref()))
        }
        P::Http | P::Https | P::Ftp | P::Ftps | P::Tftp => Ok(Props::new()
            .text("driver", source.protocol.as_str())
            .text("url", url(source)?)
            .maybe_text("username", keys.user)
            .maybe_text("password-secret", keys.secret.as_ref())
            .maybe_flag("sslverify", source.ssl_verify.map(YesNo::is_yes))
            .maybe_text("cookie-secret", keys.cookies.as_ref())
            .maybe_number("readahead", source.readahead)
            .maybe_number("timeout", source.timeout)),
        P::Ssh => {
            let host = only(source)?;
            let port = host.port.unwrap_or(default_port(source.protocol));
            let server = Props::new().text("host", host_name(host)?).text("port", port.to_string());
            let identity = source.ssh_identity.as_ref();
            if keys.secret.is_some() || source.known_hosts.is_some() || identity.is_some_and(|i| i.keyfile.is_some()) {
                return Err(Error::config_unsupported("nbdkit is needed for these settings of ssh, but is not there"));
            }
            Ok(Props::new()
                .text("driver", "ssh")
                .text("path", name)
                .object("server", &server)
                .maybe_text("user", keys.user.or(identity.and_then(|i| i.username.as_deref())))
                .object("host-key-check", &Props::new().text("mode", "none")))
        }
        P::Nfs => {
            let host = only(source)?;
            let server = Props::new().text("host", host_name(host)?).text("type", "inet");
            let identity = source.identity.as_ref();
            let number = |text: &Option<String>| {
                text.as_ref().map(|text| {
                    text.trim_start_matches('+').parse::<u32>().map_err(|_| {
                        Error::config_unsupported(format!("NFS user or group '{text}': only numbers are supported"))
                    })
                })
            };
            Ok(Props::new()
                .text("driver", "nfs")
                .object("server", &server)
                .text("path", name)
                .maybe_number("user", identity.and_then(|i| number(&i.user)).transpose()?)
                .maybe_number("group", identity.and_then(|i| number(&i.group)).transpose()?))
        }
        P::Gluster => {
            let path = name.strip_prefix('/').unwrap_or(name);
            let (volume, path) = path
                .split_once('/')
                .ok_or_else(|| Error::xml(format!("'{name}' names no image in a gluster volume")))?;
            let servers: Vec<Props> = source.hosts.iter().map(|host| address(source, host)).collect::<Result<_>>()?;
            Ok(Props::new()
                .text("driver", "gluster")
                .text("volume", volume)
                .text("path", path)
                .list("server", &servers)
                .number("debug", GLUSTER_DEBUG))
        }
        P::Sheepdog | P::Vxhs => Err(Error::config_unsupported(format!(
            "'{}' protocol is not supported with this QEMU binary",
            source.protocol.as_str()
        ))),
    }
}

/// The URL of an image that has one.
pub(crate) fn url(source: &NetworkSource) -> Result<String> {
    let (host, name) = (only(source)?, source.name.as_deref().unwrap_or_default());
    let port = host.port.unwrap_or(default_port(source.protocol));
    let query = source.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
    let path = name.strip_prefix('/').unwrap_or(name);
    Ok(format!("{}://{}:{port}/{path}{query}", source.protocol.as_str(), bracketed(host_name(host)?)))
}

/// How much is told of Gluster in the guest's log: what goes wrong.
const GLUSTER_DEBUG: u32 = 4;

fn rbd(source: &NetworkSource, keys: &Keys<'_>, name: &str) -> Result<Props> {
    let mut parts = name.split('/');
    let (pool, second, third) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    let (space, image) = match (second, third) {
        (Some(space), Some(image)) => (Some(space), image),
        (Some(image), None) => (None, image),
        (None, _) => return Err(Error::xml(format!("'{name}' names no image in a pool"))),
    };
    let servers: Vec<Props> = source
        .hosts
        .iter()
        .map(|host| {
            let port = host.port.unwrap_or(default_port(source.protocol));
            Ok(Props::new().text("host", host_name(host)?).text("port", port.to_string()))
        })
        .collect::<Result<_>>()?;
    let mut props = Props::new()
        .text("driver", "rbd")
        .text("pool", pool)
        .maybe_text("namespace", space)
        .text("image", image)
        .maybe_text("snapshot", source.snapshot.as_ref())
        .maybe_text("conf", source.config.as_ref());
    if !servers.is_empty() {
        props = props.list("server", &servers);
    }
    if let Some((format, secret)) = &keys.encryption {
        props = props.object("encrypt", &Props::new().text("format", format).text("key-secret", secret));
    }
    if let Some(user) = keys.user {
        props = props.text("user", user).texts("auth-client-required", ["cephx", "none"]);
        props = props.maybe_text("key-secret", keys.secret.as_ref());
    }
    Ok(props)
}

/// Host and port, or a socket.
fn address(source: &NetworkSource, host: &NetworkHost) -> Result<Props> {
    match host.transport {
        Transport::Unix => {
            let path = host.socket.as_ref().ok_or_else(|| Error::xml("a host behind a socket needs its path"))?;
            Ok(Props::new().text("type", "unix").text("path", path))
        }
        Transport::Tcp => {
            let port = host.port.unwrap_or(default_port(source.protocol));
            Ok(Props::new().text("type", "inet").text("host", host_name(host)?).text("port", port.to_string()))
        }
        Transport::Rdma => Err(Error::config_unsupported("transport 'rdma' is not supported by QEMU")),
    }
}

fn only(source: &NetworkSource) -> Result<&NetworkHost> {
    match source.hosts.as_slice() {
        [host] => Ok(host),
        others => Err(Error::config_unsupported(format!(
            "protocol '{}' takes one host, not {}",
            source.protocol.as_str(),
            others.len()
        ))),
    }
}

fn host_name(host: &NetworkHost) -> Result<&str> {
    host.name.as_deref().ok_or_else(|| Error::xml("a host of a disk has no name"))
}

fn bracketed(name: &str) -> String {
    if name.contains(':') { format!("[{name}]") } else { name.to_owned() }
}

/// Where servers usually listen.
fn default_port(protocol: NetworkProtocol) -> u32 {
    use NetworkProtocol as P;
    match protocol {
        P::Nbd => 10809,
        P::Rbd => 6789,
        P::Sheepdog => 7000,
        P::Gluster => 24007,
        P::Iscsi => 3260,
        P::Http => 80,
        P::Https => 443,
        P::Ftp => 21,
        P::Ftps => 990,
        P::Tftp => 69,
        P::Ssh => 22,
        P::Vxhs => 9999,
        P::Nfs => 2049,
    }
}
