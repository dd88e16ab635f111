//! Recorded machines made in temporary folders, and the one at hand.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use super::*;

fn put(folder: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// `cpus`: number, cell, socket, core, siblings.
fn machine(cpus: &[(u32, u32, u32, u32, &str)]) -> (tempfile::TempDir, Host) {
    let dir = tempfile::tempdir().unwrap();
    let sys = dir.path().join("sys");
    let system = sys.join("devices/system");
    let mut cells = std::collections::BTreeMap::<u32, Bitmap>::new();
    for (cpu, cell, socket, core, siblings) in cpus {
        put(
            &system.join(format!("cpu/cpu{cpu}/topology")),
            &[
                ("physical_package_id", &socket.to_string()),
                ("core_id", &core.to_string()),
                ("cluster_id", "-1\n"),
                ("thread_siblings_list", siblings),
            ],
        );
        cells.entry(*cell).or_default().set(*cpu as usize);
    }
    let last = cpus.len() - 1;
    put(&system.join("cpu"), &[("online", &format!("0-{last}\n")), ("present", &format!("0-{last}\n"))]);
    for (cell, cpus) in &cells {
        let meminfo = format!("Node {cell} MemTotal:  {} kB\nNode {cell} MemFree:  1000 kB\n", 8192 + cell);
        put(
            &system.join(format!("node/node{cell}")),
            &[
                ("cpulist", &cpus.to_string()),
                ("meminfo", &meminfo),
                ("distance", "10 21\n"),
                ("hugepages/hugepages-2048kB/nr_hugepages", "1\n"),
                ("hugepages/hugepages-2048kB/free_hugepages", "1\n"),
            ],
        );
    }
    let proc = dir.path().join("proc");
    put(
        &proc,
        &[
            ("meminfo", "MemTotal: 16384 kB\nMemFree: 2000 kB\nBuffers: 5 kB\nCached: 7 kB\n"),
            ("stat", "cpu  10 1 20 300 4 2 3 0 0 0\ncpu1 1 0 0 9 0 0 0\nintr 5\n"),
        ],
    );
    let host = Host::recorded(proc, sys, "x86_64", 4);
    (dir, host)
}

#[test]
fn even_machine_is_counted_per_cell_socket_and_core() {
    let (_dir, host) = machine(&[
        (0, 0, 0, 0, "0,2"),
        (1, 0, 0, 1, "1,3"),
        (2, 0, 0, 0, "0,2"),
        (3, 0, 0, 1, "1,3"),
        (4, 1, 1, 0, "4,6"),
        (5, 1, 1, 1, "5,7"),
        (6, 1, 1, 0, "4,6"),
        (7, 1, 1, 1, "5,7"),
    ]);
    let wanted = NodeTopology { cpus: 8, nodes: 2, sockets: 1, cores: 2, threads: 2 };
    assert_eq!(host.node_topology().unwrap(), wanted);
    let cells = host.cells().unwrap();
    assert_eq!(cells.len(), 2);
    let cell = &cells[1];
    assert_eq!((cell.id, cell.memory.total, cell.memory.free), (1, 8193, 1000));
    assert_eq!(cell.distances, [(0, 10), (1, 21)]);
    assert_eq!(
        cell.pages,
        [PagePool { size_kib: 4, total: (8193 - 2048) / 4, free: 250 }, PagePool { size_kib: 2048, total: 1, free: 1 },]
    );
    let (id, place) = &cell.cpus[2];
    let place = place.as_ref().unwrap();
    assert_eq!((*id, place.socket, place.core, place.cluster), (6, 1, 0, 0));
    assert_eq!(place.siblings.to_string(), "4,6");
    assert_eq!(host.cell_free(1).unwrap(), Some(1000));
    assert_eq!(host.cell_free(2).unwrap(), None);
    assert_eq!((host.node_memory().unwrap(), host.node_free().unwrap()), (8192 + 8193, 2000));
}

#[test]
fn uneven_machine_counts_as_one_socket() {
    let (dir, host) = machine(&[(0, 0, 0, 0, "0"), (1, 0, 1, 0, "1-2"), (2, 0, 1, 0, "1-2")]);
    let wanted = NodeTopology { cpus: 3, nodes: 1, sockets: 1, cores: 3, threads: 1 };
    assert_eq!(host.node_topology().unwrap(), wanted);
    // One of them switched off.
    let system = dir.path().join("sys/devices/system");
    put(&system, &[("cpu/online", "0-1"), ("node/node0/cpulist", "0-1")]);
    fs::remove_dir_all(system.join("cpu/cpu2/topology")).unwrap();
    let wanted = NodeTopology { cpus: 2, ..wanted };
    assert_eq!(host.node_topology().unwrap(), wanted);
    assert_eq!(host.cpu_topology(2).unwrap(), None);
}

#[test]
fn machine_without_numa_is_one_cell() {
    let (dir, host) = machine(&[(0, 0, 0, 0, "0"), (1, 0, 0, 1, "1")]);
    fs::remove_dir_all(dir.path().join("sys/devices/system/node")).unwrap();
    let cells = host.cells().unwrap();
    assert_eq!(cells.len(), 1);
    assert_eq!((cells[0].memory.total, cells[0].cpus.len()), (16384, 2));
    assert_eq!(host.cell_free(0).unwrap(), Some(2000));
    assert_eq!(host.node_memory().unwrap(), 16384);
    assert_eq!(host.node_topology().unwrap().cores, 2);
}

#[test]
fn times_are_nanoseconds() {
    let (_dir, host) = machine(&[(0, 0, 0, 0, "0")]);
    let tick = 10_000_000;
    let all = CpuTimes { user: 11 * tick, kernel: 25 * tick, idle: 300 * tick, iowait: 4 * tick };
    assert_eq!(host.cpu_times(None).unwrap(), Some(all));
    assert_eq!(host.cpu_times(Some(1)).unwrap().unwrap().idle, 9 * tick);
    assert_eq!(host.cpu_times(Some(7)).unwrap(), None);
}

#[test]
fn malformed_files_are_named() {
    let (dir, host) = machine(&[(0, 0, 0, 0, "0")]);
    let proc = dir.path().join("proc");
    put(&proc, &[("stat", "cpu x\n"), ("meminfo", "nothing\n")]);
    put(&dir.path().join("sys/devices/system"), &[("cpu/online", "zero")]);
    for error in [host.cpu_times(None).unwrap_err(), host.memory().unwrap_err(), host.cpus_online().unwrap_err()] {
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(error.to_string().ends_with("is malformed"), "{error}");
    }
}

#[test]
fn cpuinfo_of_several_families() {
    let (dir, host) = machine(&[(0, 0, 0, 0, "0")]);
    let proc = dir.path().join("proc");
    put(
        &proc,
        &[(
            "cpuinfo",
            concat!(
                "vendor_id\t: GenuineIntel\nmodel name\t: Xeon\nmicrocode\t: 0x10\ncpu MHz\t\t: 2596.140\n",
                "flags\t\t: fpu vme\naddress sizes\t: 46 bits physical, 48 bits virtual\n",
                "processor : 1\nmodel name : other\ncpu MHz : 1.0\n",
            ),
        )],
    );
    let info = host.cpu_info().unwrap();
    assert_eq!((info.vendor.as_str(), info.model.as_str(), info.mhz), ("GenuineIntel", "Xeon", 2596));
    assert_eq!((info.microcode, info.physical_address_bits), (Some(16), Some(46)));
    assert_eq!(info.flags, ["fpu", "vme"]);
    put(&proc, &[("cpuinfo", "cpu : POWER9\nclock : 2300.000000MHz\n")]);
    let info = host.cpu_info().unwrap();
    assert_eq!((info.model.as_str(), info.mhz), ("POWER9", 2300));
}

#[test]
fn the_machine_at_hand_makes_sense() {
    let host = Host::this();
    let shape = host.node_topology().unwrap();
    let online = host.cpus_online().unwrap();
    assert_eq!(shape.cpus as usize, online.count());
    assert!(shape.cpus > 0 && online.is_subset(&host.cpus_present().unwrap()));
    let memory = host.memory().unwrap();
    assert!(host.node_memory().unwrap() >= host.node_free().unwrap());
    assert!(memory.total > 0 && memory.free <= memory.total);
    assert!(host.cpu_times(None).unwrap().unwrap().idle > 0);
    assert!(!host.cells().unwrap().is_empty());
    assert!(host.pages().unwrap()[0].total > 0);
    host.cpu_info().unwrap();
    assert!(!hostname().is_empty() && !host.arch().is_empty());
}
