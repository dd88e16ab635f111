//! `auth.conf`: whose name and password go to which server.

use std::path::{Path, PathBuf};

use oxivirt_core::{Error, Result};

use crate::connection::Places;
use crate::uri::RemoteUri;

/// A name and its password, as far as they are known.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
}

/// Finds the credentials for a server.
///
/// * Errors: a file that was asked for and cannot be read.
pub(crate) fn find(uri: &RemoteUri, places: &Places) -> Result<Credentials> {
    let host = if uri.host.is_empty() { "localhost" } else { &uri.host };
    let mut found = match file(uri, places)? {
        Some(text) => look_up(&text, host),
        None => Credentials::default(),
    };
    found.user = uri.user.clone().or(found.user);
    Ok(found)
}

fn file(uri: &RemoteUri, places: &Places) -> Result<Option<String>> {
    let named = std::env::var_os("LIBVIRT_AUTH_FILE").map(PathBuf::from);
    if let Some(path) = named.or_else(|| uri.parameters.authfile.as_ref().map(PathBuf::from)) {
        let text = std::fs::read_to_string(&path);
        return text.map(Some).map_err(|source| Error::system(format!("cannot read '{}'", path.display()), &source));
    }
    let folder = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let folder = folder.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".config")));
    let own = folder.map(|folder| folder.join("libvirt/auth.conf"));
    for path in own.into_iter().chain([places.config.join("auth.conf")]) {
        match std::fs::read_to_string(&path) {
            Ok(text) => return Ok(Some(text)),
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => return Err(Error::system(format!("cannot read '{}'", path.display()), &source)),
        }
    }
    Ok(None)
}

/// The section `auth-libvirt-HOST`, or that of `default`, names a section of credentials.
fn look_up(text: &str, host: &str) -> Credentials {
    let value = |section: &str, key: &str| -> Option<String> {
        let mut inside = false;
        for line in text.lines().map(str::trim) {
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                inside = name == section;
            } else if inside
                && let Some((name, value)) = line.split_once('=')
                && name.trim() == key
            {
                return Some(value.trim().to_owned());
            }
        }
        None
    };
    let section = value(&format!("auth-libvirt-{host}"), "credentials")
        .or_else(|| value("auth-libvirt-default", "credentials"))
        .map(|name| format!("credentials-{name}"));
    let Some(section) = section else { return Credentials::default() };
    Credentials {
        user: value(&section, "authname").or_else(|| value(&section, "username")),
        password: value(&section, "password"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_its_own_credentials() {
        let text = "# secrets\n[credentials-a]\nauthname=fred\npassword = x=1\n\n[credentials-b]\nauthname=b\n\
                    [auth-libvirt-box]\ncredentials=a\n[auth-libvirt-default]\ncredentials=b\n";
        let fred = look_up(text, "box");
        assert_eq!((fred.user.as_deref(), fred.password.as_deref()), (Some("fred"), Some("x=1")));
        assert_eq!(look_up(text, "other").user.as_deref(), Some("b"));
        assert_eq!(look_up("", "box"), Credentials::default());
    }
}
