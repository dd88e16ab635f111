#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::*;

/// A folder laid out like a host's file system of groups.
struct Fake(tempfile::TempDir);

impl Fake {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn text(&self, path: &str) -> String {
        fs::read_to_string(self.0.path().join(path)).unwrap()
    }

    fn mounts(&self) -> String {
        let root = self.0.path().display();
        format!(
            "31 23 0:28 / {root} rw,relatime - tmpfs tmpfs rw,mode=755\n\
             32 31 0:29 / {root}/cpu rw,relatime shared:4 - cgroup cgroup rw,cpu,cpuacct\n\
             34 31 0:31 / {root}/cpuset rw,relatime - cgroup cgroup rw,cpuset\n\
             35 31 0:32 /box {root}/memory rw,relatime - cgroup cgroup rw,memory\n\
             40 31 0:37 / {root}/systemd rw,relatime - cgroup cgroup rw,name=systemd\n\
             41 31 0:38 / {root}/unified rw,relatime - cgroup2 cgroup2 rw\n"
        )
    }
}

const OWN: &str = "4:memory:/box/own\n3:cpuset:/\n2:cpu,cpuacct:/a/b\n0::/c\n";

#[test]
fn both_versions_are_found_side_by_side() {
    let fake = Fake::new();
    fake.file("unified/cgroup.controllers", "io memory pids\n");
    let found = Hierarchies::read(&fake.mounts(), OWN);
    assert!(found.has(Controller::Cpu) && found.has(Controller::CpuAcct) && found.has(Controller::Blkio));
    assert!(!found.has(Controller::Devices));
    let group = Group::at(&found, Base::Own, "x");
    let root = fake.0.path();
    assert_eq!(group.file(Controller::Cpu, "f", "").unwrap(), root.join("cpu/a/b/x/f"));
    assert_eq!(group.file(Controller::Memory, "f", "g").unwrap(), root.join("memory/own/x/f"));
    assert_eq!(group.file(Controller::Blkio, "f", "g").unwrap(), root.join("unified/c/x/g"));
    assert!(!group.is_unified(Controller::Memory), "the first version has it");
    let top = Group::at(&found, Base::Top, "/machine/x");
    assert_eq!(top.file(Controller::CpuSet, "f", "").unwrap(), root.join("cpuset/machine/x/f"));
    assert!(top.file(Controller::Devices, "f", "g").is_err());
    let few = found.only(&[Controller::Cpu]);
    assert!(few.has(Controller::Cpu) && !few.has(Controller::Blkio) && !few.is_empty());
    assert!(Hierarchies::read("", "").is_empty());
    assert!(Hierarchies::read("nonsense - cgroup\n1 2 3 - cgroup x", "4:x").is_empty());
}

fn first() -> (Fake, Group) {
    let fake = Fake::new();
    fake.file("cpuset/cpuset.cpus", "0-3\n");
    fake.file("cpuset/cpuset.mems", "0\n");
    for folder in ["cpu/g", "cpuset/g", "memory/own/g", "cpu/g/emulator", "cpuset/g/emulator"] {
        fs::create_dir_all(fake.0.path().join(folder)).unwrap();
    }
    let mounts = fake.mounts();
    let group = Group::at(&Hierarchies::read(&mounts, "4:memory:/box/own\n"), Base::Own, "g");
    (fake, group)
}

#[test]
fn the_first_version_is_set_and_read() {
    let (fake, group) = first();
    for (file, text) in [
        ("cpu/g/cpu.shares", "1024\n"),
        ("cpu/g/cpu.cfs_period_us", "100000\n"),
        ("cpu/g/cpu.cfs_quota_us", "-1\n"),
        ("cpu/g/cpuacct.usage", "1234\n"),
        ("cpu/g/cpuacct.usage_percpu", "1000 234 \n"),
        ("cpu/g/cpuacct.stat", "user 2\nsystem 1\n"),
        ("cpuset/g/cpuset.cpus", "\n"),
        ("cpuset/g/cpuset.mems", "\n"),
        ("memory/own/g/memory.limit_in_bytes", "9223372036854771712\n"),
    ] {
        fake.file(file, text);
    }
    assert!(group.exists());
    group.create(Level::Processes).unwrap();
    assert_eq!((group.cpus().unwrap(), group.mems().unwrap()), ("0-3".into(), "0".into()));
    assert_eq!((group.cpu_period().unwrap(), group.cpu_quota().unwrap()), (100_000, NO_QUOTA));
    assert_eq!(group.memory_limit().unwrap(), None);
    assert_eq!(group.memory_swap_limit().unwrap(), None, "this kernel does not count swap space");
    group.set_cpu_shares(7).unwrap();
    group.set_cpu_quota(5000).unwrap();
    group.set_memory_limit(Some(1 << 20)).unwrap();
    assert!(fake.text("cpu/g/cpu.shares").starts_with('7'), "a file keeps what is behind");
    assert_eq!(group.cpu_time().unwrap(), 1234);
    assert_eq!(group.cpu_times().unwrap(), [1000, 234]);
    let tick = 1_000_000_000 / rustix::param::clock_ticks_per_second();
    assert_eq!(group.cpu_time_parts().unwrap(), (2 * tick, tick));
    let error = group.set_memory_swap_limit(None).unwrap_err();
    assert!(error.to_string().contains("memory.memsw.limit_in_bytes"), "{error}");
    assert!(group.set_throttle((8, 0), Throttle::ReadBytes, 1).is_err(), "there is no such controller");
}

#[test]
fn the_second_version_is_set_and_read() {
    let fake = Fake::new();
    let root = fake.0.path().display().to_string();
    fake.file("cgroup.controllers", "cpuset cpu io memory\n");
    fake.file("machine/cgroup.subtree_control", "cpu\n");
    let all = Hierarchies::read(&format!("41 31 0:38 / {root} rw - cgroup2 cgroup2 rw\n"), "0::/\n");
    let group = Group::at(&all, Base::Top, "/machine/g");
    fs::create_dir(fake.0.path().join("machine/g")).unwrap();
    group.create(Level::Processes).unwrap();
    // The kernel takes one word after another; a file keeps the last.
    assert!(fake.text("machine/cgroup.subtree_control").starts_with("+io"));
    for (file, text) in [
        ("machine/g/cpu.max", "max 100000"),
        ("machine/g/cpu.stat", "usage_usec 30\nuser_usec 20\nsystem_usec 10\nx 1"),
        ("machine/g/io.weight", "default 100\n8:0 50"),
        ("machine/g/io.max", ""),
        ("machine/g/memory.max", "max"),
        ("machine/g/memory.swap.max", "max"),
        ("machine/g/cgroup.subtree_control", "cpu cpuset"),
        ("machine/g/vcpu0/cgroup.type", "12345678"),
        ("machine/g/vcpu0/cgroup.threads", ""),
    ] {
        fake.file(file, text);
    }
    assert_eq!((group.cpu_period().unwrap(), group.cpu_quota().unwrap()), (100_000, NO_QUOTA));
    group.set_cpu_period(50_000).unwrap();
    assert!(fake.text("machine/g/cpu.max").starts_with("max 50000"));
    assert_eq!(group.cpu_time().unwrap(), 30_000);
    assert_eq!(group.cpu_time_parts().unwrap(), (20_000, 10_000));
    assert!(group.cpu_times().is_err());
    assert_eq!(group.blkio_weight().unwrap(), 100);
    group.set_throttle((8, 16), Throttle::WriteOperations, 9).unwrap();
    assert_eq!(fake.text("machine/g/io.max"), "8:16 wiops=9");
    assert_eq!(group.memory_limit().unwrap(), None);
    let vcpu = group.threads("vcpu0");
    vcpu.create(Level::Threads).unwrap();
    assert_eq!(fake.text("machine/g/vcpu0/cgroup.type"), "threaded");
    vcpu.add_thread(17).unwrap();
    assert_eq!(fake.text("machine/g/vcpu0/cgroup.threads"), "17");
    assert!(!vcpu.has(Controller::Memory) && vcpu.has(Controller::CpuSet));
}

#[test]
fn a_group_that_cannot_be_made_leaves_nothing() {
    let (fake, _) = first();
    fs::create_dir_all(fake.0.path().join("cpu/p")).unwrap();
    let all = Hierarchies::read(&fake.mounts(), "");
    let group = Group::at(&all, Base::Top, "p/g");
    let error = group.create(Level::Processes).unwrap_err();
    assert!(error.to_string().contains("cannot make group"), "{error}");
    assert!(!fake.0.path().join("cpu/p/g").exists());
}

/// On a host whose groups this process may change.
#[test]
fn a_real_group_takes_a_process_and_goes() {
    let Ok(all) = Hierarchies::of_host() else { return };
    let all = all.only(&[Controller::Cpu, Controller::CpuAcct, Controller::CpuSet]);
    let group = Group::at(&all, Base::Own, &format!("oxivirt-test-{}", std::process::id()));
    if all.is_empty() || group.create(Level::Processes).is_err() {
        eprintln!("SKIPPED: control groups cannot be made here");
        return;
    }
    let threads = group.threads("part");
    let outcome = std::panic::catch_unwind(|| {
        threads.create(Level::Threads).unwrap();
        let mut child = std::process::Command::new("sleep").arg("30").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        group.add_process(pid).unwrap();
        threads.add_thread(pid).unwrap();
        threads.set_cpu_quota(50_000).unwrap();
        assert_eq!(threads.cpu_quota().unwrap(), 50_000);
        assert!(group.cpu_time().is_ok());
        let own = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
        assert!(own.contains("/part"), "{own}");
        assert_eq!(group.children(), ["part"]);
        assert!(!group.is_unused());
        assert!(group.remove(Duration::ZERO).is_err(), "somebody is in it");
        child.kill().unwrap();
        child.wait().unwrap();
        let end = std::time::Instant::now() + Duration::from_secs(10);
        while !group.is_unused() && std::time::Instant::now() < end {
            std::thread::yield_now();
        }
        assert!(group.is_unused());
    });
    group.remove(Duration::from_secs(10)).unwrap();
    assert!(!group.exists());
    assert!(!Path::new("/sys/fs/cgroup").join("oxivirt-test").exists());
    outcome.unwrap();
}
