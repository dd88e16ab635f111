#![allow(clippy::unwrap_used)]

use oxivirt_conf::domain::{NoHooks, ParseFlags};

use super::*;

fn guest(inside: &str) -> DomainDefinition {
    let text = format!(
        "<domain type='qemu'><name>a b_c..d</name><memory>1</memory><vcpu>2</vcpu>\
         <os><type>hvm</type></os>{inside}</domain>"
    );
    DomainDefinition::parse(&text, ParseFlags::NONE, &NoHooks).unwrap()
}

#[test]
fn names_are_fit_for_paths() {
    assert_eq!(machine_name(&guest(""), 7), "qemu-7-abc.d");
    assert_eq!(folder_of("/machine/my/part.x"), "machine/my.partition/part.x");
    assert_eq!(folder_of("/cpu.max/_x"), "_cpu.max/__x.partition");
}

#[test]
fn without_groups_a_plain_guest_starts_and_a_tuned_one_does_not() {
    let site = Site::with(Hierarchies::default());
    assert!(site.prepare(&mut guest(""), 1, &[], &[]).unwrap().is_none());
    for (inside, words) in [
        ("<memtune><hard_limit>1</hard_limit></memtune>", "Memory "),
        ("<blkiotune><weight>500</weight></blkiotune>", "Block I/O tuning "),
        ("<cputune><shares>5</shares></cputune>", "CPU tuning "),
        ("<numatune><memory mode='restrictive' nodeset='0'/></numatune>", "NUMA tuning "),
    ] {
        let error = site.prepare(&mut guest(inside), 1, &[], &[]).unwrap_err();
        assert_eq!(error.code(), oxivirt_core::ErrorCode::CONFIG_UNSUPPORTED);
        assert!(error.message().contains(words), "{error}");
    }
    // Threads can be kept on processors without.
    let pinned = "<cputune><vcpupin vcpu='0' cpuset='0'/></cputune>";
    assert!(site.prepare(&mut guest(pinned), 1, &[], &[]).unwrap().is_none());
}

#[test]
fn a_guest_that_gets_no_groups_starts_without() {
    // The folders of this "host" take nothing.
    let mounts = "32 31 0:29 / /proc/self/fdinfo rw,relatime - cgroup cgroup rw,cpu,cpuacct\n";
    let site = Site::with(Hierarchies::read(mounts, ""));
    assert!(site.prepare(&mut guest(""), 1, &[], &[]).unwrap().is_none());
    assert!(site.prepare(&mut guest("<cputune><shares>5</shares></cputune>"), 1, &[], &[]).is_err());
}

#[test]
fn a_partition_of_its_own_must_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let mounts = format!("32 31 0:29 / {} rw - cgroup cgroup rw,cpu\n", folder.path().display());
    let site = Site::with(Hierarchies::read(&mounts, ""));
    let mut live = guest("<resource><partition>/machine/big</partition></resource>");
    let error = site.prepare(&mut live, 1, &[], &[]).unwrap_err();
    assert!(error.message().contains("no partition '/machine/big'"), "{error}");
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none());
    std::fs::create_dir_all(folder.path().join("machine/big.partition")).unwrap();
    assert!(site.prepare(&mut live, 1, &[], &[]).unwrap().is_some());
    let made = folder.path().join("machine/big.partition/qemu-1-abc.d.libvirt-qemu");
    assert!(made.join("emulator").is_dir());
    let found = site.find(&live, 1).unwrap();
    found.remove();
    assert!(!made.exists() && made.parent().unwrap().exists());
    assert!(site.find(&live, 1).is_none());
}

#[test]
fn what_a_definition_says_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().display();
    let mounts = format!(
        "32 31 0:29 / {root}/c rw - cgroup cgroup rw,cpu\n33 31 0:29 / {root}/m rw - cgroup cgroup rw,memory\n"
    );
    let site = Site::with(Hierarchies::read(&mounts, ""));
    let live = guest(
        "<memtune><hard_limit unit='KiB'>2048</hard_limit></memtune><cputune><shares>77</shares>\
         <period>20000</period><quota>10000</quota><emulator_quota>5000</emulator_quota></cputune>",
    );
    let group = site.group(&live, 3).unwrap();
    let file = |path: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, "").unwrap();
        path
    };
    let own = "machine/qemu-3-abc.d.libvirt-qemu";
    let shares = file(&format!("c/{own}/cpu.shares"));
    let emulator = file(&format!("c/{own}/emulator/cpu.cfs_quota_us"));
    let vcpu = [file(&format!("c/{own}/vcpu1/cpu.cfs_period_us")), file(&format!("c/{own}/vcpu1/cpu.cfs_quota_us"))];
    let tasks = file(&format!("c/{own}/vcpu1/tasks"));
    let limit = file(&format!("m/{own}/memory.limit_in_bytes"));
    group.set_whole(&live, &[], &[]).unwrap();
    group.settle_vcpu(&live, 1, 4711).unwrap();
    let text = |path: &Path| std::fs::read_to_string(path).unwrap();
    assert_eq!((text(&shares), text(&emulator), text(&limit)), ("77".into(), "5000".into(), "2097152".into()));
    assert_eq!((text(&vcpu[0]), text(&vcpu[1]), text(&tasks)), ("20000".into(), "10000".into(), "4711".into()));
    let _ = std::fs::write(&limit, "4096");
    let param =
        oxivirt_core::types::TypedParam::new("hard_limit", oxivirt_core::types::TypedValue::UnsignedLongLong(8));
    group.set_memory(&[param]).unwrap();
    assert_eq!(text(&limit), "8192");
    let memory = |params: &[oxivirt_core::types::TypedParam]| format!("{params:?}");
    let _ = file(&format!("m/{own}/memory.soft_limit_in_bytes"));
    assert!(group.memory().is_err(), "an empty file is no limit");
    let _ = std::fs::write(folder.path().join(format!("m/{own}/memory.soft_limit_in_bytes")), "1024");
    assert!(memory(&group.memory().unwrap()).contains("soft_limit"));
}
