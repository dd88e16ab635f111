//! Drivers in processes of their own: stock clients see no difference, and
//! nobody but the driver's own callers notices when such a process ends.

use std::fs;
use std::path::Path;

use oxivirt_core::ErrorCode;
use oxivirt_tests::contract::{self, Quirks};
use oxivirt_tests::process::{self, alive};
use oxivirt_tests::sandbox::{Program, Sandbox};
use oxivirt_tests::{assets, skip};
use rustix::process::Signal;

use super::{Host, Outcome, SOON, fixture, guest_or_skip, secondary, test_driver};
use crate::plugin_boundary::{folder, misbehaving};

/// A daemon that hosts the plugins of a list.
fn hosting(plugins: &str) -> Result<Sandbox, String> {
    let mut sandbox = Sandbox::with(Program::Oxivirt { daemon: assets::daemon()?, plugins: assets::plugin_folder()? })?;
    sandbox.configure("libvirtd.conf", &format!("{}isolated_plugins = [ {plugins} ]\n", sandbox.basic_settings()))?;
    sandbox.launch()?;
    Ok(sandbox)
}

/// The process in which a plugin runs, once it is there.
fn host_of(sandbox: &Sandbox, plugin: &str) -> Result<i32, String> {
    let is = |pid: &i32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        line.contains("--host-plugin") && line.contains(plugin)
    };
    process::wait_for(&format!("the process of {plugin}"), SOON, || {
        process::children(sandbox.pid()).into_iter().find(is)
    })
    .map_err(|e| sandbox.explain(&e))
}

fn has_python() -> bool {
    let there = Path::new("/usr/lib/python3/dist-packages/libvirt.py").is_file();
    if !there {
        skip::skip("not installed: python3-libvirt");
    }
    there
}

fn program(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/whole_stack/python").join(name)
}

#[test]
fn the_test_driver_passes_the_contract_in_its_process() -> Outcome {
    let quirks = Quirks {
        wrong_state: &[ErrorCode::OPERATION_INVALID, ErrorCode::INTERNAL_ERROR],
        lookups_explain: false,
        ..Quirks::default()
    };
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let uri = "test:///default";
    let loaded = contract::shared_object(&assets::plugin("test")?, uri, folder.path().to_owned(), quirks.clone())?;
    let sandbox = hosting("\"test\"")?;
    host_of(&sandbox, "driver_test")?;
    let served = contract::socket(sandbox.socket(), uri, loaded.declared.clone(), quirks);
    contract::same_answers(&contract::run(&loaded).finish(), &contract::run(&served).finish());
    Ok(())
}

#[test]
fn stock_virsh_sees_no_difference() -> Outcome {
    if skip::lacks(&["virsh"]) {
        return Ok(());
    }
    let sandbox = hosting("\"test\"")?;
    for commands in [
        &["list --all", "dumpxml test", "domstate --reason test", "dominfo nobody", "start test"][..],
        &["suspend test", "domstate --reason test", "resume test", "destroy test", "list --all", "start test"],
        &["nodeinfo", "capabilities", "domcapabilities"],
        &["net-list --all", "net-dumpxml default", "iface-list --all", "nodedev-list --tree"],
        &[
            "pool-list --all --details",
            "vol-create-as default-pool one 10G --allocation 1G",
            "vol-dumpxml one default-pool",
            "vol-delete one default-pool",
        ],
    ] {
        test_driver::same_in(&sandbox, commands)?;
    }
    Ok(())
}

#[test]
fn stock_bindings_get_events_and_streams() -> Outcome {
    if !has_python() {
        return Ok(());
    }
    let sandbox = hosting("\"test\"")?;
    secondary::compare(&sandbox, "events", "/default", &[])?;
    sandbox.python(&program("volume_data.py"), &[&sandbox.uri("test", "/default")]).map(drop)
}

#[test]
fn a_client_outlives_the_processes_of_its_driver() -> Outcome {
    if !has_python() {
        return Ok(());
    }
    let plugins = folder(&[&misbehaving(), &assets::plugin("test")?]);
    let program_of = Program::Oxivirt { daemon: assets::daemon()?, plugins: plugins.path().to_owned() };
    let mut sandbox = Sandbox::with(program_of)?;
    sandbox.configure("libvirtd.conf", &format!("{}isolation = \"process\"\n", sandbox.basic_settings()))?;
    sandbox.launch()?;
    let (uri, other) = (sandbox.uri("test", "/default"), sandbox.uri("crashes", "/"));
    let daemon = sandbox.pid().to_string();
    sandbox.python(&program("isolation.py"), &[&uri, &other, &daemon, "driver_test"])?;
    sandbox.stop()
}

#[test]
fn the_program_says_which_plugins_are_apart() -> Outcome {
    let sandbox = Sandbox::with(Program::Oxivirt { daemon: assets::daemon()?, plugins: assets::plugin_folder()? })?;
    let ask = |option: &str| {
        let mut command = std::process::Command::new(assets::daemon()?);
        command.arg("--root").arg(sandbox.root()).arg("--plugin-dir").arg(assets::plugin_folder()?).arg(option);
        process::run(&mut command, option, SOON)
    };
    sandbox.configure("libvirtd.conf", "isolated_plugins = \"test\"\n")?;
    let told = ask("--plugins")?;
    assert!(told.status.success(), "{}", told.text());
    let apart: Vec<&str> = told.stdout.split("\nplugin ").filter(|part| part.contains("process of its own")).collect();
    assert!(apart.len() == 1 && apart[0].starts_with("test "), "{}", told.stdout);
    let checked = ask("--check")?;
    assert!(checked.status.success(), "{}", checked.text());
    assert_eq!(checked.stdout, "plugins in processes of their own: test\n");

    sandbox.configure("libvirtd.conf", "isolated_plugins = [ \"test\", \"tset\" ]\n")?;
    let checked = ask("--check")?;
    assert!(!checked.status.success());
    assert!(checked.stderr.contains("there is no plugin 'tset'"), "{}", checked.text());
    Ok(())
}

/// A daemon whose QEMU driver has a process of its own.
fn qemu() -> Result<Option<Host>, String> {
    if skip::lacks(&["virsh", "qemu-system-x86_64"]) {
        return Ok(None);
    }
    let sandbox = hosting("\"qemu\"")?;
    let uri = sandbox.uri("qemu", "/system");
    Ok(Some(Host { sandbox, uri }))
}

#[test]
fn a_guest_outlives_the_process_of_its_driver() -> Outcome {
    let Some(mut host) = qemu()? else { return Ok(()) };
    host.start_idle("one")?;
    let guest = host.sandbox.guest_pid("one")?;
    let before = host.virsh(&["dumpxml", "one"])?;
    for _ in 0..2 {
        let driver = host_of(&host.sandbox, "driver_qemu")?;
        process::signal(driver, Signal::KILL);
        process::wait_for("the driver to be back", super::GUEST_LIMIT, || {
            let again = host.virsh(&["list", "--name"]).is_ok_and(|names| names.trim() == "one");
            (again && host_of(&host.sandbox, "driver_qemu").is_ok_and(|new| new != driver)).then_some(())
        })
        .map_err(|e| host.sandbox.explain(&e))?;
        assert!(alive(guest), "the guest died with the process of its driver");
        assert_eq!(host.sandbox.guest_pid("one")?, guest);
        assert_eq!(host.virsh(&["dumpxml", "one"])?, before);
        host.virsh(&["suspend", "one"])?;
        assert_eq!(host.state("one")?, "paused (user)");
        host.virsh(&["resume", "one"])?;
    }
    // The daemon's own end leaves it running as well.
    host.sandbox.stop()?;
    assert!(alive(guest), "the guest ended with the daemon");
    host.sandbox.launch()?;
    assert!(host.state("one")?.starts_with("running ("), "{}", host.state("one")?);
    host.virsh(&["destroy", "one"])?;
    process::wait_for("the guest's process to end", SOON, || (!alive(guest)).then_some(()))
}

#[test]
fn a_console_and_the_guest_answer_through_the_process() -> Outcome {
    let (Some(host), Some(guest)) = (qemu()?, guest_or_skip()) else { return Ok(()) };
    drop(host.boot("linux", &guest)?);
    host.sandbox.python(&program("console.py"), &[&host.uri, "linux"])?;
    host.virsh(&["destroy", "linux"]).map(drop)?;
    host.define(&fixture::idle_guest("other"))
}
