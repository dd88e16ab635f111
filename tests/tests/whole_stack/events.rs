//! Events as `virsh event` shows them.

use std::fs::{self, File};
use std::process::{Child, Stdio};

use oxivirt_tests::sandbox::Sandbox;
use oxivirt_tests::wire::{Answer, Client, Xdr, procedure};
use oxivirt_tests::{process, skip};

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
    ///
    /// Whether QEMU still gets to tell of its own shutdown while it is being
    /// ended is a matter of luck, so that one is left out.
    fn lines(&self, name: &str, count: usize) -> Result<Vec<String>, String> {
        let read = || {
            let about = format!("for domain '{name}'");
            self.text()
                .lines()
                .filter(|line| line.contains(&about) && !line.contains(": Shutdown "))
                .map(str::to_owned)
                .collect::<Vec<_>>()
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

/// The callback's number, the event and its detail in a lifecycle event about any domain.
fn lifecycle(event: &Answer) -> (u32, u32, u32) {
    assert_eq!(event.header.procedure, procedure::DOMAIN_EVENT_CALLBACK_LIFECYCLE);
    let words: Vec<u32> =
        event.payload.chunks_exact(4).filter_map(|word| Some(u32::from_be_bytes(word.try_into().ok()?))).collect();
    (words[0], words[words.len() - 2], words[words.len() - 1])
}

// The stock daemon refuses the second registration.
#[test]
fn one_connection_may_register_the_same_twice() -> Outcome {
    if skip::lacks(&["virsh"]) {
        return Ok(());
    }
    let sandbox = Sandbox::start()?;
    let uri = sandbox.uri("test", "/default");
    let text = |e: std::io::Error| e.to_string();
    let mut client = Client::open(&sandbox.socket(), "test:///default", SOON).map_err(text)?;
    let every_domain = Xdr::default().unsigned(0).unsigned(0).0;
    let mut register = || -> Result<u32, String> {
        let id = client.call(procedure::CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY, &every_domain).map_err(text)?;
        id.try_into().map(u32::from_be_bytes).map_err(|odd| format!("a callback's number: {odd:?}"))
    };
    let (first, second) = (register()?, register()?);
    assert_ne!(first, second);

    const SUSPENDED: u32 = 3;
    const RESUMED: u32 = 4;
    sandbox.virsh_ok(&uri, &["suspend", "test"])?;
    let mut told =
        [client.next_event().map_err(text)?, client.next_event().map_err(text)?].map(|event| lifecycle(&event));
    told.sort_unstable();
    let mut expected = [(first, SUSPENDED, 0), (second, SUSPENDED, 0)];
    expected.sort_unstable();
    assert_eq!(told, expected);

    let gone = Xdr::default().unsigned(first).0;
    client.call(procedure::CONNECT_DOMAIN_EVENT_CALLBACK_DEREGISTER_ANY, &gone).map_err(text)?;
    for (command, event) in [("resume", RESUMED), ("suspend", SUSPENDED), ("resume", RESUMED)] {
        sandbox.virsh_ok(&uri, &[command, "test"])?;
        assert_eq!(lifecycle(&client.next_event().map_err(text)?), (second, event, 0));
    }
    Ok(())
}
