//! Disks, controllers and shared folders.

use oxivirt_core::Result;

use super::address::{info, virtio};
use super::at::{At, attrs, elements};
use crate::domain::devices::{Controller, Devices, Disk, Filesystem};
use crate::xml::KiB;

pub(super) fn check(old: &Devices, new: &Devices, at: At<'_>) -> Result<()> {
    at.each("disk", &old.disks, &new.disks, |at, old, new| disk(old, new, at))?;
    at.each("controller", &old.controllers, &new.controllers, |at, old, new| controller(old, new, at))?;
    at.each("filesystem", &old.filesystems, &new.filesystems, |at, old, new| filesystem(old, new, at))
}

/// Source, format, caching and limits are the host's.
fn disk(old: &Disk, new: &Disk, at: At<'_>) -> Result<()> {
    at.same("@device", &old.device, &new.device)?;
    at.same_opt("@model", &old.model, &new.model)?;
    let target = at.child("target");
    target.same("@dev", &old.target.dev, &new.target.dev)?;
    attrs!(target, old.target, new.target; "@bus" => bus, "@removable" => removable,
        "@rotation_rate" => rotation_rate, "@dpofua" => dpofua);
    at.same_flag("readonly", old.readonly, new.readonly)?;
    at.same_flag("shareable", old.shareable, new.shareable)?;
    attrs!(at, old, new; "serial" => serial, "wwn" => wwn, "vendor" => vendor, "product" => product);
    elements!(at, old, new; "geometry" => geometry);
    let sizes = |disk: &Disk| disk.blockio.as_deref().cloned().unwrap_or_default();
    attrs!(at.child("blockio"), sizes(old), sizes(new); "@logical_block_size" => logical_block_size,
        "@physical_block_size" => physical_block_size, "@discard_granularity" => discard_granularity);
    attrs!(at.child("driver"), old.driver, new.driver; "@queues" => queues, "@queue_size" => queue_size,
        "@event_idx" => event_idx);
    virtio(&old.driver.virtio, &new.driver.virtio, at)?;
    info(&old.info, &new.info, at)
}

fn controller(old: &Controller, new: &Controller, at: At<'_>) -> Result<()> {
    at.same("@type", &old.kind, &new.kind)?;
    attrs!(at, old, new; "@index" => index, "@model" => model, "@serial" => serial, "@ports" => ports,
        "@vectors" => vectors, "@maxGrantFrames" => max_grant_frames, "@maxEventChannels" => max_event_channels);
    let (old_pci, new_pci) = (&old.pci, &new.pci);
    at.same_opt("model/@name", &old_pci.model_name, &new_pci.model_name)?;
    attrs!(at.child("target"), old_pci, new_pci; "@chassisNr" => chassis_nr, "@chassis" => chassis, "@port" => port,
        "@busNr" => bus_nr, "@index" => target_index, "@hotplug" => hotplug, "@memReserve" => mem_reserve,
        "node" => numa_node);
    let hole = |hole: Option<KiB>| hole.map(|KiB(size)| size);
    at.same_opt("pcihole64", &hole(old_pci.hole64), &hole(new_pci.hole64))?;
    attrs!(at.child("driver"), old.driver, new.driver; "@queues" => queues, "@cmd_per_lun" => cmd_per_lun,
        "@max_sectors" => max_sectors);
    virtio(&old.driver.virtio, &new.driver.virtio, at)?;
    info(&old.info, &new.info, at)
}

fn filesystem(old: &Filesystem, new: &Filesystem, at: At<'_>) -> Result<()> {
    at.same("target/@dir", &old.target, &new.target)?;
    at.same_opt("@model", &old.model, &new.model)?;
    attrs!(at.child("driver"), old.driver, new.driver; "@type" => kind, "@queue" => queue);
    at.same_flag("readonly", old.readonly, new.readonly)?;
    virtio(&old.driver.virtio, &new.driver.virtio, at)?;
    info(&old.info, &new.info, at)
}
