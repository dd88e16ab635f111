//! Looking after the running daemon with stock `virt-admin`.

use std::process::Command;

use oxivirt_tests::sandbox::{CLIENT_LIMIT, Sandbox};
use oxivirt_tests::{process, skip};

use super::{Outcome, SOON, field};

/// Runs `virt-admin`; gives back whether it succeeded, and all that it printed.
fn admin(sandbox: &Sandbox, arguments: &[&str]) -> Result<(bool, String), String> {
    let socket = sandbox.socket().with_file_name("libvirt-admin-sock");
    let mut command = Command::new("virt-admin");
    command.arg("-c").arg(format!("libvirtd:///system?socket={}", socket.display())).args(arguments);
    let finished = process::run(&mut command, &format!("virt-admin {}", arguments.join(" ")), CLIENT_LIMIT)?;
    Ok((finished.status.success(), finished.text()))
}

pub(super) fn admin_ok(sandbox: &Sandbox, arguments: &[&str]) -> Result<String, String> {
    match admin(sandbox, arguments)? {
        (true, text) => Ok(text),
        (false, text) => Err(sandbox.explain(&format!("virt-admin {}: {text}", arguments.join(" ")))),
    }
}

pub(super) fn admin_refused(sandbox: &Sandbox, arguments: &[&str]) -> Result<String, String> {
    match admin(sandbox, arguments)? {
        (true, text) => Err(format!("virt-admin {} succeeded: {text}", arguments.join(" "))),
        (false, text) => Ok(text),
    }
}

#[test]
fn limits_change_while_the_daemon_runs() -> Outcome {
    if skip::lacks(&["virt-admin"]) {
        return Ok(());
    }
    let sandbox = Sandbox::start()?;
    let names = admin_ok(&sandbox, &["server-list"])?;
    assert!(names.contains("libvirtd") && names.contains("admin"), "{names}");

    admin_ok(&sandbox, &["server-threadpool-set", "libvirtd", "--min-workers", "3", "--max-workers", "7"])?;
    let pool = admin_ok(&sandbox, &["server-threadpool-info", "libvirtd"])?;
    assert_eq!((field(&pool, "minWorkers").as_str(), field(&pool, "maxWorkers").as_str()), ("3", "7"), "{pool}");
    admin_refused(&sandbox, &["server-threadpool-set", "libvirtd", "--min-workers", "9"])?;
    assert_eq!(admin_ok(&sandbox, &["server-threadpool-info", "libvirtd"])?, pool, "a refused change changes nothing");

    admin_ok(&sandbox, &["server-clients-set", "libvirtd", "--max-clients", "50", "--max-unauth-clients", "10"])?;
    let limits = admin_ok(&sandbox, &["server-clients-info", "libvirtd"])?;
    assert_eq!(field(&limits, "nclients_max"), "50", "{limits}");
    admin_refused(&sandbox, &["server-clients-set", "libvirtd", "--max-clients", "5"])?;
    sandbox.virsh_ok(&sandbox.uri("test", "/default"), &["list"]).map(drop)
}

#[test]
fn the_log_is_steered_while_the_daemon_runs() -> Outcome {
    if skip::lacks(&["virt-admin"]) {
        return Ok(());
    }
    let sandbox = Sandbox::start()?;
    let file = sandbox.root().join("steered.log");
    admin_ok(&sandbox, &["daemon-log-outputs", "--outputs", &format!("1:file:{}", file.display())])?;
    assert!(admin_ok(&sandbox, &["daemon-log-outputs"])?.contains("steered.log"));
    admin_ok(&sandbox, &["daemon-log-filters", "--filters", "1:client 4:test"])?;
    assert!(admin_ok(&sandbox, &["daemon-log-filters"])?.contains("4:test"));
    admin_refused(&sandbox, &["daemon-log-filters", "--filters", "9:nonsense"])?;
    admin_refused(&sandbox, &["daemon-log-outputs", "--outputs", "1:pigeon"])?;
    sandbox.virsh_ok(&sandbox.uri("test", "/default"), &["list"])?;
    let size = || std::fs::metadata(&file).map_or(0, |metadata| metadata.len());
    process::wait_for("lines in the new log", SOON, || (size() > 0).then_some(()))
}

#[test]
fn an_administrator_ends_the_daemon() -> Outcome {
    if skip::lacks(&["virt-admin"]) {
        return Ok(());
    }
    let mut sandbox = Sandbox::start()?;
    admin_ok(&sandbox, &["daemon-timeout", "1000"])?;
    admin_ok(&sandbox, &["daemon-shutdown"])?;
    process::wait_for("the daemon to end", SOON, || (!sandbox.is_alive()).then_some(()))?;
    assert!(!sandbox.socket().exists(), "a socket is left");
    sandbox.launch()?;
    admin_ok(&sandbox, &["daemon-timeout", "1"])?;
    process::wait_for("the idle daemon to end", SOON, || (!sandbox.is_alive()).then_some(()))?;
    sandbox.launch()
}
