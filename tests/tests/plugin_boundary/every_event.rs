//! Everything that a driver can tell of reaches stock clients as it was told.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::Duration;

use oxivirt_core::event::all_events;
use oxivirt_tests::sandbox::{Program, Sandbox};
use oxivirt_tests::wire::{Client, Xdr};
use oxivirt_tests::{assets, process, skip};

use super::{folder, misbehaving};

/// How long a first event may take to a client that has just started.
const SOON: Duration = Duration::from_secs(60);

/// What clients are asked for, and what they must have shown.
const WATCHED: &[(&[&str], &[&str])] = &[
    (
        &["event", "--all", "--loop"],
        &[
            "event 'lifecycle' for domain 'guest': Suspended Migrated",
            "event 'reboot' for domain 'guest'",
            "event 'rtc-change' for domain 'guest': -5",
            "event 'watchdog' for domain 'guest': reset",
            "event 'io-error' for domain 'guest': /path (alias) pause",
            "event 'graphics' for domain 'guest': initialize local[IPv4 local 5900] remote[IPv4 remote 5900] scheme",
            "x509dname=somebody",
            "event 'io-error' for domain 'guest': /path (alias) report due to enospc",
            "event 'control-error' for domain 'guest'",
            "event 'block-job' for domain 'guest': Block Pull for /path completed",
            "event 'disk-change' for domain 'guest' disk alias: /old -> <null>: changed",
            "event 'tray-change' for domain 'guest' disk alias: closed",
            "event 'pm-wakeup' for domain 'guest'",
            "event 'pm-suspend' for domain 'guest'",
            "event 'balloon-change' for domain 'guest': 1099511627776KiB",
            "event 'pm-suspend-disk' for domain 'guest'",
            "event 'device-removed' for domain 'guest': removed",
            "event 'block-job-2' for domain 'guest': Block Copy for vda ready",
            "event 'tunable' for domain 'guest':",
            "cputune.vcpupin0: 0-1",
            "event 'agent-lifecycle' for domain 'guest': state: 'connected' reason: 'channel event'",
            "event 'device-added' for domain 'guest': added",
            "event 'migration-iteration' for domain 'guest': iteration: '7'",
            "event 'job-completed' for domain 'guest':",
            "operation: 4",
            "event 'device-removal-failed' for domain 'guest': kept",
            "event 'metadata-change' for domain 'guest': type element, uri urn:contract",
            "event 'block-threshold' for domain 'guest': dev: vda(/path) 8589934592 5",
            "event 'memory-failure' for domain 'guest':",
            "recipient: guest",
            "action: fatal",
            "flags:",
            "action required: 1",
            "recursive: 1",
            "event 'memory-device-size-change' for domain 'guest':",
            "alias: dimm0",
            "size: 1073741824",
            "event 'nic-mac-change' for domain 'guest':",
            "alias: net0",
            "oldMAC: 52:54:00:00:00:01",
            "newMAC: 52:54:00:00:00:02",
        ],
    ),
    (&["net-event", "--event", "lifecycle", "--loop"], &["event 'lifecycle' for network net: Started"]),
    (
        &["net-event", "--event", "metadata-change", "--loop"],
        &["event 'metadata-change' for network net: type element, uri urn:net"],
    ),
    (&["pool-event", "--event", "lifecycle", "--loop"], &["event 'lifecycle' for storage pool pool: Stopped"]),
    (&["pool-event", "--event", "refresh", "--loop"], &["event 'refresh' for storage pool pool"]),
    (&["nodedev-event", "--event", "lifecycle", "--loop"], &["event 'lifecycle' for node device device: Created"]),
    (&["nodedev-event", "--event", "update", "--loop"], &["event 'update' for node device device"]),
    (
        &["secret-event", "--event", "lifecycle", "--loop"],
        &["event 'lifecycle' for secret 07070707-0707-0707-0707-070707070707: Defined"],
    ),
    (
        &["secret-event", "--event", "value-changed", "--loop"],
        &["event 'value-changed' for secret 07070707-0707-0707-0707-070707070707"],
    ),
    (&["qemu-monitor-event", "--loop"], &["event SHUTDOWN at 12.000034 for domain 'guest': {\"guest\":true}"]),
];

/// A client that runs until it is dropped.
struct Watcher {
    child: Child,
    shown: PathBuf,
}

impl Watcher {
    fn start(sandbox: &Sandbox, uri: &str, number: usize, arguments: &[&str]) -> Result<Self, String> {
        let shown = sandbox.root().join(format!("shown-{number}"));
        let output = File::create(&shown).map_err(|e| e.to_string())?;
        let mut command = sandbox.virsh_command(uri, arguments);
        command.stdin(Stdio::null()).stdout(output).stderr(Stdio::inherit());
        Ok(Self { child: command.spawn().map_err(|e| e.to_string())?, shown })
    }

    /// What it has shown, each line once: the same is told more than once.
    fn lines(&self) -> BTreeSet<String> {
        let text = fs::read_to_string(&self.shown).unwrap_or_default();
        // The last line may not be whole yet.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn daemon(plugins: &tempfile::TempDir) -> Result<Sandbox, String> {
    let mut sandbox =
        Sandbox::with(Program::Oxivirt { daemon: assets::daemon()?, plugins: plugins.path().to_owned() })?;
    sandbox.launch()?;
    Ok(sandbox)
}

#[test]
fn every_event_reaches_a_stock_client() -> Result<(), String> {
    if skip::lacks(&["virsh"]) {
        return Ok(());
    }
    let plugins = folder(&[&misbehaving()]);
    let sandbox = daemon(&plugins)?;
    let uri = sandbox.uri("talks", "/");
    let watchers: Vec<Watcher> = WATCHED
        .iter()
        .enumerate()
        .map(|(number, (arguments, _))| Watcher::start(&sandbox, &uri, number, arguments))
        .collect::<Result<_, _>>()?;
    for (watcher, (arguments, expected)) in watchers.iter().zip(WATCHED) {
        let expected: BTreeSet<String> = expected.iter().map(|line| (*line).to_owned()).collect();
        let all_there = || {
            sandbox.virsh_ok(&uri, &["start", "guest"]).ok()?;
            watcher.lines().is_superset(&expected).then_some(())
        };
        let waited = process::wait_for(&format!("what `virsh {}` shows", arguments.join(" ")), SOON, all_there);
        waited.map_err(|e| format!("{e}; there is {:#?}", watcher.lines()))?;
        assert_eq!(watcher.lines(), expected, "{arguments:?}");
    }
    Ok(())
}

/// Registers for one event about domains in the form of the first clients, which named no callback.
const REGISTER_PLAIN: i32 = 167;

#[test]
fn the_first_clients_hear_of_domains_as_they_used_to() -> Result<(), String> {
    if skip::lacks(&["virsh"]) {
        return Ok(());
    }
    let text = |e: std::io::Error| e.to_string();
    let plugins = folder(&[&misbehaving()]);
    let sandbox = daemon(&plugins)?;
    let mut client = Client::open(&sandbox.socket(), "talks:///", SOON).map_err(text)?;
    let plain: Vec<(i32, i32)> = all_events().filter_map(|event| Some((event.id, event.plain?))).collect();
    for (id, _) in &plain {
        client.call(REGISTER_PLAIN, &Xdr::default().unsigned(id.cast_unsigned()).0).map_err(text)?;
    }
    sandbox.virsh_ok(&sandbox.uri("talks", "/"), &["start", "guest"])?;
    let mut wanted: BTreeSet<i32> = plain.iter().map(|(_, procedure)| *procedure).collect();
    assert!(wanted.len() > 10, "{wanted:?}");
    while !wanted.is_empty() {
        let event = client.next_event().map_err(|e| format!("{e}, still waiting for {wanted:?}"))?;
        assert!(wanted.remove(&event.header.procedure), "told once and asked for: {}", event.header.procedure);
    }
    Ok(())
}
