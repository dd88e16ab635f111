//! What can be changed of a running QEMU guest: CPUs, memory, threads, limits.

use super::{Host, Outcome, SOON};
use oxivirt_tests::{fixture, process};

/// A guest with nothing to boot that has something to tune.
fn guest(host: &Host, name: &str) -> Outcome {
    for (file, bytes) in [("raw.img", 10 << 20), ("other.img", 4 << 20)] {
        let file = std::fs::File::create(host.sandbox.root().join(file)).map_err(|e| e.to_string())?;
        file.set_len(bytes).map_err(|e| e.to_string())?;
    }
    let root = host.sandbox.root().display().to_string();
    host.define(&format!(
        "<domain type='{}'>
  <name>{name}</name>
  <memory unit='MiB'>128</memory>
  <vcpu current='1'>4</vcpu>
  <iothreads>1</iothreads>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <features><acpi/></features>
  <devices>
    <disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{root}/raw.img'/><target dev='vda' bus='virtio'/></disk>
    <disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='{root}/other.img'/><target dev='sda' bus='sata'/></disk>
    <interface type='user'><mac address='52:54:00:12:34:56'/><model type='virtio'/></interface>
    <memballoon model='virtio'/>
  </devices>
</domain>
",
        fixture::DOMAIN_TYPE
    ))?;
    host.virsh(&["start", name]).map(drop)
}

/// Lines of output without the spaces in them.
fn squeezed(text: &str) -> String {
    text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") + "\n").collect()
}

impl Host {
    /// Whether the live or stored definition says something.
    fn says(&self, name: &str, stored: bool, wanted: &str) -> Outcome {
        let mut arguments = vec!["dumpxml", name];
        if stored {
            arguments.push("--inactive");
        }
        let xml = self.virsh(&arguments)?;
        if xml.contains(wanted) { Ok(()) } else { Err(format!("no {wanted} in\n{xml}")) }
    }
}

#[test]
fn processors_come_to_a_running_guest() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    guest(&host, "g")?;
    host.virsh(&["setvcpus", "g", "2"])?;
    host.says("g", false, "<vcpu placement='static' current='2'>4</vcpu>")?;
    host.says("g", false, "<vcpu id='1' enabled='yes' hotpluggable='yes' order='2'/>")?;
    host.says("g", true, "<vcpu placement='static' current='1'>4</vcpu>")?;
    let status = host.sandbox.root().join("run/libvirt/qemu/g.xml");
    let text = std::fs::read_to_string(&status).map_err(|e| e.to_string())?;
    assert_eq!(text.matches("<vcpu id='").count(), 2 + 4, "two threads, four in the definition: {text}");
    let error = host.refused(&["setvcpus", "g", "5"])?;
    assert!(error.contains("greater than max allowable vcpus for the live domain: 5 > 4"), "{error}");
    host.virsh(&["setvcpus", "g", "3", "--config"])?;
    host.virsh(&["setvcpus", "g", "8", "--config", "--maximum"])?;
    let counts = squeezed(&host.virsh(&["vcpucount", "g"])?);
    assert_eq!(counts, "maximum config 8\nmaximum live 4\ncurrent config 3\ncurrent live 2\n");
    host.virsh(&["setvcpu", "g", "3", "--enable"])?;
    let error = host.refused(&["setvcpu", "g", "3", "--enable"])?;
    assert!(error.contains("vcpu '3' is already in requested state"), "{error}");
    let error = host.refused(&["setvcpu", "g", "0", "--disable"])?;
    assert!(error.contains("vcpu '0' can't be unplugged"), "{error}");
    host.virsh(&["setvcpu", "g", "5", "--enable", "--config"])?;
    host.says("g", true, "<vcpu id='5' enabled='yes' hotpluggable='yes'/>")?;
    // What was plugged in last time is plugged in again.
    host.virsh(&["destroy", "g"])?;
    host.virsh(&["start", "g"])?;
    let stats = host.virsh(&["domstats", "--vcpu", "g"])?;
    assert!(stats.contains("vcpu.current=4") && stats.contains("vcpu.5.state=1"), "{stats}");
    Ok(())
}

#[test]
fn memory_follows_its_balloon() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    guest(&host, "g")?;
    host.virsh(&["setmem", "g", "64M", "--live", "--config"])?;
    host.says("g", true, "<currentMemory unit='KiB'>65536</currentMemory>")?;
    for arguments in [["setmem", "g", "1G", "--live"], ["setmem", "g", "1G", "--config"]] {
        let error = host.refused(&arguments)?;
        assert!(error.contains("cannot set memory higher than max memory"), "{error}");
    }
    let error = host.refused(&["setmaxmem", "g", "256M"])?;
    assert!(error.contains("cannot resize the maximum memory on an active domain"), "{error}");
    host.virsh(&["setmaxmem", "g", "256M", "--config"])?;
    host.says("g", true, "<memory unit='KiB'>262144</memory>")?;
    host.virsh(&["dommemstat", "g", "--period", "2", "--live", "--config"])?;
    host.says("g", false, "<stats period='2'/>")?;
    host.says("g", true, "<stats period='2'/>")?;
    let stats = host.virsh(&["dommemstat", "g"])?;
    assert!(["actual", "last_update", "rss"].iter().all(|name| stats.contains(name)), "{stats}");
    Ok(())
}

#[test]
fn threads_are_kept_where_they_are_told() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    guest(&host, "g")?;
    host.virsh(&["vcpupin", "g", "0", "0", "--live", "--config"])?;
    host.virsh(&["emulatorpin", "g", "0"])?;
    host.virsh(&["iothreadpin", "g", "1", "0"])?;
    for stored in [false, true] {
        host.says("g", stored, "<vcpupin vcpu='0' cpuset='0'/>")?;
    }
    host.says("g", false, "<emulatorpin cpuset='0'/>")?;
    let pid = host.sandbox.guest_pid("g")?;
    let vcpus =
        std::fs::read_to_string(host.sandbox.root().join("run/libvirt/qemu/g.xml")).map_err(|e| e.to_string())?;
    let vcpu = vcpus.lines().find_map(|line| line.trim().strip_prefix("<vcpu id='0' pid='")?.strip_suffix("'/>"));
    for thread in [pid.to_string().as_str(), vcpu.unwrap_or("no thread of a processor")] {
        let status = std::fs::read_to_string(format!("/proc/{pid}/task/{thread}/status"));
        let status = status.map_err(|e| format!("{thread}: {e}"))?;
        let line = status.lines().find(|line| line.starts_with("Cpus_allowed_list:"));
        assert_eq!(line, Some("Cpus_allowed_list:\t0"), "{thread}");
    }
    let error = host.refused(&["vcpupin", "g", "9", "0"])?;
    assert!(error.contains("vcpu 9 is out of range of live cpu count 4"), "{error}");
    let error = host.refused(&["iothreadpin", "g", "9", "0"])?;
    assert!(error.contains("iothread 9 not found"), "{error}");
    Ok(())
}

#[test]
fn threads_for_disks_come_and_go() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    guest(&host, "g")?;
    host.virsh(&["iothreadadd", "g", "2", "--live", "--config"])?;
    let error = host.refused(&["iothreadadd", "g", "2"])?;
    assert!(error.contains("an IOThread is already using iothread_id '2'"), "{error}");
    host.virsh(&[
        "iothreadset",
        "g",
        "2",
        "--poll-max-ns",
        "1000",
        "--thread-pool-min",
        "1",
        "--thread-pool-max",
        "4",
    ])?;
    host.says("g", false, "<iothread id='2' thread_pool_min='1' thread_pool_max='4'>")?;
    let stats = host.virsh(&["domstats", "--iothread", "g"])?;
    assert!(stats.contains("iothread.count=2") && stats.contains("iothread.2.poll-max-ns=1000"), "{stats}");
    let info = host.virsh(&["iothreadinfo", "g"])?;
    assert_eq!(info.lines().count(), 2, "{info}");
    host.virsh(&["iothreaddel", "g", "2", "--live"])?;
    host.says("g", false, "<iothreads>1</iothreads>")?;
    host.says("g", true, "<iothreads>2</iothreads>")?;
    let error = host.refused(&["iothreaddel", "g", "9"])?;
    assert!(error.contains("cannot find IOThread '9' in iothreadids list"), "{error}");
    Ok(())
}

#[test]
fn disks_are_limited_and_resized() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    guest(&host, "g")?;
    let tune = ["blkdeviotune", "g", "vda", "--total-bytes-sec", "100000", "--total-bytes-sec-max", "200000"];
    host.virsh(&[&tune[..], &["--live", "--config"]].concat())?;
    let live = squeezed(&host.virsh(&["blkdeviotune", "g", "vda"])?);
    assert!(live.contains("total_bytes_sec: 100000\n") && live.contains("total_bytes_sec_max: 200000\n"), "{live}");
    host.says("g", true, "<total_bytes_sec>100000</total_bytes_sec>")?;
    for (more, text) in [
        (vec!["--total-bytes-sec", "10", "--read-bytes-sec", "10"], "cannot be set at the same time"),
        (vec!["--total-iops-sec-max", "10"], "cannot reset 'total_iops_sec' when 'total_iops_sec_max' is set"),
        (vec!["--total-bytes-sec", "2000000000000000"], "must be no more than 1000000000000000"),
    ] {
        let error = host.refused(&[&["blkdeviotune", "g", "vda"][..], &more].concat())?;
        assert!(error.contains(text), "{error}");
    }
    // The limit is there from the start.
    host.virsh(&["destroy", "g"])?;
    host.virsh(&["start", "g"])?;
    let live = squeezed(&host.virsh(&["blkdeviotune", "g", "vda"])?);
    assert!(live.contains("total_bytes_sec: 100000\n"), "{live}");
    let error = host.refused(&["blkdeviotune", "g", "vda", "--total-bytes-sec", "0"])?;
    assert!(error.contains("cannot reset 'total_bytes_sec' when 'total_bytes_sec_max' is set"), "{error}");
    host.virsh(&["blkdeviotune", "g", "vda", "--total-bytes-sec", "0", "--total-bytes-sec-max", "0"])?;
    assert!(!host.virsh(&["dumpxml", "g"])?.contains("<iotune>"));

    host.virsh(&["blockresize", "g", "vda", "20M"])?;
    let info = squeezed(&host.virsh(&["domblkinfo", "g", "vda"])?);
    assert!(info.contains("Capacity: 20971520\n") && info.contains("Physical: 20971520\n"), "{info}");
    let error = host.refused(&["blockresize", "g", "vdx", "1M"])?;
    assert!(error.contains("disk 'vdx' was not found in the domain config"), "{error}");
    host.virsh(&["domblkthreshold", "g", "vda", "1M"])?;
    let stats = host.virsh(&["domstats", "--block", "g"])?;
    assert!(stats.contains("block.0.threshold=1048576"), "{stats}");
    assert_eq!(host.virsh(&["domblkerror", "g"])?.trim(), "No errors found");
    Ok(())
}

#[test]
fn what_the_host_would_have_to_keep_is_refused_in_stocks_words() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    guest(&host, "g")?;
    for (arguments, text) in [
        (vec!["schedinfo", "g"], "cgroup CPU controller is not mounted"),
        (vec!["memtune", "g"], "cgroup memory controller is not mounted"),
        (vec!["blkiotune", "g"], "blkio cgroup isn't mounted"),
        (vec!["numatune", "g", "--nodeset", "0"], "cgroup cpuset controller is not mounted"),
        (vec!["domiftune", "g", "vnet7"], "'vnet7' is not a known interface"),
    ] {
        let error = host.refused(&arguments)?;
        assert!(error.contains(text), "{error}");
    }
    host.virsh(&["memtune", "g", "--hard-limit", "1000000", "--config"])?;
    host.says("g", true, "<hard_limit unit='KiB'>1000000</hard_limit>")?;
    host.virsh(&["numatune", "g", "--nodeset", "0", "--config"])?;
    host.virsh(&["destroy", "g"])?;
    host.virsh(&["schedinfo", "g", "--set", "cpu_shares=2048"])?;
    host.says("g", true, "<shares>2048</shares>")?;
    Ok(())
}

#[test]
fn the_end_of_a_guest_can_be_decided_while_it_runs() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    guest(&host, "g")?;
    host.virsh(&["set-lifecycle-action", "g", "crash", "preserve"])?;
    host.says("g", false, "<on_crash>preserve</on_crash>")?;
    host.says("g", true, "<on_crash>destroy</on_crash>")?;
    process::wait_for("the guest to run", SOON, || host.state("g").ok()?.starts_with("running").then_some(()))
}
