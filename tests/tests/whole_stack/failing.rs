//! Guests that do not come up, or stop answering: who starts one hears why, nobody else notices, nothing is left.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use oxivirt_tests::process::{self, alive};
use oxivirt_tests::skip;
use rustix::process::Signal;

use super::{Host, Outcome, SOON, fixture};

/// Longer than a QEMU may take until it answers.
const BRING_UP: Duration = Duration::from_secs(90);

/// A program that can be asked like QEMU, and does something else as a guest.
fn emulator(host: &Host, name: &str, script: &str) -> Result<PathBuf, String> {
    let real = process::find_program("qemu-system-x86_64").ok_or("no QEMU")?;
    let path = host.sandbox.root().join(name);
    let text = format!(
        "#!/bin/sh\ncase \" $* \" in *' -machine none'*) exec {} \"$@\";; esac\nroot={}\n{script}\n",
        real.display(),
        host.sandbox.root().display()
    );
    fs::write(&path, text.replace("REAL", &real.display().to_string()))
        .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o755)))
        .map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(path)
}

fn define_with(host: &Host, name: &str, emulator: &Path) -> Outcome {
    let devices = format!("<devices><emulator>{}</emulator></devices></domain>", emulator.display());
    host.define(&fixture::idle_guest(name).replacen("</domain>", &devices, 1))
}

/// Starts a guest while the test goes on.
fn start_aside(host: &Host, name: &str) -> Result<Child, String> {
    let mut command = host.sandbox.virsh_command(&host.uri, &["start", name]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().map_err(|e| e.to_string())
}

/// What a client that must fail says in the end.
fn last_words(mut client: Child) -> Result<String, String> {
    let status = process::wait(&mut client, BRING_UP);
    if status.is_none() {
        let _ = client.kill();
    }
    let output = client.wait_with_output().map_err(|e| e.to_string())?;
    match status {
        Some(status) if !status.success() => Ok(String::from_utf8_lossy(&output.stderr).into_owned()),
        Some(_) => Err("the client succeeded".into()),
        None => Err("the client still waits".into()),
    }
}

/// The process that an emulator noted in a file.
fn noted(host: &Host, name: &str) -> Result<i32, String> {
    let file = host.sandbox.root().join(name);
    process::wait_for(&format!("{} to be written", file.display()), SOON, || {
        fs::read_to_string(&file).ok()?.trim().parse().ok()
    })
}

/// A guest that did not start leaves nothing but its definition and its log.
fn nothing_left(host: &Host, name: &str) -> Outcome {
    assert!(host.state(name)?.starts_with("shut off"), "{}", host.state(name)?);
    let root = host.sandbox.root();
    for folder in ["run/libvirt/qemu", "run/libvirt/qemu/channel", "var/lib/libvirt/qemu"] {
        let names = fs::read_dir(root.join(folder)).into_iter().flatten().flatten();
        let left: Vec<_> = names.map(|e| e.file_name()).filter(|n| n.to_string_lossy().contains(name)).collect();
        assert!(left.is_empty(), "{folder}: {left:?}");
    }
    Ok(())
}

#[test]
fn a_program_that_never_answers_is_given_up() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    host.start_idle("other")?;
    let program = emulator(&host, "deaf", "echo 'this one is deaf' >&2\necho $$ > $root/pid\nexec sleep 1000")?;
    define_with(&host, "hung", &program)?;
    let client = start_aside(&host, "hung")?;
    let pid = noted(&host, "pid")?;
    // Nobody else waits for it.
    assert!(host.virsh(&["list", "--all"])?.contains("hung"));
    host.virsh(&["dominfo", "hung"])?;
    host.virsh(&["dumpxml", "hung"])?;
    host.virsh(&["suspend", "other"])?;
    host.virsh(&["resume", "other"])?;
    let words = last_words(client)?;
    assert!(words.contains("no answer from the monitor of domain 'hung'"), "{words}");
    assert!(words.contains("QEMU said 'this one is deaf'"), "{words}");
    process::wait_for("the deaf program to end", SOON, || (!alive(pid)).then_some(()))?;
    nothing_left(&host, "hung")?;
    assert!(host.state("other")?.starts_with("running"));
    Ok(())
}

#[test]
fn a_start_that_hangs_can_be_ended() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    host.start_idle("other")?;
    // The real one, held still before it has said anything; a child of it keeps its sockets open.
    let program = emulator(&host, "held", "echo $$ > $root/pid\nsleep 25 &\nkill -STOP $$\nexec REAL \"$@\"")?;
    define_with(&host, "hung", &program)?;
    let client = start_aside(&host, "hung")?;
    let pid = noted(&host, "pid")?;
    host.virsh(&["destroy", "hung"])?;
    let words = last_words(client)?;
    assert!(words.contains("QEMU unexpectedly closed the monitor"), "{words}");
    assert!(!alive(pid), "the held program still runs");
    nothing_left(&host, "hung")?;
    assert!(host.state("other")?.starts_with("running"));
    // And it is of use afterwards.
    emulator(&host, "held", "exec REAL \"$@\"")?;
    host.virsh(&["start", "hung"]).map(drop)
}

#[test]
fn a_program_that_ends_at_once_is_quoted() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    let program = emulator(&host, "brief", "echo 'no firmware for today' >&2\nexit 7")?;
    define_with(&host, "brief", &program)?;
    let words = host.refused(&["start", "brief"])?;
    assert!(words.contains("error: internal error: QEMU unexpectedly closed the monitor"), "{words}");
    assert!(words.contains("exit status 7") && words.contains("no firmware for today"), "{words}");
    nothing_left(&host, "brief")
}

#[test]
fn a_program_that_is_gone_is_named() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    let program = emulator(&host, "leaves", "exec REAL \"$@\"")?;
    define_with(&host, "orphan", &program)?;
    host.virsh(&["start", "orphan"])?;
    host.virsh(&["destroy", "orphan"])?;
    fs::remove_file(&program).map_err(|e| e.to_string())?;
    let words = host.refused(&["start", "orphan"])?;
    let expected = format!("Cannot check QEMU binary {}: No such file or directory", program.display());
    assert!(words.contains(&expected), "{words}");
    nothing_left(&host, "orphan")?;
    // The definition can still be looked at, changed and removed.
    host.virsh(&["dumpxml", "orphan"])?;
    host.virsh(&["undefine", "orphan"]).map(drop)
}

/// A small file system on the log folder, gone with the value.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn full(folder: &Path) -> Result<Option<Self>, String> {
        fs::create_dir_all(folder).map_err(|e| e.to_string())?;
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", "size=64k", "oxivirt-test"]).arg(folder);
        if !rustix::process::geteuid().is_root() || process::succeed(&mut command, "mount", SOON).is_err() {
            skip::skip("a file system can be mounted here by nobody");
            return Ok(None);
        }
        let disk = Self(folder.to_owned());
        // As much as there is room for.
        let _ = fs::write(folder.join("filler"), vec![0; 1 << 20]);
        assert!(fs::write(folder.join("more"), [0; 4096]).is_err(), "the disk is not full");
        Ok(Some(disk))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = process::succeed(Command::new("umount").arg("-l").arg(&self.0), "umount", SOON);
    }
}

#[test]
fn a_full_disk_for_logs_holds_nobody_up() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    let logs = host.sandbox.root().join("var/log/libvirt/qemu");
    let Some(_disk) = SmallDisk::full(&logs)? else { return Ok(()) };
    // One that prints more than a pipe holds, for as long as it runs.
    let program = emulator(
        &host,
        "loud",
        "pid=$$\n( while kill -0 $pid 2>/dev/null; do head -c 100000 /dev/zero | tr '\\0' x >&2; echo >&2; echo >> $root/turns; sleep 0.1; done ) &\nexec REAL \"$@\"",
    )?;
    define_with(&host, "loud", &program)?;
    host.virsh(&["start", "loud"])?;
    let turns = host.sandbox.root().join("turns");
    process::wait_for("the guest to print much", SOON * 3, || {
        fs::metadata(&turns).is_ok_and(|m| m.len() >= 20).then_some(())
    })?;
    host.virsh(&["qemu-monitor-command", "loud", "--hmp", "info status"])?;
    // A start that fails is told of, even though nothing can be written down.
    let brief = emulator(&host, "brief", "echo 'no firmware for today' >&2\nexit 7")?;
    define_with(&host, "brief", &brief)?;
    let words = host.refused(&["start", "brief"])?;
    assert!(words.contains("no firmware for today"), "{words}");
    host.virsh(&["destroy", "loud"])?;
    nothing_left(&host, "loud")
}

#[test]
fn logs_go_on_without_the_daemon() -> Outcome {
    let Some(mut host) = Host::qemu()? else { return Ok(()) };
    let program = emulator(
        &host,
        "writer",
        "pid=$$\n( while kill -0 $pid && ! [ -e $root/go ]; do sleep 0.2; done; [ -e $root/go ] && yes 'a line of this guest' | head -c 5000000 >&2; echo the end >&2 ) &\nexec REAL \"$@\"",
    )?;
    define_with(&host, "writer", &program)?;
    host.virsh(&["start", "writer"])?;
    let log = |suffix: &str| host.sandbox.root().join(format!("var/log/libvirt/qemu/writer.log{suffix}"));
    let (log, older, oldest, none) = (log(""), log(".0"), log(".1"), log(".2"));
    let first = fs::read_to_string(&log).map_err(|e| e.to_string())?;
    assert!(first.contains("starting up") && first.contains("qemu version: ") && first.contains("-name"), "{first}");
    host.sandbox.kill();
    fs::write(host.sandbox.root().join("go"), "").map_err(|e| e.to_string())?;
    process::wait_for("the log to be written", SOON * 3, || {
        fs::read_to_string(&log).is_ok_and(|text| text.ends_with("the end\n")).then_some(())
    })?;
    for file in [&older, &oldest] {
        let size = fs::metadata(file).map_err(|e| format!("{}: {e}", file.display()))?.len();
        assert!(size <= 2 << 20 && size > (2 << 20) - 100, "{size}");
    }
    assert!(!none.exists());
    assert!(fs::read_to_string(&oldest).is_ok_and(|text| text.starts_with(&first)));
    host.sandbox.launch()?;
    assert!(host.state("writer")?.starts_with("running"));
    host.virsh(&["destroy", "writer"])?;
    let text = fs::read_to_string(&log).map_err(|e| e.to_string())?;
    assert!(text.contains("the end\n") && text.contains("shutting down, reason=destroyed"), "{text}");
    // The keeper ends with its guest.
    process::wait_for("the keeper of the log to end", SOON, || keepers(host.sandbox.root()).is_empty().then_some(()))
}

/// Log keepers of a sandbox.
fn keepers(root: &Path) -> Vec<i32> {
    let root = root.display().to_string();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid: &i32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        line.contains("oxivirt-logkeeper") && line.contains(&root)
    })
    .collect()
}

#[test]
fn a_guest_held_still_answers_what_needs_no_answer() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    host.start_idle("held")?;
    let pid = host.sandbox.guest_pid("held")?;
    process::signal(pid, Signal::STOP);
    for arguments in [&["list"][..], &["dominfo", "held"], &["domstate", "held"], &["dumpxml", "held"]] {
        host.virsh(arguments)?;
    }
    // Who waits for it hears when it is ended.
    let mut command = host.sandbox.virsh_command(&host.uri, &["qemu-monitor-command", "held", "--hmp", "info status"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let waiting = command.spawn().map_err(|e| e.to_string())?;
    host.virsh(&["list"])?;
    host.virsh(&["destroy", "held"])?;
    let words = last_words(waiting)?;
    assert!(words.contains("error:"), "{words}");
    process::wait_for("the guest's process to end", SOON, || (!alive(pid)).then_some(()))?;
    nothing_left(&host, "held")
}
