//! The agent that distributions have, in the test guest.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use oxivirt_tests::console::Console;
use oxivirt_tests::{assets, fixture, process, skip};

use super::{GUEST_LIMIT, Host, Outcome, guest_or_skip};

/// Puts the host's agent with its libraries behind the guest's own files.
fn pack(host: &Host, guest: &assets::Guest) -> Result<assets::Guest, String> {
    let root = host.sandbox.root();
    let (script, tree, initrd) = (root.join("pack.sh"), root.join("tree"), root.join("initrd"));
    std::fs::create_dir(&tree).map_err(|e| e.to_string())?;
    std::fs::write(&script, include_str!("qemu_real_agent.sh")).map_err(|e| e.to_string())?;
    let mut command = Command::new("sh");
    command.args([&script, &tree, &guest.initrd, &initrd]);
    process::succeed(&mut command, "packing the agent", Duration::from_secs(60))?;
    Ok(assets::Guest { kernel: guest.kernel.clone(), initrd })
}

fn boot(host: &Host, guest: &assets::Guest) -> Result<Console, String> {
    let image = host.sandbox.root().join("disk.img");
    std::fs::File::create(&image).and_then(|file| file.set_len(1 << 20)).map_err(|e| e.to_string())?;
    let devices = format!(
        "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
         <interface type='user'><mac address='52:54:00:12:34:57'/><model type='virtio'/></interface>
         <disk type='file'><driver name='qemu' type='raw'/><source file='{}'/><target dev='vda' bus='virtio'/></disk>
         </devices>",
        image.display()
    );
    let xml = fixture::linux_guest("linux", &pack(host, guest)?)
        .replacen("</devices>", &devices, 1)
        .replace("<vcpu>1</vcpu>", "<vcpu>2</vcpu>")
        .replace("<memory unit='MiB'>128</memory>", "<memory unit='MiB'>192</memory>");
    host.define(&xml)?;
    host.virsh(&["start", "--paused", "linux"])?;
    let mut console = Console::open(Path::new(host.virsh(&["ttyconsole", "linux"])?.trim()))?;
    host.virsh(&["resume", "linux"])?;
    console.until(assets::GUEST_BANNER, GUEST_LIMIT).map_err(|e| host.sandbox.explain(&e))?;
    console.until("guest# ", GUEST_LIMIT)?;
    console.say("sh /agent &\n")?;
    process::wait_for("the agent", GUEST_LIMIT, || host.virsh(&["domhostname", "linux"]).ok())
        .map_err(|e| format!("{}\n{}", host.sandbox.explain(&e), console.lines().join("\n")))?;
    Ok(console)
}

#[test]
fn a_real_agent_is_understood() -> Outcome {
    if skip::lacks(&["qemu-ga", "cpio", "gzip", "ldd"]) {
        return Ok(());
    }
    let Some((host, guest)) = Host::qemu()?.zip(guest_or_skip()) else { return Ok(()) };
    let _console = boot(&host, &guest)?;
    let info = host.virsh(&["guestinfo", "linux"])?;
    for line in ["os.kernel-release", "timezone.name", "hostname            : guest", "disk.0.alias        : vda"] {
        assert!(info.contains(line), "no {line} in\n{info}");
    }
    let cards = host.virsh(&["domifaddr", "linux", "--source", "agent", "--full"])?;
    assert!(cards.contains("127.0.0.1/8") && cards.contains("52:54:00:12:34:57"), "{cards}");
    for call in ["domfsfreeze", "domfsthaw", "domfstrim"] {
        host.virsh(&[call, "linux"])?;
    }
    assert!(host.virsh(&["domtime", "linux"])?.contains("Time: "));

    host.virsh(&["setvcpus", "linux", "1", "--guest"])?;
    assert_eq!(host.virsh(&["vcpucount", "linux", "--guest"])?.trim(), "1");
    host.virsh(&["guestvcpus", "linux", "--cpulist", "1", "--enable"])?;
    assert_eq!(host.virsh(&["vcpucount", "linux", "--guest"])?.trim(), "2");
    let error = host.refused(&["guestvcpus", "linux", "--cpulist", "0", "--disable"])?;
    assert!(error.contains("vCPU '0' is not offlinable"), "{error}");

    let keys = host.sandbox.root().join("keys");
    std::fs::write(&keys, "ssh-ed25519 AAAA someone\n").map_err(|e| e.to_string())?;
    let keys = keys.display().to_string();
    host.virsh(&["set-user-sshkeys", "linux", "root", "--file", &keys])?;
    assert!(host.virsh(&["get-user-sshkeys", "linux", "root"])?.contains("ssh-ed25519 AAAA someone"));
    host.virsh(&["set-user-sshkeys", "linux", "root", "--file", &keys, "--remove"])?;
    assert_eq!(host.virsh(&["get-user-sshkeys", "linux", "root"])?.trim(), "");

    // What it refuses is told in its own words.
    let error = host.refused(&["qemu-agent-command", "linux", r#"{"execute":"guest-nope"}"#])?;
    assert!(error.contains("guest-nope has not been found"), "{error}");
    let error = host.refused(&["get-user-sshkeys", "linux", "nobody"])?;
    assert!(error.contains("guest-ssh-get-authorized-keys") && error.contains("nobody"), "{error}");
    Ok(())
}
