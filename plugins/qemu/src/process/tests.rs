#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::*;

fn launch(script: &str) -> Launch {
    Launch {
        binary: PathBuf::from("/bin/sh"),
        environment: vec![("PATH".into(), "/usr/bin:/bin".into())],
        arguments: vec!["-c".into(), script.into()],
        descriptors: vec![],
    }
}

#[test]
fn a_child_has_its_own_session_its_log_and_an_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = GuestLog::open(&folder.path().join("a.log")).unwrap();
    log.heading("starting up");
    let launch = launch("echo out; echo err >&2; cut -d' ' -f6 /proc/self/stat; exit 3");
    log.raw(&launch.text());
    let process = launch.start(&log).unwrap();
    assert_eq!(process.wait(Duration::from_secs(10)), Some(Exit::Code(3)));
    let words = log.words();
    let lines: Vec<&str> = words.lines().collect();
    assert_eq!(lines, ["out", "err", &process.pid().to_string()]);
    let whole = std::fs::read_to_string(folder.path().join("a.log")).unwrap();
    assert!(whole.contains("+0000: starting up\nPATH=/usr/bin:/bin \\\n/bin/sh \\\n-c '"), "{whole}");
}

#[test]
fn a_deaf_child_is_killed_after_the_patience() {
    let folder = tempfile::tempdir().unwrap();
    let log = GuestLog::open(&folder.path().join("a.log")).unwrap();
    let process = launch("trap '' TERM; echo ready; while :; do sleep 1; done").start(&log).unwrap();
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
fn ports_are_given_once_and_never_when_in_use() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let used = listener.local_addr().unwrap().port();
    let pool = PortPool::new("test", used..=used);
    assert!(pool.acquire().is_err());
    drop(listener);
    assert_eq!(pool.acquire().unwrap(), used);
    assert!(pool.acquire().is_err());
    pool.release(used);
    assert_eq!(pool.acquire().unwrap(), used);
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
