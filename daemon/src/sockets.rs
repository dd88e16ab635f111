//! The daemon's own Unix sockets: where they are, who may open them.

use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use oxivirt_util::paths::Root;
use oxivirt_util::{file, pidfile};
use rustix::fs::{Gid, Mode};

use crate::activation;
use crate::network::{self, Opened};
use crate::sasl::Sasl;
use crate::server::{Admission, Door};
use crate::settings::{Auth, Settings};
use crate::tls::Tls;
use oxivirt_util::accounts;

/// Open sockets; those that this program made are removed on drop.
#[derive(Debug)]
pub(crate) struct Listeners {
    /// What each is for.
    pub(crate) sockets: Vec<(Door, Opened)>,
    made: Vec<PathBuf>,
}

impl Listeners {
    /// Takes over the service manager's sockets and opens those it did not.
    ///
    /// To be called with the pid file locked: a socket file whose daemon is
    /// gone is replaced.
    ///
    /// * `listen`: whether the configured network sockets are opened as well.
    /// * Errors: a socket that another daemon serves, a group that does not
    ///   exist, the system's.
    pub(crate) fn open(root: &Root, settings: &Settings, listen: bool) -> Result<Self, String> {
        let mut all = Self { sockets: activation::sockets(&settings.network)?, made: Vec::new() };
        if !all.sockets.is_empty() {
            return match listen {
                false => Ok(all),
                true => Err("--listen is not possible with sockets from the service manager: \
                             enable the socket units for TLS and TCP instead"
                    .to_owned()),
            };
        }
        let folder = match &settings.sockets.folder {
            Some(folder) => root.resolve(folder),
            None => root.run().to_owned(),
        };
        let mode = if root.is_session() { 0o700 } else { 0o755 };
        file::make_folders(&folder, mode).map_err(|error| error.to_string())?;
        let group = match &settings.sockets.group {
            Some(name) => {
                Some(accounts::group_id(name).ok_or_else(|| format!("there is no group '{name}' for the sockets"))?)
            }
            None => None,
        };
        for (door, name, mode, backlog) in places(root, settings) {
            let path = folder.join(name);
            let listener = open_at(&path, mode, group, backlog)?;
            all.made.push(path);
            all.sockets.push((door, Opened::Unix(listener)));
        }
        let remote = &settings.network;
        for (door, port, wanted) in
            [(Door::Tls, &remote.tls_port, remote.tls), (Door::Tcp, &remote.tcp_port, remote.tcp)]
        {
            if listen && wanted {
                let opened = network::listen(remote.address.as_deref(), port, settings.main.queued_clients)?;
                all.sockets.extend(opened.into_iter().map(|listener| (door, Opened::Tcp(listener))));
            }
        }
        Ok(all)
    }

    /// Whether there is a socket of that kind.
    pub(crate) fn has(&self, door: Door) -> bool {
        self.sockets.iter().any(|(other, _)| *other == door)
    }
}

impl Drop for Listeners {
    fn drop(&mut self) {
        for path in &self.made {
            if let Err(error) = file::remove_if_exists(path) {
                tracing::warn!(%error, "a socket stays behind");
            }
        }
    }
}

/// How clients prove who they are, with everything that takes.
///
/// * `tls`: whether certificates are needed.
/// * Errors: everything that is wrong with certificates, mechanisms and users.
pub(crate) fn admission(root: &Root, settings: &Settings, tls: bool) -> Result<Admission, Vec<String>> {
    // Nobody else gets into one user's folder.
    let default = if root.is_session() { Auth::None } else { Auth::Polkit };
    let sockets = &settings.sockets;
    let mut all = Admission {
        read_write: sockets.read_write_auth.unwrap_or(default),
        read_only: sockets.read_only_auth.unwrap_or(default),
        tcp: settings.network.tcp_auth,
        tls: settings.network.tls_auth,
        tls_context: None,
        sasl: None,
    };
    let mut wrong = Vec::new();
    if tls {
        match Tls::open(root, &settings.tls) {
            Ok(context) => all.tls_context = Some(Arc::new(context)),
            Err(errors) => wrong.extend(errors),
        }
    }
    if [all.read_write, all.read_only, all.tls].contains(&Auth::Sasl) || (settings.network.tcp && all.tcp == Auth::Sasl)
    {
        match Sasl::open(root, &settings.sasl) {
            Ok(sasl) => {
                wrong.extend(sasl.check().err());
                all.sasl = Some(sasl);
            }
            Err(error) => wrong.push(error),
        }
    }
    if wrong.is_empty() { Ok(all) } else { Err(wrong) }
}

/// Takes the pid file, which also says that no other daemon lives here.
pub(crate) fn claim(path: &Path) -> Result<pidfile::PidFile, String> {
    if let Some(folder) = path.parent() {
        file::make_folders(folder, 0o755).map_err(|error| error.to_string())?;
    }
    pidfile::PidFile::acquire(path).map_err(|error| error.to_string())
}

fn places(root: &Root, settings: &Settings) -> Vec<(Door, &'static str, u32, u32)> {
    let sockets = &settings.sockets;
    let (open, closed) = if root.is_session() { (0o700, 0o700) } else { (0o777, 0o700) };
    let mut all =
        vec![(Door::ReadWrite, "libvirt-sock", sockets.read_write_mode.unwrap_or(open), settings.main.queued_clients)];
    if !root.is_session() {
        let mode = sockets.read_only_mode.unwrap_or(open);
        all.push((Door::ReadOnly, "libvirt-sock-ro", mode, settings.main.queued_clients));
    }
    let mode = sockets.admin_mode.unwrap_or(closed);
    all.push((Door::Admin, "libvirt-admin-sock", mode, settings.admin.queued_clients));
    all
}

fn open_at(path: &Path, mode: u32, group: Option<u32>, backlog: u32) -> Result<UnixListener, String> {
    let at = |what: &str, error: std::io::Error| format!("cannot {what} socket '{}': {error}", path.display());
    match path.symlink_metadata() {
        Ok(found) if found.file_type().is_socket() => {
            if UnixStream::connect(path).is_ok() {
                return Err(format!("another daemon serves socket '{}'", path.display()));
            }
            file::remove_if_exists(path).map_err(|error| error.to_string())?;
        }
        Ok(_) => return Err(format!("'{}' is in the way of a socket", path.display())),
        Err(_) => {}
    }
    // Nobody may open it before its mode is set.
    let before = rustix::process::umask(Mode::from_raw_mode(0o777));
    let bound = UnixListener::bind(path);
    rustix::process::umask(before);
    let listener = bound.map_err(|error| at("open", error))?;
    let backlog = i32::try_from(backlog).unwrap_or(i32::MAX);
    rustix::net::listen(&listener, backlog).map_err(|errno| at("listen on", errno.into()))?;
    if let Some(group) = group {
        rustix::fs::chown(path, None, Some(Gid::from_raw(group)))
            .map_err(|errno| at("set the group of", errno.into()))?;
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
        .map_err(|error| at("set the mode of", error))?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stale_sockets_are_replaced_and_living_ones_are_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("sock");
        let first = open_at(&path, 0o640, None, 10).expect("opens");
        assert_eq!(path.metadata().expect("there").permissions().mode() & 0o777, 0o640);
        let error = open_at(&path, 0o600, None, 10).expect_err("in use");
        assert!(error.contains("another daemon"), "{error}");
        drop(first);
        open_at(&path, 0o600, None, 10).expect("stale");
        std::fs::remove_file(&path).expect("removable");
        std::fs::write(&path, "precious").expect("writable");
        open_at(&path, 0o600, None, 10).expect_err("a file");
        assert_eq!(std::fs::read_to_string(&path).expect("kept"), "precious");
    }
}
