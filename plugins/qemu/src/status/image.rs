//! An image with everything behind it, as jobs name it.

use oxivirt_conf::domain::devices::{BackingStore, StorageFormat, StorageSource};
use oxivirt_conf::xml::{Element, Node, Writer};
use oxivirt_core::Result;

/// `<… type='file' format='qcow2'><source…/><backingStore…/></…>`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Image {
    /// Its format.
    pub format: StorageFormat,
    /// Where it is.
    pub source: StorageSource,
    /// What is behind it.
    pub backing: Option<Box<BackingStore>>,
}

impl Element for Image {
    fn parse(node: Node<'_>) -> Result<Self> {
        let kind = node.attr("type").ok_or_else(|| node.missing_attr("type"))?;
        // Older daemons wrote the source into the element itself.
        let source = match node.child("source") {
            Some(_) => StorageSource::parse_typed(node, kind)?,
            None => StorageSource::parse_inline(node, kind)?,
        };
        Ok(Self { format: node.require("format")?, source, backing: node.child_element("backingStore")? })
    }

    fn format(&self, w: &mut Writer) {
        w.attr_str("type", self.source.type_name());
        w.attr("format", &self.format);
        self.source.format_source(w);
        if let Some(backing) = &self.backing {
            w.element("backingStore", backing);
        }
    }
}
