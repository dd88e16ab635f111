//! The in-memory driver, held against the one inside the stock client library.
//!
//! `test:///default` without a transport never leaves the client: whatever it
//! prints is what our driver must print through the daemon.

use oxivirt_tests::process;
use oxivirt_tests::sandbox::{CLIENT_LIMIT, Sandbox};
use oxivirt_tests::skip;

use super::Outcome;

/// Runs commands in one session of virsh here and there and compares all that is said.
fn same(commands: &[&str]) -> Outcome {
    if skip::lacks(&["virsh"]) {
        return Ok(());
    }
    same_in(&Sandbox::start()?, commands)
}

/// The same with a daemon that runs already.
pub(super) fn same_in(sandbox: &Sandbox, commands: &[&str]) -> Outcome {
    let script = commands.join("; ");
    let mut stock = sandbox.virsh_command("test:///default", &[&script]);
    let expected = process::run(&mut stock, "virsh with its own test driver", CLIENT_LIMIT)?;
    let found = sandbox.virsh(&sandbox.uri("test", "/default"), &[&script])?;
    assert_eq!(steady(&found.text()), steady(&expected.text()), "{}", sandbox.explain(&script));
    assert_eq!(found.status.code(), expected.status.code());
    Ok(())
}

/// Leaves out what the time of day decides, and a call that only our driver has.
fn steady(text: &str) -> String {
    text.lines()
        .filter(|line| !line.starts_with("CPU time:") && !line.starts_with("Autostart Once:"))
        .map(|line| format!("{line}\n"))
        .collect()
}

#[test]
fn the_default_domain_is_there() -> Outcome {
    same(&["list --all", "list --all --uuid", "dominfo test", "domstate --reason test"])
}

#[test]
fn the_default_domain_prints_the_same() -> Outcome {
    same(&["dumpxml test", "dumpxml --inactive test"])
}

#[test]
fn the_node_is_the_same() -> Outcome {
    same(&["nodeinfo", "hostname", "version", "freecell"])
}

#[test]
fn capabilities_print_the_same() -> Outcome {
    same(&["capabilities", "domcapabilities"])
}

#[test]
fn identifiers_lead_to_each_other() -> Outcome {
    same(&["domid test", "domname 1", "domuuid test", "domname 6695eb01-f6a4-8304-79aa-97f2502e193f", "domid 1"])
}

#[test]
fn pausing_and_resuming_is_the_same() -> Outcome {
    same(&["suspend test", "domstate --reason test", "list", "resume test", "domstate --reason test"])
}

#[test]
fn shutting_down_and_starting_is_the_same() -> Outcome {
    same(&["shutdown test", "domstate --reason test", "list --all", "start test", "domstate --reason test", "list"])
}

#[test]
fn destroying_and_forgetting_is_the_same() -> Outcome {
    same(&["destroy test", "domstate --reason test", "undefine test", "list --all", "dominfo test"])
}

#[test]
fn requests_out_of_order_are_refused_the_same() -> Outcome {
    for commands in [
        &["start test"][..],
        &["resume test"],
        &["destroy test", "suspend test"],
        &["destroy test", "shutdown test"],
        &["dominfo nobody"],
        &["domstate 77"],
    ] {
        same(commands)?;
    }
    Ok(())
}

#[test]
fn autostart_is_the_same() -> Outcome {
    same(&["autostart test", "dominfo test", "list --all --autostart", "autostart --disable test", "dominfo test"])
}

#[test]
fn virtual_processors_and_memory_are_the_same() -> Outcome {
    same(&["vcpucount test", "setmem test 1024000", "dominfo test"])
}

#[test]
fn a_new_domain_is_the_same() -> Outcome {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let file = folder.path().join("new.xml");
    let xml = "<domain type='test'><name>new</name><uuid>a3b0ae2c-2ed3-4e0b-93d0-6f07c71d0f4c</uuid>\
               <memory unit='MiB'>64</memory><vcpu>2</vcpu><os><type>hvm</type></os></domain>";
    std::fs::write(&file, xml).map_err(|e| e.to_string())?;
    let define = format!("define {}", file.display());
    same(&[
        &define,
        "list --all",
        "dumpxml new",
        "start new",
        "list",
        "dumpxml new",
        "dominfo new",
        "destroy new",
        "undefine new",
        "list --all",
    ])
}

#[test]
fn networks_look_the_same() -> Outcome {
    same(&[
        "net-list --all",
        "net-info default",
        "net-dumpxml default",
        "net-desc default words",
        "net-desc default",
        "net-desc default --title headline",
        "net-desc default --title",
        "net-metadata default http://example --key k --set '<a b=\"c\"/>'",
        "net-metadata default http://example",
        "net-dumpxml default",
        "net-metadata default http://example --remove",
        "net-dumpxml default",
        "net-autostart default",
        "net-list --all --autostart",
        "net-destroy default",
        "net-desc default live --live",
        "net-start default",
        "net-destroy default",
        "net-undefine default",
        "net-list --all",
    ])
}

#[test]
fn interfaces_and_devices_look_the_same() -> Outcome {
    same(&[
        "iface-list --all",
        "iface-dumpxml eth1",
        "iface-mac eth1",
        "iface-name aa:bb:cc:dd:ee:ff",
        "iface-destroy eth1",
        "iface-list --all",
        "iface-undefine eth1",
        "iface-list --all",
        "nodedev-list",
        "nodedev-list --tree",
        "nodedev-list --cap vports",
        "nodedev-dumpxml computer",
        "nodedev-dumpxml scsi_host11",
        "nodedev-destroy scsi_host11",
        "nodedev-list --tree",
    ])
}

#[test]
fn storage_looks_the_same() -> Outcome {
    same(&[
        "pool-list --all --details",
        "pool-info default-pool",
        "pool-dumpxml default-pool",
        "vol-create-as default-pool one 10G --allocation 1G",
        "vol-create-as default-pool two 1M --format qcow2",
        "vol-clone one three --pool default-pool",
        "vol-list default-pool --details",
        "vol-info one default-pool",
        "vol-dumpxml two default-pool",
        "vol-path one --pool default-pool",
        "vol-key one --pool default-pool",
        "vol-pool /default-pool/one",
        "vol-name /default-pool/one",
        "pool-info default-pool",
        "vol-delete one default-pool",
        "vol-list default-pool",
        "pool-define-as more dir --target /more",
        "pool-define-as same dir --target /more",
        "pool-build more",
        "pool-start more",
        "pool-refresh more",
        "pool-autostart more",
        "pool-list --all --details",
        "pool-destroy more",
        "pool-delete more",
        "pool-undefine more",
        "find-storage-pool-sources logical",
        "find-storage-pool-sources-as netfs --host there",
    ])
}
