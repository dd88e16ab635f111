use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use oxivirt_core::ErrorCode;
use tempfile::TempDir;

use super::*;

fn folder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("qemu.d")).expect("writable");
    folder
}

fn write(folder: &TempDir, name: &str, mode: u32, body: &str) {
    let path = folder.path().join(name);
    fs::write(&path, format!("#!/bin/sh\n{body}\n")).expect("writable");
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("writable");
}

fn hooks(folder: &TempDir, limit: Duration) -> Hooks {
    let script = Some(folder.path().join("events"));
    let events = vec![("domain".to_owned(), "st*".to_owned())];
    Hooks::new(folder.path().to_owned(), Wishes { script, events, limit })
}

const LIMIT: Duration = Duration::from_secs(20);

#[test]
fn hooks_run_in_order_with_arguments_and_document() {
    let folder = folder();
    let log = folder.path().join("log");
    let note = format!("echo \"${{0##*/}} $@ $(cat)\" >> {}", log.display());
    for (name, mode) in [("qemu", 0o755), ("qemu.d/b", 0o755), ("qemu.d/a", 0o755), ("qemu.d/c", 0o644)] {
        write(&folder, name, mode, &note);
    }
    let hooks = hooks(&folder, LIMIT);
    assert_eq!(hooks.run("qemu", ["web", "prepare", "begin", "-"], "<domain/>").expect("all well"), "");
    assert_eq!(hooks.run("lxc", ["web", "prepare", "begin", "-"], "<domain/>").expect("none there"), "");
    let tail = "web prepare begin - <domain/>";
    let seen = fs::read_to_string(log).expect("written");
    assert_eq!(seen, format!("qemu {tail}\na {tail}\nb {tail}\n"));
}

#[test]
fn a_failing_hook_says_why_and_the_others_run() {
    let folder = folder();
    write(&folder, "qemu", 0o755, "echo no bridge br7 >&2; exit 4");
    write(&folder, "qemu.d/a", 0o755, &format!("touch {}/ran", folder.path().display()));
    let error = hooks(&folder, LIMIT).run("qemu", ["web", "start", "begin", "-"], "").expect_err("failed");
    assert_eq!(error.code(), ErrorCode::HOOK_SCRIPT_FAILED);
    let text = error.message();
    assert!(text.starts_with("Hook script execution failed: '/"), "{text}");
    assert!(text.ends_with("qemu web start begin -': exit status: 4: no bridge br7"), "{text}");
    assert!(folder.path().join("ran").exists());
}

#[test]
fn hooks_change_the_document_of_a_restored_guest_one_after_the_other() {
    let folder = folder();
    write(&folder, "qemu", 0o755, "sed s/one/two/");
    write(&folder, "qemu.d/a", 0o755, "cat > /dev/null");
    write(&folder, "qemu.d/b", 0o755, "sed s/two/three/");
    let hooks = hooks(&folder, LIMIT);
    let made = hooks.run("qemu", ["web", "restore", "begin", "-"], "<a>one</a>").expect("all well");
    assert_eq!(made, "<a>three</a>");
    assert_eq!(hooks.run("qemu", ["web", "started", "begin", "-"], "<a>one</a>").expect("all well"), "");
}

#[test]
fn a_hook_that_hangs_or_talks_without_end_is_ended() {
    let folder = folder();
    write(&folder, "qemu", 0o755, "trap '' TERM; sleep 60 & wait; sleep 60");
    let begin = Instant::now();
    let error = hooks(&folder, Duration::from_secs(1)).run("qemu", ["w", "start", "begin", "-"], "").expect_err("hung");
    assert!(error.message().ends_with("qemu w start begin -': it did not end within 1 s and was killed"), "{error}");
    write(&folder, "qemu", 0o755, "head -c 9000000 /dev/zero");
    let error = hooks(&folder, LIMIT).run("qemu", ["w", "start", "begin", "-"], "").expect_err("too long");
    assert!(error.message().contains("it printed more than"), "{error}");
    assert!(begin.elapsed() < LIMIT);
}

#[test]
fn the_event_script_gets_what_it_asked_for() {
    let folder = folder();
    let log = folder.path().join("log");
    write(&folder, "events", 0o755, &format!("echo \"$@\" >> {}; echo busy >&2; [ $2 != bad ]", log.display()));
    let hooks = hooks(&folder, LIMIT);
    hooks.event(["domain", "web", "start", "before", "-"]).expect("fine");
    hooks.event(["daemon", "-", "start", "before", "-"]).expect("not asked for");
    hooks.event(["domain", "web", "reboot", "before", "-"]).expect("not asked for");
    let error = hooks.event(["domain", "bad", "stop", "before", "-"]).expect_err("refused");
    assert!(error.message().ends_with("exit status: 1: busy"), "{error}");
    hooks.event(["domain", "bad", "stop", "after", "-"]).expect("cannot be stopped any more");
    let seen = fs::read_to_string(log).expect("written");
    assert_eq!(seen, "domain web start before -\ndomain bad stop before -\ndomain bad stop after -\n");
}
