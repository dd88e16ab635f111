//! `<features>` of an image.

use oxivirt_core::Result;

use crate::storage_pool::unsupported;
use crate::xml::{Element, Node, Writer};

/// What a qcow2 image can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VolumeFeatures {
    /// Reference counts are brought up to date late.
    pub lazy_refcounts: bool,
    /// Subclusters.
    pub extended_l2: bool,
}

impl Element for VolumeFeatures {
    fn parse(node: Node<'_>) -> Result<Self> {
        let mut found = Self::default();
        for child in node.children() {
            match child.name() {
                "lazy_refcounts" => found.lazy_refcounts = true,
                "extended_l2" => found.extended_l2 = true,
                other => {
                    let allowed = "lazy_refcounts, extended_l2";
                    return Err(unsupported(node, format_args!("unsupported feature '{other}', allowed: {allowed}")));
                }
            }
        }
        Ok(found)
    }

    fn format(&self, w: &mut Writer) {
        if self.lazy_refcounts {
            w.flag("lazy_refcounts");
        }
        if self.extended_l2 {
            w.flag("extended_l2");
        }
    }
}
