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
    let sandbox = Sandbox::start()?;
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
