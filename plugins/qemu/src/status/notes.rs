//! `<privateData>` inside of the definition: how QEMU calls what belongs to
//! an image or a disk.

use std::path::{Path, PathBuf};

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::{
    BackingStore, Disk, DiskBus, Hostdev, HostdevSource, ScsiSource, StorageFormat, StorageSource,
};
use oxivirt_conf::xml::{Element, Node, RawElement, Writer, YesNo};
use oxivirt_core::Result;

use super::{HelperNote, child_attr, leaf_attr};

/// Of an image.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StorageNotes {
    /// Names of block nodes by kind: `storage`, `format`, `slice-storage`.
    pub nodes: Vec<(String, String)>,
    /// The object that asks for reservations.
    pub reservations: Option<String>,
    /// The path as it stands in the image on top.
    pub relative_path: Option<String>,
    /// Names of secret objects by kind: `auth`, `encryption`, `httpcookie`, `tlskey`.
    pub secrets: Vec<(String, String)>,
    /// The TLS object.
    pub tls: Option<String>,
    /// The set of descriptors that were passed.
    pub fdset: Option<u32>,
    /// The threshold event is told for the index of the image.
    pub threshold_by_index: bool,
    /// The process that serves it.
    pub nbdkit: Option<Nbdkit>,
    /// Elements that are not known here.
    pub other: Vec<RawElement>,
}

/// `<nbdkit>`: paths.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Nbdkit {
    /// Where its process id stands.
    pub pid_file: String,
    /// Where it listens.
    pub socket: String,
}

/// Of a disk.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DiskNotes {
    /// QEMU's path of the device, by which events name it.
    pub qom: Option<String>,
    /// The node that copies what is read.
    pub copy_on_read: Option<String>,
    /// The nodes that hold back, outermost first.
    pub throttles: Vec<ThrottleNode>,
    /// Elements that are not known here.
    pub other: Vec<RawElement>,
}

/// A node that holds back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ThrottleNode {
    /// Its name.
    pub name: String,
    /// The group whose limits it keeps.
    pub group: Option<String>,
}

/// The element around.
const ELEMENT: &str = "privateData";

fn unknown(node: Node<'_>, known: &[&str]) -> Vec<RawElement> {
    node.children().filter(|child| !known.contains(&child.name())).map(RawElement::copy).collect()
}

impl Element for StorageNotes {
    fn parse(node: Node<'_>) -> Result<Self> {
        let mut notes = Self { other: unknown(node, STORAGE_ELEMENTS), ..Self::default() };
        for named in node.child("nodenames").iter().flat_map(|list| list.children_named("nodename")) {
            notes.nodes.push((named.require("type")?, named.require("name")?));
        }
        if let Some(objects) = node.child("objects") {
            for secret in objects.children_named("secret") {
                notes.secrets.push((secret.require("type")?, secret.require("alias")?));
            }
            notes.tls = child_attr(objects, "TLSx509", "alias");
        }
        notes.reservations = child_attr(node, "reservations", "mgralias");
        notes.relative_path = node.child_value("relPath")?;
        if let Some(set) = node.child("fdsets").and_then(|sets| sets.child("fdset")) {
            notes.fdset = Some(set.require("id")?);
        }
        let event = node.child("thresholdEvent");
        notes.threshold_by_index =
            event.map(|event| event.value("indexUsed")).transpose()?.flatten() == Some(YesNo::Yes);
        if let Some(nbdkit) = node.child("nbdkit") {
            let text =
                |name: &str| -> Result<String> { nbdkit.child_value(name)?.ok_or_else(|| nbdkit.missing_child(name)) };
            notes.nbdkit = Some(Nbdkit { pid_file: text("pidfile")?, socket: text("socketfile")? });
        }
        Ok(notes)
    }

    fn format(&self, w: &mut Writer) {
        if !self.nodes.is_empty() {
            w.open("nodenames");
            for (kind, name) in &self.nodes {
                w.open("nodename");
                w.attr("type", kind);
                w.attr("name", name);
                w.close();
            }
            w.close();
        }
        leaf_attr(w, "reservations", "mgralias", self.reservations.as_deref());
        w.leaf_opt("relPath", self.relative_path.as_ref());
        if !self.secrets.is_empty() || self.tls.is_some() {
            w.open("objects");
            for (kind, alias) in &self.secrets {
                w.open("secret");
                w.attr("type", kind);
                w.attr("alias", alias);
                w.close();
            }
            leaf_attr(w, "TLSx509", "alias", self.tls.as_deref());
            w.close();
        }
        if let Some(id) = &self.fdset {
            w.open("fdsets");
            w.open("fdset");
            w.attr_str("type", "storage");
            w.attr("id", id);
            w.close();
            w.close();
        }
        leaf_attr(w, "thresholdEvent", "indexUsed", self.threshold_by_index.then_some("yes"));
        if let Some(nbdkit) = &self.nbdkit {
            w.open("nbdkit");
            w.leaf("pidfile", &nbdkit.pid_file);
            w.leaf("socketfile", &nbdkit.socket);
            w.close();
        }
        for element in &self.other {
            w.element(&element.name, element);
        }
    }
}

const STORAGE_ELEMENTS: &[&str] =
    &["nodenames", "reservations", "relPath", "objects", "fdsets", "thresholdEvent", "nbdkit"];

impl StorageNotes {
    /// What a status file says of an image.
    pub fn of(source: &StorageSource) -> Result<Self> {
        Ok(source.private_data.as_deref().map(RawElement::read_as).transpose()?.unwrap_or_default())
    }

    /// Puts the notes into the definition, from where they get into the status file.
    pub fn put(&self, source: &mut StorageSource) -> Result<()> {
        source.private_data = boxed(*self == Self::default(), self)?;
        Ok(())
    }

    /// The node of a kind.
    pub fn node(&self, kind: &str) -> Option<&str> {
        self.nodes.iter().find(|(other, _)| other == kind).map(|(_, name)| name.as_str())
    }
}

impl Element for DiskNotes {
    fn parse(node: Node<'_>) -> Result<Self> {
        let mut notes = Self { other: unknown(node, &["qom", "nodenames"]), ..Self::default() };
        notes.qom = child_attr(node, "qom", "name");
        for named in node.child("nodenames").iter().flat_map(|list| list.children_named("nodename")) {
            match named.attr("type") {
                Some("copyOnRead") => notes.copy_on_read = Some(named.require("name")?),
                Some("throttle-filter") => {
                    notes.throttles.push(ThrottleNode { name: named.require("name")?, group: named.value("group")? });
                }
                other => return Err(named.bad_attr("type", other.unwrap_or_default(), "copyOnRead, throttle-filter")),
            }
        }
        Ok(notes)
    }

    fn format(&self, w: &mut Writer) {
        leaf_attr(w, "qom", "name", self.qom.as_deref());
        if self.copy_on_read.is_some() || !self.throttles.is_empty() {
            w.open("nodenames");
            if let Some(name) = &self.copy_on_read {
                w.open("nodename");
                w.attr_str("type", "copyOnRead");
                w.attr("name", name);
                w.close();
            }
            for throttle in &self.throttles {
                w.open("nodename");
                w.attr_str("type", "throttle-filter");
                w.attr("name", &throttle.name);
                w.attr_opt("group", throttle.group.as_ref());
                w.close();
            }
            w.close();
        }
        for element in &self.other {
            w.element(&element.name, element);
        }
    }
}

impl DiskNotes {
    /// What a status file says of a disk.
    pub fn of(disk: &Disk) -> Result<Self> {
        Ok(disk.private_data.as_deref().map(RawElement::read_as).transpose()?.unwrap_or_default())
    }

    /// Puts the notes into the definition, from where they get into the status file.
    pub fn put(&self, disk: &mut Disk) -> Result<()> {
        disk.private_data = boxed(*self == Self::default(), self)?;
        Ok(())
    }
}

fn boxed<T: Element>(empty: bool, notes: &T) -> Result<Option<Box<RawElement>>> {
    if empty { Ok(None) } else { RawElement::of_value(ELEMENT, notes).map(Box::new).map(Some) }
}

/// Calls `look` with the source of every image of every disk, the top one first, and its format.
fn images(
    disk: &mut Disk,
    mut look: impl FnMut(&mut StorageSource, Option<StorageFormat>) -> Result<()>,
) -> Result<()> {
    look(&mut disk.source, disk.driver.format)?;
    let mut below = disk.backing.as_deref_mut();
    while let Some(BackingStore::Layer(layer)) = below {
        look(&mut layer.source, layer.format)?;
        below = layer.backing.as_deref_mut();
    }
    Ok(())
}

/// Reads the notes of all disks and writes them anew.
///
/// Errors: `XML_ERROR` for notes that mean nothing; some are written anew then.
pub fn renew(domain: &mut DomainDefinition) -> Result<()> {
    for disk in &mut domain.devices.disks {
        images(disk, |source, _| StorageNotes::of(source)?.put(source))?;
        DiskNotes::of(disk)?.put(disk)?;
    }
    Ok(())
}

/// Notes how the block nodes and devices are called that the command line made,
/// where nothing is noted yet.
pub(crate) fn name_nodes(domain: &mut DomainDefinition) -> Result<()> {
    for disk in &mut domain.devices.disks {
        images(disk, |source, format| {
            let mut notes = StorageNotes::of(source)?;
            if let (Some(index), true, false) = (source.index, notes.nodes.is_empty(), source.is_empty()) {
                notes.nodes.push(("storage".to_owned(), format!("libvirt-{index}-storage")));
                // A raw image has no node of its own, the storage's is used instead.
                if format.is_some_and(|format| format != StorageFormat::Raw) {
                    notes.nodes.push(("format".to_owned(), format!("libvirt-{index}-format")));
                }
                notes.put(source)?;
            }
            Ok(())
        })?;
        let mut notes = DiskNotes::of(disk)?;
        if let (Some(alias), None) = (&disk.info.alias, &notes.qom) {
            notes.qom = Some(match disk.target.bus {
                Some(DiskBus::Virtio) => format!("/machine/peripheral/{alias}/virtio-backend"),
                _ => alias.clone(),
            });
            notes.put(disk)?;
        }
        let copies = disk.driver.copy_on_read.is_some_and(|v| v.is_on());
        if copies && notes.copy_on_read.is_none() && !disk.source.is_empty() {
            notes.copy_on_read = Some(format!("libvirt-CoR-{}", disk.target.dev));
            notes.put(disk)?;
        }
    }
    Ok(())
}

/// Notes which programs serve images, by the names that their files have.
pub(crate) fn note_served(domain: &mut DomainDefinition, helpers: &[HelperNote]) -> Result<()> {
    for disk in &mut domain.devices.disks {
        images(disk, |source, _| {
            let Some(index) = source.index else { return Ok(()) };
            let name = format!("nbdkit-libvirt-{index}-storage.pid");
            let found = helpers.iter().find_map(|helper| match helper.files.as_slice() {
                [pid, socket, ..] if pid.file_name().is_some_and(|file| file == name.as_str()) => Some((pid, socket)),
                _ => None,
            });
            let mut notes = StorageNotes::of(source)?;
            let served = found.map(|(pid, socket)| Nbdkit {
                pid_file: pid.to_string_lossy().into_owned(),
                socket: socket.to_string_lossy().into_owned(),
            });
            if served.is_some() {
                notes.nbdkit = served;
                notes.put(source)?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// The programs that serve images of disks, as another daemon noted them: by the disk's alias.
pub(crate) fn served(domain: &DomainDefinition) -> Vec<(String, Nbdkit)> {
    let mut found = Vec::new();
    for disk in &domain.devices.disks {
        let alias = disk.info.alias.clone().unwrap_or_default();
        // Notes that mean nothing name no program.
        let _ = images(&mut disk.clone(), |source, _| {
            found.extend(StorageNotes::of(source)?.nbdkit.map(|nbdkit| (alias.clone(), nbdkit)));
            Ok(())
        });
    }
    found
}

/// The files of programs that serve the images of a domain, whether they do or not.
pub(crate) fn served_files(domain: &DomainDefinition, folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for disk in &domain.devices.disks {
        let _ = images(&mut disk.clone(), |source, _| {
            files.extend(source.index.map(|index| folder.join(format!("nbdkit-libvirt-{index}-storage.pid"))));
            Ok(())
        });
    }
    files
}

/// Notes the node behind a SCSI device of the host.
pub(crate) fn note_backend(hostdev: &mut Hostdev, node: &str) -> Result<()> {
    let HostdevSource::Scsi(scsi) = &mut hostdev.source else { return Ok(()) };
    let (ScsiSource::Host { private_data, .. } | ScsiSource::Iscsi { private_data, .. }) = &mut scsi.source;
    let mut notes: StorageNotes = private_data.as_deref().map(RawElement::read_as).transpose()?.unwrap_or_default();
    notes.nodes = vec![("storage".to_owned(), node.to_owned())];
    *private_data = boxed(false, &notes)?;
    Ok(())
}

/// The node behind a SCSI device of the host, where it was noted.
pub(crate) fn backend_of(hostdev: &Hostdev) -> Result<Option<String>> {
    let HostdevSource::Scsi(scsi) = &hostdev.source else { return Ok(None) };
    let (ScsiSource::Host { private_data, .. } | ScsiSource::Iscsi { private_data, .. }) = &scsi.source;
    let notes: Option<StorageNotes> = private_data.as_deref().map(RawElement::read_as).transpose()?;
    Ok(notes.and_then(|notes| notes.node("storage").map(str::to_owned)))
}

/// The highest number that a name of a block node has.
pub(crate) fn last_node(domain: &DomainDefinition) -> u64 {
    let mut last = 0;
    for disk in &domain.devices.disks {
        last = last.max(disk.source.index.unwrap_or(0));
        let mut below = disk.backing.as_deref();
        while let Some(BackingStore::Layer(layer)) = below {
            last = last.max(layer.source.index.unwrap_or(0));
            below = layer.backing.as_deref();
        }
    }
    u64::from(last)
}
