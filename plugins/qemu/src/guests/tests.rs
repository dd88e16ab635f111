//! Real guests under software emulation.
//!
//! Most need no operating system: the firmware runs, finds nothing and waits.
//! Those that need one use the kernel and initrd that `cargo xtask` keeps in
//! `target/guest`, and say so when they are not there.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use oxivirt_core::ErrorCode;
use rustix::process::{Pid, Signal, kill_process};

use super::*;
use crate::console::WhenBusy;
use crate::document::Schema;
use crate::lifecycle::{Paused, Running, ShutOff, State};

const LONG: Duration = Duration::from_secs(60);

struct Tell(Mutex<Sender<(String, Notice)>>);

impl EventSink for Tell {
    fn notice(&self, guest: &Subject, notice: Notice) {
        let _ = self.0.lock().unwrap().send((guest.name.clone(), notice));
    }
}

struct Bench {
    guests: Arc<Guests>,
    events: Receiver<(String, Notice)>,
    root: PathBuf,
    _folder: Option<tempfile::TempDir>,
}

impl Bench {
    /// None, with a loud word, where there is no QEMU.
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mut bench = Self::at(folder.path())?;
        bench._folder = Some(folder);
        Some(bench)
    }

    /// A daemon, new or the next one, on the same folders.
    fn at(root: &Path) -> Option<Self> {
        let folders = Folders::system(root);
        let catalog = Arc::new(Catalog::new(folders.cache.join("capabilities")));
        if catalog.binary_for("x86_64").is_none() {
            eprintln!("SKIPPED: no qemu-system-x86_64 on this host, nothing was tested");
            return None;
        }
        let (sender, events) = channel();
        let guests = Guests::new(folders, catalog, Box::new(Tell(Mutex::new(sender))));
        guests.load().unwrap();
        Some(Self { guests, events, root: root.to_owned(), _folder: None })
    }

    fn state(&self, uuid: Uuid) -> State {
        self.guests.table.by_uuid(uuid).unwrap().snapshot().status.state
    }

    fn wait_for(&self, what: &str, mut yes: impl FnMut() -> bool) {
        let end = Instant::now() + LONG;
        while !yes() {
            assert!(Instant::now() < end, "still no {what}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn lifecycles(&self) -> Vec<Lifecycle> {
        let notices = self.events.try_iter().filter_map(|(_, notice)| match notice {
            Notice::Lifecycle(event) => Some(event),
            _ => None,
        });
        notices.collect()
    }

    fn pid(&self, uuid: Uuid) -> Pid {
        Pid::from_raw(self.guests.table.by_uuid(uuid).unwrap().snapshot().status.pid.unwrap()).unwrap()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if self._folder.is_some() {
            for (object, snapshot) in self.guests.table.list().iter() {
                if snapshot.is_active() {
                    let _ = self.guests.destroy(object.uuid(), false, "end of test");
                }
            }
        }
    }
}

fn xml(name: &str, more_os: &str, devices: &str) -> String {
    format!(
        "<domain type='qemu'><name>{name}</name><memory unit='MiB'>128</memory><vcpu>1</vcpu>\
         <os><type arch='x86_64' machine='q35'>hvm</type>{more_os}</os><features><acpi/></features>\
         <devices>{devices}</devices></domain>"
    )
}

/// The guest's operating system, or none with a loud word.
fn linux() -> Option<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/guest");
    let folder = std::env::var_os("OXIVIRT_GUEST").map_or(folder, PathBuf::from);
    let (kernel, initrd) = (folder.join("vmlinuz"), folder.join("initrd"));
    if !kernel.is_file() || !initrd.is_file() {
        eprintln!("SKIPPED: no guest in '{}', nothing was tested", folder.display());
        return None;
    }
    Some(format!(
        "<kernel>{}</kernel><initrd>{}</initrd><cmdline>console=ttyS0 quiet</cmdline>",
        kernel.display(),
        initrd.display()
    ))
}

#[test]
fn a_guest_lives_through_every_state() {
    let Some(bench) = Bench::new() else { return };
    let object = bench
        .guests
        .define(&xml("vm", "", "<serial type='pty'/><graphics type='vnc'/>"), Schema::Ignore, "test")
        .unwrap();
    let uuid = object.uuid();
    assert_eq!(bench.state(uuid), State::ShutOff(ShutOff::Unknown));
    let files = bench.guests.folders.guest(1, "vm");
    assert!(bench.guests.folders.definition("vm").is_file());

    bench.guests.create(uuid, StartOptions::default(), "test").unwrap();
    assert_eq!(bench.state(uuid), State::Running(Running::Booted));
    assert!(files.status.is_file() && files.pid.is_file() && files.log.is_file());
    let snapshot = object.snapshot();
    assert_eq!(snapshot.id(), Some(1));
    let live = snapshot.definition();
    assert!(live.devices.serials[0].source.path().unwrap().starts_with("/dev/pts/"));
    assert_eq!(live.devices.serials[0].source.path(), live.devices.consoles[0].source.path());
    let oxivirt_conf::domain::devices::GraphicsKind::Vnc(vnc) = &live.devices.graphics[0].kind else { panic!() };
    assert!(std::net::TcpStream::connect(("127.0.0.1", u16::try_from(vnc.port).unwrap())).is_ok());
    let again = bench.guests.create(uuid, StartOptions::default(), "test").unwrap_err();
    assert_eq!(again.code(), ErrorCode::OPERATION_INVALID);

    bench.guests.suspend(uuid, "test").unwrap();
    assert_eq!(bench.state(uuid), State::Paused(Paused::User));
    bench.guests.resume(uuid, "test").unwrap();
    assert_eq!(bench.state(uuid), State::Running(Running::Unpaused));
    bench.guests.reset(uuid, "test").unwrap();
    bench.guests.set_memory(&bench.guests.modify(uuid, "test").unwrap(), 64 << 10).unwrap();
    bench.guests.destroy(uuid, false, "test").unwrap();
    assert_eq!(bench.state(uuid), State::ShutOff(ShutOff::Destroyed));
    assert!(!files.status.exists() && !files.pid.exists() && !files.state.exists() && files.log.is_file());

    let error = bench.guests.destroy(uuid, false, "test").unwrap_err();
    assert_eq!((error.code(), error.detail()), (ErrorCode::OPERATION_INVALID, "domain is not running"));
    bench.guests.undefine(uuid, Undefine::default(), "test").unwrap();
    assert!(bench.guests.table.is_empty() && !bench.guests.folders.definition("vm").exists());
    use Lifecycle::*;
    assert_eq!(
        bench.lifecycles(),
        [
            DefinedAdded,
            ResumedUnpaused,
            StartedBooted,
            SuspendedPaused,
            ResumedUnpaused,
            StoppedDestroyed,
            UndefinedRemoved
        ]
    );
}

#[test]
fn a_guest_that_is_killed_is_noticed() {
    let Some(bench) = Bench::new() else { return };
    let object = bench.guests.create_transient(&xml("vm", "", ""), StartOptions::default(), "test").unwrap();
    kill_process(bench.pid(object.uuid()), Signal::KILL).unwrap();
    bench.wait_for("end of the guest", || object.is_removed());
    assert_eq!(object.snapshot().status.state, State::ShutOff(ShutOff::Crashed));
    assert!(bench.guests.table.is_empty());
    assert!(!bench.guests.folders.guest(1, "vm").status.exists());
    assert_eq!(bench.lifecycles().last(), Some(&Lifecycle::StoppedFailed));
}

#[test]
fn a_new_daemon_finds_running_guests_and_those_that_ended() {
    let Some(first) = Bench::new() else { return };
    let running =
        first.guests.define(&xml("running", "", "<serial type='pty'/>"), Schema::Ignore, "test").unwrap().uuid();
    let killed = first.guests.define(&xml("killed", "", ""), Schema::Ignore, "test").unwrap().uuid();
    first.guests.set_autostart(running, true, "test").unwrap();
    for uuid in [running, killed] {
        first.guests.create(uuid, StartOptions::default(), "test").unwrap();
    }
    first.guests.suspend(running, "test").unwrap();
    let pid = first.pid(killed);
    let terminal = super::status::terminals(first.guests.table.by_uuid(running).unwrap().snapshot().definition());
    // What is left of a daemon that was killed: its files and its guests.
    for uuid in [running, killed] {
        let guest = first.guests.table.by_uuid(uuid).unwrap();
        drop(guest.private().set_run(None));
    }
    kill_process(pid, Signal::KILL).unwrap();

    let second = Bench::at(&first.root).unwrap();
    assert_eq!(second.state(running), State::Paused(Paused::User));
    let snapshot = second.guests.table.by_uuid(running).unwrap().snapshot();
    assert!(snapshot.is_persistent() && snapshot.status.autostart && snapshot.id() == Some(1));
    assert_eq!(super::status::terminals(snapshot.definition()), terminal);
    assert_eq!(second.state(killed), State::ShutOff(ShutOff::Crashed));
    assert!(!second.guests.folders.guest(2, "killed").status.exists());
    second.guests.resume(running, "test").unwrap();
    second.guests.destroy(running, false, "test").unwrap();
    assert_eq!(second.state(running), State::ShutOff(ShutOff::Destroyed));
    // The first daemon's memory of them is none of the test's business.
    std::mem::forget(first.guests.clone());
}

#[test]
fn a_stopped_qemu_holds_up_nobody_and_can_be_ended() {
    let Some(bench) = Bench::new() else { return };
    let stuck = bench.guests.create_transient(&xml("stuck", "", ""), StartOptions::default(), "test").unwrap();
    let other = bench.guests.create_transient(&xml("other", "", ""), StartOptions::default(), "test").unwrap();
    kill_process(bench.pid(stuck.uuid()), Signal::STOP).unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| bench.guests.suspend(stuck.uuid(), "suspend of client 7").unwrap_err());
        bench.wait_for("job on the stuck guest", || !stuck.jobs().is_empty());
        let began = Instant::now();
        for (_, snapshot) in bench.guests.table.list().iter() {
            assert!(snapshot.definition().format(oxivirt_conf::domain::FormatFlags::NONE).unwrap().contains("<domain"));
        }
        bench.guests.suspend(other.uuid(), "test").unwrap();
        assert!(began.elapsed() < Duration::from_secs(5), "others waited for a stuck guest");
        let soon = Instant::now() + Duration::from_millis(50);
        let error = stuck.begin_job(JobKind::Modify, "me", soon).unwrap_err();
        assert_eq!(error.code(), ErrorCode::OPERATION_TIMEOUT);
        assert!(error.message().contains("suspend of client 7"), "{error}");
        bench.guests.destroy(stuck.uuid(), false, "test").unwrap();
        assert!(began.elapsed() < ANSWER, "ending a stuck guest took {:?}", began.elapsed());
        let error = waiting.join().unwrap();
        assert!(error.message().contains("'stop'") && error.message().contains("'stuck'"), "{error}");
    });
    assert!(bench.guests.table.by_uuid(stuck.uuid()).is_none());
}

#[test]
fn a_start_that_fails_says_why_and_leaves_nothing() {
    let Some(bench) = Bench::new() else { return };
    let disk = "<disk type='file'><source file='/nonexistent/disk'/><target dev='vda'/></disk>";
    let object = bench.guests.define(&xml("vm", "", disk), Schema::Ignore, "test").unwrap();
    let error = bench.guests.create(object.uuid(), StartOptions::default(), "test").unwrap_err();
    assert!(error.message().contains("Cannot access storage file '/nonexistent/disk'"), "{error}");
    assert_eq!(bench.state(object.uuid()), State::ShutOff(ShutOff::Failed));
    let files = bench.guests.folders.guest(1, "vm");
    assert!(!files.state.exists() && !files.status.exists());
    // A file that QEMU itself refuses.
    let bad = bench.root.join("bad");
    std::fs::write(&bad, "not an image").unwrap();
    let disk =
        format!("<disk type='file'><driver type='qcow2'/><source file='{}'/><target dev='vda'/></disk>", bad.display());
    let text = xml("vm2", "", &disk);
    let error = bench.guests.create_transient(&text, StartOptions::default(), "test").unwrap_err();
    assert!(error.message().contains("not in qcow2 format"), "{error}");
    assert_eq!(bench.guests.table.len(), 1);
}

#[test]
fn definitions_that_cannot_work_change_nothing() {
    let Some(bench) = Bench::new() else { return };
    let text = xml("vm", "", "").replace("machine='q35'", "machine='moon'");
    let error = bench.guests.define(&text, Schema::Ignore, "test").unwrap_err();
    assert_eq!(error.code(), ErrorCode::CONFIG_UNSUPPORTED);
    assert!(error.message().contains("'moon'"), "{error}");
    assert!(bench.guests.table.is_empty());
}

#[test]
fn linux_boots_talks_restarts_and_powers_off() {
    let (Some(bench), Some(linux)) = (Bench::new(), linux()) else { return };
    let devices = "<serial type='pty'/><rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>";
    let object = bench.guests.define(&xml("vm", &linux, devices), Schema::Ignore, "test").unwrap();
    let uuid = object.uuid();
    bench.guests.create(uuid, StartOptions { paused: true, ..StartOptions::default() }, "test").unwrap();
    assert_eq!(bench.state(uuid), State::Paused(Paused::User));
    let terminal = super::status::terminals(object.snapshot().definition()).remove(0);
    let console = bench.guests.consoles.open(terminal.as_ref(), WhenBusy::Refuse).unwrap();
    bench.guests.resume(uuid, "test").unwrap();
    let mut seen = String::new();
    let mut read_until = |what: &str| {
        let end = Instant::now() + LONG;
        while !seen.contains(what) {
            assert!(Instant::now() < end, "no '{what}' in:\n{seen}");
            let mut buffer = [0; 1024];
            if let Some(n) = console.read(&mut buffer, Duration::from_secs(1)).unwrap() {
                assert!(n > 0, "the console ended before '{what}':\n{seen}");
                seen.push_str(&String::from_utf8_lossy(&buffer[..n]));
            }
        }
        // What follows may have come in the same breath.
        seen = seen.split_once(what).map(|(_, rest)| rest.to_owned()).unwrap_or_default();
    };
    read_until("#");
    console.write(b"echo $((6*7))x\n", LONG).unwrap();
    read_until("42x");
    read_until("#");
    console.write(b"reboot -f\n", LONG).unwrap();
    bench.wait_for("reboot", || bench.events.try_iter().any(|(_, n)| n == Notice::Reboot));
    read_until("#");
    console.write(b"poweroff -f\n", LONG).unwrap();
    bench.wait_for("power-off", || matches!(bench.state(uuid), State::ShutOff(_)));
    assert_eq!(bench.state(uuid), State::ShutOff(ShutOff::Shutdown));
    use Lifecycle::*;
    let events = bench.lifecycles();
    assert!(events.ends_with(&[ShutdownGuest, StoppedShutdown]), "{events:?}");
}
