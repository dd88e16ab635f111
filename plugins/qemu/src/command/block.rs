//! Block nodes: what a disk reads from, layer by layer.

use oxivirt_conf::domain::devices::{
    BackingStore, DetectZeroes, Discard, Disk, DiskCache, DiskDevice, DiskIo, StorageFormat, StorageKind, StorageSource,
};
use oxivirt_core::{Error, Result};

use super::{Host, Props};

/// The nodes of one disk, those that others refer to first, and the name that
/// the device refers to.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    pub(super) nodes: Vec<Props>,
    pub(super) top: Option<String>,
}

/// How one image of a chain is opened.
struct Layer<'a> {
    source: &'a StorageSource,
    format: StorageFormat,
    read_only: bool,
    /// Only for the image that the guest writes to.
    top: Option<&'a Disk>,
    cache: Option<DiskCache>,
}

/// The nodes for a disk; none for a drive without medium.
///
/// Every image must already have its index.
pub(super) fn nodes(disk: &Disk, host: &dyn Host) -> Result<Nodes> {
    if is_empty(&disk.source) {
        return Ok(Nodes::default());
    }
    let mut layers = vec![Layer {
        source: &disk.source,
        format: disk.driver.format.unwrap_or_default(),
        read_only: disk.readonly,
        top: Some(disk),
        cache: super::disk::effective_cache(disk),
    }];
    let mut next = disk.backing.as_deref();
    let mut ends = false;
    while let Some(store) = next {
        match store {
            BackingStore::End => {
                ends = true;
                break;
            }
            BackingStore::Layer(layer) => {
                if layer.metadata_cache.is_some() {
                    return Err(unsupported(disk, "a metadata cache size"));
                }
                layers.push(Layer {
                    source: &layer.source,
                    format: layer.format.unwrap_or_default(),
                    read_only: true,
                    top: None,
                    cache: super::disk::effective_cache(disk),
                });
                next = layer.backing.as_deref();
            }
        }
    }
    let mut result = Nodes::default();
    let mut below: Option<String> = None;
    for layer in layers.iter().rev() {
        let index = layer
            .source
            .index
            .ok_or_else(|| Error::internal(format!("image of disk '{}' has no index", disk.target.dev)))?;
        let backing = match (&below, ends) {
            (Some(node), _) => Backing::Node(node.clone()),
            (None, true) => Backing::Nothing,
            (None, false) => Backing::Unsaid,
        };
        let (mut nodes, name) = layer_nodes(disk, layer, index, &backing, host)?;
        result.nodes.append(&mut nodes);
        below = Some(name);
    }
    result.top = below;
    if disk.driver.copy_on_read.is_some_and(|v| v.is_on())
        && let Some(top) = result.top.take()
    {
        let name = format!("libvirt-CoR-{}", disk.target.dev);
        let props = Props::new()
            .text("driver", "copy-on-read")
            .text("node-name", &name)
            .text("file", top)
            .text("discard", "unmap");
        result.nodes.push(props);
        result.top = Some(name);
    }
    Ok(result)
}

enum Backing {
    Node(String),
    /// The image has none, whatever its header says.
    Nothing,
    /// QEMU finds out from the header.
    Unsaid,
}

fn layer_nodes(
    disk: &Disk,
    layer: &Layer<'_>,
    index: u32,
    backing: &Backing,
    host: &dyn Host,
) -> Result<(Vec<Props>, String)> {
    let storage = format!("libvirt-{index}-storage");
    let mut common = Props::new();
    common = common.flag("read-only", layer.read_only);
    if let Some(disk) = layer.top {
        common = common
            .maybe_text("discard", disk.driver.discard.map(Discard::as_str))
            .maybe_text("detect-zeroes", disk.driver.detect_zeroes.map(|z| detect_zeroes(z, disk)));
    }
    let cache = cache_props(layer.cache);
    let base = storage_props(disk, layer, host)?;
    // A raw image needs no node of its own.
    if layer.format == StorageFormat::Raw {
        let node = base.text("node-name", &storage).and(&common).and(&cache);
        return Ok((vec![node], storage));
    }
    let below = base.text("node-name", &storage).flag("auto-read-only", true).text("discard", "unmap").and(&cache);
    let name = format!("libvirt-{index}-format");
    let mut format = Props::new().text("node-name", &name).and(&common).and(&cache);
    format = format.text("driver", format_driver(disk, layer.format)?);
    if let (Some(disk), StorageFormat::Qcow2) = (layer.top, layer.format) {
        if let Some(size) = disk.driver.metadata_cache.as_ref().and_then(|c| c.max_size) {
            format = format.number("cache-size", size);
        }
        format = format.maybe_flag("discard-no-unref", disk.driver.discard_no_unref.map(|v| v.is_on()));
    }
    format = format.text("file", &storage);
    format = match (backing, can_have_backing(layer.format)) {
        (Backing::Node(node), true) => format.text("backing", node),
        (Backing::Nothing, true) => format.null("backing"),
        (Backing::Node(_), false) => return Err(unsupported(disk, "a backing image under this format")),
        _ => format,
    };
    Ok((vec![below, format], name))
}

/// The part that says where the bytes are.
fn storage_props(disk: &Disk, layer: &Layer<'_>, host: &dyn Host) -> Result<Props> {
    let source = layer.source;
    if source.slice.is_some() {
        return Err(unsupported(disk, "a storage slice"));
    }
    if source.encryption.is_some() || disk.encryption.is_some() {
        return Err(unsupported(disk, "encryption"));
    }
    if source.reservations.is_some() {
        return Err(unsupported(disk, "persistent reservations"));
    }
    if source.data_store.is_some() {
        return Err(unsupported(disk, "a separate data file"));
    }
    let aio = match disk.driver.io {
        Some(DiskIo::Native) => Some("native"),
        Some(DiskIo::Threads) => Some("threads"),
        Some(DiskIo::IoUring) => Some("io_uring"),
        None => None,
    };
    match &source.kind {
        StorageKind::File { path: Some(path), fdgroup: None } => {
            Ok(Props::new().text("driver", "file").text("filename", path).maybe_text("aio", aio))
        }
        StorageKind::Block { path: Some(path) } => {
            let cdrom = disk.device == DiskDevice::CdRom && host.is_cdrom(path);
            let driver = if cdrom { "host_cdrom" } else { "host_device" };
            Ok(Props::new().text("driver", driver).text("filename", path).maybe_text("aio", aio))
        }
        other => Err(unsupported(disk, &format!("storage of type '{}'", kind_name(other)))),
    }
}

fn kind_name(kind: &StorageKind) -> &'static str {
    match kind {
        StorageKind::File { fdgroup: Some(_), .. } => "file descriptor",
        StorageKind::File { .. } => "file",
        StorageKind::Block { .. } => "block",
        StorageKind::Dir { .. } => "dir",
        StorageKind::Network(_) => "network",
        StorageKind::Volume { .. } => "volume",
        StorageKind::Nvme { .. } => "nvme",
        StorageKind::VhostUser { .. } => "vhostuser",
        StorageKind::VhostVdpa { .. } => "vhostvdpa",
    }
}

/// Whether a drive has no medium.
pub(crate) fn is_empty(source: &StorageSource) -> bool {
    matches!(
        &source.kind,
        StorageKind::File { path: None, fdgroup: None }
            | StorageKind::Block { path: None }
            | StorageKind::Dir { path: None }
    )
}

fn cache_props(cache: Option<DiskCache>) -> Props {
    let (direct, no_flush) = match cache {
        None | Some(DiskCache::Default) => return Props::new(),
        Some(DiskCache::None | DiskCache::DirectSync) => (true, false),
        Some(DiskCache::Writethrough | DiskCache::Writeback) => (false, false),
        Some(DiskCache::Unsafe) => (false, true),
    };
    let inner = Props::new().flag("direct", direct).flag("no-flush", no_flush);
    Props::new().object("cache", &inner)
}

/// The device's side of the cache mode.
pub(super) fn write_cache(cache: Option<DiskCache>) -> Option<bool> {
    match cache? {
        DiskCache::Default => None,
        DiskCache::None | DiskCache::Writeback | DiskCache::Unsafe => Some(true),
        DiskCache::Writethrough | DiskCache::DirectSync => Some(false),
    }
}

/// QEMU insists on `discard=unmap` for `detect-zeroes=unmap`.
fn detect_zeroes(wanted: DetectZeroes, disk: &Disk) -> &'static str {
    match (wanted, disk.driver.discard) {
        (DetectZeroes::Unmap, Some(Discard::Unmap)) => "unmap",
        (DetectZeroes::Unmap | DetectZeroes::On, _) => "on",
        (DetectZeroes::Off, _) => "off",
    }
}

fn format_driver(disk: &Disk, format: StorageFormat) -> Result<&'static str> {
    Ok(match format {
        StorageFormat::Qcow2 => "qcow2",
        StorageFormat::Qcow => "qcow",
        StorageFormat::Qed => "qed",
        StorageFormat::Vmdk => "vmdk",
        StorageFormat::Vdi => "vdi",
        StorageFormat::Vpc => "vpc",
        StorageFormat::Vhd => "vhdx",
        StorageFormat::Bochs => "bochs",
        StorageFormat::Cloop => "cloop",
        StorageFormat::Dmg => "dmg",
        StorageFormat::Ploop => "parallels",
        other => return Err(unsupported(disk, &format!("format '{}'", other.as_str()))),
    })
}

fn can_have_backing(format: StorageFormat) -> bool {
    matches!(format, StorageFormat::Qcow | StorageFormat::Qcow2 | StorageFormat::Qed | StorageFormat::Vmdk)
}

pub(super) fn unsupported(disk: &Disk, what: &str) -> Error {
    Error::config_unsupported(format!("disk '{}': {what} is not supported by this driver yet", disk.target.dev))
}
