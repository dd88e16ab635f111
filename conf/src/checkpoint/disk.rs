//! `<disk>` of a checkpoint.

use oxivirt_core::{Error, Result};

use crate::xml::{Element, Node, Writer};
use crate::xml_enum;

xml_enum! {
    /// Whether writes to the disk are noted.
    pub enum CheckpointKind { No = "no", Bitmap = "bitmap" }
}

/// What a checkpoint notes of one disk.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CheckpointDisk {
    /// The disk's target such as `vda`; in a request also the path of its source.
    pub name: String,
    /// `None`: as the other requests suggest.
    pub kind: Option<CheckpointKind>,
    /// The bitmap with the blocks written since; by default the name of the checkpoint.
    pub bitmap: Option<String>,
    /// Bytes written since, as the driver measured them; never read from a document.
    pub size: Option<u64>,
}

impl Element for CheckpointDisk {
    fn parse(node: Node<'_>) -> Result<Self> {
        let name = node.attr("name").filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| Error::xml("missing name from disk checkpoint element"))?.to_owned();
        let mut kind: Option<CheckpointKind> = node.value("checkpoint")?;
        let bitmap = node.attr("bitmap").map(str::to_owned);
        if bitmap.is_some() && *kind.get_or_insert(CheckpointKind::Bitmap) == CheckpointKind::No {
            return Err(Error::xml(format!(
                "bitmap name '{}' for disk '{name}' requires checkpoint='bitmap'",
                bitmap.unwrap_or_default()
            )));
        }
        Ok(Self { name, kind, bitmap: bitmap.filter(|name| !name.is_empty()), size: None })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("name", &self.name);
        w.attr_opt("checkpoint", self.kind.as_ref());
        w.attr_opt("bitmap", self.bitmap.as_ref());
        w.attr_opt("size", self.size.as_ref());
    }
}
