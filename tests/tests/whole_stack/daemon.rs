//! The daemon as a process: signals, configuration, socket activation.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use oxivirt_tests::sandbox::{CLIENT_LIMIT, DAEMON_LIMIT, Sandbox};
use oxivirt_tests::{assets, process, skip, stock};
use rustix::process::{Pid, Signal};

use super::{Outcome, SOON};

/// A daemon, or `None` where the stock one is judged, whose own habits are no matter.
fn ours() -> Result<Option<Sandbox>, String> {
    match stock::chosen() {
        true => Ok(None),
        false => Sandbox::start().map(Some),
    }
}

fn signal(sandbox: &Sandbox, signal: Signal) -> Outcome {
    let pid = Pid::from_raw(sandbox.pid()).ok_or("no daemon runs")?;
    rustix::process::kill_process(pid, signal).map_err(|e| e.to_string())
}

#[test]
fn ending_leaves_no_socket_and_no_pid_file() -> Outcome {
    let Some(mut sandbox) = ours()? else { return Ok(()) };
    let pid_file = sandbox.root().join("run/libvirtd.pid");
    assert_eq!(std::fs::read_to_string(&pid_file).map_err(|e| e.to_string())?.trim(), sandbox.pid().to_string());
    let sockets = [sandbox.socket(), sandbox.read_only_socket()];
    assert!(sockets.iter().all(|socket| socket.exists()));
    sandbox.stop()?;
    assert!(!sockets.iter().any(|socket| socket.exists()), "sockets are left");
    assert!(!pid_file.exists(), "the pid file is left");
    sandbox.launch()
}

#[test]
fn a_broken_configuration_is_named_and_the_old_one_stays() -> Outcome {
    let Some(mut sandbox) = ours()? else { return Ok(()) };
    sandbox.configure("libvirtd.conf", "auth_unix_rw = \"none\"\nmax_clients = \"many\"\n")?;
    signal(&sandbox, Signal::HUP)?;
    process::wait_for("the mistake to be in the log", SOON, || {
        sandbox.log_tail().contains("libvirtd.conf:2").then_some(())
    })
    .map_err(|e| sandbox.explain(&e))?;
    assert!(sandbox.is_alive());
    sandbox.virsh_ok(&sandbox.uri("test", "/default"), &["list"])?;
    let mut check = Command::new(assets::daemon()?);
    check.arg("--root").arg(sandbox.root()).arg("--check");
    let finished = process::run(&mut check, "oxivirtd --check", CLIENT_LIMIT)?;
    assert!(!finished.status.success());
    assert!(finished.text().contains("libvirtd.conf:2"), "{}", finished.text());
    sandbox.configure("libvirtd.conf", "no_such_key = 1\n")?;
    let finished = process::run(&mut check, "oxivirtd --check", CLIENT_LIMIT)?;
    assert!(!finished.status.success() && finished.text().contains("no_such_key"), "{}", finished.text());
    Ok(())
}

/// Ends a process when the test is over.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Listens like systemd does and becomes the program that follows.
const ACTIVATE: &str = r#"
import os, socket, sys
listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
listener.bind(sys.argv[1])
listener.listen(8)
os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="oxivirtd.socket")
os.execv(sys.argv[2], sys.argv[2:])
"#;

#[test]
fn a_socket_of_the_service_manager_is_served_and_readiness_told() -> Outcome {
    if stock::chosen() || skip::lacks(&["/usr/bin/python3", "virsh"]) {
        return Ok(());
    }
    let folder = tempfile::Builder::new().prefix("oxivirt-").tempdir().map_err(|e| e.to_string())?;
    let (socket, notify) = (folder.path().join("libvirt-sock"), folder.path().join("notify"));
    let manager = UnixDatagram::bind(&notify).map_err(|e| e.to_string())?;
    manager.set_read_timeout(Some(DAEMON_LIMIT)).map_err(|e| e.to_string())?;
    std::fs::create_dir_all(folder.path().join("etc/libvirt"))
        .and_then(|()| std::fs::write(folder.path().join("etc/libvirt/libvirtd.conf"), "auth_unix_rw = \"none\"\n"))
        .map_err(|e| e.to_string())?;
    let mut command = Command::new("/usr/bin/python3");
    command.args(["-c", ACTIVATE]).arg(&socket).arg(assets::daemon()?);
    command.arg("--root").arg(folder.path()).arg("--plugin-dir").arg(assets::plugin_folder()?);
    command.env("NOTIFY_SOCKET", &notify).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut daemon = Ended(command.spawn().map_err(|e| e.to_string())?);
    told(&manager, "READY=1")?;
    list(&socket)?;
    let pid = Pid::from_child(&daemon.0);
    rustix::process::kill_process(pid, Signal::TERM).map_err(|e| e.to_string())?;
    told(&manager, "STOPPING=1")?;
    let status = process::wait(&mut daemon.0, DAEMON_LIMIT).ok_or("the daemon did not end")?;
    assert!(status.success(), "{status}");
    assert!(socket.exists(), "the socket belongs to the service manager");
    Ok(())
}

/// Waits until the daemon told its state.
fn told(manager: &UnixDatagram, state: &str) -> Outcome {
    let mut message = [0; 4096];
    for _ in 0..32 {
        let length = manager.recv(&mut message).map_err(|e| format!("waiting for {state}: {e}"))?;
        if String::from_utf8_lossy(&message[..length]).lines().any(|line| line == state) {
            return Ok(());
        }
    }
    Err(format!("32 messages without {state}"))
}

fn list(socket: &Path) -> Outcome {
    let uri = format!("test+unix:///default?socket={}", socket.display());
    let mut virsh = Command::new("virsh");
    virsh.args(["-c", &uri, "list"]);
    let finished = process::succeed(&mut virsh, "virsh", Duration::from_secs(30))?;
    match finished.stdout.contains("test") {
        true => Ok(()),
        false => Err(finished.text()),
    }
}
