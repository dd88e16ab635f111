//! Block nodes: what a disk reads from, layer by layer.

mod protocol;
mod sd;
mod secrets;

use std::collections::BTreeMap;

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::{
    BackingStore, DetectZeroes, Discard, Disk, DiskCache, DiskDevice, DiskIo, NetworkProtocol, StorageAuth,
    StorageFormat, StorageKind, StorageSource,
};
use oxivirt_conf::storage_encryption::{Encryption, EncryptionEngine, EncryptionFormat};

use oxivirt_core::{Error, Result};

use super::{Builder, Props, throttle};
use crate::helpers::nbdkit;
use crate::status::DiskNotes;
use protocol::Keys;
pub(crate) use protocol::url as image_url;
pub(super) use sd::card;
pub(super) use secrets::certificates;
pub use secrets::{Sealed, Secret};

/// What an image is called in QEMU.
#[derive(Debug, Clone)]
pub(super) struct Names {
    prefix: String,
    storage: String,
}

impl Names {
    /// An image of a disk.
    fn of(source: &StorageSource) -> Result<Self> {
        let index = source.index.ok_or_else(|| Error::internal("an image has no index"))?;
        let prefix = format!("libvirt-{index}");
        Ok(Self { storage: format!("{prefix}-storage"), prefix })
    }

    /// One of the images of the firmware.
    pub(super) fn flash(number: u32) -> Self {
        let prefix = format!("libvirt-pflash{number}");
        Self { storage: format!("{prefix}-storage"), prefix }
    }

    /// A device of the host.
    pub(super) fn backend(index: u32) -> Self {
        let prefix = format!("libvirt-{index}");
        Self { storage: format!("{prefix}-backend"), prefix }
    }

    fn part(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix)
    }
}

/// How one image of a chain is opened.
#[derive(Debug)]
pub(super) struct Layer<'a> {
    pub(super) names: Names,
    pub(super) source: &'a StorageSource,
    pub(super) format: StorageFormat,
    pub(super) read_only: bool,
    /// A format of its own even where QEMU needs none.
    pub(super) own_format: bool,
    /// Only for the image that the guest writes to.
    top: Option<&'a Disk>,
    cdrom: bool,
    floppy: bool,
    aio: Option<&'static str>,
    cache: Option<DiskCache>,
    discard: Option<Discard>,
    cache_size: Option<u64>,
    auth: Option<&'a StorageAuth>,
    encryption: Option<&'a Encryption>,
    /// The alias of its disk.
    owner: Option<&'a str>,
}

impl<'a> Layer<'a> {
    /// An image that is not part of a disk.
    pub(super) fn alone(names: Names, source: &'a StorageSource, format: StorageFormat, read_only: bool) -> Self {
        Self {
            names,
            source,
            format,
            read_only,
            own_format: false,
            top: None,
            cdrom: false,
            floppy: false,
            aio: None,
            cache: None,
            discard: None,
            cache_size: None,
            auth: source.login(),
            encryption: source.encryption.as_deref(),
            owner: None,
        }
    }

    fn of(disk: &'a Disk, source: &'a StorageSource, format: Option<StorageFormat>, top: bool) -> Result<Self> {
        let d = &disk.driver;
        let mut layer = Self::alone(Names::of(source)?, source, format.unwrap_or_default(), disk.readonly || !top);
        layer.owner = disk.info.alias.as_deref();
        layer.cdrom = disk.device == DiskDevice::CdRom;
        layer.floppy = disk.device == DiskDevice::Floppy;
        layer.aio = d.io.map(aio);
        layer.cache = super::disk::effective_cache(disk);
        layer.discard = d.discard;
        if top {
            layer.top = Some(disk);
            layer.cache_size = d.metadata_cache.as_ref().and_then(|c| c.max_size);
            // Volumes are logged in to as their pool says.
            if !matches!(source.kind, StorageKind::Volume { .. }) {
                layer.auth = layer.auth.or(disk.auth.as_deref());
            }
            layer.encryption = layer.encryption.or(disk.encryption.as_deref());
        }
        Ok(layer)
    }
}

fn aio(io: DiskIo) -> &'static str {
    match io {
        DiskIo::Native => "native",
        DiskIo::Threads => "threads",
        DiskIo::IoUring => "io_uring",
    }
}

/// Adds the nodes of a disk, those that others refer to first; gives the name
/// that the device refers to, none for a drive without medium.
///
/// Every image must already have its index.
pub(super) fn nodes(b: &mut Builder<'_>, disk: &Disk) -> Result<Option<String>> {
    if is_empty(&disk.source) {
        return Ok(None);
    }
    let mut layers = vec![Layer::of(disk, &disk.source, disk.driver.format, true)?];
    let mut next = disk.backing.as_deref();
    let mut ends = false;
    while let Some(store) = next {
        match store {
            BackingStore::End => {
                ends = true;
                break;
            }
            BackingStore::Layer(below) => {
                let mut layer = Layer::of(disk, &below.source, below.format, false)?;
                layer.cache_size = below.metadata_cache.as_ref().and_then(|c| c.max_size);
                layers.push(layer);
                next = below.backing.as_deref();
            }
        }
    }
    let context = |error: Error| error.context(format_args!("disk '{}'", disk.target.dev));
    let mut below: Option<String> = None;
    for layer in layers.iter().rev() {
        let backing = match (&below, ends) {
            (Some(node), _) => Backing::Node(node.clone()),
            (None, true) => Backing::Nothing,
            (None, false) => Backing::Unsaid,
        };
        below = Some(image(b, layer, &backing).map_err(context)?);
    }
    if disk.driver.copy_on_read.is_some_and(|v| v.is_on())
        && let Some(top) = below.take()
    {
        let name = format!("libvirt-CoR-{}", disk.target.dev);
        let props = Props::new()
            .text("driver", "copy-on-read")
            .text("node-name", &name)
            .text("file", top)
            .text("discard", "unmap");
        b.json("-blockdev", &props);
        below = Some(name);
    }
    for filter in DiskNotes::of(disk)?.throttles {
        let Some(file) = below.take() else { break };
        let group = filter.group.unwrap_or_default();
        let props = Props::new()
            .text("driver", "throttle")
            .text("node-name", &filter.name)
            .text("throttle-group", throttle::group_id(&group))
            .text("file", file);
        b.json("-blockdev", &props);
        below = Some(filter.name);
    }
    Ok(below)
}

/// What is under an image.
#[derive(Debug)]
pub(super) enum Backing {
    /// This node.
    Node(String),
    /// The image has none, whatever its header says.
    Nothing,
    /// QEMU finds out from the header.
    Unsaid,
}

/// Adds the nodes of one image and the objects that they need; gives the name
/// of the upper one.
pub(super) fn image(b: &mut Builder<'_>, layer: &Layer<'_>, backing: &Backing) -> Result<String> {
    let data = match &layer.source.data_store {
        Some(store) => {
            let mut inner = Layer::alone(
                Names::of(&store.source)?,
                &store.source,
                store.format.unwrap_or_default(),
                layer.read_only,
            );
            (inner.aio, inner.cache, inner.discard) = (layer.aio, layer.cache, layer.discard);
            Some(image(b, &inner, &Backing::Unsaid)?)
        }
        None => None,
    };
    let served = served(b, layer)?;
    let keys = keys(b, layer, served.is_some())?;
    let passed = passed(b, layer)?;
    let base = match served {
        Some(socket) => {
            let server = Props::new().text("type", "unix").text("path", socket);
            Props::new().text("driver", "nbd").object("server", &server)
        }
        None => storage(b, layer, &keys.protocol, passed)?,
    };
    let names = &layer.names;
    let common = Props::new()
        .flag("read-only", layer.read_only)
        .maybe_text("discard", layer.discard.map(Discard::as_str))
        .maybe_text("detect-zeroes", layer.top.and_then(|disk| Some(detect_zeroes(disk.driver.detect_zeroes?, disk))));
    let cache = cache_props(layer.cache);
    let raw = matches!(layer.format, StorageFormat::Raw | StorageFormat::Fat | StorageFormat::Dir);
    let luks = keys.format.is_some() && raw;
    let vvfat = matches!(layer.source.actual(), StorageKind::Dir { .. });
    let slice = layer.source.slice.as_deref();
    // Only a descriptor for writing was given, but nobody may write to the image.
    let written_below = passed.and_then(|p| p.writable).is_some_and(|writable| writable && layer.read_only);
    let own_format = !raw
        || luks
        || layer.own_format
        || vvfat
        || written_below
        || !b.emulator.has_feature("block-commit/backing-mask-protocol");
    // With one descriptor there is nothing to choose from.
    let access = match passed.and_then(|passed| passed.writable) {
        Some(writable) => Props::new().flag("read-only", !writable),
        None => Props::new().flag("auto-read-only", true),
    };
    let below = access.text("discard", "unmap").and(&cache);
    let top = common.and(&cache);
    let storage_is_top = !own_format && slice.is_none();
    let upper = if storage_is_top { &top } else { &below };
    b.json("-blockdev", &base.text("node-name", &names.storage).and(upper));
    let mut file = names.storage.clone();
    // A raw image takes the part of the file itself.
    let inside = slice.filter(|_| raw && own_format && !luks);
    if let Some(slice) = slice.filter(|_| inside.is_none()) {
        let name = names.part("slice-sto");
        let props = Props::new()
            .text("driver", "raw")
            .text("node-name", &name)
            .number("offset", slice.offset)
            .number("size", slice.size)
            .text("file", &file)
            .and(if own_format { &below } else { &top });
        b.json("-blockdev", &props);
        file = name;
    }
    if !own_format {
        return Ok(file);
    }
    let name = names.part("format");
    let mut format = Props::new().text("node-name", &name).and(&top);
    format = format.text("driver", if luks { "luks" } else { format_driver(layer.format)? });
    if let Some(slice) = inside {
        format = format.number("offset", slice.offset).number("size", slice.size);
    }
    format = match (&keys.format, luks) {
        (Some((_, secret)), true) => format.text("key-secret", secret),
        (Some((kind, secret)), false) => {
            format.object("encrypt", &Props::new().text("format", kind).text("key-secret", secret))
        }
        (None, _) => format,
    };
    if layer.format == StorageFormat::Qcow2 {
        format = format.maybe_number("cache-size", layer.cache_size);
        let no_unref = layer.top.and_then(|disk| disk.driver.discard_no_unref);
        format = format.maybe_flag("discard-no-unref", no_unref.map(|v| v.is_on())).maybe_text("data-file", data);
    } else if data.is_some() {
        return Err(Error::config_unsupported("only images of format 'qcow2' have a separate data file"));
    }
    format = format.text("file", &file);
    format = match (backing, can_have_backing(layer.format)) {
        (Backing::Node(node), true) => format.text("backing", node),
        (Backing::Nothing, true) => format.null("backing"),
        (Backing::Node(_), false) => {
            return Err(Error::config_unsupported("an image of this format cannot have another one under it"));
        }
        _ => format,
    };
    b.json("-blockdev", &format);
    Ok(name)
}

/// The objects beside an image.
struct ImageKeys<'a> {
    protocol: Keys<'a>,
    /// What QEMU itself decrypts: the kind and the secret.
    format: Option<(&'static str, String)>,
}

/// The socket of the program that reads an image in QEMU's place, where one does.
fn served(b: &mut Builder<'_>, layer: &Layer<'_>) -> Result<Option<String>> {
    let StorageKind::Network(network) = layer.source.actual() else { return Ok(None) };
    if nbdkit::plugin(network.protocol).is_none() {
        return Ok(None);
    }
    b.host.nbdkit(&nbdkit::Image {
        node: &layer.names.storage,
        disk: layer.owner,
        network,
        auth: layer.auth,
        read_only: layer.read_only,
    })
}

/// * `served` – what the server of the image wants to know another program tells it.
fn keys<'a>(b: &mut Builder<'_>, layer: &Layer<'a>, served: bool) -> Result<ImageKeys<'a>> {
    let names = &layer.names;
    let mut found = ImageKeys { protocol: Keys::default(), format: None };
    let network = match layer.source.actual() {
        StorageKind::Network(network) => Some(network),
        _ => None,
    };
    let network = network.filter(|_| !served);
    if let (Some(auth), Some(_)) = (layer.auth, network) {
        let id = format!("{}-auth-secret0", names.storage);
        let secret = secrets::object(b, &id, Secret::Kept(&auth.secret))?;
        b.json("-object", &secret);
        found.protocol.user = Some(&auth.username);
        found.protocol.secret = Some(id);
    }
    if let Some(network) = network.filter(|n| !n.cookies.is_empty()) {
        let words: Vec<String> = network.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let id = format!("{}-httpcookie-secret0", names.storage);
        let secret = secrets::object(b, &id, Secret::Words(&words.join("; ")))?;
        b.json("-object", &secret);
        found.protocol.cookies = Some(id);
    }
    if let Some(encryption) = layer.encryption {
        let [secret] = encryption.secrets.as_slice() else {
            return Err(Error::config_unsupported("several secrets of one image are not supported by this driver yet"));
        };
        let librbd = encryption.engine == Some(EncryptionEngine::Librbd);
        let kind = match encryption.format {
            EncryptionFormat::Luks => "luks",
            EncryptionFormat::Luks2 if librbd => "luks2",
            EncryptionFormat::LuksAny if librbd => "luks-any",
            EncryptionFormat::Qcow if !librbd => "aes",
            other => {
                return Err(Error::config_unsupported(format!(
                    "encryption format '{}' is not supported by QEMU",
                    other.as_str()
                )));
            }
        };
        let id = match librbd {
            true => format!("{}-encryption-secret0", names.storage),
            false => format!("{}-encryption-secret0", names.part("format")),
        };
        let secret = secrets::object(b, &id, Secret::Kept(secret))?;
        b.json("-object", &secret);
        match librbd {
            true => found.protocol.encryption = Some((kind, id)),
            false => found.format = Some((kind, id)),
        }
    }
    let encrypted = network.is_some_and(|n| match n.tls {
        Some(said) => said.is_yes(),
        None => b.settings.nbd_tls && n.protocol == NetworkProtocol::Nbd,
    });
    if let Some(network) = network.filter(|_| encrypted) {
        if network.protocol != NetworkProtocol::Nbd {
            return Err(Error::config_unsupported(format!(
                "TLS for protocol '{}' is not supported by QEMU",
                network.protocol.as_str()
            )));
        }
        let id = format!("obj{}_tls0", names.storage);
        let settings = b.settings;
        certificates(b, &id, &format!("{id}-secret0"), &settings.nbd_certificates, false)?;
        found.protocol.certificates = Some(id);
    }
    Ok(found)
}

/// An image whose descriptors a client gave.
#[derive(Debug, Clone, Copy)]
struct Passed {
    /// The set that they are in.
    set: u32,
    /// How the only one was opened; none where there are several.
    writable: Option<bool>,
}

/// Hands over the descriptors of an image that a client gave; none for all other images.
fn passed(b: &mut Builder<'_>, layer: &Layer<'_>) -> Result<Option<Passed>> {
    let StorageKind::File { fdgroup: Some(group), .. } = &layer.source.kind else { return Ok(None) };
    let images = b.host.images(group)?;
    let reserved = layer.source.index.and_then(|index| b.image_sets.get(&index).copied());
    let set = reserved.unwrap_or_else(|| {
        let next = b.fdsets;
        b.fdsets = next.saturating_add(1);
        next
    });
    for (at, image) in images.iter().enumerate() {
        let purpose = format!("{}{at}", layer.names.storage);
        b.pair("-add-fd", format!("set={set},fd={},opaque={purpose}", image.number));
    }
    let writable = match images.as_slice() {
        [] => return Err(Error::invalid_arg(format!("file descriptor group '{group}' has no descriptors"))),
        [one] => Some(one.writable),
        _ => None,
    };
    Ok(Some(Passed { set, writable }))
}

/// The sets that descriptors of images go to, in the order of the images' numbers.
pub(super) fn descriptor_sets(domain: &DomainDefinition) -> BTreeMap<u32, u32> {
    let mut given = Vec::new();
    for disk in &domain.devices.disks {
        let mut note = |source: &StorageSource| {
            if matches!(source.kind, StorageKind::File { fdgroup: Some(_), .. }) {
                given.extend(source.index);
            }
        };
        note(&disk.source);
        let mut next = disk.backing.as_deref();
        while let Some(BackingStore::Layer(below)) = next {
            note(&below.source);
            next = below.backing.as_deref();
        }
    }
    given.sort_unstable();
    given.into_iter().zip(0..).collect()
}

/// The part that says where the bytes are.
fn storage(b: &mut Builder<'_>, layer: &Layer<'_>, keys: &Keys<'_>, passed: Option<Passed>) -> Result<Props> {
    let source = layer.source;
    let manager = match &source.reservations {
        None => None,
        Some(reservations) if reservations.managed.is_yes() => Some("pr-helper0".to_owned()),
        Some(reservations) => {
            let path = reservations.path.as_ref().ok_or_else(|| Error::xml("<reservations> needs a socket"))?;
            let id = format!("pr-helper-{}", layer.names.storage);
            b.json("-object", &reservation_helper(&id, path));
            Some(id)
        }
    };
    let local = |driver: &str, path: &str| {
        Props::new()
            .text("driver", driver)
            .text("filename", path)
            .maybe_text("aio", layer.aio)
            .maybe_text("pr-manager", manager.as_ref())
    };
    match source.actual() {
        StorageKind::File { path: Some(path), fdgroup: None } => Ok(local("file", path)),
        StorageKind::File { fdgroup: Some(_), .. } => {
            let set = passed.map_or(String::new(), |passed| format!("/dev/fdset/{}", passed.set));
            Ok(local("file", &set))
        }
        StorageKind::Block { path: Some(path) } => {
            let cdrom = layer.cdrom && b.host.is_cdrom(path);
            Ok(local(if cdrom { "host_cdrom" } else { "host_device" }, path))
        }
        StorageKind::Dir { path: Some(path) } => {
            Ok(Props::new().text("driver", "vvfat").text("dir", path).flag("floppy", layer.floppy).flag("rw", false))
        }
        StorageKind::Network(network) => protocol::props(network, keys),
        StorageKind::Nvme { namespace, address, .. } => {
            let place =
                format!("{:04x}:{:02x}:{:02x}.{:x}", address.domain, address.bus, address.slot, address.function);
            b.host.pci(&place)?;
            Ok(Props::new().text("driver", "nvme").text("device", place).number("namespace", *namespace))
        }
        StorageKind::VhostVdpa { path } => {
            let fd = b.host.open(super::Opening::Vdpa, path)?;
            let set = b.fdset(fd, &format!("{}-vdpa", layer.names.storage));
            Ok(Props::new().text("driver", "virtio-blk-vhost-vdpa").text("path", set))
        }
        StorageKind::Volume { pool, volume, .. } => Err(Error::internal(format!(
            "volume '{}' of pool '{}' was not looked for",
            volume.as_deref().unwrap_or_default(),
            pool.as_deref().unwrap_or_default()
        ))),
        other => Err(Error::config_unsupported(format!(
            "storage of type '{}' is not supported by this driver yet",
            kind_name(other)
        ))),
    }
}

/// The object that asks a helper about reservations.
pub(super) fn reservation_helper(id: &str, path: &str) -> Props {
    Props::new().text("qom-type", "pr-manager-helper").text("id", id).text("path", path)
}

/// Whether any disk has its reservations kept by a helper of the daemon's.
pub(super) fn has_managed_reservations(domain: &oxivirt_conf::domain::DomainDefinition) -> bool {
    let managed = |source: &StorageSource| source.reservations.as_ref().is_some_and(|r| r.managed.is_yes());
    domain.devices.disks.iter().any(|disk| managed(&disk.source))
}

fn kind_name(kind: &StorageKind) -> &'static str {
    match kind {
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
            | StorageKind::Volume { pool: None, .. }
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

fn format_driver(format: StorageFormat) -> Result<&'static str> {
    Ok(match format {
        StorageFormat::Raw | StorageFormat::Fat | StorageFormat::Dir => "raw",
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
        other => {
            return Err(Error::config_unsupported(format!("format '{}' is not supported by QEMU", other.as_str())));
        }
    })
}

fn can_have_backing(format: StorageFormat) -> bool {
    matches!(format, StorageFormat::Qcow | StorageFormat::Qcow2 | StorageFormat::Qed | StorageFormat::Vmdk)
}

pub(super) fn unsupported(disk: &Disk, what: &str) -> Error {
    Error::config_unsupported(format!("disk '{}': {what} is not supported by this driver yet", disk.target.dev))
}
