//! A guest whose QEMU does not answer: nobody else waits for it, and nobody for ever.

use std::process::Stdio;
use std::time::{Duration, Instant};

use oxivirt_tests::process;
use rustix::process::Signal;

use super::{Host, Outcome, fixture};

/// Far below any time-out of a monitor, far above what a busy machine needs.
const AT_ONCE: Duration = Duration::from_secs(8);

// The stock daemon fails this one: it asks the monitor before it prints a definition.
#[test]
fn readers_do_not_wait_for_a_stuck_guest() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    host.start_idle("stuck")?;
    host.start_idle("other")?;
    let pid = host.sandbox.guest_pid("stuck")?;
    process::signal(pid, Signal::STOP);
    // One caller that holds the guest's job while QEMU is silent.
    let mut holder = host
        .sandbox
        .virsh_command(&host.uri, &["suspend", "stuck"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| e.to_string())?;
    std::thread::sleep(Duration::from_millis(500));

    for arguments in [
        &["list", "--all"][..],
        &["dominfo", "stuck"],
        &["domstate", "stuck"],
        &["dumpxml", "stuck"],
        &["dumpxml", "--inactive", "stuck"],
        &["domuuid", "stuck"],
        &["suspend", "other"],
        &["resume", "other"],
    ] {
        let begun = Instant::now();
        host.virsh(arguments)?;
        assert!(begun.elapsed() < AT_ONCE, "{arguments:?} took {:?}", begun.elapsed());
    }
    let begun = Instant::now();
    host.define(&fixture::idle_guest("new"))?;
    assert!(begun.elapsed() < AT_ONCE, "define took {:?}", begun.elapsed());

    process::signal(pid, Signal::CONT);
    let _ = process::wait(&mut holder, Duration::from_secs(60));
    let _ = holder.kill();
    let _ = holder.wait();
    Ok(())
}

#[test]
fn waiting_for_a_stuck_guest_ends_and_says_for_what() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    host.start_idle("stuck")?;
    let pid = host.sandbox.guest_pid("stuck")?;
    process::signal(pid, Signal::STOP);
    let mut holder = host
        .sandbox
        .virsh_command(&host.uri, &["suspend", "stuck"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| e.to_string())?;
    std::thread::sleep(Duration::from_millis(500));
    let message = host.refused(&["reset", "stuck"]);
    process::signal(pid, Signal::CONT);
    let _ = process::wait(&mut holder, Duration::from_secs(60));
    let _ = holder.kill();
    let _ = holder.wait();
    let message = message?;
    // Either the wait for the guest's job ends, or the holder gave up first and so did QEMU's turn for us.
    let held = message.contains("cannot acquire state change lock (held by") && message.contains("DomainSuspend");
    let silent = message.contains("no answer from the monitor of domain 'stuck'")
        && message.contains("(held by virDomainReset of client");
    assert!(held || silent, "{message}");
    // The guest is of use again.
    host.virsh(&["domstate", "stuck"])?;
    host.virsh(&["destroy", "stuck"]).map(drop)
}

#[test]
fn a_stuck_guest_can_be_destroyed() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    host.start_idle("stuck")?;
    process::signal(host.sandbox.guest_pid("stuck")?, Signal::STOP);
    host.virsh(&["destroy", "stuck"])?;
    assert_eq!(host.state("stuck")?, "shut off (destroyed)");
    Ok(())
}
