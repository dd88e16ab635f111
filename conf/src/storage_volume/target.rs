//! `<target>`: the image itself.

use oxivirt_core::Result;

use super::{Timestamps, VolumeFeatures, size};
use crate::storage_encryption::Encryption;
use crate::storage_pool::{Permissions, PoolType, VolumeFormat, unsupported};
use crate::xml::{Node, Writer};

/// `<target>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VolumeTarget {
    /// Path or URI; the pool says it.
    pub path: Option<String>,
    /// The format; some exactly where the pool's volumes have formats.
    pub format: Option<VolumeFormat>,
    /// Of the file.
    pub permissions: Permissions,
    /// When it was used: printed, never read.
    pub timestamps: Option<Timestamps>,
    /// How it is locked.
    pub encryption: Option<Box<Encryption>>,
    /// Version of the format, digits with a point between: `0.10`, `1.1`.
    pub compat: Option<String>,
    /// Bytes of a cluster, above 0.
    pub cluster_size: Option<u64>,
    /// Copy on write is switched off for the new file: read, never printed.
    pub nocow: bool,
    /// What the format can do; some of them need a version.
    pub features: Option<VolumeFeatures>,
}

/// The format that an element has or that the pool gives it.
pub(super) fn parse_format(node: Node<'_>, pool: PoolType) -> Result<Option<VolumeFormat>> {
    let Some(formats) = pool.volume_formats() else { return Ok(None) };
    let child = node.child("format");
    match child.and_then(|c| c.attr("type")).filter(|word| !word.is_empty()) {
        None => Ok(Some(formats.default_format())),
        Some(word) => formats.from_word(word).map(Some).ok_or_else(|| {
            let allowed = formats.words().join(", ");
            let what = format_args!("unknown volume format type '{word}', allowed: {allowed}");
            unsupported(child.unwrap_or(node), what)
        }),
    }
}

/// Prints `<format type='…'/>`.
pub(super) fn format_format(w: &mut Writer, format: Option<VolumeFormat>) {
    if let Some(format) = format {
        w.open("format");
        w.attr_str("type", format.as_str());
        w.close();
    }
}

/// Two numbers with a point between.
fn is_version(text: &str) -> bool {
    let number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    text.split_once('.').is_some_and(|(major, minor)| number(major) && number(minor))
}

impl VolumeTarget {
    /// A target of which nothing is said.
    pub(super) fn empty(pool: PoolType) -> Self {
        Self { format: pool.volume_formats().map(|formats| formats.default_format()), ..Self::default() }
    }

    /// Reads the element.
    pub(super) fn parse(node: Node<'_>, pool: PoolType) -> Result<Self> {
        let text = |name: &str| node.child_text(name).map(|t| t.into_owned()).filter(|t| !t.is_empty());
        let features: Option<VolumeFeatures> = node.child_element("features")?;
        let mut compat = text("compat");
        if let Some(version) = compat.as_ref().filter(|version| !is_version(version)) {
            return Err(
                node.error(format_args!("<compat> has the invalid value '{version}', allowed: a version such as 1.1"))
            );
        }
        if features.is_some() && compat.is_none() {
            // The first version that has features.
            compat = Some("1.1".to_owned());
        }
        Ok(Self {
            path: text("path"),
            format: parse_format(node, pool)?,
            permissions: node.child_element("permissions")?.unwrap_or_default(),
            timestamps: None,
            encryption: node.child_element("encryption")?,
            compat,
            cluster_size: size::child(node, "clusterSize")?.filter(|size| *size > 0),
            nocow: node.child("nocow").is_some(),
            features,
        })
    }

    /// Prints the element.
    pub(super) fn format(&self, w: &mut Writer) {
        w.open("target");
        w.force_children();
        w.leaf_opt("path", self.path.as_ref());
        format_format(w, self.format);
        w.element_unless_empty("permissions", &self.permissions);
        if let Some(timestamps) = &self.timestamps {
            timestamps.format(w);
        }
        if let Some(encryption) = &self.encryption {
            w.element("encryption", &**encryption);
        }
        w.leaf_opt("compat", self.compat.as_ref());
        if let Some(bytes) = self.cluster_size {
            size::format(w, "clusterSize", "B", bytes);
        }
        if let Some(features) = &self.features {
            w.element("features", features);
        }
        w.close();
    }
}
