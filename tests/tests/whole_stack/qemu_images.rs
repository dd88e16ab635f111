//! Images over images: what a running guest's document shows of them.

use std::path::Path;
use std::process::Command;

use oxivirt_tests::{fixture, process, skip};

use super::qemu_hotplug::Guest;
use super::{Host, Outcome, SOON};

/// A guest with nothing to boot and one disk.
fn with_disk(name: &str, image: &str, format: &str) -> String {
    let disk = format!(
        "<devices><disk type='file'><driver name='qemu' type='{format}'/><source file='{image}'/>\
         <target dev='vda' bus='virtio'/></disk><disk type='file' device='cdrom'><target dev='hdc' bus='ide'/></disk>\
         </devices></domain>"
    );
    fixture::idle_guest(name).replace("</domain>", &disk)
}

/// Makes an image in `folder`.
fn make(folder: &Path, arguments: &[&str]) -> Outcome {
    let mut command = Command::new("qemu-img");
    command.current_dir(folder).args(["create", "-q"]).args(arguments);
    process::succeed(&mut command, "qemu-img create", SOON).map(drop)
}

/// A daemon, and a folder for images beside it.
fn host() -> Result<Option<(Host, String)>, String> {
    if skip::lacks(&["qemu-img"]) {
        return Ok(None);
    }
    let Some(host) = Host::qemu()? else { return Ok(None) };
    let folder = host.sandbox.root().join("images");
    std::fs::create_dir_all(folder.join("sub")).map_err(|e| e.to_string())?;
    Ok(Some((host, folder.display().to_string())))
}

#[test]
fn a_chain_is_shown_with_its_numbers() -> Outcome {
    let Some((host, folder)) = host()? else { return Ok(()) };
    let at = Path::new(&folder);
    make(at, &["-f", "raw", "base", "4M"])?;
    make(at, &["-f", "qcow2", "-b", "../base", "-F", "raw", "-u", "sub/middle", "4M"])?;
    make(at, &["-f", "qcow2", "-b", "sub/middle", "-F", "qcow2", "top"])?;
    host.define(&with_disk("g", &format!("{folder}/top"), "qcow2"))?;
    let stored = host.virsh(&["dumpxml", "g"])?;
    host.virsh(&["start", "--paused", "g"])?;
    let live = host.virsh(&["dumpxml", "g"])?;
    let chain = format!(
        "      <source file='{folder}/top' index='2'/>
      <backingStore type='file' index='3'>
        <format type='qcow2'/>
        <source file='{folder}/sub/middle'/>
        <backingStore type='file' index='4'>
          <format type='raw'/>
          <source file='{folder}/sub/../base'/>
          <backingStore/>
        </backingStore>
      </backingStore>
      <target dev='vda' bus='virtio'/>
"
    );
    assert!(live.contains(&chain), "{live}");
    // A drive without medium has neither a number nor a format.
    assert!(live.contains("<driver name='qemu'/>\n      <target dev='hdc' bus='ide'/>"), "{live}");
    let counted = host.virsh(&["domstats", "g", "--block", "--backing"])?;
    assert!(counted.contains("block.count=4") && counted.contains("block.2.backingIndex=4"), "{counted}");
    host.virsh(&["domblkthreshold", "g", "vda[3]", "1M"])?;
    let error = host.refused(&["domblkthreshold", "g", "vda[9]", "1M"])?;
    assert!(error.contains("vda[9]"), "{error}");
    host.virsh(&["destroy", "g"])?;
    assert_eq!(host.virsh(&["dumpxml", "g"])?, stored);
    Ok(())
}

#[test]
fn a_daemon_that_comes_back_knows_the_chain() -> Outcome {
    let Some((mut host, folder)) = host()? else { return Ok(()) };
    let at = Path::new(&folder);
    make(at, &["-f", "raw", "base", "4M"])?;
    make(at, &["-f", "qcow2", "-b", "base", "-F", "raw", "top"])?;
    host.define(&with_disk("g", &format!("{folder}/top"), "qcow2"))?;
    host.virsh(&["start", "--paused", "g"])?;
    let live = host.virsh(&["dumpxml", "g"])?;
    host.sandbox.kill();
    host.sandbox.launch()?;
    assert_eq!(host.virsh(&["dumpxml", "g"])?, live);
    Ok(())
}

#[test]
fn a_chain_that_leads_nowhere_keeps_a_guest_off() -> Outcome {
    let Some((host, folder)) = host()? else { return Ok(()) };
    let at = Path::new(&folder);
    make(at, &["-f", "raw", "raw", "1M"])?;
    for (name, below, format) in [
        ("round", "trip", Some("qcow2")),
        ("trip", "round", Some("qcow2")),
        ("lost", "nobody", Some("raw")),
        ("one", "raw", None),
        ("two", "one", None),
        ("strange", "foo://example.org/x", Some("raw")),
        ("words", "json:{\"driver\":\"weird\"}", Some("raw")),
        ("room", "sub", Some("raw")),
    ] {
        let mut arguments = vec!["-f", "qcow2", "-u", "-b", below];
        arguments.extend(format.map(|format| ["-F", format]).into_iter().flatten());
        if format.is_none() {
            // The tool wants a format, so the header is written by hand.
            unspoken(&at.join(name), below)?;
            continue;
        }
        arguments.extend([name, "1M"]);
        make(at, &arguments)?;
    }
    for (name, words) in [
        ("round", "self-referential"),
        ("lost", "nobody"),
        ("two", "was not specified in the image metadata"),
        ("strange", "'foo'"),
        ("words", "'weird'"),
        ("room", "'dir'"),
    ] {
        host.define(&with_disk(name, &format!("{folder}/{name}"), "qcow2"))?;
        let error = host.refused(&["start", name])?;
        assert!(error.contains(words), "{name}: {error}");
        assert_eq!(host.state(name)?, "shut off (failed)", "{name}");
    }
    // Where nothing further would be opened, a format may be guessed.
    host.define(&with_disk("g", &format!("{folder}/one"), "qcow2"))?;
    host.virsh(&["start", "--paused", "g"])?;
    assert!(host.virsh(&["dumpxml", "g"])?.contains("<format type='raw'/>"));
    Ok(())
}

/// An image over another one that does not say what format that has.
fn unspoken(path: &Path, below: &str) -> Outcome {
    let folder = path.parent().ok_or("no folder")?;
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    make(folder, &["-f", "qcow2", &name, "1M"])?;
    let mut bytes = std::fs::read(path).map_err(|e| e.to_string())?;
    // Behind all that the header has, in its first cluster.
    const PLACE: usize = 4096;
    bytes[8..16].copy_from_slice(&(PLACE as u64).to_be_bytes());
    bytes[16..20].copy_from_slice(&u32::try_from(below.len()).map_err(|e| e.to_string())?.to_be_bytes());
    bytes[PLACE..PLACE + below.len()].copy_from_slice(below.as_bytes());
    std::fs::write(path, bytes).map_err(|e| e.to_string())
}

#[test]
fn contents_may_be_apart_from_their_image() -> Outcome {
    let Some((host, folder)) = host()? else { return Ok(()) };
    make(Path::new(&folder), &["-f", "qcow2", "-o", "data_file=contents,data_file_raw=on", "top", "1M"])?;
    host.define(&with_disk("g", &format!("{folder}/top"), "qcow2"))?;
    host.virsh(&["start", "--paused", "g"])?;
    let live = host.virsh(&["dumpxml", "g"])?;
    let wanted = format!(
        "<dataStore type='file'>\n          <format type='raw'/>\n          <source file='{folder}/contents' index='3'/>"
    );
    assert!(live.contains(&wanted), "{live}");
    Ok(())
}

#[test]
fn a_plugged_disk_shows_its_chain_and_leaves_nothing() -> Outcome {
    let Some(guest) = Guest::boot()? else { return Ok(()) };
    let folder = guest.host.sandbox.root().to_owned();
    make(&folder, &["-f", "raw", "base", "4M"])?;
    make(&folder, &["-f", "qcow2", "-b", "base", "-F", "raw", "top"])?;
    let top = folder.join("top").display().to_string();
    guest.host.virsh(&["attach-disk", "plug", &top, "vdb", "--targetbus", "virtio", "--subdriver", "qcow2"])?;
    let with = guest.now()?;
    assert!(with.contains("<backingStore type='file' index='") && with.contains("/base'/>"), "{with}");
    guest.host.virsh(&["detach-disk", "plug", "vdb"])?;
    guest.is_as_before("a disk with a chain")?;
    let nodes = guest.host.virsh(&["qemu-monitor-command", "plug", "{\"execute\":\"query-named-block-nodes\"}"])?;
    assert!(!nodes.contains("base"), "{nodes}");
    Ok(())
}
