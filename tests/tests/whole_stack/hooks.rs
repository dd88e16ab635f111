//! The operator's scripts: the hook folder and the event script.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use oxivirt_tests::sandbox::Sandbox;
use oxivirt_tests::{process, skip, stock};
use rustix::process::{Pid, Signal};

use super::{Host, Outcome, SOON};

/// Lays a script below the configuration folder; `$LOG` in it is a file to write to.
fn script(sandbox: &Sandbox, name: &str, body: &str) -> Outcome {
    let file = sandbox.root().join("etc/libvirt").join(name);
    let folder = file.parent().ok_or("no folder")?;
    let text = format!("#!/bin/sh\nLOG={}/seen\n{body}\n", sandbox.root().display());
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&file, text))
        .and_then(|()| fs::set_permissions(&file, fs::Permissions::from_mode(0o755)))
        .map_err(|e| format!("{}: {e}", file.display()))
}

/// What scripts wrote down so far.
fn seen(sandbox: &Sandbox) -> Vec<String> {
    let text = fs::read_to_string(sandbox.root().join("seen")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn forget(sandbox: &Sandbox) {
    let _ = fs::remove_file(sandbox.root().join("seen"));
}

/// Adds settings to what every sandbox has.
fn settings(sandbox: &Sandbox, more: &str) -> Outcome {
    let root = sandbox.root().display();
    let text =
        format!("auth_unix_rw = \"none\"\nauth_unix_ro = \"none\"\n{}", more.replace("@ROOT@", &root.to_string()));
    sandbox.configure("libvirtd.conf", &text)
}

/// A daemon to be, or `None` where virsh is missing or the stock one is judged.
fn ours() -> Result<Option<Sandbox>, String> {
    match stock::chosen() || skip::lacks(&["virsh"]) {
        true => Ok(None),
        false => Sandbox::prepare().map(Some),
    }
}

fn hangup(sandbox: &Sandbox) -> Outcome {
    let pid = Pid::from_raw(sandbox.pid()).ok_or("no daemon runs")?;
    rustix::process::kill_process(pid, Signal::HUP).map_err(|e| e.to_string())
}

#[test]
fn the_daemon_tells_of_its_start_reload_and_end() -> Outcome {
    if skip::lacks(&["virsh"]) {
        return Ok(());
    }
    let mut sandbox = Sandbox::prepare()?;
    // That it fails changes nothing.
    script(&sandbox, "hooks/daemon", "echo \"main $*\" >> $LOG; echo bad >&2; exit 1")?;
    script(&sandbox, "hooks/daemon.d/b", "echo \"b $*\" >> $LOG")?;
    script(&sandbox, "hooks/daemon.d/a", "echo \"a $*\" >> $LOG")?;
    sandbox.launch()?;
    let heard = |what: &str, count: usize| {
        process::wait_for(what, SOON, || (seen(&sandbox).len() == count).then_some(())).map_err(|e| sandbox.explain(&e))
    };
    heard("the hooks of the start", 3)?;
    hangup(&sandbox)?;
    heard("the hooks of the reload", 6)?;
    sandbox.stop()?;
    let wanted = ["- start - start", "- reload begin SIGHUP", "- shutdown - shutdown"];
    let wanted: Vec<String> =
        wanted.iter().flat_map(|words| ["main", "a", "b"].map(|name| format!("{name} {words}"))).collect();
    assert_eq!(seen(&sandbox), wanted);
    Ok(())
}

#[test]
fn the_event_script_hears_of_daemon_and_domains_and_may_refuse() -> Outcome {
    let Some(mut sandbox) = ours()? else { return Ok(()) };
    settings(&sandbox, "events_script = \"@ROOT@/etc/libvirt/events\"\n")?;
    let body = "echo \"$*\" >> $LOG\n[ ! -e $LOG.no ] || { echo not today >&2; exit 1; }";
    script(&sandbox, "events", body)?;
    sandbox.launch()?;
    let uri = sandbox.uri("test", "/default");
    process::wait_for("the end of the start", SOON, || {
        seen(&sandbox).contains(&"daemon - start after -".to_owned()).then_some(())
    })?;
    // One session, so that the domains of the driver outlive a command.
    forget(&sandbox);
    sandbox.virsh_ok(&uri, &["destroy test; start test; reboot test; shutdown test"])?;
    let lines = seen(&sandbox);
    assert_eq!(
        lines,
        [
            "domain test stop before destroyed",
            "domain test stop after destroyed",
            "domain test start before -",
            "domain test start after booted",
            "domain test reboot before -",
            "domain test reboot after -",
            "domain test stop before shutdown",
            "domain test stop after shutdown"
        ]
    );
    fs::write(sandbox.root().join("seen.no"), "").map_err(|e| e.to_string())?;
    let refused = sandbox.virsh(&uri, &["destroy", "test"])?;
    assert!(!refused.status.success());
    assert!(refused.stderr.contains("Hook script execution failed"), "{}", refused.stderr);
    assert!(refused.stderr.contains("not today"), "{}", refused.stderr);
    assert_eq!(sandbox.virsh_ok(&uri, &["domstate", "test"])?.trim(), "running");
    sandbox.stop()?;
    forget(&sandbox);
    // A refusal of the start is one of the daemon's.
    let error = sandbox.launch().err().ok_or("it started all the same")?;
    assert!(error.contains("not today"), "{error}");
    assert_eq!(seen(&sandbox), ["daemon - start before -"]);
    fs::remove_file(sandbox.root().join("seen.no")).map_err(|e| e.to_string())?;
    settings(&sandbox, "events_script = \"@ROOT@/etc/libvirt/events\"\nevents_set = [ \"dae*:reload\" ]\n")?;
    forget(&sandbox);
    sandbox.launch()?;
    sandbox.virsh_ok(&uri, &["destroy", "test"])?;
    hangup(&sandbox)?;
    process::wait_for("the reload", SOON, || (seen(&sandbox).len() == 2).then_some(()))?;
    sandbox.stop()?;
    assert_eq!(seen(&sandbox), ["daemon - reload before -", "daemon - reload after -"]);
    Ok(())
}

#[test]
fn a_hook_that_hangs_is_killed_and_holds_up_nobody_else() -> Outcome {
    let Some(mut sandbox) = ours()? else { return Ok(()) };
    settings(&sandbox, "events_script = \"@ROOT@/etc/libvirt/events\"\nhook_timeout = 4\n")?;
    script(&sandbox, "events", "[ \"$2 $3\" != \"test stop\" ] || { echo $$ > $LOG; trap '' TERM; sleep 50; }")?;
    sandbox.launch()?;
    let uri = sandbox.uri("test", "/default");
    let xml = "<domain type='test'><name>other</name><memory>8192</memory><os><type>hvm</type></os></domain>";
    let file = sandbox.root().join("other.xml");
    fs::write(&file, xml).map_err(|e| e.to_string())?;
    let begin = Instant::now();
    let mut slow = sandbox
        .virsh_command(&uri, &["destroy", "test"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .map_err(|e| e.to_string())?;
    process::wait_for("the hook to run", SOON, || (!seen(&sandbox).is_empty()).then_some(()))?;
    let create = format!("create {}; destroy other; domstate test; list --all", file.display());
    let listed = sandbox.virsh_ok(&uri, &[&create])?;
    assert!(listed.contains("running"), "{listed}");
    assert!(begin.elapsed() < Duration::from_secs(4), "others waited {:?}", begin.elapsed());
    let status = process::wait(&mut slow, SOON).ok_or("virsh did not end")?;
    let mut said = String::new();
    if let Some(mut pipe) = slow.stderr.take() {
        std::io::Read::read_to_string(&mut pipe, &mut said).map_err(|e| e.to_string())?;
    }
    assert!(!status.success());
    assert!(said.contains("test stop before destroyed': it did not end within 4 s and was killed"), "{said}");
    let group = seen(&sandbox).concat();
    assert!(!fs::exists(format!("/proc/{group}")).unwrap_or(true), "the hook {group} is still there");
    Ok(())
}

#[test]
fn hooks_of_a_guest_are_called_with_its_document_and_may_call_the_daemon() -> Outcome {
    if stock::chosen() || skip::lacks(&["virsh", "qemu-system-x86_64"]) {
        return Ok(());
    }
    let mut sandbox = Sandbox::prepare()?;
    let uri = sandbox.uri("qemu", "/system");
    let body = format!(
        "xml=$(cat | grep -c \"<name>$1</name>\")\n\
         state=$(virsh -q -c '{uri}' domstate $1 | head -n 1)\n\
         list=$(virsh -q -c '{uri}' dumpxml $1 | grep -c '<name>')\n\
         echo \"$* $xml $state $list\" >> $LOG\n\
         [ ! -e $LOG.no-$2 ] || {{ echo no $2 >&2; exit 1; }}"
    );
    script(&sandbox, "hooks/qemu", &body)?;
    sandbox.launch()?;
    let mut host = Host { sandbox, uri };
    host.start_idle("web")?;
    host.virsh(&["destroy", "web"])?;
    let wanted = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    assert_eq!(
        seen(&host.sandbox),
        wanted(&[
            "web prepare begin - 1 shut off 1",
            "web start begin - 1 shut off 1",
            "web started begin - 1 running 1",
            "web stopped end - 1 running 1",
            "web release end - 1 shut off 1",
        ])
    );
    // Each refusal undoes what was there until then.
    for (operation, called) in [("prepare", 3), ("start", 4), ("started", 5)] {
        forget(&host.sandbox);
        let marker = host.sandbox.root().join(format!("seen.no-{operation}"));
        fs::write(&marker, "").map_err(|e| e.to_string())?;
        let said = host.refused(&["start", "web"])?;
        assert!(said.contains(&format!("Hook script execution failed: '{}", host.sandbox.root().display())), "{said}");
        assert!(said.contains(&format!("no {operation}")), "{said}");
        assert_eq!(host.state("web")?, "shut off (failed)");
        let lines = seen(&host.sandbox);
        assert_eq!(lines.len(), called, "{lines:?}");
        assert!(lines[called - 1].starts_with("web release end -"), "{lines:?}");
        fs::remove_file(&marker).map_err(|e| e.to_string())?;
    }
    // A daemon that finds a guest running says so, and a refusal ends the guest.
    host.virsh(&["start", "web"])?;
    forget(&host.sandbox);
    host.sandbox.stop()?;
    host.sandbox.launch()?;
    process::wait_for("the hook of the reconnected guest", SOON, || (!seen(&host.sandbox).is_empty()).then_some(()))?;
    assert_eq!(seen(&host.sandbox), wanted(&["web reconnect begin - 1 running 1"]));
    assert_eq!(host.state("web")?, "running (booted)");
    host.sandbox.stop()?;
    fs::write(host.sandbox.root().join("seen.no-reconnect"), "").map_err(|e| e.to_string())?;
    host.sandbox.launch()?;
    host.reaches("web", "shut off (failed)", SOON)
}
