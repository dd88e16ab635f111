//! `dbus-daemon`: a message bus of a guest's own, for its display.

use std::path::{Path, PathBuf};

use oxivirt_core::{Error, Result};
use oxivirt_util::accounts;

use super::helper::{Helper, Kind};
use super::program::{Program, find_program};
use super::site::{Site, give};

/// The pid file, the socket and the configuration of a guest's bus.
pub(super) fn run_files(site: &Site) -> (PathBuf, PathBuf, PathBuf) {
    (site.running("dbus", "-dbus.pid"), site.running("dbus", "-dbus.sock"), site.running("dbus", "-dbus.conf"))
}

/// Starts a guest's message bus.
///
/// * Returns it with the path of its socket.
/// * Errors: `OPERATION_UNSUPPORTED` it is not installed; `INTERNAL_ERROR`
///   with its own words.
pub fn start(site: &Site) -> Result<(Helper, PathBuf)> {
    let binary = find_program(site.settings.helpers.dbus_daemon.as_deref().unwrap_or("dbus-daemon"))?;
    let (pid_file, socket, configuration) = run_files(site);
    let rules = site.guest_user();
    Site::make_folder_of(&socket, 0o770, &rules)?;
    let id = rules.user.unwrap_or_else(|| rustix::process::geteuid().as_raw());
    let user = accounts::user_name(id).unwrap_or_else(|| id.to_string());
    oxivirt_util::file::write_atomic(&configuration, text(&socket, &user)?.as_bytes(), 0o600)
        .map_err(|e| Error::system(format_args!("cannot write '{}'", configuration.display()), &e))?;
    give(&configuration, &rules)?;
    let program = Program {
        kind: Kind::Bus,
        alias: String::new(),
        binary,
        arguments: vec![format!("--config-file={}", configuration.display()), "--nofork".to_owned()],
        environment: Vec::new(),
        descriptors: Vec::new(),
        rules,
        log: site.log("-dbus.log"),
        pid_file,
        socket: Some(socket.clone()),
        files: vec![configuration],
        orphan: false,
    };
    Ok((program.start()?, socket))
}

/// Its configuration: whoever runs the guest, and root, may do everything.
fn text(socket: &Path, user: &str) -> Result<String> {
    let path = socket.to_str().ok_or_else(|| Error::internal("the path of a socket is no text"))?;
    // Addresses have an escape of their own.
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_/.*\\".contains(byte);
    let address: String = path
        .bytes()
        .map(|byte| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02x}") })
        .collect();
    Ok(format!(
        "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\"
  \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">
<busconfig>
  <type>org.libvirt.qemu</type>
  <listen>unix:path={address}</listen>
  <auth>EXTERNAL</auth>
  <policy context='default'>
    <allow send_destination='*' eavesdrop='true'/>
    <allow eavesdrop='true'/>
    <allow own='*'/>
    <allow user='{user}'/>
    <allow user='root'/>
  </policy>
  <include if_selinux_enabled='yes' selinux_root_relative='yes'>contexts/dbus_contexts</include>
</busconfig>
"
    ))
}
