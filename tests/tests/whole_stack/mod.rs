//! One file per subject; what they share is here.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use oxivirt_tests::sandbox::Sandbox;
use oxivirt_tests::{assets, console::Console, fixture, process, skip};

mod access;
mod administration;
mod authority;
mod bridge;
mod clients;
mod commands;
mod contract;
mod crash;
mod daemon;
mod events;
mod failing;
mod guest;
mod hooks;
mod host;
mod isolation;
mod kills;
mod lifecycle;
mod load;
mod malformed;
mod neighbours;
mod node_file;
mod polkit;
mod polkit_access;
mod python;
mod qemu_agent;
mod qemu_devices;
mod qemu_environment;
mod qemu_groups;
mod qemu_helpers;
mod qemu_hotplug;
mod qemu_images;
mod qemu_native;
mod qemu_real_agent;
mod qemu_runtime;
mod qemu_statistics;
mod qemu_throttle;
mod qemu_tuning;
mod qemu_update;
mod remote;
mod same_answers;
mod sasl;
mod schemas;
mod secondary;
mod side_by_side;
mod stuck;
mod tcp;
mod test_driver;
mod tls;

type Outcome = Result<(), String>;

/// How long a guest may take to boot or to go down when its processor is emulated.
const GUEST_LIMIT: Duration = Duration::from_secs(120);

/// How long something may take that the daemon does without a guest.
const SOON: Duration = Duration::from_secs(20);

/// A daemon with one way to reach it.
struct Host {
    sandbox: Sandbox,
    uri: String,
}

impl Host {
    /// A daemon, seen as `qemu:///system`; `None` after skipping the test when programs are missing.
    fn qemu() -> Result<Option<Host>, String> {
        if skip::lacks(&["virsh", "qemu-system-x86_64"]) {
            return Ok(None);
        }
        let sandbox = Sandbox::start()?;
        let uri = sandbox.uri("qemu", "/system");
        Ok(Some(Host { sandbox, uri }))
    }

    /// Runs virsh, which must succeed.
    fn virsh(&self, arguments: &[&str]) -> Result<String, String> {
        self.sandbox.virsh_ok(&self.uri, arguments)
    }

    /// Runs virsh, which must fail; gives back what it says.
    fn refused(&self, arguments: &[&str]) -> Result<String, String> {
        let finished = self.sandbox.virsh(&self.uri, arguments)?;
        match finished.status.success() {
            false => Ok(finished.stderr),
            true => Err(format!("virsh {} succeeded: {}", arguments.join(" "), finished.text())),
        }
    }

    /// Defines a domain from a text.
    fn define(&self, xml: &str) -> Outcome {
        let file = self.sandbox.root().join("definition.xml");
        std::fs::write(&file, xml).map_err(|e| e.to_string())?;
        self.virsh(&["define", &file.display().to_string()]).map(drop)
    }

    /// Defines and starts a guest with nothing to boot.
    fn start_idle(&self, name: &str) -> Outcome {
        self.define(&fixture::idle_guest(name))?;
        self.virsh(&["start", name]).map(drop)
    }

    /// Defines and boots the Linux guest, and waits until its shell answers.
    fn boot(&self, name: &str, guest: &assets::Guest) -> Result<Console, String> {
        self.define(&fixture::linux_guest(name, guest))?;
        self.virsh(&["start", "--paused", name])?;
        let terminal = self.virsh(&["ttyconsole", name])?;
        let mut console = Console::open(Path::new(terminal.trim()))?;
        self.virsh(&["resume", name])?;
        console.until(assets::GUEST_BANNER, GUEST_LIMIT).map_err(|e| self.sandbox.explain(&e))?;
        console.until("guest# ", GUEST_LIMIT)?;
        Ok(console)
    }

    /// The state of a domain with its reason, such as `paused (user)`.
    fn state(&self, name: &str) -> Result<String, String> {
        Ok(self.virsh(&["domstate", "--reason", name])?.trim().to_owned())
    }

    /// Waits until a domain is in a state.
    fn reaches(&self, name: &str, state: &str, limit: Duration) -> Outcome {
        let mut last = String::new();
        process::wait_for(&format!("{name} to be {state}"), limit, || {
            last = self.state(name).unwrap_or_else(|e| e);
            (last == state).then_some(())
        })
        .map_err(|e| self.sandbox.explain(&format!("{e}; it is {last}")))
    }
}

/// One value of virsh's `Key:  value` output.
fn field(text: &str, key: &str) -> String {
    text.lines()
        .find_map(|line| line.split_once(':').filter(|(name, _)| name.trim() == key))
        .map(|(_, value)| value.trim().to_owned())
        .unwrap_or_default()
}

/// The test guest, or a skip that says how to make it.
fn guest_or_skip() -> Option<assets::Guest> {
    assets::guest().map_err(|reason| skip::skip(&reason)).ok()
}

/// Holds a document against one of the published schemas, such as `domain`.
fn validate(xml: &str, schema: &str) -> Outcome {
    let file = tempfile::NamedTempFile::new().map_err(|e| e.to_string())?;
    std::fs::write(file.path(), xml).map_err(|e| e.to_string())?;
    let rng = format!("/usr/share/libvirt/schemas/{schema}.rng");
    let mut command = Command::new("xmllint");
    command.args(["--noout", "--relaxng", &rng]).arg(file.path());
    process::succeed(&mut command, &format!("validating against {rng}"), SOON)
        .map(drop)
        .map_err(|e| format!("{e}\n{xml}"))
}
