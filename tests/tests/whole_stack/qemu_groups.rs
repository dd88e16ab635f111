//! Guests in control groups, on hosts where this process may make some below its own.

use std::fs;
use std::path::{Path, PathBuf};

use oxivirt_tests::process::{self, alive};
use oxivirt_tests::skip;
use rustix::process::Signal;

use super::{Host, Outcome, SOON, fixture};

/// The groups of a guest by controller; removed at the end, whatever happened.
struct Groups {
    found: Vec<(String, PathBuf)>,
    pid: i32,
}

impl Groups {
    /// None, after saying why, where the guest has none.
    fn of(host: &Host, name: &str) -> Result<Option<Self>, String> {
        let pid = host.sandbox.guest_pid(name)?;
        let read = |path: &str| fs::read_to_string(path).map_err(|e| format!("{path}: {e}"));
        let mounts = read("/proc/self/mountinfo")?;
        let mut found = Vec::new();
        for line in read(&format!("/proc/{pid}/cgroup"))?.lines() {
            let mut parts = line.splitn(3, ':');
            let (Some(names), Some(path)) = (parts.nth(1), parts.next()) else { continue };
            let Some((above, _)) = path.split_once(".libvirt-qemu") else { continue };
            for controller in names.split(',').filter(|name| !name.is_empty()) {
                let root = mounts.lines().filter_map(|line| line.split_once(" - ")).find_map(|(front, back)| {
                    let kind = back.split(' ').next()?;
                    let options = back.rsplit(' ').next()?;
                    (kind == "cgroup" && options.split(',').any(|word| word == controller))
                        .then(|| PathBuf::from(front.split(' ').nth(4).unwrap_or_default()))
                });
                if let Some(root) = root {
                    let folder = format!("{}.libvirt-qemu", above.trim_start_matches('/'));
                    found.push((controller.to_owned(), root.join(folder)));
                }
            }
        }
        if found.is_empty() {
            skip::skip("no control groups of the first version can be made here");
            return Ok(None);
        }
        Ok(Some(Self { found, pid }))
    }

    fn folder(&self, controller: &str) -> Option<&Path> {
        self.found.iter().find(|(name, _)| name == controller).map(|(_, folder)| folder.as_path())
    }

    fn text(&self, controller: &str, file: &str) -> String {
        let folder = self.folder(controller).map(|folder| folder.join(file)).unwrap_or_default();
        fs::read_to_string(folder).unwrap_or_default().trim().to_owned()
    }

    fn are_gone(&self) -> bool {
        self.found.iter().all(|(_, folder)| !folder.exists() && !folder.parent().is_some_and(Path::exists))
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        if self.are_gone() {
            return;
        }
        if alive(self.pid) {
            process::signal(self.pid, Signal::KILL);
        }
        let _ = process::wait_for("the guest to leave its groups", SOON, || {
            for (_, folder) in &self.found {
                for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                    let _ = fs::remove_dir(entry.path());
                }
                let _ = fs::remove_dir(folder);
                let _ = folder.parent().map(fs::remove_dir);
            }
            self.are_gone().then_some(())
        });
    }
}

fn host() -> Result<Option<Host>, String> {
    if skip::lacks(&["virsh", "qemu-system-x86_64"]) || !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let mut sandbox = oxivirt_tests::sandbox::Sandbox::prepare()?;
    let names = "\"cpu\", \"cpuacct\", \"cpuset\", \"memory\", \"devices\", \"blkio\"";
    sandbox.configure("qemu.conf", &format!("cgroup_controllers = [ {names} ]\n"))?;
    sandbox.launch()?;
    let uri = sandbox.uri("qemu", "/system");
    Ok(Some(Host { sandbox, uri }))
}

fn tuned(name: &str, inside: &str) -> String {
    let text = fixture::idle_guest(name).replacen("<vcpu>1</vcpu>", "<vcpu>2</vcpu><iothreads>1</iothreads>", 1);
    text.replacen("</domain>", &format!("{inside}</domain>"), 1)
}

/// The value behind a name in virsh's answer.
fn value(text: &str, name: &str) -> String {
    super::field(text, name)
}

#[test]
fn a_guest_is_placed_tuned_and_counted() -> Outcome {
    let Some(host) = host()? else { return Ok(()) };
    host.define(&tuned("plain", ""))?;
    host.virsh(&["start", "plain"])?;
    let Some(groups) = Groups::of(&host, "plain")? else { return Ok(()) };
    assert!(host.virsh(&["dumpxml", "plain"])?.contains("<partition>/machine</partition>"));
    assert!(!host.virsh(&["dumpxml", "--inactive", "plain"])?.contains("<partition>"));
    if groups.folder("cpu").is_some() {
        let tasks = |group: &str| groups.text("cpu", &format!("{group}/tasks")).lines().count();
        assert!(tasks("emulator") > 0);
        assert_eq!((tasks("vcpu0"), tasks("vcpu1"), tasks("iothread1"), tasks(".")), (1, 1, 1, 0));
        assert_eq!(value(&host.virsh(&["schedinfo", "plain"])?, "cpu_shares"), "1024");
        host.virsh(&["schedinfo", "plain", "--live", "cpu_shares=300", "vcpu_quota=50000", "emulator_quota=40000"])?;
        assert_eq!(groups.text("cpu", "cpu.shares"), "300");
        assert_eq!(groups.text("cpu", "vcpu1/cpu.cfs_quota_us"), "50000");
        assert_eq!(groups.text("cpu", "emulator/cpu.cfs_quota_us"), "40000");
        let answer = host.virsh(&["schedinfo", "plain"])?;
        assert_eq!((value(&answer, "vcpu_quota"), value(&answer, "vcpu_period")), ("50000".into(), "100000".into()));
        let live = host.virsh(&["dumpxml", "plain"])?;
        assert!(live.contains("<shares>300</shares>") && live.contains("<quota>50000</quota>"), "{live}");
        let error = host.refused(&["schedinfo", "plain", "--live", "vcpu_quota=5"])?;
        assert!(error.contains("out of range"), "{error}");
    }
    if groups.folder("memory").is_some() {
        host.virsh(&["memtune", "plain", "--live", "--hard-limit", "900000", "--soft-limit", "800000"])?;
        assert_eq!(groups.text("memory", "memory.limit_in_bytes"), (900_000 * 1024).to_string());
        let answer = host.virsh(&["memtune", "plain"])?;
        assert_eq!((value(&answer, "hard_limit"), value(&answer, "soft_limit")), ("900000".into(), "800000".into()));
    }
    if groups.folder("cpuset").is_some() {
        host.virsh(&["vcpupin", "plain", "1", "0", "--live"])?;
        host.virsh(&["emulatorpin", "plain", "0", "--live"])?;
        host.virsh(&["iothreadpin", "plain", "1", "0", "--live"])?;
        for group in ["vcpu1", "emulator", "iothread1"] {
            assert_eq!(groups.text("cpuset", &format!("{group}/cpuset.cpus")), "0", "{group}");
        }
        host.virsh(&["numatune", "plain", "--nodeset", "0", "--live"])?;
        assert_eq!(groups.text("cpuset", "vcpu0/cpuset.mems"), "0");
        let error = host.refused(&["numatune", "plain", "--mode", "interleave", "--nodeset", "0", "--live"])?;
        assert!(error.contains("can't change numatune mode for running domain"), "{error}");
    }
    if groups.folder("cpuacct").is_some() {
        let answer = host.virsh(&["cpu-stats", "plain"])?;
        assert!(answer.contains("CPU0:") && answer.contains("vcpu_time") && answer.contains("Total:"), "{answer}");
    }
    if groups.folder("devices").is_some() {
        let list = groups.text("devices", "devices.list");
        assert!(list.contains("c 1:3 rw") && list.contains("c 136:* rw") && !list.contains("a *:*"), "{list}");
    }
    if groups.folder("blkio").is_some() {
        let answer = host.virsh(&["blkiotune", "plain"])?;
        assert!(answer.contains("weight"), "{answer}");
        let error = host.refused(&["blkiotune", "plain", "--live", "--device-read-bytes-sec", "/dev/null,1000"])?;
        assert!(error.contains("must be a block device"), "{error}");
    }
    host.virsh(&["destroy", "plain"])?;
    assert!(groups.are_gone(), "{:?}", groups.found);
    Ok(())
}

#[test]
fn what_a_definition_says_counts_from_the_start() -> Outcome {
    let Some(host) = host()? else { return Ok(()) };
    host.define(&tuned("first", ""))?;
    host.virsh(&["start", "first"])?;
    let Some(groups) = Groups::of(&host, "first")? else { return Ok(()) };
    let has = |controller: &str| groups.folder(controller).is_some();
    let (cpu, memory, cpuset) = (has("cpu"), has("memory"), has("cpuset"));
    host.virsh(&["destroy", "first"])?;
    if !(cpu && memory && cpuset) {
        skip::skip("some controllers are missing here");
        return Ok(());
    }
    let inside = "<memtune><hard_limit unit='KiB'>700000</hard_limit></memtune>\
        <cputune><shares>99</shares><period>50000</period><quota>25000</quota><global_quota>60000</global_quota>\
        <iothread_quota>11000</iothread_quota><vcpupin vcpu='1' cpuset='0'/><iothreadpin iothread='1' cpuset='0'/>\
        </cputune><numatune><memory mode='restrictive' nodeset='0'/></numatune>";
    host.define(&tuned("second", inside))?;
    host.virsh(&["start", "second"])?;
    let Some(groups) = Groups::of(&host, "second")? else { return Err("no groups".into()) };
    for (controller, file, wanted) in [
        ("cpu", "cpu.shares", "99"),
        ("cpu", "cpu.cfs_quota_us", "60000"),
        ("cpu", "vcpu0/cpu.cfs_period_us", "50000"),
        ("cpu", "vcpu0/cpu.cfs_quota_us", "25000"),
        ("cpu", "iothread1/cpu.cfs_quota_us", "11000"),
        ("cpuset", "vcpu1/cpuset.cpus", "0"),
        ("cpuset", "iothread1/cpuset.cpus", "0"),
        ("cpuset", "emulator/cpuset.mems", "0"),
        ("memory", "memory.limit_in_bytes", "716800000"),
    ] {
        assert_eq!(groups.text(controller, file), wanted, "{controller} {file}");
    }
    host.virsh(&["iothreadadd", "second", "2", "--live"])?;
    assert_eq!(groups.text("cpu", "iothread2/cpu.cfs_quota_us"), "11000");
    host.virsh(&["iothreaddel", "second", "2", "--live"])?;
    assert!(!groups.folder("cpu").is_some_and(|folder| folder.join("iothread2").exists()));
    host.virsh(&["destroy", "second"])?;
    assert!(groups.are_gone(), "{:?}", groups.found);
    Ok(())
}

#[test]
fn groups_outlive_the_daemon_and_go_with_the_guest() -> Outcome {
    let Some(mut host) = host()? else { return Ok(()) };
    host.define(&tuned("kept", ""))?;
    host.virsh(&["start", "kept"])?;
    let Some(groups) = Groups::of(&host, "kept")? else { return Ok(()) };
    host.sandbox.kill();
    host.sandbox.launch()?;
    if groups.folder("cpu").is_some() {
        host.virsh(&["schedinfo", "kept", "--live", "cpu_shares=400"])?;
        assert_eq!(groups.text("cpu", "cpu.shares"), "400");
    }
    // One that ends while nobody watches leaves nothing either.
    host.sandbox.kill();
    process::signal(groups.pid, Signal::KILL);
    process::wait_for("the guest to end", SOON, || (!alive(groups.pid)).then_some(()))?;
    host.sandbox.launch()?;
    process::wait_for("the groups to go", SOON, || groups.are_gone().then_some(()))?;
    // A start that fails leaves none.
    let broken = "<qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>\
        <qemu:arg value='-nonsense'/></qemu:commandline>";
    host.define(
        &tuned("kept", "")
            .replacen("<domain ", "<domain xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0' ", 1)
            .replacen("</domain>", &format!("{broken}</domain>"), 1)
            .replacen("<name>kept</name>", "<name>broken</name>", 1),
    )?;
    host.refused(&["start", "broken"])?;
    assert!(groups.are_gone());
    // What a start left that died with its daemon goes with the next one.
    host.sandbox.kill();
    for (_, folder) in &groups.found {
        fs::create_dir_all(folder).map_err(|e| e.to_string())?;
    }
    host.sandbox.launch()?;
    process::wait_for("the groups left behind to go", SOON, || groups.are_gone().then_some(()))
}
