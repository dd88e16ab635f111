//! Names that images have for those below them.

use oxivirt_core::{Error, Result};

use super::{json, uri};
use crate::domain::devices::{NetworkHost, NetworkProtocol, NetworkSource, StorageKind, StorageSource, Transport};

/// Whether a name is a path: it has no colon before its first slash.
pub fn is_file(name: &str) -> bool {
    match (name.find(':'), name.find('/')) {
        (Some(colon), Some(slash)) => slash < colon,
        (Some(_), None) => false,
        (None, _) => true,
    }
}

/// The source that a name in a header means: an absolute path, `fat:FOLDER`,
/// an address such as `nbd://host/export`, the older forms `nbd:host:port` and
/// `rbd:pool/image:key=value`, or `json:{…}`.
///
/// * Returns none for what is known and cannot be said in a definition; the
///   hypervisor has to open it by itself.
/// * Errors: `INTERNAL_ERROR` for what means nothing; `INVALID_ARG` for a port
///   that is none.
pub fn reference(name: &str) -> Result<Option<StorageSource>> {
    if let Some(text) = name.strip_prefix("json:") {
        return json::source(text);
    }
    if let Some(folder) = name.strip_prefix("fat:") {
        return Ok(Some(source(StorageKind::Dir { path: Some(folder.to_owned()) })));
    }
    if is_file(name) {
        return Ok(Some(file(name)));
    }
    if name.contains("://") {
        return uri::source(name);
    }
    let (word, rest) = name.split_once(':').unwrap_or((name, ""));
    match protocol(word)? {
        NetworkProtocol::Nbd => nbd(name, rest).map(Some),
        NetworkProtocol::Rbd => rbd(rest),
        NetworkProtocol::Sheepdog => sheepdog(name, rest).map(Some),
        _ => Err(Error::internal(format!("backing store parser is not implemented for '{name}'"))),
    }
}

pub(super) fn source(kind: StorageKind) -> StorageSource {
    StorageSource { kind, ..StorageSource::default() }
}

pub(super) fn file(path: &str) -> StorageSource {
    source(StorageKind::File { path: Some(path.to_owned()), fdgroup: None })
}

pub(super) fn network(network: NetworkSource) -> StorageSource {
    source(StorageKind::Network(Box::new(network)))
}

pub(super) fn protocol(word: &str) -> Result<NetworkProtocol> {
    use NetworkProtocol as P;
    let all = [
        P::Nbd,
        P::Rbd,
        P::Sheepdog,
        P::Gluster,
        P::Iscsi,
        P::Http,
        P::Https,
        P::Ftp,
        P::Ftps,
        P::Tftp,
        P::Ssh,
        P::Vxhs,
        P::Nfs,
    ];
    let found = all.into_iter().find(|protocol| protocol.as_str() == word);
    found.ok_or_else(|| Error::internal(format!("invalid backing protocol '{word}'")))
}

pub(super) fn port(text: &str) -> Result<u32> {
    text.parse::<u16>().map(u32::from).map_err(|_| Error::invalid_arg(format!("failed to parse port number '{text}'")))
}

pub(super) fn tcp(name: &str, port: Option<u32>) -> NetworkHost {
    NetworkHost { name: Some(name.to_owned()), port, ..NetworkHost::default() }
}

pub(super) fn socket(path: &str) -> NetworkHost {
    NetworkHost { transport: Transport::Unix, socket: Some(path.to_owned()), ..NetworkHost::default() }
}

/// `nbd:HOST:PORT[:exportname=NAME]` or `nbd:unix:PATH[:exportname=NAME]`.
fn nbd(whole: &str, rest: &str) -> Result<StorageSource> {
    let missing = |what: &str| Error::internal(format!("missing {what} in nbd backing string '{whole}'"));
    let (place, export) = match rest.split_once(":exportname=") {
        Some((place, export)) => (place, Some(export.to_owned())),
        None => (rest, None),
    };
    let host = match place.strip_prefix("unix:") {
        Some("") => return Err(missing("unix socket path")),
        Some(path) => socket(path),
        None => {
            let (name, number) = place.rsplit_once(':').ok_or_else(|| missing("port"))?;
            if name.is_empty() {
                return Err(missing("host"));
            }
            tcp(name.trim_matches(['[', ']']), Some(port(number)?))
        }
    };
    Ok(network(NetworkSource { protocol: NetworkProtocol::Nbd, name: export, hosts: vec![host], ..Default::default() }))
}

/// `sheepdog:NAME` or `sheepdog:HOST:PORT:NAME`.
fn sheepdog(whole: &str, rest: &str) -> Result<StorageSource> {
    let parts: Vec<&str> = rest.split(':').collect();
    let (hosts, name) = match parts.as_slice() {
        [name] => (Vec::new(), *name),
        [host, number, name] => (vec![tcp(host, Some(port(number)?))], *name),
        _ => return Err(Error::internal(format!("malformed sheepdog backing string '{whole}'"))),
    };
    let protocol = NetworkProtocol::Sheepdog;
    Ok(network(NetworkSource { protocol, name: Some(name.to_owned()), hosts, ..Default::default() }))
}

/// `POOL/IMAGE[@SNAPSHOT][:KEY=VALUE]…`; a backslash takes the meaning of the
/// character behind it away.
fn rbd(rest: &str) -> Result<Option<StorageSource>> {
    let mut words = vec![String::new()];
    let mut letters = rest.chars();
    while let Some(letter) = letters.next() {
        let word = words.last_mut();
        match (letter, word) {
            ('\\', Some(word)) => word.extend(letters.next()),
            (':', _) => words.push(String::new()),
            (letter, Some(word)) => word.push(letter),
            (_, None) => {}
        }
    }
    let mut words = words.into_iter();
    let image = words.next().unwrap_or_default();
    let (image, snapshot) = match image.split_once('@') {
        Some((image, snapshot)) => (image.to_owned(), Some(snapshot.to_owned())),
        None => (image, None),
    };
    let mut found =
        NetworkSource { protocol: NetworkProtocol::Rbd, name: Some(image), snapshot, ..NetworkSource::default() };
    for word in words {
        match word.split_once('=') {
            // A user needs a secret, which no header has.
            Some(("id", _)) => return Ok(None),
            Some(("mon_host", hosts)) => {
                for host in hosts.split([',', ';']).map(str::trim).filter(|host| !host.is_empty()) {
                    found.hosts.push(monitor(host)?);
                }
            }
            Some(("conf", path)) => found.config = Some(path.to_owned()),
            _ => {}
        }
    }
    Ok(Some(network(found)))
}

/// `HOST`, `HOST:PORT` or an IPv6 address in brackets with or without a port.
fn monitor(text: &str) -> Result<NetworkHost> {
    if let Some((name, rest)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        let number = rest.strip_prefix(':').map(port).transpose()?;
        return Ok(tcp(name, number));
    }
    match text.split_once(':') {
        Some((name, number)) => Ok(tcp(name, Some(port(number)?))),
        None => Ok(tcp(text, None)),
    }
}
