//! Disks that are held back, and disks that tell when they grow.

use std::fs::File;
use std::process::Stdio;

use oxivirt_tests::{fixture, process};

use super::qemu_hotplug::Guest;
use super::{GUEST_LIMIT, Host, Outcome};

const NODES: &str = "{\"execute\":\"query-named-block-nodes\"}";

#[test]
fn groups_hold_disks_back_from_the_start() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    let image = host.sandbox.root().join("one.img");
    File::create(&image).and_then(|file| file.set_len(1 << 20)).map_err(|e| e.to_string())?;
    let disk = format!(
        "<throttlegroups><throttlegroup><group_name>slow</group_name><total_iops_sec>100</total_iops_sec></throttlegroup>
         <throttlegroup><group_name>thin</group_name><total_bytes_sec>4096</total_bytes_sec></throttlegroup></throttlegroups>
         <devices><disk type='file'><driver name='qemu' type='raw'/><source file='{}'/><target dev='vda' bus='virtio'/>
         <throttlefilters><throttlefilter group='slow'/><throttlefilter group='thin'/></throttlefilters></disk></devices>
         </domain>",
        image.display()
    );
    host.define(&fixture::idle_guest("g").replace("</domain>", &disk))?;
    host.virsh(&["start", "--paused", "g"])?;
    let nodes = host.virsh(&["qemu-monitor-command", "g", NODES])?;
    assert!(nodes.contains("libvirt-2-filter") && nodes.contains("libvirt-3-filter"), "{nodes}");
    let shown = host.virsh(&["domthrottlegroupinfo", "g", "slow"])?;
    assert!(shown.lines().any(|line| line.starts_with("total_iops_sec ") && line.ends_with(": 100")), "{shown}");
    host.virsh(&["domthrottlegroupset", "g", "slow", "--total-iops-sec", "55"])?;
    let path = "{\"execute\":\"qom-get\",\"arguments\":{\"path\":\"/objects/throttle-slow\",\"property\":\"limits\"}}";
    let limits = host.virsh(&["qemu-monitor-command", "g", path])?;
    assert!(limits.contains("\"iops-total\":55"), "{limits}");
    let error = host.refused(&["domthrottlegroupdel", "g", "slow"])?;
    assert!(error.contains("still being used by disk vda"), "{error}");
    let lost = fixture::idle_guest("h").replace("</domain>", &disk.replace("group='thin'", "group='nobody'"));
    assert!(host.define(&lost).is_err_and(|error| error.contains("'nobody' not found")));
    Ok(())
}

#[test]
fn a_plugged_disk_may_be_held_back() -> Outcome {
    let Some(guest) = Guest::boot()? else { return Ok(()) };
    let image = guest.image("one.img", 1 << 20)?;
    let disk = |more: &str| {
        format!(
            "<disk type='file'><driver name='qemu' type='raw'/><source file='{image}'/><target dev='vdb' bus='virtio'/>{more}</disk>"
        )
    };
    let limited = disk("<iotune><total_iops_sec>77</total_iops_sec></iotune>");
    let file = guest.file("disk.xml", &limited)?;
    guest.host.virsh(&["attach-device", "plug", &file])?;
    let shown = guest.host.virsh(&["blkdeviotune", "plug", "vdb"])?;
    assert!(shown.contains("total_iops_sec : 77"), "{shown}");
    guest.host.virsh(&["detach-device", "plug", &file])?;
    guest.is_as_before("a disk with limits")?;

    let filtered = disk("<throttlefilters><throttlefilter group='slow'/></throttlefilters>");
    let file = guest.file("disk.xml", &filtered)?;
    let error = guest.host.refused(&["attach-device", "plug", &file])?;
    assert!(error.contains("throttle group 'slow' not found"), "{error}");
    guest.host.virsh(&["domthrottlegroupset", "plug", "slow", "--total-iops-sec", "100"])?;
    guest.host.virsh(&["attach-device", "plug", &file])?;
    assert!(guest.host.virsh(&["qemu-monitor-command", "plug", NODES])?.contains("-filter"));
    let error = guest.host.refused(&["domthrottlegroupdel", "plug", "slow"])?;
    assert!(error.contains("still being used by disk vdb"), "{error}");
    guest.host.virsh(&["detach-device", "plug", &file])?;
    assert!(!guest.host.virsh(&["qemu-monitor-command", "plug", NODES])?.contains("-filter"));
    guest.host.virsh(&["domthrottlegroupdel", "plug", "slow"])?;
    guest.is_as_before("a disk held back by a group")
}

#[test]
fn limits_of_an_empty_drive_wait_for_a_medium() -> Outcome {
    let Some(guest) = Guest::boot()? else { return Ok(()) };
    let medium = guest.image("one.iso", 1 << 20)?;
    let error = guest.host.refused(&["blkdeviotune", "plug", "hdc"])?;
    assert!(error.contains("does not currently have a source"), "{error}");
    guest.host.virsh(&["blkdeviotune", "plug", "hdc", "--total-iops-sec", "33"])?;
    guest.host.virsh(&["change-media", "plug", "hdc", &medium, "--insert"])?;
    let shown = guest.host.virsh(&["blkdeviotune", "plug", "hdc"])?;
    assert!(shown.contains("total_iops_sec : 33"), "{shown}");
    Ok(())
}

#[test]
fn writes_past_a_threshold_are_told() -> Outcome {
    let Some(mut guest) = Guest::boot()? else { return Ok(()) };
    let image = guest.image("one.img", 4 << 20)?;
    guest.host.virsh(&["attach-disk", "plug", &image, "vdb", "--targetbus", "virtio"])?;
    let told = guest.host.sandbox.root().join("told");
    let mut watcher = guest
        .host
        .sandbox
        .virsh_command(&guest.host.uri, &["event", "--loop", "--event", "block-threshold", "plug"])
        .stdin(Stdio::null())
        .stdout(File::create(&told).map_err(|e| e.to_string())?)
        .spawn()
        .map_err(|e| e.to_string())?;
    // Until it listens it hears nothing, so the threshold is set and passed again.
    guest.console.say("until [ -b /dev/vda ]; do sleep 1; done; echo disk-$((3*2))\n")?;
    let outcome = guest.console.until("disk-6", GUEST_LIMIT).map(drop).and_then(|()| {
        process::wait_for("virsh event to tell of the threshold", GUEST_LIMIT, || {
            if let Err(error) = guest.host.virsh(&["domblkthreshold", "plug", "vdb", "1M"]) {
                return Some(Err(error));
            }
            let _ = guest.console.say("dd if=/dev/zero of=/dev/vda bs=1M count=3 conv=fsync\n");
            let text = std::fs::read_to_string(&told).unwrap_or_default();
            text.contains("block-threshold").then_some(Ok(text))
        })
        .and_then(|text| text)
    });
    let _ = watcher.kill();
    let _ = watcher.wait();
    let text = outcome.map_err(|e| guest.host.sandbox.explain(&e))?;
    assert!(text.contains("vdb") && text.contains("1048576"), "{text}");
    Ok(())
}
