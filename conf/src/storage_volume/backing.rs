//! `<backingStore>`: the image under an image.

use oxivirt_core::Result;

use super::Timestamps;
use super::target::{format_format, parse_format};
use crate::storage_pool::{Permissions, PoolType, VolumeFormat};
use crate::xml::{Node, Writer};

/// `<backingStore>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VolumeBacking {
    /// Its path.
    pub path: String,
    /// Its format; some exactly where the pool's volumes have formats.
    pub format: Option<VolumeFormat>,
    /// Its permissions.
    pub permissions: Permissions,
    /// When it was used: printed, never read.
    pub timestamps: Option<Timestamps>,
}

impl VolumeBacking {
    /// Reads it; without a path there is none.
    pub(super) fn parse(node: Node<'_>, pool: PoolType) -> Result<Option<Self>> {
        let Some(path) = node.child_text("path").filter(|path| !path.is_empty()) else { return Ok(None) };
        Ok(Some(Self {
            path: path.into_owned(),
            format: parse_format(node, pool)?,
            permissions: node.child_element("permissions")?.unwrap_or_default(),
            timestamps: None,
        }))
    }

    /// Prints the element.
    pub(super) fn format(&self, w: &mut Writer) {
        w.open("backingStore");
        w.leaf("path", &self.path);
        format_format(w, self.format);
        w.element_unless_empty("permissions", &self.permissions);
        if let Some(timestamps) = &self.timestamps {
            timestamps.format(w);
        }
        w.close();
    }
}
