//! Graphics cards, sound cards and what a person holds in hands. How a person
//! reaches them (`<graphics>`, `<audio>`) is the host's.

use oxivirt_core::Result;

use super::address::{info, virtio};
use super::at::{At, attrs, elements};
use crate::domain::devices::{Devices, Input, Sound, Video};

pub(super) fn check(old: &Devices, new: &Devices, at: At<'_>) -> Result<()> {
    at.each("input", &old.inputs, &new.inputs, |at, old, new| input(old, new, at))?;
    at.each("sound", &old.sounds, &new.sounds, |at, old, new| sound(old, new, at))?;
    at.each("video", &old.videos, &new.videos, |at, old, new| video(old, new, at))?;
    at.each("hub", &old.hubs, &new.hubs, |at, old, new| {
        at.same("@type", &old.kind, &new.kind)?;
        info(&old.info, &new.info, at)
    })
}

fn input(old: &Input, new: &Input, at: At<'_>) -> Result<()> {
    at.same("@type", &old.kind, &new.kind)?;
    attrs!(at, old, new; "@bus" => bus, "@model" => model);
    virtio(&old.driver, &new.driver, at)?;
    info(&old.info, &new.info, at)
}

fn sound(old: &Sound, new: &Sound, at: At<'_>) -> Result<()> {
    at.same("@model", &old.model, &new.model)?;
    attrs!(at, old, new; "@multichannel" => multichannel, "@streams" => streams);
    at.same_elements("codec", &old.codecs, &new.codecs)?;
    virtio(&old.driver, &new.driver, at)?;
    info(&old.info, &new.info, at)
}

fn video(old: &Video, new: &Video, at: At<'_>) -> Result<()> {
    let (here, old_model, new_model) = (at.child("model"), &old.model, &new.model);
    here.same("@type", &old_model.kind, &new_model.kind)?;
    attrs!(here, old_model, new_model; "@ram" => ram, "@vram" => vram, "@vram64" => vram64, "@vgamem" => vgamem,
        "@heads" => heads, "@primary" => primary, "@blob" => blob, "@edid" => edid);
    elements!(here, old_model, new_model; "resolution" => resolution);
    // On which node of the host it is rendered may change.
    here.both("acceleration", old_model.acceleration.as_ref(), new_model.acceleration.as_ref(), |at, old, new| {
        attrs!(at, old, new; "@accel2d" => accel2d, "@accel3d" => accel3d);
        Ok(())
    })?;
    attrs!(at.child("driver"), old.driver, new.driver; "@name" => name, "@vgaconf" => vgaconf);
    virtio(&old.driver.virtio, &new.driver.virtio, at)?;
    info(&old.info, &new.info, at)
}
