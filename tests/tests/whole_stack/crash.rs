//! A daemon that dies or is replaced, under guests that do not notice.

use oxivirt_tests::process::{self, alive};
use rustix::process::Signal;

use super::{Host, Outcome, SOON, fixture, guest_or_skip};

#[test]
fn a_killed_daemon_finds_its_guest_again() -> Outcome {
    let (Some(mut host), Some(guest)) = (Host::qemu()?, guest_or_skip()) else { return Ok(()) };
    let mut console = host.boot("linux", &guest)?;
    let pid = host.sandbox.guest_pid("linux")?;
    let before = host.virsh(&["dumpxml", "linux"])?;

    host.sandbox.kill();
    assert!(alive(pid), "the guest died with the daemon");
    host.sandbox.launch()?;

    assert_eq!(host.virsh(&["list", "--name"])?.trim(), "linux");
    assert_eq!(host.sandbox.guest_pid("linux")?, pid);
    assert_eq!(host.virsh(&["dumpxml", "linux"])?, before);
    console.say("echo sum-$((6*7))\n")?;
    console.until("sum-42", SOON)?;
    host.virsh(&["suspend", "linux"])?;
    assert_eq!(host.state("linux")?, "paused (user)");
    host.virsh(&["destroy", "linux"])?;
    process::wait_for("the guest's process to end", SOON, || (!alive(pid)).then_some(()))
}

#[test]
fn a_daemon_that_is_stopped_leaves_its_guest_running() -> Outcome {
    let Some(mut host) = Host::qemu()? else { return Ok(()) };
    host.start_idle("one")?;
    let pid = host.sandbox.guest_pid("one")?;
    host.sandbox.stop()?;
    assert!(alive(pid), "the guest ended with the daemon");
    host.sandbox.launch()?;
    assert!(host.state("one")?.starts_with("running ("), "{}", host.state("one")?);
    host.virsh(&["destroy", "one"])?;
    assert_eq!(host.state("one")?, "shut off (destroyed)");
    Ok(())
}

#[test]
fn a_guest_that_died_meanwhile_is_found_crashed() -> Outcome {
    let Some(mut host) = Host::qemu()? else { return Ok(()) };
    host.start_idle("one")?;
    let pid = host.sandbox.guest_pid("one")?;
    host.sandbox.kill();
    process::signal(pid, Signal::KILL);
    process::wait_for("the guest's process to end", SOON, || (!alive(pid)).then_some(()))?;
    host.sandbox.launch()?;
    process::wait_for("the dead guest to be noticed", SOON, || {
        host.state("one").is_ok_and(|state| state.starts_with("shut off (")).then_some(())
    })?;
    host.virsh(&["start", "one"]).map(drop)
}

#[test]
fn a_guest_that_dies_is_noticed() -> Outcome {
    let Some(host) = Host::qemu()? else { return Ok(()) };
    host.start_idle("one")?;
    process::signal(host.sandbox.guest_pid("one")?, Signal::KILL);
    host.reaches("one", "shut off (crashed)", SOON)
}

#[test]
fn definitions_survive_a_killed_daemon() -> Outcome {
    let Some(mut host) = Host::qemu()? else { return Ok(()) };
    let mut expected = Vec::new();
    for number in 0..20 {
        let name = format!("kept-{number:02}");
        host.define(&fixture::idle_guest(&name))?;
        expected.push(name);
    }
    let sample = host.virsh(&["dumpxml", "kept-07"])?;
    host.sandbox.kill();
    host.sandbox.launch()?;
    let listed = host.virsh(&["list", "--all", "--name"])?;
    let mut listed: Vec<&str> = listed.split_whitespace().collect();
    listed.sort_unstable();
    assert_eq!(listed, expected);
    assert_eq!(host.virsh(&["dumpxml", "kept-07"])?, sample);
    Ok(())
}
