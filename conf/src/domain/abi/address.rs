//! What every device has: address, option ROM, number in ACPI; and what every
//! virtio device has.

use oxivirt_core::Result;

use super::at::{At, attrs};
use crate::domain::devices::{Address, DeviceInfo, VirtioOptions};

/// Aliases and the boot order are not compared: the one is the host's, the
/// other counts from the next boot on.
pub(super) fn info(old: &DeviceInfo, new: &DeviceInfo, at: At<'_>) -> Result<()> {
    address(old.address.as_ref(), new.address.as_ref(), at)?;
    attrs!(at, old, new; "acpi/@index" => acpi_index, "master/@startport" => master_start_port);
    // The file that the ROM is read from is the host's.
    let rom = |info: &DeviceInfo| info.rom.as_deref().cloned().unwrap_or_default();
    attrs!(at.child("rom"), rom(old), rom(new); "@enabled" => enabled, "@bar" => bar);
    Ok(())
}

fn address(old: Option<&Address>, new: Option<&Address>, at: At<'_>) -> Result<()> {
    at.both("address", old, new, |at, old, new| {
        at.same_word("@type", old.type_name(), new.type_name())?;
        // For PCI the places only: whether others share the slot is told by them.
        if let (Address::Pci(old), Address::Pci(new)) = (old, new) {
            at.same("@domain", &old.domain, &new.domain)?;
            at.same("@bus", &old.bus, &new.bus)?;
            at.same("@slot", &old.slot, &new.slot)?;
            at.same("@function", &old.function, &new.function)?;
            return at.same_element("zpci", &old.zpci, &new.zpci);
        }
        at.same_whole(old, new)
    })
}

pub(super) fn virtio(old: &VirtioOptions, new: &VirtioOptions, at: At<'_>) -> Result<()> {
    attrs!(at.child("driver"), old, new; "@iommu" => iommu, "@ats" => ats, "@packed" => packed,
        "@page_per_vq" => page_per_vq);
    Ok(())
}
