//! What needs an operating system in the guest: console, power button, reboot.

use std::path::Path;

use oxivirt_tests::assets;

use super::{GUEST_LIMIT, Host, Outcome, guest_or_skip};

#[test]
fn the_power_button_ends_the_guest() -> Outcome {
    let (Some(host), Some(guest)) = (Host::qemu()?, guest_or_skip()) else { return Ok(()) };
    let _console = host.boot("linux", &guest)?;
    host.virsh(&["shutdown", "linux"])?;
    host.reaches("linux", "shut off (shutdown)", GUEST_LIMIT)
}

#[test]
fn a_reboot_brings_the_guest_up_again() -> Outcome {
    let (Some(host), Some(guest)) = (Host::qemu()?, guest_or_skip()) else { return Ok(()) };
    let mut console = host.boot("linux", &guest)?;
    let id = host.virsh(&["domid", "linux"])?;
    host.virsh(&["reboot", "linux"])?;
    console.until(assets::GUEST_BANNER, GUEST_LIMIT).map_err(|e| host.sandbox.explain(&e))?;
    assert_eq!(host.virsh(&["domid", "linux"])?, id);
    assert!(host.state("linux")?.starts_with("running ("), "{}", host.state("linux")?);
    Ok(())
}

#[test]
fn a_reset_brings_the_guest_up_again() -> Outcome {
    let (Some(host), Some(guest)) = (Host::qemu()?, guest_or_skip()) else { return Ok(()) };
    let mut console = host.boot("linux", &guest)?;
    host.virsh(&["reset", "linux"])?;
    console.until(assets::GUEST_BANNER, GUEST_LIMIT).map_err(|e| host.sandbox.explain(&e))
}

#[test]
fn a_paused_guest_does_not_answer_and_a_resumed_one_does() -> Outcome {
    let (Some(host), Some(guest)) = (Host::qemu()?, guest_or_skip()) else { return Ok(()) };
    let mut console = host.boot("linux", &guest)?;
    console.say("echo sum-$((6*7))\n")?;
    console.until("sum-42", GUEST_LIMIT)?;
    host.virsh(&["suspend", "linux"])?;
    console.say("echo sum-$((7*7))\n")?;
    assert!(console.until("sum-49", std::time::Duration::from_secs(2)).is_err());
    host.virsh(&["resume", "linux"])?;
    console.until("sum-49", GUEST_LIMIT)
}

#[test]
fn virsh_console_talks_with_the_guest() -> Outcome {
    let (Some(host), Some(guest)) = (Host::qemu()?, guest_or_skip()) else { return Ok(()) };
    drop(host.boot("linux", &guest)?);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/whole_stack/python/console.py");
    host.sandbox.python(&script, &[&host.uri, "linux"]).map(drop)
}
