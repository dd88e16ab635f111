//! What a connection tells about the host and itself.

use std::process::Command;

use oxivirt_tests::sandbox::Sandbox;
use oxivirt_tests::{process, skip};

use super::{Host, Outcome, SOON, field, validate};

#[test]
fn the_node_is_described_as_it_is() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    let info = host.virsh(&["nodeinfo"])?;
    assert_eq!(field(&info, "CPU model"), "x86_64");
    let processors = process::succeed(Command::new("nproc").arg("--all"), "nproc", SOON)?;
    assert_eq!(field(&info, "CPU(s)"), processors.stdout.trim());
    // On some machines the nodes hold less than the kernel's total; never more.
    let memory = std::fs::read_to_string("/proc/meminfo").map_err(|e| e.to_string())?;
    let kib = |text: String| text.split_whitespace().next().and_then(|number| number.parse::<u64>().ok());
    let (told, total) = (kib(field(&info, "Memory size")), kib(field(&memory, "MemTotal")));
    assert!(told > Some(0) && told <= total, "{told:?} of {total:?}");
    Ok(())
}

#[test]
fn capabilities_are_valid_and_name_what_runs_here() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    let capabilities = host.virsh(&["capabilities"])?;
    // The schema knows no feature with a dot in its name, while processors have some.
    let dotted = |line: &str| line.trim_start().starts_with("<feature name='") && line.contains('.');
    let text: String = capabilities.lines().filter(|line| !dotted(line)).map(|line| format!("{line}\n")).collect();
    validate(&text, "capability")?;
    for part in ["<arch>x86_64</arch>", "<domain type='qemu'", "qemu-system-x86_64</emulator>", "<uuid>"] {
        assert!(capabilities.contains(part), "{part} is missing in\n{capabilities}");
    }
    Ok(())
}

#[test]
fn domain_capabilities_are_valid() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    for arguments in [
        &["domcapabilities"][..],
        &["domcapabilities", "--virttype", "qemu", "--machine", "q35"],
        &["domcapabilities", "--virttype", "qemu", "--machine", "pc"],
    ] {
        let capabilities = host.virsh(arguments)?;
        validate(&capabilities, "domaincaps")?;
        assert!(capabilities.contains("<arch>x86_64</arch>"), "{capabilities}");
    }
    let message = host.refused(&["domcapabilities", "--virttype", "qemu", "--machine", "abacus"])?;
    assert!(message.contains("abacus"), "{message}");
    Ok(())
}

#[test]
fn versions_are_those_of_the_programs() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    let version = host.virsh(&["version", "--daemon"])?;
    let banner = process::succeed(Command::new("qemu-system-x86_64").arg("--version"), "QEMU's version", SOON)?;
    let number = banner.stdout.split_whitespace().nth(3).unwrap_or_default();
    assert_eq!(field(&version, "Running hypervisor"), format!("QEMU {number}"));
    // The daemon answers for the protocol and interface level that it keeps.
    assert_eq!(field(&version, "Running against daemon"), "11.3.0");
    Ok(())
}

#[test]
fn host_name_and_address_are_told() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").map_err(|e| e.to_string())?;
    let told = host.virsh(&["hostname"])?;
    assert!(told.trim() == name.trim() || told.trim().starts_with(&format!("{}.", name.trim())), "{told}");
    assert_eq!(host.virsh(&["uri"])?.trim(), host.uri);
    Ok(())
}

#[test]
fn a_scheme_without_a_driver_is_refused_by_name() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    let uri = host.sandbox.uri("abacus", "/system");
    let finished = host.sandbox.virsh(&uri, &["list"])?;
    assert!(!finished.status.success());
    assert!(finished.stderr.contains("abacus"), "{}", finished.stderr);
    Ok(())
}

#[test]
fn the_configuration_decides_which_host_this_is() -> Outcome {
    const UUID: &str = "8f07fe28-753f-2729-d76d-bdbd892f949a";
    if skip::lacks(&["virsh", "qemu-system-x86_64"]) {
        return Ok(());
    }
    let machine_id = std::fs::read_to_string("/etc/machine-id").unwrap_or_default();
    let digits = machine_id.trim().to_owned();
    let given = (format!("host_uuid = \"{UUID}\"\nhost_uuid_source = \"smbios\"\n"), UUID.replace('-', ""));
    let mut wanted = vec![given];
    if digits.len() == 32 {
        wanted.push(("host_uuid_source = \"machine-id\"\n".to_owned(), digits));
    }
    for (lines, uuid) in wanted {
        let mut sandbox = Sandbox::prepare()?;
        sandbox.configure("libvirtd.conf", &format!("{}{lines}", sandbox.basic_settings()))?;
        sandbox.launch()?;
        let told = sandbox.virsh_ok(&sandbox.uri("qemu", "/system"), &["capabilities"])?;
        let line = told.lines().find_map(|line| line.trim().strip_prefix("<uuid>")?.strip_suffix("</uuid>"));
        assert_eq!(line.map(|line| line.replace('-', "")), Some(uuid), "{lines}");
    }
    Ok(())
}
