//! A socket of this machine.

use std::os::fd::OwnedFd;
use std::path::PathBuf;

use oxivirt_core::client::connect_unix;
use oxivirt_core::plugin::OpenFlags;
use oxivirt_core::{Error, Result};

use crate::connection::Places;
use crate::uri::RemoteUri;

pub(super) fn connect(uri: &RemoteUri, flags: OpenFlags, places: &Places) -> Result<OwnedFd> {
    let read_only = flags.contains(OpenFlags::READ_ONLY);
    connect_unix(&path(uri, read_only, places)?)
}

/// The socket: as given, else that of the driver's own daemon where there is
/// one, else that of the daemon for everything.
fn path(uri: &RemoteUri, read_only: bool, places: &Places) -> Result<PathBuf> {
    if let Some(path) = uri.parameter("socket") {
        return Ok(path.into());
    }
    let folder = match (uri.is_session(), std::env::var_os("XDG_RUNTIME_DIR")) {
        (true, Some(folder)) => PathBuf::from(folder).join("libvirt"),
        _ => places.run.clone(),
    };
    // One user's daemon has no second socket for those who only look.
    let end = if read_only && !uri.is_session() { "-sock-ro" } else { "-sock" };
    let direct = folder.join(format!("virt{}d{end}", uri.driver));
    let legacy = folder.join(format!("libvirt{end}"));
    match uri.parameter("mode").unwrap_or("auto") {
        "direct" => Ok(direct),
        "legacy" => Ok(legacy),
        "auto" if direct.exists() => Ok(direct),
        "auto" => Ok(legacy),
        other => Err(Error::invalid_arg(format!("URI parameter 'mode' is '{other}', not auto, direct or legacy"))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn sockets_are_found_by_mode() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places { run: folder.path().to_owned(), config: folder.path().to_owned() };
        let name = |text: &str, read_only| {
            let path = path(&RemoteUri::parse(text).unwrap(), read_only, &places).unwrap();
            path.file_name().unwrap().to_str().unwrap().to_owned()
        };
        assert_eq!(name("qemu+unix:///system", false), "libvirt-sock");
        assert_eq!(name("qemu+unix:///system", true), "libvirt-sock-ro");
        assert_eq!(name("qemu+unix:///system?mode=direct", false), "virtqemud-sock");
        std::fs::write(folder.path().join("virtqemud-sock"), "").unwrap();
        assert_eq!(name("qemu+unix:///system", false), "virtqemud-sock");
        assert_eq!(name("qemu+unix:///system?mode=legacy", false), "libvirt-sock");
        assert_eq!(name("qemu+unix:///system?socket=/a/b", true), "b");
        let strange = RemoteUri::parse("qemu+unix:///system?mode=odd").unwrap();
        assert!(super::path(&strange, false, &places).is_err());
    }
}
