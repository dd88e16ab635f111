//! A socket of this machine.

use std::os::fd::OwnedFd;
use std::path::PathBuf;

use oxivirt_core::client::connect_unix;
use oxivirt_core::plugin::OpenFlags;
use oxivirt_core::{Error, Result};
use oxivirt_util::paths::Root;

use crate::connection::Places;
use crate::defaults::Defaults;
use crate::parameters::Mode;
use crate::uri::RemoteUri;

pub(super) fn connect(uri: &RemoteUri, flags: OpenFlags, places: &Places, defaults: &Defaults) -> Result<OwnedFd> {
    if !uri.host.is_empty() {
        let text = format!("a Unix socket is on this machine, not on '{}'", uri.host);
        return Err(Error::invalid_arg(text));
    }
    connect_unix(&path(uri, flags.contains(OpenFlags::READ_ONLY), places, defaults)?)
}

/// The socket: as given, else that of the driver's own daemon where there is
/// one, else that of the daemon for everything.
///
/// * Errors: a session whose folder cannot be told.
pub(crate) fn path(uri: &RemoteUri, read_only: bool, places: &Places, defaults: &Defaults) -> Result<PathBuf> {
    if let Some(path) = &uri.parameters.socket {
        return Ok(path.into());
    }
    let folder = match uri.is_session() && !rustix::process::geteuid().is_root() {
        true => Root::session()
            .map_err(|source| Error::system("the folder of this user's sockets is not known", &source))?
            .run()
            .to_owned(),
        false => places.run.clone(),
    };
    // One user's daemon has no second socket for those who only look.
    let end = if read_only && !uri.is_session() { "-sock-ro" } else { "-sock" };
    let direct = folder.join(format!("virt{}d{end}", uri.driver));
    let legacy = folder.join(format!("libvirt{end}"));
    Ok(match uri.parameters.mode.unwrap_or(defaults.mode) {
        Mode::Direct => direct,
        Mode::Auto if direct.exists() => direct,
        Mode::Auto | Mode::Legacy => legacy,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn sockets_are_found_by_mode() {
        let folder = tempfile::tempdir().unwrap();
        let places = Places { run: folder.path().to_owned(), ..Places::default() };
        let name = |text: &str, read_only| {
            let path = path(&RemoteUri::parse(text).unwrap(), read_only, &places, &Defaults::default()).unwrap();
            path.file_name().unwrap().to_str().unwrap().to_owned()
        };
        assert_eq!(name("qemu+unix:///system", false), "libvirt-sock");
        assert_eq!(name("qemu+unix:///system", true), "libvirt-sock-ro");
        assert_eq!(name("qemu+unix:///system?mode=direct", false), "virtqemud-sock");
        std::fs::write(folder.path().join("virtqemud-sock"), "").unwrap();
        assert_eq!(name("qemu+unix:///system", false), "virtqemud-sock");
        assert_eq!(name("qemu+unix:///system?mode=legacy", false), "libvirt-sock");
        assert_eq!(name("qemu+unix:///system?socket=/a/b", true), "b");
        let legacy = Defaults { mode: Mode::Legacy, ..Defaults::default() };
        let uri = RemoteUri::parse("qemu+unix:///system").unwrap();
        assert!(super::path(&uri, false, &places, &legacy).unwrap().ends_with("libvirt-sock"));
        let elsewhere = RemoteUri::parse("qemu+unix://box/system").unwrap();
        assert!(connect(&elsewhere, OpenFlags::EMPTY, &places, &Defaults::default()).is_err());
    }
}
