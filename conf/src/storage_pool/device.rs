//! `<device>` of a source.

use oxivirt_core::Result;

use crate::xml::{Element, Node, Writer, YesNo};

/// `<device path='/dev/sda' part_separator='no'>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourceDevice {
    /// Path of the device, or name of an iSCSI target.
    pub path: String,
    /// Whether a `p` parts the disk's name from the partition's number.
    pub part_separator: Option<YesNo>,
    /// What is not taken by partitions. Found on the device: printed, never read.
    pub free_extents: Vec<FreeExtent>,
}

/// `<freeExtent start='1' end='2'/>`, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Element)]
pub struct FreeExtent {
    /// The first byte.
    #[xml(attr)]
    pub start: u64,
    /// The byte behind the last.
    #[xml(attr)]
    pub end: u64,
}

impl Element for SourceDevice {
    fn parse(node: Node<'_>) -> Result<Self> {
        let (path, part_separator) = (node.require("path")?, node.value("part_separator")?);
        Ok(Self { path, part_separator, free_extents: Vec::new() })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("path", &self.path);
        w.attr_opt("part_separator", self.part_separator.as_ref());
        w.elements("freeExtent", &self.free_extents);
    }
}
