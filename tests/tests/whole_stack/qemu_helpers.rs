//! Programs beside QEMU: started with a guest, found again by the next
//! daemon, gone with the guest.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use oxivirt_tests::process::{self, alive};
use oxivirt_tests::sandbox::Sandbox;
use oxivirt_tests::{fixture, skip};
use rustix::process::Signal;

use super::{Host, Outcome, SOON};

/// The idle guest with more devices, and memory that other programs may share.
fn guest(name: &str, devices: &str) -> String {
    let memory = "<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>
        <features><acpi/></features>";
    fixture::idle_guest(name).replacen("</domain>", &format!("{memory}<devices>{devices}</devices></domain>"), 1)
}

/// The processes of a program whose command line names a sandbox.
fn programs(host: &Host, program: &str) -> Vec<i32> {
    let root = host.sandbox.root().display().to_string();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        let binary = line.split('\0').next().unwrap_or_default();
        Path::new(binary).file_name().is_some_and(|name| name == program) && line.contains(&root)
    })
    .collect()
}

/// The one process of a program.
fn program(host: &Host, name: &str) -> Result<i32, String> {
    match programs(host, name).as_slice() {
        [one] => Ok(*one),
        others => Err(host.sandbox.explain(&format!("{} processes of {name}, not one", others.len()))),
    }
}

/// Waits until no process of a program is left.
fn ends(host: &Host, name: &str) -> Outcome {
    process::wait_for(&format!("{name} to end"), SOON, || programs(host, name).is_empty().then_some(()))
}

/// All files below folders of the sandbox.
fn files(host: &Host, folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut left = vec![host.sandbox.root().join(folder)];
    while let Some(folder) = left.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                true => left.push(entry.path()),
                false => found.push(entry.path()),
            }
        }
    }
    found.sort();
    found
}

const STATE: &str = "var/lib/libvirt/swtpm";

#[test]
fn a_tpm_lives_with_its_guest() -> Outcome {
    let Some(mut host) = Host::qemu()? else { return Ok(()) };
    if skip::lacks(&["swtpm", "swtpm_setup"]) {
        return Ok(());
    }
    let tpm = "<tpm model='tpm-crb'><backend type='emulator' version='2.0' debug='2'>
        <active_pcr_banks><sha256/><sha384/></active_pcr_banks></backend></tpm>";
    host.define(&guest("tpm", tpm))?;
    assert_eq!(files(&host, STATE).len(), 0, "there is state before the first start");
    host.virsh(&["start", "tpm"])?;
    let pid = program(&host, "swtpm")?;
    let sockets = files(&host, "run/libvirt/qemu/swtpm");
    assert!(sockets.iter().any(|file| file.ends_with("1-tpm-swtpm.sock")), "{sockets:?}");
    let noted = fs::read_to_string(host.sandbox.root().join("run/libvirt/qemu/swtpm/1-tpm-swtpm.pid"));
    assert_eq!(noted.map_err(|e| e.to_string())?.trim(), pid.to_string());
    let state = files(&host, STATE);
    assert!(state.iter().any(|file| file.to_string_lossy().ends_with("/tpm2/tpm2-00.permall")), "{state:?}");
    let seen = host.virsh(&["qemu-monitor-command", "tpm", r#"{"execute":"query-tpm"}"#])?;
    assert!(seen.contains(r#""model":"tpm-crb""#) && seen.contains(r#""type":"emulator""#), "{seen}");
    let log = host.sandbox.root().join("var/log/swtpm/libvirt/qemu/tpm-swtpm.log");
    assert!(log.is_file(), "{} is missing", log.display());

    // The next daemon has it.
    host.sandbox.kill();
    assert!(alive(pid), "the TPM ended with the daemon");
    host.sandbox.launch()?;
    assert!(host.state("tpm")?.starts_with("running"));
    assert_eq!(program(&host, "swtpm")?, pid);
    let status = fs::read_to_string(host.sandbox.root().join("run/libvirt/qemu/tpm.xml")).map_err(|e| e.to_string())?;
    assert!(status.contains(&format!("<helper kind='swtpm' alias='tpm0' pid='{pid}'")), "{status}");
    host.virsh(&["destroy", "tpm"])?;
    ends(&host, "swtpm")?;
    assert_eq!(files(&host, "run/libvirt/qemu/swtpm").len(), 0);

    // Its state stays for the next start, and goes with the definition.
    assert!(state.iter().any(|file| file.ends_with("tpm2-00.permall") && file.is_file()));
    host.virsh(&["start", "tpm"])?;
    let pid = program(&host, "swtpm")?;
    process::signal(host.sandbox.guest_pid("tpm")?, Signal::KILL);
    host.reaches("tpm", "shut off (crashed)", SOON)?;
    process::wait_for("the TPM to end", SOON, || (!alive(pid)).then_some(()))?;
    assert_eq!(files(&host, "run/libvirt/qemu/swtpm").len(), 0);
    host.virsh(&["undefine", "tpm"])?;
    assert_eq!(files(&host, STATE).len(), 0, "state of a forgotten guest");
    Ok(())
}

#[test]
fn the_state_of_a_tpm_is_kept_where_somebody_wants_it() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    if skip::lacks(&["swtpm", "swtpm_setup"]) {
        return Ok(());
    }
    let tpm = |kept: &str| {
        let tpm = format!("<tpm model='tpm-tis'><backend type='emulator' version='1.2' {kept}/></tpm>");
        let xml = guest("kept", &tpm);
        xml.replacen("</name>", "</name><uuid>c7a5fdbd-edaf-9455-926a-d65c16db1809</uuid>", 1)
    };
    let there = || files(&host, STATE).iter().any(|file| file.ends_with("tpm1.2/tpm-00.permall"));
    host.define(&tpm("persistent_state='yes'"))?;
    host.virsh(&["start", "kept"])?;
    assert!(there(), "{:?}", files(&host, STATE));
    // Of a guest that runs it goes, if at all, with its last run.
    host.virsh(&["undefine", "kept"])?;
    host.virsh(&["destroy", "kept"])?;
    ends(&host, "swtpm")?;
    assert!(there());
    host.define(&tpm("persistent_state='yes'"))?;
    host.virsh(&["undefine", "kept", "--tpm"])?;
    assert!(!there());
    host.define(&tpm(""))?;
    host.virsh(&["start", "kept"])?;
    host.virsh(&["destroy", "kept"])?;
    host.virsh(&["undefine", "kept", "--keep-tpm"])?;
    assert!(there());
    let error = host.define(&tpm("")).and_then(|()| host.refused(&["undefine", "kept", "--tpm", "--keep-tpm"]))?;
    assert!(error.contains("mutually exclusive") || error.contains("cannot both keep and delete TPM"), "{error}");
    host.virsh(&["undefine", "kept"])?;
    assert!(!there());
    Ok(())
}

#[test]
fn a_tpm_that_cannot_start_leaves_nothing() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    if skip::lacks(&["swtpm", "swtpm_setup"]) {
        return Ok(());
    }
    // Something else is where its state would be.
    let place = host.sandbox.root().join("no-folder");
    fs::write(&place, "x").map_err(|e| e.to_string())?;
    let source = format!("<source type='dir' path='{}/state'/>", place.display());
    host.define(&guest("no", &format!("<tpm><backend type='emulator' version='2.0'>{source}</backend></tpm>")))?;
    let error = host.refused(&["start", "no"])?;
    assert!(error.contains("cannot create TPM state"), "{error}");
    // A state that means nothing to it: it says so itself.
    let spoilt = host.sandbox.root().join("spoilt");
    fs::create_dir(&spoilt).and_then(|()| fs::write(spoilt.join("tpm2-00.permall"), "x")).map_err(|e| e.to_string())?;
    let source = format!("<source type='dir' path='{}'/>", spoilt.display());
    host.define(&guest("bad", &format!("<tpm><backend type='emulator' version='2.0'>{source}</backend></tpm>")))?;
    let error = host.refused(&["start", "bad"])?;
    assert!(error.contains("swtpm") || error.contains("tpm-emulator"), "{error}");
    assert_eq!(host.state("bad")?, "shut off (failed)");
    ends(&host, "swtpm")?;
    assert_eq!(files(&host, "run/libvirt/qemu/swtpm").len(), 0);
    assert!(spoilt.join("tpm2-00.permall").is_file(), "what the user gave was removed");
    Ok(())
}

#[test]
fn a_card_reaches_out_through_passt() -> Outcome {
    let Some(mut host) = Host::qemu()? else { return Ok(()) };
    if skip::lacks(&["passt"]) {
        return Ok(());
    }
    let card = "<interface type='user'><backend type='passt'/><mac address='52:54:00:11:22:33'/><model type='virtio'/>
        </interface>";
    host.define(&guest("net", card))?;
    host.virsh(&["start", "net"])?;
    let pid = program(&host, "passt")?;
    let folder = "run/libvirt/qemu/passt";
    assert!(files(&host, folder).iter().any(|file| file.ends_with("1-net-net0.socket")), "{:?}", files(&host, folder));
    let xml = host.virsh(&["dumpxml", "net"])?;
    assert!(xml.contains("<backend type='passt'/>") && xml.contains("<alias name='net0'/>"), "{xml}");
    host.sandbox.kill();
    assert!(alive(pid), "the card's program ended with the daemon");
    host.sandbox.launch()?;
    assert_eq!(program(&host, "passt")?, pid);
    // A card that comes and goes has a program of its own.
    let second = host.sandbox.root().join("card.xml");
    fs::write(&second, card.replace("22:33", "22:34")).map_err(|e| e.to_string())?;
    host.virsh(&["attach-device", "net", &second.display().to_string(), "--live"])?;
    assert_eq!(programs(&host, "passt").len(), 2);
    // Nothing answers in the guest, so it is asked in vain; its end takes both.
    host.virsh(&["destroy", "net"])?;
    ends(&host, "passt")?;
    assert_eq!(files(&host, folder).len(), 0);
    // One that cannot do what is asked says so.
    let away = "<source dev='nosuch0'/></interface>";
    host.define(&guest("lost", &card.replace("22:33", "22:35").replace("</interface>", away)))?;
    let error = host.refused(&["start", "lost"])?;
    assert!(error.contains("passt' ended (exit status 1)") && error.contains("nosuch0"), "{error}");
    ends(&host, "passt")?;
    assert_eq!(files(&host, folder).len(), 0);
    Ok(())
}

#[test]
fn a_display_has_a_bus_of_its_own() -> Outcome {
    let Some(mut host) = Host::qemu()? else { return Ok(()) };
    if skip::lacks(&["dbus-daemon"]) {
        return Ok(());
    }
    host.define(&guest("bus", "<graphics type='dbus'/><video><model type='vga'/></video>"))?;
    let folder = "run/libvirt/qemu/dbus";
    if let Err(error) = host.virsh(&["start", "bus"]) {
        // Some distributions leave the display out of the usual package; the bus goes all the same.
        assert!(error.contains("Display 'dbus' is not available"), "{error}");
        ends(&host, "dbus-daemon")?;
        assert_eq!(files(&host, folder).len(), 0);
        skip::skip("this QEMU has no displays on a message bus");
        return Ok(());
    }
    let pid = program(&host, "dbus-daemon")?;
    let line = fs::read(format!("/proc/{}/cmdline", host.sandbox.guest_pid("bus")?)).map_err(|e| e.to_string())?;
    let line = String::from_utf8_lossy(&line).into_owned();
    let socket = host.sandbox.root().join(folder).join("1-bus-dbus.sock");
    assert!(line.contains(&format!("dbus,addr=unix:path={}", socket.display())), "{line}");
    host.sandbox.kill();
    host.sandbox.launch()?;
    assert_eq!(program(&host, "dbus-daemon")?, pid);
    host.virsh(&["destroy", "bus"])?;
    ends(&host, "dbus-daemon")?;
    assert_eq!(files(&host, folder).len(), 0);
    // One that no guest has any more is a leftover.
    host.virsh(&["start", "bus"])?;
    let guest = host.sandbox.guest_pid("bus")?;
    host.sandbox.kill();
    process::signal(guest, Signal::KILL);
    process::wait_for("the guest to end", SOON, || (!alive(guest)).then_some(()))?;
    program(&host, "dbus-daemon")?;
    fs::remove_file(host.sandbox.root().join("run/libvirt/qemu/bus.xml")).map_err(|e| e.to_string())?;
    host.sandbox.launch()?;
    ends(&host, "dbus-daemon")?;
    assert_eq!(files(&host, folder).len(), 0);
    Ok(())
}

#[test]
fn a_program_that_is_missing_or_ends_is_named() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    let shared = host.sandbox.root().join("shared");
    fs::create_dir(&shared).map_err(|e| e.to_string())?;
    let folder = |binary: &str| {
        let binary = format!("<driver type='virtiofs'/><binary path='{binary}'/>");
        let source = format!("<source dir='{}'/><target dir='tag'/>", shared.display());
        guest("fs", &format!("<filesystem type='mount'>{binary}{source}</filesystem>")).replacen(
            "</name>",
            "</name><uuid>c7a5fdbd-edaf-9455-926a-d65c16db1809</uuid>",
            1,
        )
    };
    host.define(&folder("/nowhere/virtiofsd"))?;
    let error = host.refused(&["start", "fs"])?;
    assert!(error.contains("'/nowhere/virtiofsd' is not a suitable program"), "{error}");
    let ends_at_once = script(&host, "ends", "echo it is Monday >&2; exit 7")?;
    host.define(&folder(&ends_at_once))?;
    let error = host.refused(&["start", "fs"])?;
    assert!(error.contains("'virtiofsd' ended (exit status 7): it is Monday"), "{error}");
    assert_eq!(host.state("fs")?, "shut off (failed)");
    Ok(())
}

/// A program of a few shell lines.
fn script(host: &Host, name: &str, lines: &str) -> Result<String, String> {
    use std::os::unix::fs::PermissionsExt;
    let file = host.sandbox.root().join(name);
    fs::write(&file, format!("#!/bin/sh\n{lines}\n"))
        .and_then(|()| fs::set_permissions(&file, fs::Permissions::from_mode(0o755)))
        .map_err(|e| e.to_string())?;
    Ok(file.display().to_string())
}

/// A stand-in for a program that serves a folder: it takes QEMU's connection
/// at the socket that it was given and holds it. It speaks no vhost-user, so
/// QEMU waits for it; what is judged is that it was given all it needs.
#[test]
fn the_program_behind_a_folder_gets_its_socket() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    if skip::lacks(&["python3"]) {
        return Ok(());
    }
    let shared = host.sandbox.root().join("shared");
    fs::create_dir(&shared).map_err(|e| e.to_string())?;
    let told = host.sandbox.root().join("told");
    let code = "import socket,sys; s=socket.socket(fileno=int(sys.argv[1][5:])); c,_=s.accept(); \
                open(sys.argv[-1],\"w\").write(\" \".join(sys.argv[2:-1])+\"|\"+c.recv(12)[:1].hex()); \
                sys.exit(\"not today\")";
    let stand_in = script(&host, "stand-in", &format!("exec python3 -c '{code}' \"$@\" '{}'", told.display()))?;
    let devices = format!(
        "<filesystem type='mount'><driver type='virtiofs'/>
          <binary path='{stand_in}' xattr='on'><cache mode='always'/><lock posix='on' flock='off'/></binary>
          <source dir='{}'/><target dir='tag'/><readonly/></filesystem>",
        shared.display()
    );
    host.define(&guest("fs", &devices))?;
    let error = host.refused(&["start", "fs"])?;
    assert!(error.contains("'virtiofsd' ended (exit status 1): not today"), "{error}");
    let told = fs::read_to_string(&told).map_err(|e| format!("the program was not reached: {e}"))?;
    let expected = format!("-o source={},cache=always,xattr,no_flock,posix_lock --readonly|01", shared.display());
    assert_eq!(told, expected);
    assert!(host.sandbox.root().join("var/log/libvirt/qemu/fs-fs0-virtiofsd.log").is_file());
    assert!(files(&host, "run/libvirt/qemu").iter().all(|file| !file.to_string_lossy().ends_with("-fs.pid")));
    Ok(())
}

#[test]
fn nbdkit_reads_an_image_for_qemu() -> Outcome {
    if skip::lacks(&["virsh", "qemu-system-x86_64", "nbdkit", "python3"]) {
        return Ok(());
    }
    let sandbox = Sandbox::prepare()?;
    sandbox.configure("qemu.conf", "storage_use_nbdkit = 1\n")?;
    let mut sandbox = sandbox;
    sandbox.launch()?;
    let uri = sandbox.uri("qemu", "/system");
    let mut host = Host { sandbox, uri };
    let web = host.sandbox.root().join("web");
    fs::create_dir(&web)
        .and_then(|()| fs::write(web.join("image.raw"), vec![7; 1 << 20]))
        .map_err(|e| e.to_string())?;
    // A server that answers requests for ranges, as curl makes them, and asks for a cookie.
    let server = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/whole_stack/python/range_server.py");
    let port_file = host.sandbox.root().join("port");
    let server = Command::new("python3").arg(server).arg(&web).arg(&port_file).spawn().map_err(|e| e.to_string())?;
    let _server = Server(server);
    let port = process::wait_for("the web server", SOON, || {
        fs::read_to_string(&port_file).ok().filter(|text| text.ends_with('\n')).map(|text| text.trim().to_owned())
    })?;
    let disk = format!(
        "<disk type='network'><driver name='qemu' type='raw'/>
          <source protocol='http' name='image.raw'><host name='127.0.0.1' port='{port}'/>
            <cookies><cookie name='taste'>vanilla</cookie></cookies></source>
          <target dev='vda' bus='virtio'/><readonly/></disk>"
    );
    host.define(&guest("web", &disk))?;
    host.virsh(&["start", "web"]).map_err(|e| host.sandbox.explain(&e))?;
    let first = program(&host, "nbdkit")?;
    let line = fs::read(format!("/proc/{first}/cmdline")).map_err(|e| e.to_string())?;
    assert!(!String::from_utf8_lossy(&line).contains("vanilla"), "a cookie on a command line");
    let size = host.virsh(&["domblkinfo", "web", "vda"])?;
    assert!(size.lines().any(|line| line.split_whitespace().eq(["Capacity:", "1048576"])), "{size}");
    assert!(host.state("web")?.starts_with("running"));

    // The next daemon has it, and starts it again when it ends.
    host.sandbox.kill();
    assert!(alive(first), "nbdkit ended with the daemon");
    host.sandbox.launch()?;
    assert!(host.state("web")?.starts_with("running"));
    assert_eq!(program(&host, "nbdkit")?, first);
    process::signal(first, Signal::KILL);
    process::wait_for("another nbdkit", SOON, || {
        programs(&host, "nbdkit").iter().any(|pid| *pid != first).then_some(())
    })?;
    let size = host.virsh(&["domblkinfo", "web", "vda"])?;
    assert!(size.lines().any(|line| line.split_whitespace().eq(["Capacity:", "1048576"])), "{size}");
    host.virsh(&["destroy", "web"])?;
    ends(&host, "nbdkit")?;
    assert!(files(&host, "var/lib/libvirt/qemu/domain-1-web").is_empty());
    Ok(())
}

/// A server that ends with the test.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
