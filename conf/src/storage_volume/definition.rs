//! `<volume>`.

use oxivirt_core::{Error, Result};

use super::{VolumeBacking, VolumeExtent, VolumeTarget, extent, size};
use crate::storage_pool::{PoolType, unsupported};
use crate::xml::{Document, Node, Value, WriteMode, Writer};
use crate::xml_enum;

xml_enum! {
    /// What a volume is to those who open it.
    pub enum VolumeType {
        File = "file", Block = "block", Dir = "dir", Network = "network", NetDir = "netdir", Ploop = "ploop",
    }
}

/// Whether a document must say how large the volume is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CapacityRule {
    /// It must.
    #[default]
    Required,
    /// Not if there is a backing store to take it from.
    OrBacking,
    /// It need not: it is taken from a volume that is copied.
    Optional,
}

/// A volume: everything that its document says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VolumeDefinition {
    /// What it is to those who open it.
    pub kind: VolumeType,
    /// Unique in its pool.
    pub name: String,
    /// Unique among all volumes; the pool says it.
    pub key: Option<String>,
    /// The parts of devices that hold it: printed, never read.
    pub extents: Vec<VolumeExtent>,
    /// Bytes as the guest sees it.
    pub capacity: u64,
    /// Bytes set aside for it; the capacity where the document does not say.
    pub allocation: u64,
    /// Whether the document said the allocation.
    pub allocation_given: bool,
    /// Bytes of the file: printed, never read.
    pub physical: Option<u64>,
    /// The image itself.
    pub target: VolumeTarget,
    /// The image under it.
    pub backing: Option<VolumeBacking>,
}

impl VolumeDefinition {
    /// Reads a document.
    ///
    /// * `xml` – a document whose outermost element is `<volume>`.
    /// * `pool` – the type of the pool that it is in or is to be made in.
    /// * Errors: `XML_DETAIL` not well formed; `XML_ERROR` something missing
    ///   or a value that means nothing; `CONFIG_UNSUPPORTED` an unknown type,
    ///   format or feature; `INVALID_ARG` an unknown unit; `OVERFLOW` a size
    ///   beyond 2⁶³-1 bytes.
    pub fn parse(xml: &str, pool: PoolType, capacity: CapacityRule) -> Result<Self> {
        let document = Document::parse(xml)?;
        let root = document.root();
        if root.name() != "volume" {
            return Err(Error::xml(format!("expecting root element of 'volume', not '{}'", root.name())));
        }
        Self::parse_node(root, pool, capacity)
    }

    /// Reads a `<volume>` inside another document.
    ///
    /// Errors: as for [`Self::parse`].
    pub fn parse_node(node: Node<'_>, pool: PoolType, rule: CapacityRule) -> Result<Self> {
        let text = |name: &str| node.child_text(name).map(|t| t.into_owned()).filter(|t| !t.is_empty());
        let name = text("name").ok_or_else(|| node.missing_child("name"))?;
        let kind = match node.attr("type").filter(|word| !word.is_empty()) {
            None => VolumeType::File,
            Some(word) => VolumeType::from_word(word).ok_or_else(|| {
                unsupported(node, format_args!("unknown volume type '{word}', allowed: {}", VolumeType::allowed()))
            })?,
        };
        let backing = match node.child("backingStore") {
            Some(backing) => VolumeBacking::parse(backing, pool)?,
            None => None,
        };
        let may_lack = match rule {
            CapacityRule::Required => false,
            CapacityRule::OrBacking => backing.is_some(),
            CapacityRule::Optional => true,
        };
        let capacity = match size::child(node, "capacity")? {
            Some(bytes) => bytes,
            None if may_lack => 0,
            None => return Err(node.missing_child("capacity")),
        };
        let allocation = size::child(node, "allocation")?;
        let target = match node.child("target") {
            Some(target) => VolumeTarget::parse(target, pool)?,
            None => VolumeTarget::empty(pool),
        };
        Ok(Self {
            kind,
            name,
            key: text("key"),
            extents: Vec::new(),
            capacity,
            allocation: allocation.unwrap_or(capacity),
            allocation_given: allocation.is_some(),
            physical: None,
            target,
            backing,
        })
    }

    /// Prints the document.
    pub fn format(&self) -> String {
        let mut w = Writer::new(WriteMode { live: true, ..WriteMode::default() });
        w.open("volume");
        w.attr("type", &self.kind);
        w.leaf("name", &self.name);
        w.leaf_opt("key", self.key.as_ref());
        extent::format(&mut w, &self.extents);
        size::format(&mut w, "capacity", "bytes", self.capacity);
        size::format(&mut w, "allocation", "bytes", self.allocation);
        if let Some(physical) = self.physical {
            size::format(&mut w, "physical", "bytes", physical);
        }
        self.target.format(&mut w);
        if let Some(backing) = &self.backing {
            backing.format(&mut w);
        }
        w.finish()
    }
}
