//! Devices of a running guest that change in place, and those that cannot.

use std::fs::File;
use std::process::{Command, Stdio};

use oxivirt_tests::{fixture, process, skip};

use super::bridge::Bridge;
use super::qemu_hotplug::Guest;
use super::{Host, Outcome, SOON};

const MAC: &str = "52:54:00:0b:51:21";

fn card(bridge: &str, more: &str) -> String {
    format!(
        "<interface type='bridge'><mac address='{MAC}'/><source bridge='{bridge}'/><model type='virtio'/>{more}</interface>"
    )
}

/// A guest with nothing to boot and a card on a bridge.
fn on_bridge(host: &Host, bridge: &Bridge) -> Result<String, String> {
    let devices = format!("<devices>{}</devices></domain>", card(&bridge.0, ""));
    host.define(&fixture::idle_guest("g").replace("</domain>", &devices))?;
    host.virsh(&["start", "--paused", "g"])?;
    host.virsh(&["dumpxml", "g"])
}

fn file(host: &Host, name: &str, text: &str) -> Result<String, String> {
    let path = host.sandbox.root().join(name);
    std::fs::write(&path, text).map_err(|e| e.to_string())?;
    Ok(path.display().to_string())
}

#[test]
fn a_card_moves_from_one_bridge_to_another() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    let (Some(one), Some(two)) = (Bridge::new(), Bridge::new()) else { return Ok(()) };
    let before = on_bridge(&host, &one)?;
    let port = one.ports()?;
    let other = file(&host, "other.xml", &card(&two.0, ""))?;
    host.virsh(&["update-device", "g", &other])?;
    assert_eq!((one.ports()?, two.ports()?), (Vec::new(), port.clone()));
    assert_eq!(host.virsh(&["dumpxml", "g"])?, before.replace(&one.0, &two.0));
    let lost = file(&host, "lost.xml", &card("oxi-no-bridge", ""))?;
    let error = host.refused(&["update-device", "g", &lost])?;
    assert!(error.contains("nonexistent bridge oxi-no-bridge"), "{error}");
    assert_eq!(two.ports()?, port);
    let back = file(&host, "back.xml", &card(&one.0, ""))?;
    host.virsh(&["update-device", "g", &back])?;
    assert_eq!(host.virsh(&["dumpxml", "g"])?, before);
    for (more, words) in [
        ("<mtu size='1400'/>", "cannot modify MTU"),
        ("<vlan><tag id='7'/></vlan>", "'vlan'"),
        ("<boot order='1'/>", "boot"),
    ] {
        let error = host.refused(&["update-device", "g", &file(&host, "bad.xml", &card(&one.0, more))?])?;
        assert!(error.contains(words), "{more}: {error}");
    }
    let slow = file(&host, "slow.xml", &card(&one.0, "").replace("'virtio'", "'e1000'"))?;
    let error = host.refused(&["update-device", "g", &slow])?;
    assert!(error.contains("cannot modify network device model from virtio to e1000"), "{error}");
    assert_eq!(host.virsh(&["dumpxml", "g"])?, before);
    Ok(())
}

/// The classes of traffic of a device.
fn classes(device: &str) -> Result<String, String> {
    let mut command = Command::new("tc");
    command.args(["class", "show", "dev", device]);
    process::succeed(&mut command, "tc", SOON).map(|finished| finished.stdout)
}

#[test]
fn the_traffic_of_a_card_is_limited_while_it_runs() -> Outcome {
    if skip::lacks(&["tc"]) {
        return Ok(());
    }
    let Some(host) = Host::qemu()? else { return Ok(()) };
    let Some(bridge) = Bridge::new() else { return Ok(()) };
    let mut probe = Command::new("tc");
    probe.args(["qdisc", "add", "dev", &bridge.0, "root", "handle", "1:", "htb"]);
    if let Err(reason) = process::succeed(&mut probe, "tc", SOON) {
        skip::skip(&format!("the kernel has no classes of traffic: {reason}"));
        return Ok(());
    }
    let before = on_bridge(&host, &bridge)?;
    let port = bridge.ports()?.into_iter().next().ok_or("the card has no device")?;
    let shown =
        |name: &str| -> Result<String, String> { Ok(super::field(&host.virsh(&["domiftune", "g", MAC])?, name)) };
    host.virsh(&["domiftune", "g", MAC, "--inbound", "1000,2000,64"])?;
    assert_eq!((shown("inbound.average")?.as_str(), shown("inbound.peak")?.as_str()), ("1000", "2000"));
    let found = classes(&port)?;
    assert!(found.contains("rate 8Mbit") && found.contains("ceil 16Mbit"), "{found}");
    assert!(host.virsh(&["dumpxml", "g"])?.contains("<inbound average='1000' peak='2000' burst='64'/>"));
    host.virsh(&["domiftune", "g", MAC, "--inbound", "0"])?;
    assert_eq!(classes(&port)?, "");
    assert_eq!(host.virsh(&["dumpxml", "g"])?, before);
    let limited = file(&host, "slow.xml", &card(&bridge.0, "<bandwidth><inbound average='500'/></bandwidth>"))?;
    host.virsh(&["update-device", "g", &limited])?;
    assert!(classes(&port)?.contains("rate 4Mbit"));
    let error = host.refused(&["domiftune", "g", "vnet-nobody", "--inbound", "1"])?;
    assert!(error.contains("'vnet-nobody' is not a known interface"), "{error}");
    // A definition's limits hold from the start.
    host.virsh(&["destroy", "g"])?;
    host.virsh(&["domiftune", "g", MAC, "--config", "--inbound", "250"])?;
    host.virsh(&["start", "--paused", "g"])?;
    let port = bridge.ports()?.into_iter().next().ok_or("the card has no device")?;
    assert!(classes(&port)?.contains("rate 2Mbit"));
    Ok(())
}

#[test]
fn what_is_missing_may_be_left_out() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    let image = host.sandbox.root().join("there.img");
    File::create(&image).and_then(|file| file.set_len(1 << 20)).map_err(|e| e.to_string())?;
    let disks = format!(
        "<devices><disk type='file' device='cdrom'><source file='/nonexistent/a.iso' startupPolicy='optional'/>\
         <target dev='hdc' bus='ide'/></disk><disk type='file'><source file='/nonexistent/b.img' startupPolicy='optional'/>\
         <target dev='vda' bus='virtio'/></disk><disk type='file'><source file='{}' startupPolicy='optional'/>\
         <target dev='vdb' bus='virtio'/></disk></devices></domain>",
        image.display()
    );
    host.define(&fixture::idle_guest("g").replace("</domain>", &disks))?;
    let told = host.sandbox.root().join("told");
    let mut watcher = host
        .sandbox
        .virsh_command(&host.uri, &["event", "--loop", "--event", "disk-change", "g"])
        .stdin(Stdio::null())
        .stdout(File::create(&told).map_err(|e| e.to_string())?)
        .spawn()
        .map_err(|e| e.to_string())?;
    // Until it listens it hears nothing, so the guest starts again.
    let outcome = process::wait_for("virsh event to tell of the disks", SOON * 3, || {
        let started = host.virsh(&["start", "--paused", "g"]);
        let live = started.and_then(|_| host.virsh(&["dumpxml", "g"]));
        let ended = host.virsh(&["destroy", "g"]);
        let text = std::fs::read_to_string(&told).unwrap_or_default();
        match live.and_then(|live| ended.map(|_| live)) {
            Err(error) => Some(Err(error)),
            Ok(live) => (text.matches("disk-change").count() >= 2).then_some(Ok((live, text))),
        }
    });
    let _ = watcher.kill();
    let _ = watcher.wait();
    let (live, text) = outcome.and_then(|outcome| outcome)?;
    assert!(live.contains("there.img") && !live.contains("nonexistent") && !live.contains("'vda'"), "{live}");
    assert!(text.contains("disk ide0-1-0: /nonexistent/a.iso -> <null>: changed"), "{text}");
    assert!(text.contains("disk virtio-disk0: /nonexistent/b.img -> <null>: dropped"), "{text}");
    assert!(host.virsh(&["dumpxml", "g"])?.contains("/nonexistent/b.img"));
    Ok(())
}

#[test]
fn what_cannot_change_is_named() -> Outcome {
    let Some(guest) = Guest::boot()? else { return Ok(()) };
    let image = guest.image("one.img", 1 << 20)?;
    let disk = |source: &str, driver: &str, more: &str| {
        format!(
            "<disk type='file'><driver name='qemu' type='raw' {driver}/><source file='{source}'/>\
             <target dev='vdb' bus='virtio'/>{more}</disk>"
        )
    };
    guest.host.virsh(&["attach-device", "plug", &guest.file("disk.xml", &disk(&image, "", ""))?])?;
    let with = guest.now()?;
    let other = guest.image("two.img", 1 << 20)?;
    for (xml, words) in [
        (disk(&other, "", ""), "only in removable drives"),
        (disk(&image, "cache='none'", ""), "'cache'"),
        (disk(&image, "", "<readonly/>"), "'readonly'"),
        ("<input type='tablet' bus='usb'/>".into(), "live update of device 'input' is not supported"),
        ("<watchdog model='i6300esb' action='reset'/>".into(), "live update of device 'watchdog' is not supported"),
    ] {
        let error = guest.host.refused(&["update-device", "plug", &guest.file("bad.xml", &xml)?])?;
        assert!(error.contains(words), "{xml}: {error}");
        assert_eq!(guest.now()?, with, "{xml}");
    }
    let channel = "<channel type='unix'><target type='virtio' name='org.example.twice'/></channel>";
    let channel = guest.file("channel.xml", channel)?;
    guest.host.virsh(&["attach-device", "plug", &channel])?;
    let error = guest.host.refused(&["attach-device", "plug", &channel])?;
    assert!(error.contains("chardev already exists"), "{error}");
    guest.host.virsh(&["detach-device", "plug", &channel])?;
    let error = guest.host.refused(&["detach-device", "plug", &channel])?;
    assert!(error.contains("device not found"), "{error}");
    let sound = guest.file("sound.xml", "<sound model='ich6'/>")?;
    let error = guest.host.refused(&["detach-device", "plug", &sound])?;
    assert!(error.contains("live detach of device 'sound' is not supported"), "{error}");
    assert_eq!(guest.now()?, with);
    Ok(())
}
