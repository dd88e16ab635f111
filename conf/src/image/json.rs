//! Names of images that are descriptions in JSON, as QEMU's block layer takes
//! them: nested objects, or keys with dots in them.

use oxivirt_core::{Error, Result};
use serde_json::{Map, Value};

use super::reference::{file, network, port, protocol, reference, socket, source as of_kind, tcp};
use super::uri;
use crate::domain::devices::{
    NetworkHost, NetworkProtocol, NetworkSource, PciAddress, StorageKind, StorageSlice, StorageSource,
};
use crate::xml::YesNo;

/// The source of a description, without the `json:` in front of it.
pub(super) fn source(text: &str) -> Result<Option<StorageSource>> {
    let value: Value =
        serde_json::from_str(text).map_err(|e| Error::internal(format!("failed to parse JSON: {e} in '{text}'")))?;
    let Value::Object(object) = value else {
        return Err(Error::internal(format!("JSON backing volume definition '{text}' must be an object")));
    };
    let object = nested(object).ok_or_else(|| lacks(text, "one meaning"))?;
    described(text, &object)
}

/// The same with an object for every name in front of a dot.
fn nested(object: Map<String, Value>) -> Option<Map<String, Value>> {
    let mut whole = Map::new();
    for (key, value) in object {
        let mut at = &mut whole;
        let mut parts = key.split('.').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                match at.get(part) {
                    None => at.insert(part.to_owned(), value.clone()),
                    Some(_) => return None,
                };
                break;
            }
            at = at.entry(part).or_insert_with(|| Value::Object(Map::new())).as_object_mut()?;
        }
    }
    Some(whole)
}

fn lacks(text: &str, what: &str) -> Error {
    Error::internal(format!("JSON backing volume definition '{text}' lacks {what}"))
}

fn described(text: &str, object: &Map<String, Value>) -> Result<Option<StorageSource>> {
    let word = |key: &str| object.get(key).and_then(Value::as_str);
    let Some(driver) = word("driver") else {
        return match (object.get("file"), word("filename")) {
            (Some(Value::Object(inner)), _) => described(text, inner),
            (Some(Value::String(name)), _) => plain_name(name),
            (None, Some(name)) => plain_name(name),
            _ => Err(lacks(text, "driver name")),
        };
    };
    let need = |key: &str| word(key).ok_or_else(|| lacks(text, &format!("'{key}' of driver '{driver}'")));
    let mut found = NetworkSource::default();
    match driver {
        "raw" => return raw(text, object),
        "file" => return Ok(Some(file(need("filename")?))),
        "host_device" | "host_cdrom" => {
            return Ok(Some(of_kind(StorageKind::Block { path: Some(need("filename")?.to_owned()) })));
        }
        "http" | "https" | "ftp" | "ftps" | "tftp" => return web(text, driver, object),
        // It needs a user, whom a definition names in a way of its own.
        "ssh" => return Ok(None),
        "nbd" => {
            found.protocol = NetworkProtocol::Nbd;
            found.name = word("export").map(str::to_owned);
            if let Some(address) = word("uri") {
                return uri::source(address);
            }
            found.hosts = vec![server(text, object.get("server").and_then(Value::as_object).unwrap_or(object))?];
            // Its certificates have no place in a definition.
            if object.contains_key("tls-creds") {
                return Ok(None);
            }
        }
        "gluster" => {
            if let Some(address) = word("uri").or_else(|| word("filename")) {
                return uri::source(address);
            }
            found.protocol = NetworkProtocol::Gluster;
            found.name = Some(format!("{}/{}", need("volume")?, need("path")?.trim_start_matches('/')));
            found.hosts = servers(text, object)?;
        }
        "iscsi" => {
            if let Some(address) = word("uri") {
                return uri::source(address);
            }
            if object.contains_key("user") || need("transport")? != "tcp" {
                return Ok(None);
            }
            found.protocol = NetworkProtocol::Iscsi;
            let unit = count(object.get("lun")).unwrap_or(0);
            found.name = Some(format!("{}/{unit}", need("target")?));
            found.initiator = word("initiator-name").map(str::to_owned);
            let portal = need("portal")?;
            let (name, number) = match portal.rsplit_once(':') {
                Some((name, number)) if !number.contains(']') => (name, Some(port(number)?)),
                _ => (portal, None),
            };
            found.hosts = vec![tcp(name.trim_matches(['[', ']']), number)];
        }
        "rbd" => {
            if object.contains_key("user") {
                return Ok(None);
            }
            found.protocol = NetworkProtocol::Rbd;
            found.name = Some(format!("{}/{}", need("pool")?, need("image")?));
            found.snapshot = word("snapshot").map(str::to_owned);
            found.config = word("conf").map(str::to_owned);
            found.hosts = servers(text, object)?;
        }
        "nvme" => {
            let place = address(need("device")?).ok_or_else(|| lacks(text, "an address that is one"))?;
            let namespace =
                count(object.get("namespace")).filter(|n| *n > 0).ok_or_else(|| lacks(text, "'namespace'"))?;
            return Ok(Some(of_kind(StorageKind::Nvme { namespace, managed: None, address: place })));
        }
        other => {
            let text = format!("missing parser implementation for JSON backing volume driver '{other}'");
            return Err(Error::internal(text));
        }
    }
    found.complete_ports();
    Ok(Some(network(found)))
}

/// A name in place of an object.
fn plain_name(name: &str) -> Result<Option<StorageSource>> {
    match name.starts_with("json:") {
        true => Err(Error::internal("a JSON backing volume definition inside of another one")),
        false => reference(name),
    }
}

fn raw(text: &str, object: &Map<String, Value>) -> Result<Option<StorageSource>> {
    let inner = object.get("file").and_then(Value::as_object).ok_or_else(|| lacks(text, "'file' of driver 'raw'"))?;
    let Some(mut found) = described(text, inner)? else { return Ok(None) };
    let (offset, size) = (count(object.get("offset")), count(object.get("size")));
    if offset.is_some() || size.is_some() {
        if found.slice.is_some() {
            return Ok(None);
        }
        let size = size.unwrap_or(0);
        found.slice = Some(Box::new(StorageSlice { offset: offset.unwrap_or(0), size }));
    }
    Ok(Some(found))
}

fn web(text: &str, driver: &str, object: &Map<String, Value>) -> Result<Option<StorageSource>> {
    let word = |key: &str| object.get(key).and_then(Value::as_str);
    if ["username", "proxy-username", "cookie-secret", "password-secret"].iter().any(|key| object.contains_key(*key)) {
        return Ok(None);
    }
    let address = word("url").or_else(|| word("filename")).ok_or_else(|| lacks(text, "'url'"))?;
    let Some(mut found) = uri::source(address)? else { return Ok(None) };
    let StorageKind::Network(network) = &mut found.kind else { return Ok(None) };
    if network.protocol != protocol(driver)? {
        let text = format!(
            "expected protocol '{driver}' but got '{}' in URI JSON volume definition",
            network.protocol.as_str()
        );
        return Err(Error::internal(text));
    }
    network.readahead = count(object.get("readahead"));
    network.timeout = count(object.get("timeout"));
    network.ssl_verify = match object.get("sslverify") {
        Some(Value::Bool(true)) => Some(YesNo::Yes),
        Some(Value::Bool(false)) => Some(YesNo::No),
        Some(Value::String(word)) if word == "on" => Some(YesNo::Yes),
        Some(Value::String(word)) if word == "off" => Some(YesNo::No),
        _ => None,
    };
    for cookie in word("cookie").into_iter().flat_map(|all| all.split(';')) {
        if let Some((name, value)) = cookie.trim().split_once('=') {
            network.cookies.push((name.to_owned(), value.to_owned()));
        }
    }
    Ok(Some(found))
}

/// Hosts as a list, or as an object whose keys count.
fn servers(text: &str, object: &Map<String, Value>) -> Result<Vec<NetworkHost>> {
    let all: Vec<&Value> = match object.get("server") {
        Some(Value::Array(all)) => all.iter().collect(),
        Some(Value::Object(all)) => all.values().collect(),
        _ => Vec::new(),
    };
    all.into_iter().map(|one| server(text, one.as_object().ok_or_else(|| lacks(text, "a server"))?)).collect()
}

fn server(text: &str, object: &Map<String, Value>) -> Result<NetworkHost> {
    let word = |key: &str| object.get(key).and_then(Value::as_str);
    if let Some(path) = word("path").or_else(|| word("socket")) {
        return Ok(socket(path));
    }
    let name = word("host").ok_or_else(|| lacks(text, "'host'"))?;
    let number = match object.get("port") {
        Some(Value::String(number)) => Some(port(number)?),
        Some(other) => Some(port(&other.to_string())?),
        None => None,
    };
    Ok(tcp(name, number))
}

/// A number, or a text that is one.
fn count(value: Option<&Value>) -> Option<u64> {
    value?.as_u64().or_else(|| value?.as_str()?.parse().ok())
}

/// `0000:01:00.0`.
fn address(text: &str) -> Option<PciAddress> {
    let hex = |text: &str| u32::from_str_radix(text, 16).ok();
    let mut parts = text.split([':', '.']);
    let (domain, bus, slot, function) =
        (hex(parts.next()?)?, hex(parts.next()?)?, hex(parts.next()?)?, hex(parts.next()?)?);
    let (bus, slot, function) = (bus.try_into().ok()?, slot.try_into().ok()?, function.try_into().ok()?);
    parts.next().is_none().then(|| PciAddress { domain, bus, slot, function, ..PciAddress::default() })
}
