//! Local users whom polkit decides about: a stand-in for it on a private bus.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use oxivirt_tests::sandbox::{CLIENT_LIMIT, Sandbox};
use oxivirt_tests::{process, skip, stock};

use super::Outcome;
use super::authority::{Bus, Verdict};

/// Whether the test cannot run here.
pub(super) fn cannot() -> bool {
    if !rustix::process::geteuid().is_root() {
        skip::skip("only root can act as another user");
        return true;
    }
    skip::lacks(&["virsh", "setpriv", "dbus-daemon"])
}

/// Lets other users find the sockets.
pub(super) fn open_up(sandbox: &Sandbox) -> Outcome {
    for (folder, mode) in [(sandbox.root().to_owned(), 0o755), (sandbox.root().join("home"), 0o777)] {
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(mode)).map_err(|e| e.to_string())?;
    }
    Ok(())
}

pub(super) const NOBODY: i32 = 65534;

/// Runs virsh as nobody; gives back whether it was let in, and what it said.
fn as_nobody(sandbox: &Sandbox, socket: &Path, read_only: bool) -> Result<(bool, String), String> {
    let mut command = Command::new("setpriv");
    let nobody = NOBODY.to_string();
    command.args(["--reuid", &nobody, "--regid", &nobody, "--clear-groups", "virsh", "-q"]);
    command.args(read_only.then_some("-r")).arg("-c");
    command.arg(format!("test+unix:///default?socket={}", socket.display())).arg("list");
    command.env("HOME", sandbox.root().join("home")).env("LANG", "C.UTF-8").current_dir("/");
    for name in ["XDG_RUNTIME_DIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "LIBVIRT_DEFAULT_URI"] {
        command.env_remove(name);
    }
    let finished = process::run(&mut command, "virsh as nobody", CLIENT_LIMIT).map_err(|e| sandbox.explain(&e))?;
    Ok((finished.status.success(), finished.text()))
}

const SETTINGS: &str = "auth_unix_rw = \"polkit\"\nauth_unix_ro = \"polkit\"\n";

#[test]
fn polkit_decides_about_other_users() -> Outcome {
    if cannot() || stock::chosen() {
        return Ok(());
    }
    let mut sandbox = Sandbox::prepare()?;
    sandbox.configure("libvirtd.conf", SETTINGS)?;
    let bus = Bus::start(sandbox.root())?;
    sandbox.variable("DBUS_SYSTEM_BUS_ADDRESS", &bus.address);
    sandbox.launch()?;
    open_up(&sandbox)?;
    // Root is not asked about.
    sandbox.virsh_ok(&sandbox.uri("test", "/default"), &["list"])?;
    assert!(bus.questions().is_empty());

    let (came_in, text) = as_nobody(&sandbox, &sandbox.socket(), false)?;
    assert!(!came_in && text.contains("access denied by policy"), "{text}");
    bus.decide(Verdict::Yes);
    let (came_in, text) = as_nobody(&sandbox, &sandbox.socket(), false)?;
    assert!(came_in, "{}", sandbox.explain(&text));
    let (came_in, text) = as_nobody(&sandbox, &sandbox.read_only_socket(), true)?;
    assert!(came_in, "{}", sandbox.explain(&text));
    let asked = bus.questions();
    // virsh itself tries again after a refusal.
    let mut actions: Vec<&str> = asked.iter().map(|question| question.action.as_str()).collect();
    actions.dedup();
    assert_eq!(actions, ["org.libvirt.unix.manage", "org.libvirt.unix.monitor"]);
    for question in &asked {
        assert_eq!((question.kind.as_str(), question.user), ("unix-process", NOBODY), "{question:?}");
        assert!(question.process > 1 && question.has_start && question.may_ask, "{question:?}");
    }
    for (verdict, wanted) in [
        (Verdict::NoAgent, "no polkit agent available to authenticate action 'org.libvirt.unix.manage'"),
        (Verdict::Dismissed, "user cancelled authentication process"),
    ] {
        bus.decide(verdict);
        let (came_in, text) = as_nobody(&sandbox, &sandbox.socket(), false)?;
        assert!(!came_in && text.contains(wanted), "{verdict:?}: {text}");
    }
    // The bus goes away: nobody else comes in, and nothing hangs.
    drop(bus);
    let (came_in, text) = as_nobody(&sandbox, &sandbox.socket(), false)?;
    assert!(!came_in && text.contains("authentication unavailable"), "{text}");
    sandbox.virsh_ok(&sandbox.uri("test", "/default"), &["list"])?;
    // And comes back.
    let bus = Bus::start(sandbox.root())?;
    bus.decide(Verdict::Yes);
    let (came_in, text) = as_nobody(&sandbox, &sandbox.socket(), false)?;
    assert!(came_in, "{}", sandbox.explain(&text));
    Ok(())
}
