//! The agent in the guest: one in a few lines of shell that does what it is
//! told for real, on the channel that real agents use.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use oxivirt_tests::console::Console;
use oxivirt_tests::{assets, fixture, process, skip};

use super::{GUEST_LIMIT, Host, Outcome, guest_or_skip};

/// Boots the Linux guest with the agent in it, and waits until the agent is there.
fn boot(host: &Host, guest: &assets::Guest) -> Result<Console, String> {
    let root = host.sandbox.root();
    let folder = root.join("agent");
    std::fs::create_dir(&folder).map_err(|e| e.to_string())?;
    std::fs::write(folder.join("agent.sh"), include_str!("qemu_agent.sh")).map_err(|e| e.to_string())?;
    // Archives behind each other are unpacked one over the other.
    let initrd = root.join("initrd");
    let mut command = Command::new("sh");
    command.args([
        "-c",
        "cat \"$1\" >\"$2\" && echo agent.sh | cpio --quiet -o -H newc -R 0:0 | gzip >>\"$2\"",
        "pack",
    ]);
    command.arg(&guest.initrd).arg(&initrd).current_dir(&folder);
    process::succeed(&mut command, "packing the agent", Duration::from_secs(60))?;
    let mine = assets::Guest { kernel: guest.kernel.clone(), initrd };
    let channel = "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
      <interface type='user'><mac address='52:54:00:12:34:56'/><model type='virtio'/></interface></devices>";
    let xml = fixture::linux_guest("linux", &mine).replacen("</devices>", channel, 1);
    host.define(&xml)?;
    host.virsh(&["start", "--paused", "linux"])?;
    let mut console = Console::open(Path::new(host.virsh(&["ttyconsole", "linux"])?.trim()))?;
    host.virsh(&["resume", "linux"])?;
    console.until(assets::GUEST_BANNER, GUEST_LIMIT).map_err(|e| host.sandbox.explain(&e))?;
    console.until("guest# ", GUEST_LIMIT)?;
    let error = host.refused(&["domhostname", "linux"])?;
    assert!(error.contains("QEMU guest agent is not connected"), "{error}");
    console.say("sh /agent.sh &\n")?;
    process::wait_for("the agent", GUEST_LIMIT, || {
        host.virsh(&["dumpxml", "linux"]).ok()?.contains("state='connected'").then_some(())
    })
    .map_err(|e| format!("{}\n{}", host.sandbox.explain(&e), console.lines().join("\n")))?;
    Ok(console)
}

fn ready() -> Result<Option<(Host, assets::Guest)>, String> {
    if skip::lacks(&["cpio", "gzip"]) {
        return Ok(None);
    }
    Ok(Host::qemu()?.zip(guest_or_skip()))
}

#[test]
fn the_agent_tells_and_does() -> Outcome {
    let Some((mut host, guest)) = ready()? else { return Ok(()) };
    let mut console = boot(&host, &guest)?;
    assert_eq!(host.virsh(&["domhostname", "linux"])?.trim(), "guest");
    let info = host.virsh(&["guestinfo", "linux"])?;
    for line in ["hostname", "os.id", "timezone.offset", "if.0.name", "fs.count", "load.1m"] {
        assert!(info.contains(line), "no {line} in\n{info}");
    }
    assert!(host.virsh(&["guestinfo", "linux", "--os"])?.contains(": busybox"));
    let error = host.refused(&["guestinfo", "linux", "--disk"])?;
    assert!(error.contains("guest-get-disks"), "{error}");
    let addresses = host.virsh(&["domifaddr", "linux", "--source", "agent", "--full"])?;
    assert!(addresses.contains("lo") && addresses.contains("127.0.0.1/8"), "{addresses}");
    assert_eq!(host.virsh(&["domifaddr", "linux", "--source", "arp"])?.trim(), "");

    host.virsh(&["domtime", "linux", "--time", "1000000000"])?;
    let time = host.virsh(&["domtime", "linux"])?;
    assert!(time.contains("Time: 10000000"), "{time}");
    assert!(host.virsh(&["domfsinfo", "linux"])?.contains("/"));
    host.virsh(&["domfsfreeze", "linux"])?;
    console.say("ls /frozen; echo looked-$((1+1))\n")?;
    console.until("/frozen\r\nlooked-2", GUEST_LIMIT)?;
    host.virsh(&["domfsthaw", "linux"])?;
    console.say("ls /frozen; echo looked-$((2+2))\n")?;
    console.until("No such file", GUEST_LIMIT)?;
    host.virsh(&["domfstrim", "linux"])?;
    host.virsh(&["set-user-password", "linux", "root", "secret"])?;
    console.say("cat /password\n")?;
    console.until("c2VjcmV0", GUEST_LIMIT)?;
    let keys = host.sandbox.root().join("keys");
    std::fs::write(&keys, "ssh-ed25519 AAAA someone\n").map_err(|e| e.to_string())?;
    host.virsh(&["set-user-sshkeys", "linux", "root", "--file", &keys.display().to_string()])?;
    assert!(host.virsh(&["get-user-sshkeys", "linux", "root"])?.contains("ssh-ed25519 AAAA someone"));
    let vcpus = host.virsh(&["guestvcpus", "linux"])?;
    assert!(vcpus.contains("online") && vcpus.contains(": 0"), "{vcpus}");
    assert!(host.virsh(&["vcpucount", "linux", "--guest"])?.trim() == "1");

    let answer = host.virsh(&["qemu-agent-command", "linux", r#"{"execute":"guest-ping"}"#])?;
    assert_eq!(answer.trim(), r#"{"return":{}}"#);
    let error = host.refused(&["qemu-agent-command", "linux", "--timeout", "1", r#"{"execute":"guest-sleep"}"#])?;
    assert!(error.contains("guest agent"), "{error}");
    // A slow agent is given up, and is of use again once it is done.
    host.virsh(&["guest-agent-timeout", "linux", "--timeout", "60"])?;
    assert_eq!(host.virsh(&["domhostname", "linux"])?.trim(), "guest");

    // The next daemon finds the agent and the limit.
    host.sandbox.stop()?;
    host.sandbox.launch()?;
    assert_eq!(host.virsh(&["domhostname", "linux"])?.trim(), "guest");
    let status = std::fs::read_to_string(host.sandbox.root().join("run/libvirt/qemu/linux.xml"));
    assert!(status.is_ok_and(|text| text.contains("<agentTimeout>60</agentTimeout>")));
    Ok(())
}

#[test]
fn the_agent_takes_the_guest_down() -> Outcome {
    let Some((host, guest)) = ready()? else { return Ok(()) };
    let _console = boot(&host, &guest)?;
    host.virsh(&["shutdown", "linux", "--mode", "agent"])?;
    host.reaches("linux", "shut off (shutdown)", GUEST_LIMIT)
}

#[test]
fn clients_hear_of_the_agent() -> Outcome {
    let Some((host, guest)) = ready()? else { return Ok(()) };
    let mut events =
        host.sandbox.virsh_command(&host.uri, &["event", "--event", "agent-lifecycle", "--timeout", "200"]);
    let events = events.stdout(std::process::Stdio::piped()).spawn().map_err(|e| e.to_string())?;
    let _console = boot(&host, &guest)?;
    let output = events.wait_with_output().map_err(|e| e.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        text.contains("'agent-lifecycle' for domain 'linux': state: 'connected' reason: 'channel event'"),
        "{text}"
    );
    Ok(())
}
