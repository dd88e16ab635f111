//! Local users whom polkit decides about: a stand-in for it on a private bus.

use std::collections::HashMap;
use std::io::BufRead;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use oxivirt_tests::sandbox::{CLIENT_LIMIT, Sandbox};
use oxivirt_tests::{process, skip, stock};
use tokio::runtime::Runtime;
use zbus::zvariant::OwnedVariant;

use super::Outcome;

/// What the stand-in says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Yes,
    No,
    /// Somebody would have to be asked, and there is nobody.
    NoAgent,
    /// Somebody was asked and closed the window.
    Dismissed,
}

/// A question that was asked.
#[derive(Clone, Debug)]
struct Question {
    kind: String,
    process: u32,
    user: i32,
    has_start: bool,
    action: String,
    may_ask: bool,
}

struct Shared {
    verdict: Verdict,
    questions: Vec<Question>,
}

struct Authority(Arc<Mutex<Shared>>);

#[zbus::interface(name = "org.freedesktop.PolicyKit1.Authority")]
impl Authority {
    fn check_authorization(
        &self,
        subject: (String, HashMap<String, OwnedVariant>),
        action: String,
        _details: HashMap<String, String>,
        flags: u32,
        _cancellation: String,
    ) -> ((bool, bool, HashMap<String, String>),) {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |name: &str| subject.1.get(name);
        shared.questions.push(Question {
            kind: subject.0.clone(),
            process: of("pid").and_then(|value| u32::try_from(value).ok()).unwrap_or_default(),
            user: of("uid").and_then(|value| i32::try_from(value).ok()).unwrap_or(-1),
            has_start: of("start-time").is_some_and(|value| u64::try_from(value).is_ok()),
            action,
            may_ask: flags & 1 != 0,
        });
        let said = match shared.verdict {
            Verdict::Dismissed => HashMap::from([("polkit.dismissed".to_owned(), "true".to_owned())]),
            _ => HashMap::new(),
        };
        ((shared.verdict == Verdict::Yes, shared.verdict == Verdict::NoAgent, said),)
    }

    fn cancel_check_authorization(&self, _cancellation: String) {}
}

/// A bus with the stand-in on it, gone when dropped.
struct Bus {
    daemon: Child,
    shared: Arc<Mutex<Shared>>,
    address: String,
    _connection: zbus::Connection,
    _runtime: Runtime,
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

impl Bus {
    fn start(folder: &Path) -> Result<Bus, String> {
        let at = |e: &dyn std::fmt::Display| format!("a private bus: {e}");
        let config = folder.join("bus.conf");
        let text = format!(
            "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\" \
             \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n<busconfig>\n\
             <listen>unix:path={}/bus</listen>\n<auth>EXTERNAL</auth>\n<policy context=\"default\">\n\
             <allow send_destination=\"*\" eavesdrop=\"true\"/><allow eavesdrop=\"true\"/><allow own=\"*\"/>\n\
             <allow user=\"*\"/>\n</policy>\n</busconfig>\n",
            folder.display()
        );
        std::fs::write(&config, text).map_err(|e| at(&e))?;
        let mut daemon = Command::new("dbus-daemon")
            .arg(format!("--config-file={}", config.display()))
            .args(["--nofork", "--print-address"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| at(&e))?;
        let mut address = String::new();
        let output = daemon.stdout.take().ok_or("a private bus: no output")?;
        std::io::BufReader::new(output).read_line(&mut address).map_err(|e| at(&e))?;
        // Without its identity, so that a bus that is started again is the same one.
        let address = address.trim().split(",guid=").next().unwrap_or_default().to_owned();
        let shared = Arc::new(Mutex::new(Shared { verdict: Verdict::No, questions: Vec::new() }));
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().map_err(|e| at(&e))?;
        let connection = runtime.block_on(async {
            let builder = zbus::connection::Builder::address(address.as_str())
                .name("org.freedesktop.PolicyKit1")
                .serve_at("/org/freedesktop/PolicyKit1/Authority", Authority(shared.clone()));
            builder.build().await
        });
        let connection = connection.map_err(|e| {
            let _ = daemon.kill();
            let _ = daemon.wait();
            at(&e)
        })?;
        Ok(Bus { daemon, shared, address, _connection: connection, _runtime: runtime })
    }

    fn decide(&self, verdict: Verdict) {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).verdict = verdict;
    }

    fn questions(&self) -> Vec<Question> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).questions.clone()
    }
}

/// Whether the test cannot run here.
fn cannot() -> bool {
    if !rustix::process::geteuid().is_root() {
        skip::skip("only root can act as another user");
        return true;
    }
    skip::lacks(&["virsh", "setpriv", "dbus-daemon"])
}

/// Lets other users find the sockets.
fn open_up(sandbox: &Sandbox) -> Outcome {
    for (folder, mode) in [(sandbox.root().to_owned(), 0o755), (sandbox.root().join("home"), 0o777)] {
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(mode)).map_err(|e| e.to_string())?;
    }
    Ok(())
}

const NOBODY: i32 = 65534;

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
