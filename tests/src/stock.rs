//! The stock daemon in a sandbox, as the yardstick.
//!
//! It keeps its state in fixed places, so it runs in a mount namespace of its
//! own in which those places are the sandbox's folders; a socket is found by
//! its path from outside as well. That needs root and util-linux.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::process::find_program;

/// Set to `stock` to run the whole-stack cases against the stock daemon
/// instead: a case that fails there as well is itself wrong.
pub const CHOICE: &str = "OXIVIRT_TEST_DAEMON";

/// Whether the whole-stack cases are to run against the stock daemon.
pub fn chosen() -> bool {
    std::env::var_os(CHOICE).is_some_and(|value| value == "stock")
}

/// The folders that the stock daemon must not share with the machine's own.
const PLACES: &[&str] = &["run/libvirt", "var/lib/libvirt", "var/cache/libvirt", "var/log/libvirt", "etc/libvirt"];

/// The command that runs the stock daemon in the foreground with `root` for `/`;
/// arguments that are added to it are the daemon's.
///
/// Errors: it is not installed, or this user may not make a mount namespace.
pub fn command(root: &Path) -> Result<Command, String> {
    let program = find_program("libvirtd").ok_or("the stock libvirtd is not installed")?;
    let unshare = find_program("unshare").ok_or("there is no unshare program (util-linux)")?;
    if !rustix::process::geteuid().is_root() {
        return Err("the stock daemon can be kept apart by root only".into());
    }
    let mut script = String::from("set -e\n");
    for place in PLACES {
        let folder = root.join(place);
        fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        script += &format!("mkdir -p /{place}\nmount --bind \"$1/{place}\" /{place}\n");
    }
    script += "root=$1 program=$2\nshift 2\nexec \"$program\" --config \"$root/etc/libvirt/libvirtd.conf\" --pid-file \"$root/stock.pid\" \"$@\"\n";
    let mut command = Command::new(unshare);
    command.args(["--mount", "--propagation", "private", "sh", "-c", &script, "stock"]).arg(root).arg(program);
    Ok(command)
}

/// Settings without which the stock daemon would reach out of the sandbox:
/// lines for `libvirtd.conf`, and the text of `qemu.conf`.
pub fn settings(root: &Path) -> (String, &'static str) {
    (
        format!("unix_sock_dir = \"{0}/run/libvirt\"\nlog_outputs = \"3:file:{0}/daemon.log\"\n", root.display()),
        "stdio_handler = \"file\"\nsecurity_driver = \"none\"\nuser = \"root\"\ngroup = \"root\"\ncgroup_controllers = [ ]\nnamespaces = [ ]\n",
    )
}
