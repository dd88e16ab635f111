//! Events as `virsh event` shows them.

use std::fs::{self, File};
use std::process::{Child, Stdio};

use oxivirt_tests::process;

use super::{Host, Outcome, SOON, fixture};

/// A `virsh event` that runs until it is dropped.
struct Watcher {
    child: Child,
    shown: std::path::PathBuf,
}

impl Watcher {
    /// Starts it and waits until it really hears something.
    fn start(host: &Host, arguments: &[&str]) -> Result<Watcher, String> {
        let shown = host.sandbox.root().join("events");
        let output = File::create(&shown).map_err(|e| e.to_string())?;
        let all: Vec<&str> = ["event", "--loop"].iter().chain(arguments).copied().collect();
        let child = host
            .sandbox
            .virsh_command(&host.uri, &all)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(Stdio::inherit())
            .spawn()
            .map_err(|e| e.to_string())?;
        let watcher = Watcher { child, shown };
        process::wait_for("virsh event to hear a first event", SOON, || {
            host.define(&fixture::idle_guest("probe")).ok()?;
            host.virsh(&["undefine", "probe"]).ok()?;
            watcher.text().contains("'probe'").then_some(())
        })?;
        Ok(watcher)
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.shown).unwrap_or_default()
    }

    /// The lines about one domain, once there are `count` of them.
    fn lines(&self, name: &str, count: usize) -> Result<Vec<String>, String> {
        let read = || {
            let about = format!("for domain '{name}'");
            self.text().lines().filter(|line| line.contains(&about)).map(str::to_owned).collect::<Vec<_>>()
        };
        process::wait_for(&format!("{count} events of {name}"), SOON, || (read().len() >= count).then(read))
            .map_err(|e| format!("{e}; there are:\n{}", self.text()))
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn every_step_of_a_guest_is_told_in_order() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    let watcher = Watcher::start(&host, &["--event", "lifecycle"])?;
    host.start_idle("one")?;
    for command in ["suspend", "resume", "destroy", "undefine"] {
        host.virsh(&[command, "one"])?;
    }
    let expected = [
        "Defined Added",
        "Resumed Unpaused",
        "Started Booted",
        "Suspended Paused",
        "Resumed Unpaused",
        "Stopped Destroyed",
        "Undefined Removed",
    ]
    .map(|what| format!("event 'lifecycle' for domain 'one': {what}"));
    assert_eq!(watcher.lines("one", expected.len())?, expected);
    Ok(())
}

#[test]
fn a_guest_that_dies_is_told() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    let watcher = Watcher::start(&host, &["--event", "lifecycle"])?;
    host.start_idle("one")?;
    process::signal(host.sandbox.guest_pid("one")?, rustix::process::Signal::KILL);
    let lines = watcher.lines("one", 4)?;
    assert_eq!(lines[3], "event 'lifecycle' for domain 'one': Stopped Failed");
    Ok(())
}
