//! Guests with more than the usual: firmware with variables, cells of memory,
//! disks in the network, and smaller devices; each is really started.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use oxivirt_tests::console::Console;
use oxivirt_tests::{assets, fixture, process, skip};

use super::{GUEST_LIMIT, Host, Outcome, SOON, guest_or_skip};

/// The idle guest with more in its definition.
///
/// * `os` and `devices` – elements to add there; `rest` – beside them.
fn guest(name: &str, machine: &str, os: &str, rest: &str, devices: &str) -> String {
    format!(
        "<domain type='{}'>
  <name>{name}</name>
  <memory unit='MiB'>128</memory>
  <vcpu>2</vcpu>
  {os}<type arch='x86_64' machine='{machine}'>hvm</type></os>
  {rest}
  <devices>{devices}</devices>
</domain>
",
        fixture::DOMAIN_TYPE
    )
}

#[test]
fn a_uefi_guest_has_variables_of_its_own() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    if !Path::new("/usr/share/qemu/firmware").is_dir() {
        skip::skip("no firmware for guests is installed");
        return Ok(());
    }
    let features = "<features><acpi/></features>";
    let os = "<os firmware='efi'><loader secure='no'/>";
    host.define(&guest("uefi", "q35", os, features, "<serial type='pty'/>"))?;
    host.virsh(&["start", "--paused", "uefi"])?;
    let mut console = Console::open(Path::new(host.virsh(&["ttyconsole", "uefi"])?.trim()))?;
    host.virsh(&["resume", "uefi"])?;
    console.until("BdsDxe", GUEST_LIMIT).map_err(|e| host.sandbox.explain(&e))?;
    let variables = host.sandbox.root().join("var/lib/libvirt/qemu/nvram/uefi_VARS.fd");
    assert!(variables.is_file(), "{} is missing", variables.display());
    host.virsh(&["destroy", "uefi"])?;
    let error = host.refused(&["undefine", "uefi"])?;
    assert!(error.contains("nvram"), "{error}");
    std::fs::write(&variables, b"spoilt").map_err(|e| e.to_string())?;
    host.virsh(&["start", "uefi", "--reset-nvram"])?;
    assert!(std::fs::metadata(&variables).map_err(|e| e.to_string())?.len() > 6);
    host.virsh(&["destroy", "uefi"])?;
    host.virsh(&["undefine", "uefi", "--nvram"])?;
    assert!(!variables.exists(), "{} is still there", variables.display());
    Ok(())
}

#[test]
fn a_disk_may_be_a_descriptor_that_a_client_hands_over() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/whole_stack/python/fd_images.py");
    host.sandbox.python(&script, &[&host.uri, &host.sandbox.root().display().to_string()]).map(drop)
}

#[test]
fn cells_of_shared_memory_are_what_the_guest_runs_in() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    let rest = "<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>
      <cpu><numa><cell id='0' cpus='0' memory='64' unit='MiB'/><cell id='1' cpus='1' memory='64' unit='MiB'/></numa></cpu>";
    host.define(&guest("cells", "pc", "<os>", rest, ""))?;
    host.virsh(&["start", "cells"])?;
    let pid = host.sandbox.guest_pid("cells")?;
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).map_err(|e| e.to_string())?;
    assert_eq!(maps.lines().filter(|line| line.contains("memfd:memory-backend-memfd")).count(), 2, "{maps}");
    Ok(())
}

#[test]
fn memory_in_files_goes_with_the_guest() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    let rest = "<memoryBacking><source type='file'/><access mode='shared'/></memoryBacking>";
    host.define(&guest("filed", "pc", "<os>", rest, ""))?;
    host.virsh(&["start", "filed"])?;
    let folder = host.sandbox.root().join("var/lib/libvirt/qemu/ram");
    let guests = || std::fs::read_dir(&folder).map_or(0, |entries| entries.count());
    assert_eq!(guests(), 1);
    host.virsh(&["destroy", "filed"])?;
    assert_eq!(guests(), 0);
    Ok(())
}

/// A server of one image that ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_disk_is_read_from_a_server() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    if skip::lacks(&["qemu-nbd"]) {
        return Ok(());
    }
    let image = host.sandbox.root().join("image.raw");
    let socket = host.sandbox.root().join("nbd.sock");
    std::fs::write(&image, vec![0; 1 << 20]).map_err(|e| e.to_string())?;
    let mut command = Command::new("qemu-nbd");
    command.args(["--format=raw", "--persistent", "--shared=2"]);
    command.arg(format!("--socket={}", socket.display())).arg(&image).stdout(Stdio::null());
    let _server = Server(command.spawn().map_err(|e| e.to_string())?);
    process::wait_for("the server of the image", SOON, || socket.exists().then_some(()))?;
    let disk = format!(
        "<disk type='network'><driver name='qemu' type='raw'/>
          <source protocol='nbd'><host transport='unix' socket='{}'/></source>
          <target dev='vda' bus='virtio'/></disk>",
        socket.display()
    );
    host.define(&guest("served", "pc", "<os>", "", &disk))?;
    host.virsh(&["start", "served"])?;
    assert!(host.state("served")?.starts_with("running"));
    Ok(())
}

#[test]
fn small_devices_are_all_there() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    let file = host.sandbox.root().join("errors");
    let devices = format!(
        "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
         <watchdog model='i6300esb' action='reset'/>
         <panic model='isa'/>
         <interface type='user'><model type='virtio'/></interface>
         <input type='tablet' bus='virtio'/>
         <audio id='1' type='none'/>
         <sound model='ich9'/>
         <shmem name='oxivirt-test-{}'><model type='ivshmem-plain'/><size unit='M'>4</size></shmem>
         <pstore backend='acpi-erst'><path>{}</path><size unit='KiB'>8</size></pstore>
         <crypto model='virtio' type='qemu'><backend model='builtin' queues='1'/></crypto>
         <iommu model='intel'/>",
        std::process::id(),
        file.display()
    );
    let rest = "<genid/><features><acpi/></features>";
    host.define(&guest("devices", "q35", "<os>", rest, &devices))?;
    let started = host.virsh(&["start", "devices"]);
    let _ = std::fs::remove_file(format!("/dev/shm/oxivirt-test-{}", std::process::id()));
    started?;
    assert!(host.state("devices")?.starts_with("running"));
    Ok(())
}

#[test]
fn the_guest_is_told_what_it_is() -> Outcome {
    let (Some(host), Some(image)) = (Host::qemu()?, guest_or_skip()) else { return Ok(()) };
    let info =
        "<sysinfo type='smbios'><system><entry name='product'>Oxivirt Test, with a comma</entry></system></sysinfo>
      <os><smbios mode='sysinfo'/>";
    let xml = fixture::linux_guest("told", &image).replacen("<os>", info, 1);
    let mut console = start_linux(&host, "told", &xml)?;
    console
        .say("mkdir -p /s; mount -t sysfs s /s; cat /s/class/dmi/id/product_name /sys/class/dmi/id/product_name\n")?;
    console.until("Oxivirt Test, with a comma", GUEST_LIMIT).map_err(|e| host.sandbox.explain(&e))
}

fn start_linux(host: &Host, name: &str, xml: &str) -> Result<Console, String> {
    host.define(xml)?;
    host.virsh(&["start", "--paused", name])?;
    let mut console = Console::open(Path::new(host.virsh(&["ttyconsole", name])?.trim()))?;
    host.virsh(&["resume", name])?;
    console.until(assets::GUEST_BANNER, GUEST_LIMIT).map_err(|e| host.sandbox.explain(&e))?;
    Ok(console)
}

#[test]
fn what_cannot_be_started_yet_is_named() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    let tune = "<cputune><cachetune vcpus='0'><cache id='0' level='3' type='both' size='3' unit='MiB'/></cachetune>\
        </cputune></domain>";
    host.define(&fixture::idle_guest("secured").replacen("</domain>", tune, 1))?;
    let error = host.refused(&["start", "secured"])?;
    assert!(error.contains("caches and bandwidth in <cputune>"), "{error}");
    assert!(host.state("secured")?.starts_with("shut off"));
    let left = host.sandbox.root().join("var/lib/libvirt/qemu");
    let names: Vec<_> = std::fs::read_dir(&left).map_err(|e| e.to_string())?.filter_map(Result::ok).collect();
    assert!(!names.iter().any(|entry| entry.file_name().to_string_lossy().starts_with("domain-")), "{names:?}");
    Ok(())
}
