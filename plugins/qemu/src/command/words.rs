//! From the words of a character device on the command line to the object
//! that the monitor takes, and newer command lines.

use oxivirt_core::{Error, Result};
use serde_json::{Map, Value, json};

/// The name and the backend that `-chardev` describes.
///
/// Errors: `OPERATION_UNSUPPORTED` for a kind that the monitor does not take.
pub(crate) fn backend_of(text: &str) -> Result<Value> {
    let words = Words::read(text);
    let id = words.need("id")?.to_owned();
    let mut data = Map::new();
    match words.kind.as_str() {
        "null" | "vc" | "pty" | "stdio" => {}
        "serial" | "parallel" | "pipe" => {
            data.insert("device".into(), words.need("path")?.into());
        }
        "file" => {
            data.insert("out".into(), words.need("path")?.into());
            data.insert("append".into(), words.is_on("append").into());
        }
        "udp" => {
            let remote = json!({"host": words.or_empty("host"), "port": words.or_empty("port")});
            data.insert("remote".into(), json!({"type": "inet", "data": remote}));
            let (host, port) = (words.or_empty("localaddr"), words.or_empty("localport"));
            if !host.is_empty() || !matches!(port, "" | "0") {
                data.insert("local".into(), json!({"type": "inet", "data": {"host": host, "port": port}}));
            }
        }
        "socket" => socket(&words, &mut data)?,
        "spicevmc" => {
            data.insert("type".into(), words.need("name")?.into());
        }
        "spiceport" => {
            data.insert("fqdn".into(), words.need("name")?.into());
        }
        "dbus" => {
            data.insert("name".into(), words.need("name")?.into());
        }
        "qemu-vdagent" => {
            for key in ["clipboard", "mouse"] {
                if words.get(key).is_some() {
                    data.insert(key.into(), words.is_on(key).into());
                }
            }
        }
        other => {
            return Err(Error::new(
                oxivirt_core::ErrorCode::OPERATION_UNSUPPORTED,
                format!("character devices of kind '{other}' cannot be plugged into a running guest"),
            ));
        }
    }
    if let Some(file) = words.get("logfile") {
        data.insert("logfile".into(), file.into());
        data.insert("logappend".into(), words.is_on("logappend").into());
    }
    Ok(json!({"id": id, "backend": {"type": words.kind, "data": data}}))
}

fn socket(words: &Words, data: &mut Map<String, Value>) -> Result<()> {
    let address = match (words.get("path"), words.get("fd")) {
        (Some(path), _) => json!({"type": "unix", "data": {"path": path}}),
        (None, Some(fd)) => json!({"type": "fd", "data": {"str": fd}}),
        (None, None) => json!({"type": "inet", "data": {"host": words.need("host")?, "port": words.need("port")?}}),
    };
    let inet = address.get("type").is_some_and(|kind| kind == "inet");
    data.insert("addr".into(), address);
    if inet {
        data.insert("telnet".into(), words.is_on("telnet").into());
    }
    let server = words.is_on("server");
    data.insert("server".into(), server.into());
    if server {
        data.insert("wait".into(), false.into());
    }
    for key in ["reconnect", "reconnect-ms"] {
        if let Some(time) = words.get(key).and_then(|time| time.parse::<u64>().ok()) {
            data.insert(key.into(), time.into());
        }
    }
    if let Some(credentials) = words.get("tls-creds") {
        data.insert("tls-creds".into(), credentials.into());
    }
    Ok(())
}

/// `kind,key=value,…`; a comma in a value stands twice.
#[derive(Debug, Default)]
pub(crate) struct Words {
    pub(crate) kind: String,
    members: Vec<(String, String)>,
}

impl Words {
    pub(crate) fn read(text: &str) -> Self {
        let mut parts = vec![String::new()];
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let ends = c == ',' && chars.next_if_eq(&',').is_none();
            match parts.last_mut() {
                _ if ends => parts.push(String::new()),
                Some(part) => part.push(c),
                None => {}
            }
        }
        let mut words = Self::default();
        for part in parts {
            match part.split_once('=') {
                Some((key, value)) => words.members.push((key.to_owned(), value.to_owned())),
                None => words.kind = part,
            }
        }
        words
    }

    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.members.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    pub(crate) fn need(&self, key: &str) -> Result<&str> {
        self.get(key).ok_or_else(|| Error::internal(format!("'{}' was written without '{key}'", self.kind)))
    }

    fn or_empty(&self, key: &str) -> &str {
        self.get(key).unwrap_or_default()
    }

    fn is_on(&self, key: &str) -> bool {
        self.get(key) == Some("on")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn words_become_objects() {
        for (text, wanted) in [
            ("pty,id=charserial0", json!({"id": "charserial0", "backend": {"type": "pty", "data": {}}})),
            (
                "socket,id=c,path=/a,,b,reconnect-ms=2000",
                json!({"id": "c", "backend": {"type": "socket", "data": {
                    "addr": {"type": "unix", "data": {"path": "/a,b"}}, "server": false, "reconnect-ms": 2000}}}),
            ),
            (
                "socket,id=c,fd=name,server=on,wait=off",
                json!({"id": "c", "backend": {"type": "socket", "data": {
                    "addr": {"type": "fd", "data": {"str": "name"}}, "server": true, "wait": false}}}),
            ),
            (
                "socket,id=c,host=h,port=7,telnet=on,server=on,wait=off,tls-creds=t",
                json!({"id": "c", "backend": {"type": "socket", "data": {
                    "addr": {"type": "inet", "data": {"host": "h", "port": "7"}},
                    "server": true, "wait": false, "telnet": true, "tls-creds": "t"}}}),
            ),
            (
                "file,id=c,path=/dev/fdset/2,append=on,logfile=/dev/fdset/3,logappend=on",
                json!({"id": "c", "backend": {"type": "file", "data": {
                    "out": "/dev/fdset/2", "append": true, "logfile": "/dev/fdset/3", "logappend": true}}}),
            ),
        ] {
            assert_eq!(backend_of(text).unwrap(), wanted, "{text}");
        }
        assert!(backend_of("nmdm,id=c").is_err());
        assert!(backend_of("pty").is_err());
    }
}
