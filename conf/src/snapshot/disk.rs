//! `<disk>` of a snapshot.

use oxivirt_core::{Error, Result};

use crate::domain::devices::{MetadataCache, SnapshotLocation, StorageFormat, StorageKind, StorageSource};
use crate::xml::{Element, Node, Writer};

/// What a snapshot does with one disk.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SnapshotDisk {
    /// The disk's target such as `vda`; in a request also the path of its source.
    pub name: String,
    /// Where the state is kept; `None`: as the domain or the driver has it.
    pub snapshot: Option<SnapshotLocation>,
    /// The image that is written from now on, of an external snapshot.
    pub source: StorageSource,
    /// Format of that image.
    pub format: Option<StorageFormat>,
    /// Cache for its tables.
    pub metadata_cache: Option<MetadataCache>,
    /// The snapshot is being taken away; kept so that a new daemon goes on with it.
    pub delete_in_progress: bool,
}

impl SnapshotDisk {
    /// Whether anything says which image is written from now on.
    pub(super) fn has_image(&self) -> bool {
        match &self.source.kind {
            StorageKind::Network(network) => network.name.is_some(),
            _ => self.source.path().is_some(),
        }
    }
}

impl Element for SnapshotDisk {
    fn parse(node: Node<'_>) -> Result<Self> {
        let name = node.attr("name").filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| Error::internal("missing name from disk snapshot element"))?.to_owned();
        let kind = node.attr("type").unwrap_or("file");
        if !matches!(kind, "file" | "block" | "network") {
            return Err(Error::xml(format!("unsupported disk snapshot type '{kind}'")));
        }
        let mut disk = Self { name, snapshot: node.value("snapshot")?, ..Self::default() };
        disk.source = match (kind, node.child("source")) {
            ("network", None) => return Err(node.missing_child("source")),
            _ => StorageSource::parse_typed(node, kind)?,
        };
        if let Some(driver) = node.child("driver") {
            if let Some(word) = driver.attr("type") {
                let format = StorageFormat::from_word(word);
                let unknown = || Error::config_unsupported(format!("unknown disk snapshot driver '{word}'"));
                disk.format = Some(format.ok_or_else(unknown)?);
            }
            disk.metadata_cache = driver.child_element("metadata_cache")?;
        }
        disk.delete_in_progress = node.child("snapshotDeleteInProgress").is_some();
        if disk.snapshot.is_none() && (disk.has_image() || disk.format.is_some()) {
            disk.snapshot = Some(SnapshotLocation::External);
        }
        if let Some(path) = disk.source.path().filter(|path| !path.starts_with('/')) {
            return Err(Error::xml(format!("disk snapshot image path '{path}' must be absolute")));
        }
        Ok(disk)
    }

    fn format(&self, w: &mut Writer) {
        w.attr("name", &self.name);
        w.attr_opt("snapshot", self.snapshot.as_ref());
        if self.has_image() || self.format.is_some() {
            w.attr_str("type", self.source.type_name());
        }
        if self.delete_in_progress {
            w.flag("snapshotDeleteInProgress");
        }
        if self.format.is_some() || self.metadata_cache.is_some() {
            w.open("driver");
            w.attr_opt("type", self.format.as_ref());
            if let Some(cache) = &self.metadata_cache {
                w.element("metadata_cache", cache);
            }
            w.close();
        }
        if self.has_image() {
            self.source.format_source(w);
        }
    }
}
