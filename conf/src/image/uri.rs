//! Names of images that are addresses.

use oxivirt_core::{Error, Result};

use super::reference::{network, port, protocol, socket, tcp};
use crate::domain::devices::{NetworkHost, NetworkProtocol, NetworkSource, StorageSource, Transport};

/// The source behind `PROTOCOL[+TRANSPORT]://[USER@]HOST[:PORT]/NAME[?QUERY]`.
///
/// * Returns none for one with a user, who would need a secret that no header
///   has, and for SSH.
pub(super) fn source(text: &str) -> Result<Option<StorageSource>> {
    let bad = || Error::internal(format!("failed to parse backing file location '{text}'"));
    let (scheme, rest) = text.split_once("://").ok_or_else(bad)?;
    let (word, transport) = match scheme.split_once('+') {
        Some((word, transport)) => (word, Some(transport)),
        None => (scheme, None),
    };
    let protocol = protocol(word)?;
    let transport = match transport {
        None | Some("tcp") => Transport::Tcp,
        Some("unix") => Transport::Unix,
        Some("rdma") => Transport::Rdma,
        Some(other) => return Err(Error::internal(format!("invalid protocol transport type '{other}'"))),
    };
    let rest = rest.split('#').next().unwrap_or_default();
    let (rest, query) = match rest.split_once('?') {
        Some((rest, query)) => (rest, Some(query)),
        None => (rest, None),
    };
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    if authority.contains('@') || protocol == NetworkProtocol::Ssh {
        return Ok(None);
    }
    let web = matches!(
        protocol,
        NetworkProtocol::Http
            | NetworkProtocol::Https
            | NetworkProtocol::Ftp
            | NetworkProtocol::Ftps
            | NetworkProtocol::Tftp
    );
    let mut path = plain(path).ok_or_else(bad)?;
    if protocol == NetworkProtocol::Iscsi && !path.trim_start_matches('/').contains('/') {
        // Without a number the first unit is meant.
        path.push_str("/0");
    }
    let name = path.strip_prefix('/').unwrap_or(&path);
    let mut found =
        NetworkSource { protocol, name: Some(name.to_owned()).filter(|n| !n.is_empty()), ..Default::default() };
    if web {
        found.query = query.map(str::to_owned);
    }
    if protocol == NetworkProtocol::Gluster && !name.contains('/') {
        return Err(Error::internal(format!("missing volume name and path for gluster volume in '{text}'")));
    }
    found.hosts = vec![match transport {
        Transport::Unix => {
            let given = query.into_iter().flat_map(|query| query.split(['&', ';']));
            let path = given.filter_map(|part| part.strip_prefix("socket=")).find_map(plain);
            socket(&path.filter(|path| !path.is_empty()).ok_or_else(bad)?)
        }
        transport => NetworkHost { transport, ..host(authority)? },
    }];
    found.complete_ports();
    Ok(Some(network(found)))
}

fn host(authority: &str) -> Result<NetworkHost> {
    if let Some((name, rest)) = authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return Ok(tcp(name, rest.strip_prefix(':').map(port).transpose()?));
    }
    match authority.split_once(':') {
        Some((name, number)) => Ok(tcp(name, Some(port(number)?))),
        None => Ok(tcp(authority, None)),
    }
}

/// A text without its percent signs; none where they mean nothing.
fn plain(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let (high, low) = (digit(rest.next())?, digit(rest.next())?);
        bytes.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(bytes).ok()
}
