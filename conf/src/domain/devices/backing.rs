//! `<backingStore>` and `<mirror>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use super::*;
use crate::xml::{Element, Node, Writer};
use crate::xml_enum;

/// `<backingStore>`; empty ends the chain.
#[derive(Debug, Clone, PartialEq)]
pub enum BackingStore {
    /// `<backingStore/>`: nothing is behind.
    End,
    Layer(Box<BackingLayer>),
}

/// One image behind another.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BackingLayer {
    pub format: Option<StorageFormat>,
    pub metadata_cache: Option<MetadataCache>,
    pub source: StorageSource,
    pub backing: Option<Box<BackingStore>>,
}

impl Element for BackingStore {
    fn parse(node: Node<'_>) -> Result<Self> {
        let Some(kind) = node.attr("type") else { return Ok(Self::End) };
        let mut layer = BackingLayer { source: StorageSource::parse_typed(node, kind)?, ..BackingLayer::default() };
        if node.mode().live {
            layer.source.index = node.value("index")?.filter(|index| *index > 0);
        }
        if let Some(format) = node.child("format") {
            layer.format = Some(format.require("type")?);
            layer.metadata_cache = format.child_element("metadata_cache")?;
        }
        layer.backing = node.child_element("backingStore")?;
        Ok(Self::Layer(Box::new(layer)))
    }

    fn format(&self, w: &mut Writer) {
        let Self::Layer(layer) = self else { return };
        w.attr_str("type", layer.source.type_name());
        if w.mode().live {
            w.attr_opt("index", layer.source.index.as_ref());
        }
        format_image(w, layer.format, layer.metadata_cache.as_ref(), &layer.source);
        if let Some(backing) = &layer.backing {
            w.element("backingStore", backing);
        }
    }
}

/// Prints `<format>` and `<source>` of an image in a chain.
pub(super) fn format_image(
    w: &mut Writer,
    format: Option<StorageFormat>,
    cache: Option<&MetadataCache>,
    source: &StorageSource,
) {
    if let Some(format) = format {
        w.open("format");
        w.attr("type", &format);
        if let Some(cache) = cache {
            w.element("metadata_cache", cache);
        }
        w.close();
    }
    // The index stands on the element around.
    let plain = StorageSource { index: None, ..source.clone() };
    plain.format_source(w);
}

xml_enum! {
    /// What a mirror is for.
    pub enum MirrorJob { Copy = "copy", ActiveCommit = "active-commit" }
}

xml_enum! {
    /// How far a mirror is.
    pub enum MirrorReady { Yes = "yes", Abort = "abort", Pivot = "pivot" }
}

/// `<mirror>`: where a running disk is being copied to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Mirror {
    pub job: MirrorJob,
    pub ready: Option<MirrorReady>,
    pub format: Option<StorageFormat>,
    pub metadata_cache: Option<MetadataCache>,
    pub source: StorageSource,
    pub backing: Option<Box<BackingStore>>,
}

impl Element for Mirror {
    fn parse(node: Node<'_>) -> Result<Self> {
        let mut mirror = Self { ready: node.value("ready")?, ..Self::default() };
        mirror.job = node.value("job")?.unwrap_or_default();
        match (node.attr("type"), node.attr("file")) {
            (Some(kind), _) => {
                mirror.source = StorageSource::parse_typed(node, kind)?;
                if let Some(source) = node.child("source") {
                    mirror.source.index = source.value("index")?;
                }
                if let Some(format) = node.child("format") {
                    mirror.format = Some(format.require("type")?);
                    mirror.metadata_cache = format.child_element("metadata_cache")?;
                }
                mirror.backing = node.child_element("backingStore")?;
            }
            (None, Some(file)) => {
                mirror.source.kind = super::StorageKind::File { path: Some(file.to_owned()), fdgroup: None };
                mirror.format = node.value("format")?;
            }
            (None, None) => return Err(node.missing_attr("type")),
        }
        Ok(mirror)
    }

    fn format(&self, w: &mut Writer) {
        w.attr_str("type", self.source.type_name());
        if let (super::StorageKind::File { path: Some(path), .. }, MirrorJob::Copy) = (&self.source.kind, self.job) {
            w.attr("file", path);
            w.attr_opt("format", self.format.as_ref());
        }
        w.attr("job", &self.job);
        w.attr_opt("ready", self.ready.as_ref());
        if let Some(format) = self.format {
            w.open("format");
            w.attr("type", &format);
            if let Some(cache) = &self.metadata_cache {
                w.element("metadata_cache", cache);
            }
            w.close();
        }
        self.source.format_source(w);
        if let Some(backing) = &self.backing {
            w.element("backingStore", backing);
        }
    }
}
