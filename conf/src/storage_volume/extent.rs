//! `<source>`: which parts of which devices hold the volume.

use crate::xml::Writer;

/// A part of a device. Found on the device: printed, never read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeExtent {
    /// Path of the device.
    pub device: String,
    /// The first byte.
    pub start: u64,
    /// The byte behind the last.
    pub end: u64,
}

/// Prints `<source>` unless there is nothing; neighbours on one device share
/// its element.
pub(super) fn format(w: &mut Writer, extents: &[VolumeExtent]) {
    if extents.is_empty() {
        return;
    }
    w.open("source");
    for group in extents.chunk_by(|a, b| a.device == b.device) {
        w.open("device");
        if let Some(first) = group.first() {
            w.attr("path", &first.device);
        }
        for extent in group {
            w.open("extent");
            w.attr("start", &extent.start);
            w.attr("end", &extent.end);
            w.close();
        }
        w.close();
    }
    w.close();
}
