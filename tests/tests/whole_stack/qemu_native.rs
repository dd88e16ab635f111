//! Definitions as command lines: `virsh domxml-to-native`, and what stock does not turn either.

use oxivirt_tests::sandbox::{Program, Sandbox};
use oxivirt_tests::{fixture, skip, stock};

use super::{Host, Outcome};

/// A guest with a good part of what changes when nothing may be handed over.
fn guest() -> String {
    format!(
        "<domain type='{}'>
  <name>it's one</name>
  <uuid>5ab1e000-0000-4000-8000-000000000001</uuid>
  <memory unit='MiB'>128</memory>
  <vcpu>2</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type></os>
  <devices>
    <disk type='file' device='disk'><source file='/nonexistent/a disk.img'/><target dev='vda'/></disk>
    <interface type='user'><mac address='52:54:00:00:00:01'/><model type='virtio'/></interface>
    <interface type='bridge'><source bridge='br9'/><mac address='52:54:00:00:00:02'/><mtu size='1400'/></interface>
    <serial type='pty'/>
    <serial type='file'><source path='/nonexistent/out' append='on'/></serial>
    <serial type='unix'><source mode='bind' path='/nonexistent/socket'/><log file='/nonexistent/log'/></serial>
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
    <channel type='unix'><target type='virtio'/></channel>
    <tpm model='tpm-crb'><backend type='emulator'/></tpm>
    <graphics type='vnc'/>
    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
  </devices>
</domain>
",
        fixture::DOMAIN_TYPE
    )
}

fn file(sandbox: &Sandbox, text: &str) -> Result<String, String> {
    let file = sandbox.root().join("native.txt");
    std::fs::write(&file, text).map_err(|e| e.to_string())?;
    Ok(file.display().to_string())
}

/// The numbers of descriptors are whatever is free, and paths are below the daemon's root.
fn comparable(line: &str, root: &str) -> String {
    let line = line.replace(root, "");
    let mut parts = line.split("\"fd\":\"");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + "\"fd\":\"" + part.trim_start_matches(|c: char| c.is_ascii_digit()))
}

#[test]
fn a_definition_becomes_the_command_line_that_stock_writes() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    let document = file(&host.sandbox, &guest())?;
    let ours = host.virsh(&["domxml-to-native", "qemu-argv", "--xml", &document])?;
    let state = host.sandbox.root().join("var/lib/libvirt/qemu");
    assert!(!state.join("domain--1-it's one").exists(), "a folder was made");
    assert!(ours.contains(r"'guest=it'\''s one,"), "{ours}");
    assert!(ours.contains("monitor.sock,server=on,wait=off"), "{ours}");
    if stock::chosen() {
        return Ok(());
    }
    let mut sandbox = match Sandbox::with(Program::Stock) {
        Ok(sandbox) => sandbox,
        Err(reason) => {
            skip::skip(&reason);
            return Ok(());
        }
    };
    if let Err(reason) = sandbox.launch() {
        skip::skip(&format!("the stock daemon does not start here: {reason}"));
        return Ok(());
    }
    let document = file(&sandbox, &guest())?;
    let uri = sandbox.uri("qemu", "/system");
    let theirs = sandbox.virsh_ok(&uri, &["domxml-to-native", "qemu-argv", "--xml", &document])?;
    let root = |sandbox: &Sandbox| sandbox.root().display().to_string();
    assert_eq!(comparable(&ours, &root(&host.sandbox)), comparable(&theirs, &root(&sandbox)));
    Ok(())
}

#[test]
fn a_domain_becomes_a_command_line() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    host.define(&fixture::idle_guest("told"))?;
    let line = host.virsh(&["domxml-to-native", "qemu-argv", "--domain", "told"])?;
    let uuid = host.virsh(&["domuuid", "told"])?;
    assert!(line.starts_with("LC_ALL=C ") && line.contains(" PATH="), "{line}");
    assert!(line.contains(" -name guest=told,debug-threads=on -S "), "{line}");
    assert!(line.contains(&format!(" -uuid {} ", uuid.trim())), "{line}");
    assert_eq!(host.state("told")?, "shut off (unknown)");
    Ok(())
}

#[test]
fn other_ways_are_refused_as_stock_refuses_them() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    let document = file(&host.sandbox, &guest())?;
    for (arguments, wanted) in [
        (
            vec!["domxml-to-native", "nonsense", "--xml", &document],
            "invalid argument: unsupported config type nonsense",
        ),
        (
            vec!["domxml-from-native", "qemu-argv", &document],
            "this function is not supported by the connection driver: virConnectDomainXMLFromNative",
        ),
        (vec!["qemu-attach", "1"], "this function is not supported by the connection driver: virDomainQemuAttach"),
    ] {
        let error = host.refused(&arguments)?;
        assert!(error.contains(wanted), "{arguments:?}: {error}");
    }
    let broken = file(&host.sandbox, "<domain type='qemu'><name>a</name></domain>")?;
    let error = host.refused(&["domxml-to-native", "qemu-argv", "--xml", &broken])?;
    assert!(error.contains("error: "), "{error}");
    Ok(())
}
