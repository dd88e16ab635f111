//! Devices that come and go while a guest runs.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use oxivirt_tests::console::Console;
use oxivirt_tests::{assets, fixture, process};

use super::bridge::Bridge;
use super::{GUEST_LIMIT, Host, Outcome, SOON, guest_or_skip};

/// A guest that can be plugged into.
fn roomy(name: &str, guest: &assets::Guest) -> String {
    let devices = "<disk type='file' device='cdrom'><target dev='hdc' bus='ide'/></disk>
        <controller type='scsi' index='0' model='virtio-scsi'/>
        <controller type='virtio-serial' index='0'/>
      </devices>";
    let memory = "<maxMemory slots='4' unit='MiB'>1024</maxMemory>
      <cpu><numa><cell id='0' cpus='0' memory='192' unit='MiB'/></numa></cpu>";
    fixture::linux_guest(name, guest)
        .replace("</devices>", devices)
        .replace("<memory unit='MiB'>128</memory>", &format!("<memory unit='MiB'>192</memory>{memory}"))
}

/// A running guest with a shell at its console.
pub(super) struct Guest {
    pub(super) host: Host,
    pub(super) console: Console,
    /// Its document before anything was plugged.
    before: String,
}

impl Guest {
    pub(super) fn boot() -> Result<Option<Guest>, String> {
        let (Some(host), Some(assets)) = (Host::qemu()?, guest_or_skip()) else { return Ok(None) };
        host.define(&roomy("plug", &assets))?;
        host.virsh(&["start", "--paused", "plug"])?;
        let terminal = host.virsh(&["ttyconsole", "plug"])?;
        let mut console = Console::open(Path::new(terminal.trim()))?;
        host.virsh(&["resume", "plug"])?;
        console.until(assets::GUEST_BANNER, GUEST_LIMIT).map_err(|e| host.sandbox.explain(&e))?;
        console.until("guest# ", GUEST_LIMIT)?;
        let before = host.virsh(&["dumpxml", "plug"])?;
        Ok(Some(Guest { host, console, before }))
    }

    /// Writes a file beside the guest.
    pub(super) fn file(&self, name: &str, text: &str) -> Result<String, String> {
        let path: PathBuf = self.host.sandbox.root().join(name);
        std::fs::write(&path, text).map_err(|e| e.to_string())?;
        Ok(path.display().to_string())
    }

    pub(super) fn image(&self, name: &str, size: usize) -> Result<String, String> {
        self.file(name, &"\0".repeat(size))
    }

    pub(super) fn now(&self) -> Result<String, String> {
        self.host.virsh(&["dumpxml", "plug"])
    }

    /// Fails unless the guest has what it had at first.
    pub(super) fn is_as_before(&self, what: &str) -> Outcome {
        let now = self.now()?;
        if now == self.before {
            Ok(())
        } else {
            Err(format!("{what} leaves something:\n{now}\nbefore:\n{}", self.before))
        }
    }

    /// Plugs a document in and out again.
    pub(super) fn in_and_out(&self, xml: &str) -> Outcome {
        let file = self.file("device.xml", xml)?;
        self.host.virsh(&["attach-device", "plug", &file]).map_err(|e| self.host.sandbox.explain(&e))?;
        if self.now()? == self.before {
            return Err(format!("nothing was plugged: {xml}"));
        }
        self.host.virsh(&["detach-device", "plug", &file]).map_err(|e| self.host.sandbox.explain(&e))?;
        self.is_as_before(xml)
    }
}

#[test]
fn disks_come_and_go() -> Outcome {
    let Some(mut guest) = Guest::boot()? else { return Ok(()) };
    let image = guest.image("one.img", 3 << 20)?;
    guest.host.virsh(&["attach-disk", "plug", &image, "vdb", "--targetbus", "virtio"])?;
    let listed = guest.host.virsh(&["domblklist", "plug"])?;
    assert!(listed.contains("vdb") && listed.contains("one.img"), "{listed}");
    // The guest sees 6144 sectors.
    guest.console.say("until grep -q 6144 /sys/block/vd*/size; do sleep 1; done; echo disk-$((3*2))\n")?;
    guest.console.until("disk-6", GUEST_LIMIT)?;
    let again = guest.host.refused(&["attach-disk", "plug", &image, "vdb", "--targetbus", "virtio"])?;
    assert!(again.contains("vdb"), "{again}");
    guest.host.virsh(&["detach-disk", "plug", "vdb"])?;
    guest.is_as_before("a virtio disk")?;
    guest.console.say("until ! ls /sys/block | grep vd; do sleep 1; done; echo gone-$((3*3))\n")?;
    guest.console.until("gone-9", GUEST_LIMIT)?;
    for (target, bus) in [("sdb", "scsi"), ("sdc", "usb")] {
        guest.host.virsh(&["attach-disk", "plug", &image, target, "--targetbus", bus])?;
        assert!(guest.host.virsh(&["domblklist", "plug"])?.contains(target));
        guest.host.virsh(&["detach-disk", "plug", target])?;
        guest.is_as_before(bus)?;
    }
    Ok(())
}

#[test]
fn small_devices_come_and_go() -> Outcome {
    let Some(guest) = Guest::boot()? else { return Ok(()) };
    for xml in [
        "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>",
        "<channel type='unix'><target type='virtio' name='org.example.0'/></channel>",
        "<channel type='pty'><target type='virtio' name='org.example.1'/></channel>",
        "<controller type='scsi' index='1' model='virtio-scsi'/>",
        "<interface type='user'><mac address='52:54:00:0b:51:10'/><model type='virtio'/></interface>",
        "<input type='tablet' bus='virtio'/>",
        "<input type='tablet' bus='usb'/>",
        "<watchdog model='i6300esb' action='reset'/>",
        "<redirdev bus='usb' type='null'/>",
        "<serial type='pty'><target type='usb-serial'/></serial>",
    ] {
        guest.in_and_out(xml)?;
    }
    let name = format!("oxivirt-plug-{}", std::process::id());
    let shared =
        guest.in_and_out(&format!("<shmem name='{name}'><model type='ivshmem-plain'/><size unit='M'>4</size></shmem>"));
    let _ = std::fs::remove_file(format!("/dev/shm/{name}"));
    shared
}

#[test]
fn memory_is_plugged_and_given_back() -> Outcome {
    let Some(guest) = Guest::boot()? else { return Ok(()) };
    let module = "<memory model='dimm'><target><size unit='MiB'>128</size><node>0</node></target></memory>";
    let file = guest.file("module.xml", module)?;
    guest.host.virsh(&["attach-device", "plug", &file])?;
    let with = guest.now()?;
    assert!(with.contains("<memory unit='KiB'>327680</memory>"), "{with}");
    assert!(with.contains("<alias name='dimm0'/>") && with.contains("base='0x"), "{with}");
    let big = module.replace("128", "2048");
    let error = guest.host.refused(&["attach-device", "plug", &guest.file("big.xml", &big)?])?;
    assert!(error.contains("maxMemory"), "{error}");
    assert_eq!(guest.now()?, with);
    Ok(())
}

#[test]
fn a_card_has_a_link_that_can_be_cut() -> Outcome {
    let Some(guest) = Guest::boot()? else { return Ok(()) };
    let mac = "52:54:00:0b:51:11";
    let card = format!("<interface type='user'><mac address='{mac}'/><model type='virtio'/></interface>");
    guest.host.virsh(&["attach-device", "plug", &guest.file("card.xml", &card)?])?;
    assert!(guest.host.virsh(&["domiflist", "plug"])?.contains(mac));
    for state in ["down", "up"] {
        guest.host.virsh(&["domif-setlink", "plug", mac, state])?;
        let found = guest.host.virsh(&["domif-getlink", "plug", mac])?;
        assert!(found.contains(state), "{found}");
    }
    let other = card.replace("'user'", "'ethernet'");
    let error = guest.host.refused(&["update-device", "plug", &guest.file("other.xml", &other)?])?;
    assert!(error.contains("'source'"), "{error}");
    let error = guest.host.refused(&["detach-interface", "plug", "user", "--mac", "52:54:00:00:00:99"])?;
    assert!(error.contains("52:54:00:00:00:99"), "{error}");
    guest.host.virsh(&["detach-interface", "plug", "user", "--mac", mac])?;
    guest.is_as_before("a card")
}

#[test]
fn a_card_on_a_bridge_comes_and_goes() -> Outcome {
    let Some(bridge) = Bridge::new() else { return Ok(()) };
    let Some(guest) = Guest::boot()? else { return Ok(()) };
    let mac = "52:54:00:0b:51:12";
    let plug = ["attach-interface", "plug", "bridge", &bridge.0, "--model", "virtio", "--mac", mac];
    guest.host.virsh(&plug)?;
    let ports = bridge.ports()?;
    assert_eq!(ports.len(), 1, "{ports:?}");
    assert!(guest.host.virsh(&["domiflist", "plug"])?.contains(&ports[0]));
    guest.host.virsh(&["detach-interface", "plug", "bridge", "--mac", mac])?;
    guest.is_as_before("a card on a bridge")?;
    assert!(bridge.ports()?.is_empty());
    let lost = guest.host.refused(&["attach-interface", "plug", "bridge", "oxi-no-bridge", "--model", "virtio"])?;
    assert!(lost.contains("oxi-no-bridge"), "{lost}");
    guest.is_as_before("a card that failed")
}

#[test]
fn media_are_changed_and_ejected() -> Outcome {
    let Some(guest) = Guest::boot()? else { return Ok(()) };
    let (one, two) = (guest.image("one.iso", 1 << 20)?, guest.image("two.iso", 1 << 20)?);
    guest.host.virsh(&["change-media", "plug", "hdc", &one, "--insert"])?;
    assert!(guest.host.virsh(&["domblklist", "plug"])?.contains("one.iso"));
    guest.host.virsh(&["change-media", "plug", "hdc", &two, "--update"])?;
    let now = guest.host.virsh(&["domblklist", "plug"])?;
    assert!(now.contains("two.iso") && !now.contains("one.iso"), "{now}");
    let lost = guest.host.sandbox.root().join("lost.iso").display().to_string();
    let error = guest.host.refused(&["change-media", "plug", "hdc", &lost, "--update"])?;
    assert!(error.contains("lost.iso"), "{error}");
    assert!(guest.host.virsh(&["domblklist", "plug"])?.contains("two.iso"));
    guest.host.virsh(&["change-media", "plug", "hdc", "--eject"])?;
    assert!(!guest.host.virsh(&["domblklist", "plug"])?.contains("two.iso"));
    Ok(())
}

#[test]
fn what_is_stored_changes_by_itself_or_with_the_guest() -> Outcome {
    let Some(guest) = Guest::boot()? else { return Ok(()) };
    let stored = || guest.host.virsh(&["dumpxml", "--inactive", "plug"]);
    let image = guest.image("one.img", 1 << 20)?;
    let before = stored()?;
    guest.host.virsh(&["attach-disk", "plug", &image, "vdb", "--targetbus", "virtio", "--config"])?;
    assert!(stored()?.contains("one.img"));
    guest.is_as_before("a change of what is stored")?;
    let again = guest.host.refused(&["attach-disk", "plug", &image, "vdb", "--targetbus", "virtio", "--config"])?;
    assert!(again.contains("target vdb already exists"), "{again}");
    guest.host.virsh(&["detach-disk", "plug", "vdb", "--config"])?;
    assert_eq!(stored()?, before);
    guest.host.virsh(&["attach-disk", "plug", &image, "vdb", "--targetbus", "virtio", "--config", "--live"])?;
    assert!(stored()?.contains("one.img") && guest.now()?.contains("one.img"));
    guest.host.virsh(&["detach-disk", "plug", "vdb", "--config", "--live"])?;
    assert_eq!(stored()?, before);
    guest.is_as_before("a change of both")?;
    // Where one of both is refused nothing changes.
    guest.host.virsh(&["attach-disk", "plug", &image, "vdb", "--targetbus", "virtio", "--config"])?;
    let file = guest.file(
        "disk.xml",
        &format!("<disk type='file'><source file='{image}'/><target dev='vdb' bus='virtio'/></disk>"),
    )?;
    guest.host.refused(&["attach-device", "plug", &file, "--config", "--live"])?;
    guest.is_as_before("a refused change of both")
}

#[test]
fn bad_devices_are_refused_and_change_nothing() -> Outcome {
    let Some(guest) = Guest::boot()? else { return Ok(()) };
    for (xml, words) in [
        ("<disk", "syntax error"),
        ("<moon/>", "'moon'"),
        ("<disk type='file'><source file='/nonexistent'/><target dev='vdb' bus='virtio'/></disk>", "/nonexistent"),
        ("<disk type='file'><source file='/dev/null'/><target dev='hdd' bus='ide'/></disk>", "'ide'"),
        ("<tpm model='tpm-tis'><backend type='passthrough'/></tpm>", "'tpm'"),
        ("<audio id='7' type='none'/>", "'audio'"),
        ("<video><model type='vga'/></video>", "'video'"),
        ("<hostdev mode='subsystem' type='usb'><source><address bus='99' device='99'/></source></hostdev>", "099"),
        (
            "<rng model='virtio'><backend model='random'/>\
             <address type='pci' domain='0' bus='0' slot='1' function='0'/></rng>",
            "00:01",
        ),
        ("<rng model='virtio'><backend model='random'>/nonexistent</backend></rng>", "/nonexistent"),
    ] {
        let error = guest.host.refused(&["attach-device", "plug", &guest.file("bad.xml", xml)?])?;
        assert!(error.contains(words), "{xml}: {error}");
        guest.is_as_before(xml)?;
    }
    let plain = guest.image("plain.img", 1 << 16)?;
    let disk = format!(
        "<disk type='file'><driver type='qcow2'/><source file='{plain}'/><target dev='vdb' bus='virtio'/></disk>"
    );
    let error = guest.host.refused(&["attach-device", "plug", &guest.file("bad.xml", &disk)?])?;
    assert!(error.contains("qcow2"), "{error}");
    guest.is_as_before("an image of another format")?;
    let error = guest.host.refused(&["detach-disk", "plug", "vdz"])?;
    assert!(error.contains("vdz"), "{error}");
    let error = guest.host.refused(&["detach-device-alias", "plug", "nobody0"])?;
    assert!(error.contains("nobody0"), "{error}");
    let error = guest.host.refused(&["detach-device", "plug", &guest.file("ide.xml", IDE)?])?;
    assert!(error.contains("cannot be hot unplugged"), "{error}");
    guest.is_as_before("bad requests")
}

const IDE: &str = "<disk type='file' device='cdrom'><target dev='hdc' bus='ide'/></disk>";

#[test]
fn a_guest_may_take_its_time_and_the_daemon_may_go_meanwhile() -> Outcome {
    let Some(mut guest) = Guest::boot()? else { return Ok(()) };
    let image = guest.image("one.img", 1 << 20)?;
    guest.host.virsh(&["attach-disk", "plug", &image, "vdb", "--targetbus", "virtio"])?;
    let with = guest.now()?;
    // A guest that stands still lets nothing go.
    guest.host.virsh(&["suspend", "plug"])?;
    let error = guest.host.refused(&["detach-disk", "plug", "vdb"])?;
    assert!(error.contains("virtio-disk1") && error.contains("DEVICE_DELETED"), "{error}");
    assert_eq!(guest.now()?, with);
    guest.host.virsh(&["detach-device-alias", "plug", "virtio-disk1"])?;
    guest.host.sandbox.kill();
    guest.host.sandbox.launch()?;
    assert_eq!(guest.now()?, with);
    guest.host.virsh(&["resume", "plug"])?;
    let gone = || guest.now().ok().filter(|now| *now == guest.before);
    process::wait_for("the disk to go", GUEST_LIMIT, gone)
        .map(drop)
        .map_err(|e| guest.host.sandbox.explain(&format!("{e}; it is {:?}", guest.now())))
}

#[test]
fn clients_are_told() -> Outcome {
    let Some(guest) = Guest::boot()? else { return Ok(()) };
    let shown = guest.host.sandbox.root().join("told");
    let output = File::create(&shown).map_err(|e| e.to_string())?;
    let mut watcher = guest
        .host
        .sandbox
        .virsh_command(&guest.host.uri, &["event", "--loop", "--all", "plug"])
        .stdin(Stdio::null())
        .stdout(output)
        .spawn()
        .map_err(|e| e.to_string())?;
    let rng = "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>";
    // Until it listens it hears nothing.
    let told = process::wait_for("virsh event to tell of the device", SOON * 3, || {
        if let Err(error) = guest.in_and_out(rng) {
            return Some(Err(error));
        }
        let text = std::fs::read_to_string(&shown).unwrap_or_default();
        (text.contains("device-added") && text.contains("device-removed") && text.contains("rng0")).then_some(Ok(()))
    });
    let _ = watcher.kill();
    let _ = watcher.wait();
    told?
}
