//! What the host arranges around a guest: whose its files are, its own `/dev`, where its memory is.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use oxivirt_tests::process::{self, alive};
use oxivirt_tests::sandbox::Sandbox;
use oxivirt_tests::skip;
use rustix::process::Signal;

use super::{Host, Outcome, SOON, fixture};

/// A daemon that starts guests as somebody without rights.
fn host(settings: &str) -> Result<Option<Host>, String> {
    if skip::lacks(&["virsh", "qemu-system-x86_64"]) {
        return Ok(None);
    }
    if !rustix::process::geteuid().is_root() {
        skip::skip("only root can start guests as somebody else");
        return Ok(None);
    }
    let mut sandbox = Sandbox::prepare()?;
    // Whoever the guest runs as has to get to its files.
    fs::set_permissions(sandbox.root(), fs::Permissions::from_mode(0o755)).map_err(|e| e.to_string())?;
    sandbox.configure("qemu.conf", settings)?;
    sandbox.launch()?;
    let uri = sandbox.uri("qemu", "/system");
    Ok(Some(Host { sandbox, uri }))
}

fn owner(path: &Path) -> Result<(u32, u32), String> {
    let meta = fs::metadata(path).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok((meta.uid(), meta.gid()))
}

/// A file of the user 12 and the group 34.
fn image(host: &Host, name: &str) -> Result<PathBuf, String> {
    let path = host.sandbox.root().join(name);
    let made = fs::write(&path, vec![0; 1 << 20])
        .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o600)))
        .and_then(|()| chown(&path, Some(12), Some(34)));
    made.map(|()| path.clone()).map_err(|e| format!("{}: {e}", path.display()))
}

fn guest(name: &str, inside: &str, devices: &str) -> String {
    fixture::idle_guest(name).replacen(
        "</domain>",
        &format!("{inside}<features><acpi/></features><devices>{devices}</devices></domain>"),
        1,
    )
}

fn disk(path: &Path, target: &str, more: &str) -> String {
    format!(
        "<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{}'/>\
         <target dev='{target}' bus='virtio'/>{more}</disk>",
        path.display()
    )
}

/// Whose a file is again after a guest: its owner's where the file system can remember that.
fn afterwards(path: &Path) -> (u32, u32) {
    let mut buffer = [0; 64];
    match rustix::fs::getxattr(path, "trusted.libvirt.security.ref_dac", &mut buffer[..]) {
        Ok(_) => (12, 34),
        Err(_) => (0, 0),
    }
}

const NOBODY: &str = "user = \"+65534\"\ngroup = \"+65534\"\n";

#[test]
fn files_are_the_guests_while_it_runs() -> Outcome {
    let Some(mut host) = host(NOBODY)? else { return Ok(()) };
    let (own, shared, medium) = (image(&host, "own.img")?, image(&host, "shared.img")?, image(&host, "medium.iso")?);
    let devices = disk(&own, "vda", "")
        + &disk(&shared, "vdb", "<shareable/>")
        + "<disk type='file' device='cdrom'><target dev='hdc' bus='ide'/></disk>";
    host.define(&guest("g", "", &devices))?;
    host.virsh(&["start", "g"])?;
    let pid = host.sandbox.guest_pid("g")?;
    let status = fs::read_to_string(format!("/proc/{pid}/status")).map_err(|e| e.to_string())?;
    assert!(status.contains("Uid:\t65534\t65534"), "{status}");
    assert_eq!(owner(&own)?, (65534, 65534));
    let live = host.virsh(&["dumpxml", "g"])?;
    assert!(live.contains("<seclabel type='dynamic' model='dac' relabel='yes'>"), "{live}");
    assert!(live.contains("<imagelabel>+65534:+65534</imagelabel>"), "{live}");
    assert!(!host.virsh(&["dumpxml", "--inactive", "g"])?.contains("<seclabel"));
    // A medium is the guest's while it is in the drive.
    host.virsh(&["change-media", "g", "hdc", "--insert", &medium.display().to_string(), "--live"])?;
    assert_eq!(owner(&medium)?, (65534, 65534));
    host.virsh(&["change-media", "g", "hdc", "--eject", "--live"])?;
    // So is a disk that was plugged in.
    let plugged = image(&host, "plugged.img")?;
    let file = host.sandbox.root().join("device.xml");
    fs::write(&file, disk(&plugged, "vdc", "")).map_err(|e| e.to_string())?;
    host.virsh(&["attach-device", "g", &file.display().to_string(), "--live"])?;
    assert_eq!(owner(&plugged)?, (65534, 65534));
    let expected = afterwards(&own);
    host.virsh(&["destroy", "g"])?;
    assert_eq!((owner(&own)?, owner(&plugged)?), (expected, expected));
    assert_eq!(owner(&shared)?, (65534, 65534), "others may use it still");
    // A start that fails gives back, too.
    host.define(&guest("bad", "", &(disk(&own, "vda", "") + &disk(Path::new("/no/such"), "vdb", ""))))?;
    host.refused(&["start", "bad"])?;
    assert_eq!(owner(&own)?, expected);
    // And so does the next daemon, after a crash.
    host.virsh(&["start", "g"])?;
    let expected = afterwards(&own);
    let pid = host.sandbox.guest_pid("g")?;
    host.sandbox.kill();
    process::signal(pid, Signal::KILL);
    process::wait_for("the guest to end", SOON, || (!alive(pid)).then_some(()))?;
    host.sandbox.launch()?;
    process::wait_for("the files to be given back", SOON, || (owner(&own).ok()? == expected).then_some(()))
}

#[test]
fn a_definition_says_whose_files_are() -> Outcome {
    let Some(host) = host(NOBODY)? else { return Ok(()) };
    let (one, two, kept) = (image(&host, "one.img")?, image(&host, "two.img")?, image(&host, "kept.img")?);
    let label = "<seclabel type='static' model='dac' relabel='yes'><label>+4321:+4322</label></seclabel>";
    let alone =
        disk(&kept, "vdb", "").replacen("'/><target", "'><seclabel model='dac' relabel='no'/></source><target", 1);
    fs::set_permissions(&kept, fs::Permissions::from_mode(0o666)).map_err(|e| e.to_string())?;
    host.define(&guest("g", "", &(disk(&one, "vda", "") + &alone)).replacen(
        "</domain>",
        &format!("{label}</domain>"),
        1,
    ))?;
    host.virsh(&["start", "g"])?;
    let pid = host.sandbox.guest_pid("g")?;
    let status = fs::read_to_string(format!("/proc/{pid}/status")).map_err(|e| e.to_string())?;
    assert!(status.contains("Uid:\t4321\t4321") && status.contains("Gid:\t4322\t4322"), "{status}");
    assert_eq!((owner(&one)?, owner(&kept)?), ((4321, 4322), (12, 34)));
    let marked = afterwards(&one) == (12, 34);
    // Another guest cannot take it away.
    if marked {
        host.define(&guest("h", "", &disk(&one, "vda", "")))?;
        let error = host.refused(&["start", "h"])?;
        assert!(error.contains("which is already in use"), "{error}");
        assert_eq!(owner(&one)?, (4321, 4322));
    }
    host.virsh(&["destroy", "g"])?;
    // Without relabelling everything stays as it is; such a guest cannot read a file of somebody else.
    let fixed = label.replacen("relabel='yes'", "relabel='no'", 1);
    host.define(&guest("k", "", &disk(&two, "vda", "")).replacen("</domain>", &format!("{fixed}</domain>"), 1))?;
    let error = host.refused(&["start", "k"])?;
    assert!(error.contains("Permission denied"), "{error}");
    assert_eq!(owner(&two)?, (12, 34));
    Ok(())
}

#[test]
fn without_dynamic_ownership_files_stay_as_they_are() -> Outcome {
    let Some(host) = host("user = \"+65534\"\ngroup = \"+65534\"\ndynamic_ownership = 0\n")? else { return Ok(()) };
    let own = image(&host, "own.img")?;
    host.define(&guest("g", "", &disk(&own, "vda", "")))?;
    assert!(host.refused(&["start", "g"])?.contains("Permission denied"));
    fs::set_permissions(&own, fs::Permissions::from_mode(0o666)).map_err(|e| e.to_string())?;
    host.virsh(&["start", "g"])?;
    assert_eq!(owner(&own)?, (12, 34));
    Ok(())
}

#[test]
fn a_guest_has_devices_of_its_own() -> Outcome {
    let acl = "cgroup_device_acl = [ \"/dev/null\", \"/dev/zero\", \"/dev/full\", \"/dev/random\", \"/dev/ptmx\" ]\n";
    let Some(mut host) = host(&format!("namespaces = [ \"mount\" ]\n{acl}{NOBODY}"))? else { return Ok(()) };
    host.define(&guest("g", "", "<serial type='pty'/>"))?;
    let started = host.sandbox.virsh(&host.uri, &["start", "g"])?;
    if started.stderr.contains("cannot create a mount namespace") {
        skip::skip("mounts of one's own cannot be had here");
        return Ok(());
    }
    assert!(started.status.success(), "{}", host.sandbox.explain(&started.text()));
    let pid = host.sandbox.guest_pid("g")?;
    let inside = PathBuf::from(format!("/proc/{pid}/root/dev"));
    let names = || -> Vec<String> {
        let entries = fs::read_dir(&inside).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    };
    assert!(["null", "zero", "ptmx", "fd"].iter().all(|name| names().iter().any(|n| n == name)), "{:?}", names());
    assert!(!names().iter().any(|name| name == "urandom" || name == "mem"), "{:?}", names());
    // Terminals are those of the host.
    let terminal = host.virsh(&["ttyconsole", "g"])?;
    assert!(fs::metadata(terminal.trim()).is_ok(), "{terminal}");
    let left = fs::read_dir(host.sandbox.root().join("run/libvirt/qemu")).into_iter().flatten().flatten();
    assert!(!left.map(|e| e.file_name()).any(|name| name.to_string_lossy().ends_with(".dev")));
    // A device that comes later gets its node, also through a daemon that did not start the guest.
    host.sandbox.kill();
    host.sandbox.launch()?;
    let file = host.sandbox.root().join("device.xml");
    let text = "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>";
    fs::write(&file, text).map_err(|e| e.to_string())?;
    host.virsh(&["attach-device", "g", &file.display().to_string(), "--live"])?;
    assert!(names().iter().any(|name| name == "urandom"), "{:?}", names());
    let outside = fs::metadata("/dev/urandom").map_err(|e| e.to_string())?;
    let node = fs::metadata(inside.join("urandom")).map_err(|e| e.to_string())?;
    assert_eq!((node.rdev(), node.mode()), (outside.rdev(), outside.mode()));
    // One that does not come leaves nothing.
    let text = "<rng model='virtio'><backend model='random'>/dev/kmsg</backend><nonsense/></rng>";
    fs::write(&file, text.replacen("<nonsense/>", "<address type='pci' slot='0x1'/>", 1)).map_err(|e| e.to_string())?;
    host.refused(&["attach-device", "g", &file.display().to_string(), "--live"])?;
    assert!(!names().iter().any(|name| name == "kmsg"), "{:?}", names());
    host.virsh(&["destroy", "g"]).map(drop)
}

#[test]
fn threads_are_scheduled_as_told() -> Outcome {
    let Some(host) = host("")? else { return Ok(()) };
    let tune = "<cputune><vcpusched vcpus='0' scheduler='batch'/><emulatorsched scheduler='idle'/></cputune>";
    host.define(&guest("g", tune, ""))?;
    host.virsh(&["start", "g"])?;
    let pid = host.sandbox.guest_pid("g")?;
    let mut policies = Vec::new();
    for task in fs::read_dir(format!("/proc/{pid}/task")).map_err(|e| e.to_string())?.flatten() {
        let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        // The 41st field, counted behind the name in brackets.
        let policy = stat.rsplit_once(')').and_then(|(_, rest)| rest.split_ascii_whitespace().nth(38));
        policies.extend(policy.map(str::to_owned));
    }
    assert!(policies.iter().any(|policy| policy == "3") && policies.iter().any(|policy| policy == "5"), "{policies:?}");
    Ok(())
}

#[test]
fn memory_is_where_it_is_wanted() -> Outcome {
    let Some(host) = host("hugetlbfs_mount = [ ]\n")? else { return Ok(()) };
    host.define(&guest("huge", "<memoryBacking><hugepages/></memoryBacking>", ""))?;
    let error = host.refused(&["start", "huge"])?;
    assert!(error.contains("hugetlbfs filesystem is not mounted or disabled by administrator config"), "{error}");
    host.define(&guest("far", "<numatune><memory mode='strict' nodeset='777'/></numatune>", ""))?;
    let error = host.refused(&["start", "far"])?;
    assert!(error.contains("NUMA node 777 is unavailable"), "{error}");
    host.define(&guest("near", "<numatune><memory mode='interleave' nodeset='0'/></numatune>", ""))?;
    if !Path::new("/proc/self/numa_maps").exists() {
        skip::skip("this kernel tells nothing of memory nodes");
        return Ok(());
    }
    host.virsh(&["start", "near"])?;
    let pid = host.sandbox.guest_pid("near")?;
    let maps = fs::read_to_string(format!("/proc/{pid}/numa_maps")).map_err(|e| e.to_string())?;
    assert!(maps.contains(" interleave:0 "), "{maps}");
    Ok(())
}

#[test]
fn memory_in_files_has_its_folder() -> Outcome {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).map_err(|e| e.to_string())?;
    let settings = format!("memory_backing_dir = \"{}\"\n{NOBODY}", folder.path().display());
    let Some(mut host) = host(&settings)? else { return Ok(()) };
    host.define(&guest("filed", "<memoryBacking><source type='file'/></memoryBacking>", ""))?;
    host.virsh(&["start", "filed"])?;
    let own = folder.path().join("libvirt/qemu/1-filed");
    assert_eq!(owner(&own)?, (65534, 65534));
    let pid = host.sandbox.guest_pid("filed")?;
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).map_err(|e| e.to_string())?;
    assert!(maps.contains(&own.display().to_string()), "{maps}");
    host.sandbox.kill();
    host.sandbox.launch()?;
    host.virsh(&["destroy", "filed"])?;
    assert!(!own.exists());
    Ok(())
}
