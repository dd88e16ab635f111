//! Disks and drives.

use oxivirt_core::Result;

use super::number::{decimal, require_decimal, require_text, text};
use crate::xml::{Element, Node, Writer};

/// `<capability type='storage'>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "fields are named as the elements they hold")]
pub struct StorageDevice {
    /// Its file.
    pub block: String,
    pub bus: Option<String>,
    pub drive_type: Option<String>,
    pub model: Option<String>,
    pub vendor: Option<String>,
    pub serial: Option<String>,
    /// In bytes, of a device whose medium stays.
    pub size: u64,
    /// The medium can be taken out.
    pub removable: Option<RemovableMedia>,
    /// The device itself can be taken away.
    pub hotpluggable: bool,
    /// Of the medium.
    pub blocks: Blocks,
}

/// `<capability type='removable'>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "fields are named as the elements they hold")]
pub struct RemovableMedia {
    pub available: bool,
    /// In bytes.
    pub size: u64,
    pub label: Option<String>,
}

/// Division of a medium; 0 is unknown and does not print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Blocks {
    /// Bytes of one block.
    pub logical_block_size: u64,
    /// Count of blocks.
    pub num_blocks: u64,
}

impl Element for Blocks {
    fn parse(node: Node<'_>) -> Result<Self> {
        Ok(Self {
            logical_block_size: decimal(node, "logical_block_size")?.unwrap_or(0),
            num_blocks: decimal(node, "num_blocks")?.unwrap_or(0),
        })
    }

    fn format(&self, w: &mut Writer) {
        for (name, number) in [("logical_block_size", self.logical_block_size), ("num_blocks", self.num_blocks)] {
            if number > 0 {
                w.leaf(name, &number);
            }
        }
    }
}

impl Element for StorageDevice {
    fn parse(node: Node<'_>) -> Result<Self> {
        let mut storage = Self {
            block: require_text(node, "block")?,
            bus: text(node, "bus"),
            drive_type: text(node, "drive_type"),
            model: text(node, "model"),
            vendor: text(node, "vendor"),
            serial: text(node, "serial"),
            blocks: Blocks::parse(node)?,
            ..Self::default()
        };
        for child in node.children_named("capability") {
            match child.attr("type").ok_or_else(|| child.missing_attr("type"))? {
                "hotpluggable" => storage.hotpluggable = true,
                "removable" => {
                    storage.removable = Some(RemovableMedia {
                        available: text(child, "media_available").is_some_and(|text| text.trim() == "1"),
                        size: require_decimal(child, "media_size")?,
                        label: text(child, "media_label"),
                    });
                    storage.blocks = Blocks::parse(child)?;
                }
                other => return Err(child.bad_attr("type", other, "hotpluggable, removable")),
            }
        }
        if storage.removable.is_none() {
            storage.size = require_decimal(node, "size")?;
        }
        Ok(storage)
    }

    fn format(&self, w: &mut Writer) {
        w.leaf("block", &self.block);
        w.leaf_opt("bus", self.bus.as_ref());
        w.leaf_opt("drive_type", self.drive_type.as_ref());
        w.leaf_opt("model", self.model.as_ref());
        w.leaf_opt("vendor", self.vendor.as_ref());
        w.leaf_opt("serial", self.serial.as_ref());
        match &self.removable {
            Some(media) => {
                w.open("capability");
                w.attr_str("type", "removable");
                w.leaf("media_available", &u8::from(media.available));
                w.leaf("media_size", &media.size);
                w.leaf_opt("media_label", media.label.as_ref());
                self.blocks.format(w);
                w.close();
            }
            None => {
                w.leaf("size", &self.size);
                self.blocks.format(w);
            }
        }
        if self.hotpluggable {
            w.open("capability");
            w.attr_str("type", "hotpluggable");
            w.close();
        }
    }
}
