//! Any number of daemons on one machine, each below its own root.

use super::{Host, Outcome};

#[test]
fn two_daemons_hold_a_guest_of_the_same_name() -> Outcome {
    let (Some(here), Some(there)) = (Host::qemu()?, Host::qemu()?) else { return Ok(()) };
    here.start_idle("same")?;
    assert_eq!(there.virsh(&["list", "--all", "--name"])?.trim(), "");
    there.start_idle("same")?;
    assert_ne!(here.virsh(&["domuuid", "same"])?, there.virsh(&["domuuid", "same"])?);
    assert_ne!(here.sandbox.guest_pid("same")?, there.sandbox.guest_pid("same")?);
    here.virsh(&["destroy", "same"])?;
    assert_eq!(there.state("same")?, "running (booted)");
    Ok(())
}
