//! Every domain that is printed satisfies the published schema.

use super::{Host, Outcome, fixture, guest_or_skip, skip, validate};

#[test]
fn printed_definitions_are_valid() -> Outcome {
    if skip::lacks(&["xmllint"]) {
        return Ok(());
    }
    let (Some(host), Some(guest)) = (Host::qemu()?, guest_or_skip()) else { return Ok(()) };
    host.define(&fixture::linux_guest("linux", &guest))?;
    validate(&host.virsh(&["dumpxml", "linux"])?, "domain")?;
    host.virsh(&["start", "--paused", "linux"])?;
    for options in [&[][..], &["--inactive"], &["--security-info"], &["--migratable"], &["--update-cpu"]] {
        let arguments: Vec<&str> = ["dumpxml", "linux"].iter().chain(options).copied().collect();
        validate(&host.virsh(&arguments)?, "domain")?;
    }
    Ok(())
}

#[test]
fn a_printed_definition_defines_the_same() -> Outcome {
    let (Some(host), Some(guest)) = (Host::qemu()?, guest_or_skip()) else { return Ok(()) };
    host.define(&fixture::linux_guest("linux", &guest))?;
    let printed = host.virsh(&["dumpxml", "linux"])?;
    host.virsh(&["undefine", "linux"])?;
    host.define(&printed)?;
    assert_eq!(host.virsh(&["dumpxml", "linux"])?, printed);
    Ok(())
}

#[test]
fn a_running_guest_shows_what_was_filled_in() -> Outcome {
    let (Some(host), Some(guest)) = (Host::qemu()?, guest_or_skip()) else { return Ok(()) };
    host.define(&fixture::linux_guest("linux", &guest))?;
    let kept = host.virsh(&["dumpxml", "linux"])?;
    host.virsh(&["start", "--paused", "linux"])?;
    let live = host.virsh(&["dumpxml", "linux"])?;
    assert!(live.starts_with(&format!("<domain type='{}' id='1'", fixture::DOMAIN_TYPE)), "{live}");
    assert!(live.contains("<source path='/dev/pts/"), "{live}");
    assert!(live.contains("<alias name='serial0'/>"), "{live}");
    assert_eq!(host.virsh(&["dumpxml", "--inactive", "linux"])?, kept);
    Ok(())
}
