//! Memory modules, the balloon, shared memory and stores for crash logs.

use oxivirt_core::Result;

use super::address::{info, virtio};
use super::at::{At, attrs};
use crate::domain::devices::{Devices, MemBalloon, MemoryDevice, Shmem};
use crate::xml::KiB;

pub(super) fn check(old: &Devices, new: &Devices, at: At<'_>) -> Result<()> {
    at.each("memory", &old.memories, &new.memories, |at, old, new| module(old, new, at))?;
    at.each("memballoon", &old.memballoons, &new.memballoons, |at, old, new| balloon(old, new, at))?;
    at.each("shmem", &old.shmems, &new.shmems, |at, old, new| shared(old, new, at))?;
    at.each("nvram", &old.nvrams, &new.nvrams, |at, old, new| info(&old.info, &new.info, at))?;
    at.each("pstore", &old.pstores, &new.pstores, |at, old, new| {
        at.same("@backend", &old.backend, &new.backend)?;
        at.same_opt("size", &old.size.map(kib), &new.size.map(kib))?;
        info(&old.info, &new.info, at)
    })
}

fn kib(size: KiB) -> u64 {
    size.0
}

fn module(old: &MemoryDevice, new: &MemoryDevice, at: At<'_>) -> Result<()> {
    at.same("@model", &old.model, &new.model)?;
    at.same_opt("uuid", &old.uuid, &new.uuid)?;
    // Alignment and persistence decide where and how the guest sees it.
    let source = at.child("source");
    source.same_opt("alignsize", &old.source.alignsize.map(kib), &new.source.alignsize.map(kib))?;
    source.same_flag("pmem", old.source.pmem, new.source.pmem)?;
    let (here, old_target, new_target) = (at.child("target"), &old.target, &new.target);
    here.same("size", &old_target.size.0, &new_target.size.0)?;
    attrs!(here, old_target, new_target; "node" => node, "address/@base" => address_base,
        "@dynamicMemslots" => dynamic_memslots);
    here.same_opt("label/size", &old_target.label_size.map(kib), &new_target.label_size.map(kib))?;
    here.same_opt("block", &old_target.block.map(kib), &new_target.block.map(kib))?;
    here.same_opt("requested", &old_target.requested.map(kib), &new_target.requested.map(kib))?;
    here.same_flag("readonly", old_target.readonly, new_target.readonly)?;
    info(&old.info, &new.info, at)
}

/// How often it is asked for figures is the host's.
fn balloon(old: &MemBalloon, new: &MemBalloon, at: At<'_>) -> Result<()> {
    at.same("@model", &old.model, &new.model)?;
    attrs!(at, old, new; "@autodeflate" => autodeflate, "@freePageReporting" => free_page_reporting);
    virtio(&old.driver, &new.driver, at)?;
    info(&old.info, &new.info, at)
}

fn shared(old: &Shmem, new: &Shmem, at: At<'_>) -> Result<()> {
    at.same("@name", &old.name, &new.name)?;
    at.same_opt("@role", &old.role, &new.role)?;
    at.same("model/@type", &old.model, &new.model)?;
    at.same_opt("size", &old.size, &new.size)?;
    at.same_flag("server", old.server.is_some(), new.server.is_some())?;
    at.both("msi", old.msi.as_ref(), new.msi.as_ref(), |at, old, new| {
        attrs!(at, old, new; "@enabled" => enabled, "@vectors" => vectors);
        Ok(())
    })?;
    info(&old.info, &new.info, at)
}
