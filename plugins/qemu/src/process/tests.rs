#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::*;
use crate::settings::{LogRules, ProcessRules};

/// QEMU writes to the file; the keeper may not have been built.
const BY_ITSELF: LogRules = LogRules { keeper: false, max_size: 1 << 20, max_backups: 1 };

fn launch(script: &str) -> Launch {
    Launch {
        binary: PathBuf::from("/bin/sh"),
        environment: vec![("PATH".into(), "/usr/bin:/bin".into())],
        arguments: vec!["-c".into(), script.into()],
        descriptors: vec![],
        rules: ProcessRules::default(),
        doors: vec![],
        devices: None,
        nodes: None,
        memory_lock: None,
    }
}

#[test]
fn a_child_has_its_own_session_its_log_and_an_end() {
    let folder = tempfile::tempdir().unwrap();
    let launch = launch("echo out; echo err >&2; cut -d' ' -f6 /proc/self/stat; exit 3");
    let first = log::entry("starting up") + &launch.text();
    let mut log = GuestLog::begin(&folder.path().join("a.log"), &BY_ITSELF, &first).unwrap();
    let process = launch.start(&mut log, &|_| Ok(())).unwrap();
    assert_eq!(process.wait(Duration::from_secs(10)), Some(Exit::Code(3)));
    let words = log.words();
    let lines: Vec<&str> = words.lines().collect();
    assert_eq!(lines, ["out", "err", &process.pid().to_string()]);
    let whole = std::fs::read_to_string(folder.path().join("a.log")).unwrap();
    assert!(whole.contains("+0000: starting up\nPATH=/usr/bin:/bin \\\n/bin/sh \\\n-c '"), "{whole}");
}

#[test]
fn a_child_waits_until_it_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let begin = || GuestLog::begin(&folder.path().join("a.log"), &BY_ITSELF, "").unwrap();
    let seen = std::cell::RefCell::new(None);
    let process = launch("echo up").start(&mut begin(), &|process| {
        // Not the program yet, and the same process later.
        let program = std::fs::read_link(format!("/proc/{}/exe", process.pid())).unwrap();
        *seen.borrow_mut() = Some((process.pid(), process.start_time(), program));
        Ok(())
    });
    let process = process.unwrap();
    let (pid, start_time, program) = seen.into_inner().unwrap();
    assert_eq!((pid, start_time), (process.pid(), process.start_time()));
    assert_eq!(program, std::env::current_exe().unwrap());
    assert_eq!(process.wait(Duration::from_secs(10)), Some(Exit::Code(0)));
    let unknown =
        launch("echo never").start(&mut begin(), &|_| Err(oxivirt_core::Error::internal("nobody shall know")));
    assert!(unknown.unwrap_err().message().contains("nobody shall know"));
    let missing = Launch { binary: "/no/such/program".into(), ..launch("") };
    assert!(missing.start(&mut begin(), &|_| Ok(())).unwrap_err().message().contains("/no/such/program"));
    assert_eq!(std::fs::read_to_string(folder.path().join("a.log")).unwrap(), "up\n");
}

#[test]
fn a_deaf_child_is_killed_after_the_patience() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = GuestLog::begin(&folder.path().join("a.log"), &BY_ITSELF, "").unwrap();
    let process = launch("trap '' TERM; echo ready; while :; do sleep 1; done").start(&mut log, &|_| Ok(())).unwrap();
    let file = folder.path().join("a.log");
    let end = Instant::now() + Duration::from_secs(10);
    while std::fs::read_to_string(&file).unwrap().is_empty() && Instant::now() < end {
        std::thread::yield_now();
    }
    let short = Duration::from_millis(100);
    assert!(process.terminate(short, false).unwrap_err().message().contains("Failed to terminate"));
    assert!(process.is_alive());
    assert_eq!(process.terminate(short, true).unwrap(), Exit::Signal(9));
    assert!(Process::find(process.pid()).is_err());
}

#[test]
fn a_child_gets_its_limits_before_it_is_somebody_else() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut log = GuestLog::begin(&folder.path().join("a.log"), &BY_ITSELF, "").unwrap();
    let hard = rustix::process::getrlimit(rustix::process::Resource::Nofile).maximum;
    // Raising the limit of a host that gives its root no such right would fail.
    let files = hard.map_or(512, |hard| hard / 2);
    let rules = ProcessRules {
        user: Some(65534),
        group: Some(65533),
        groups: vec![65533, 65532],
        files: Some(files),
        core: Some(0),
        processes: None,
    };
    let launch = Launch { rules, ..launch("id -u; id -g; id -G; ulimit -n; ulimit -c") };
    let process = launch.start(&mut log, &|_| Ok(())).unwrap();
    assert_eq!(process.wait(Duration::from_secs(10)), Some(Exit::Code(0)));
    let expected = ["65534", "65533", "65533 65532", &files.to_string(), "0"];
    assert_eq!(log.words().lines().collect::<Vec<_>>(), expected);
}

#[test]
fn ports_are_given_once_and_never_when_in_use() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let used = listener.local_addr().unwrap().port();
    let pool = PortPool::default();
    let range = used..=used;
    assert!(pool.acquire("test", &range).is_err());
    drop(listener);
    assert_eq!(pool.acquire("test", &range).unwrap(), used);
    assert!(pool.acquire("test", &range).is_err());
    pool.release(used);
    assert_eq!(pool.acquire("test", &range).unwrap(), used);
}

#[test]
fn folders_are_libvirts() {
    let folders = Folders::system("/r".as_ref());
    let files = folders.guest(3, "a-name-that-is-longer-than-twenty");
    assert_eq!(files.monitor, PathBuf::from("/r/var/lib/libvirt/qemu/domain-3-a-name-that-is-longe/monitor.sock"));
    assert_eq!(files.status, PathBuf::from("/r/run/libvirt/qemu/a-name-that-is-longer-than-twenty.xml"));
    assert_eq!(folders.autostart_link("x"), PathBuf::from("/r/etc/libvirt/qemu/autostart/x.xml"));
}

#[test]
fn times_are_written_in_full() {
    let at = std::time::UNIX_EPOCH + Duration::from_millis(951_827_696_789);
    assert_eq!(log::timestamp(at), "2000-02-29 12:34:56.789+0000");
}

struct Silent;

impl crate::monitor::Handler for Silent {
    fn event(&self, _: crate::monitor::Event) {}
    fn closed(&self, _: &str) {}
}

fn bring_up_real(arguments: &[&str]) -> Option<(tempfile::TempDir, oxivirt_core::Result<Running>)> {
    let binary = crate::capabilities::Catalog::new(PathBuf::from("/nonexistent")).binary_for("x86_64");
    let Some(binary) = binary else {
        eprintln!("SKIPPED: no qemu-system-x86_64 on this host, nothing was tested");
        return None;
    };
    let root = tempfile::tempdir().unwrap();
    let folders = Folders::system(root.path());
    folders.create().unwrap();
    let files = folders.guest(1, "vm");
    files.create().unwrap();
    let mut all = vec!["-S", "-machine", "q35", "-accel", "tcg", "-nodefaults", "-display", "none"];
    all.extend(["-chardev", "socket,id=m,fd=3,server=on,wait=off", "-mon", "chardev=m,mode=control"]);
    all.extend(arguments);
    let launch = Launch {
        binary,
        environment: vec![("PATH".into(), "/usr/bin:/bin".into())],
        arguments: all.into_iter().map(str::to_owned).collect(),
        descriptors: vec![monitor_socket(&files, 3).unwrap()],
        rules: ProcessRules::default(),
        doors: vec![],
        devices: None,
        nodes: None,
        memory_lock: None,
    };
    let log = (&BY_ITSELF, "starting up");
    let told = Told { known: &|_| Ok(()), started: &|_| {} };
    let result = bring_up("vm", launch, &files, log, Box::new(Silent), Duration::from_secs(20), told);
    Some((root, result))
}

#[test]
fn a_real_qemu_comes_up_answers_and_ends() {
    let Some((_root, running)) = bring_up_real(&["-chardev", "pty,id=charserial0"]) else { return };
    let running = running.unwrap();
    let limit = Duration::from_secs(10);
    assert!(!running.monitor.status(limit).unwrap().running);
    running.monitor.cont(limit).unwrap();
    assert_eq!(running.monitor.status(limit).unwrap().status, "running");
    assert!(
        running.monitor.terminals(limit).unwrap().iter().any(|t| t.id == "charserial0" && t.path.starts_with("/dev/"))
    );
    assert_eq!(running.monitor.vcpu_threads(limit).unwrap().len(), 1);
    running.monitor.quit(limit).unwrap();
    assert_eq!(running.process.wait(limit), Some(Exit::Code(0)));
}

#[test]
fn a_qemu_that_refuses_its_arguments_is_quoted() {
    let began = Instant::now();
    let Some((root, running)) = bring_up_real(&["-device", "no-such-thing"]) else { return };
    let error = running.unwrap_err();
    assert!(error.message().contains("no-such-thing"), "{error}");
    assert!(began.elapsed() < Duration::from_secs(10));
    let log = std::fs::read_to_string(root.path().join("var/log/libvirt/qemu/vm.log")).unwrap();
    assert!(log.contains("starting up") && log.contains("no-such-thing"), "{log}");
}
