//! Where the bytes of a disk come from.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use super::*;
use crate::domain::security::DeviceSecLabel;
use crate::rare::Rare;
use crate::xml::{Element, Node, RawElement, Writer, YesNo};
use crate::xml_enum;

xml_enum! {
    /// Format of an image.
    pub enum StorageFormat {
        Raw = "raw", Dir = "dir", Bochs = "bochs", Cloop = "cloop", Dmg = "dmg", Iso = "iso", Vpc = "vpc", Vdi = "vdi",
        Fat = "fat", Vhd = "vhd", Ploop = "ploop", Cow = "cow", Qcow = "qcow", Qcow2 = "qcow2", Qed = "qed", Vmdk = "vmdk",
    }
}

xml_enum! {
    /// What happens when the source is missing.
    pub enum StartupPolicy { Mandatory = "mandatory", Requisite = "requisite", Optional = "optional" }
}

/// A source with all that belongs to it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StorageSource {
    pub kind: StorageKind,
    pub startup_policy: Option<StartupPolicy>,
    /// Number of the node in the running hypervisor.
    pub index: Option<u32>,
    pub seclabels: Rare<Vec<DeviceSecLabel>>,
    pub auth: Option<Box<StorageAuth>>,
    pub encryption: Option<Box<Encryption>>,
    pub reservations: Option<Box<Reservations>>,
    pub slice: Option<Box<StorageSlice>>,
    pub data_store: Option<Box<DataStore>>,
    /// The driver's notes in a status file.
    pub private_data: Option<Box<RawElement>>,
}

/// The place, by `type=` of the element around `<source>`.
#[derive(Debug, Clone, PartialEq)]
pub enum StorageKind {
    /// No path: an empty drive.
    File {
        path: Option<String>,
        fdgroup: Option<String>,
    },
    Block {
        path: Option<String>,
    },
    Dir {
        path: Option<String>,
    },
    Network(Box<NetworkSource>),
    /// Without names: an empty drive.
    Volume {
        pool: Option<String>,
        volume: Option<String>,
        mode: Option<VolumeMode>,
        /// Where the pool keeps it, a run-time fact that only status files have.
        resolved: Option<Box<ResolvedVolume>>,
    },
    Nvme {
        namespace: u64,
        managed: Option<YesNo>,
        address: PciAddress,
    },
    VhostUser {
        path: Option<String>,
        reconnect: Option<Reconnect>,
    },
    VhostVdpa {
        path: String,
    },
}

/// Where a pool keeps a volume.
#[derive(Debug, Clone, PartialEq)]
pub struct ResolvedVolume {
    /// The place; never a volume again.
    pub kind: StorageKind,
    /// How one logs in there.
    pub auth: Option<Box<StorageAuth>>,
}

impl ResolvedVolume {
    /// Reads it from a source in a status file, `None` where it is not known.
    fn parse(source: Node<'_>) -> Result<Option<Self>> {
        let Some(kind) = source.attr("actualType").filter(|kind| !matches!(*kind, "volume" | "none")) else {
            return Ok(None);
        };
        let kind = StorageKind::parse(source, Some(source), kind)?;
        let network = matches!(kind, StorageKind::Network(_));
        let auth = if network { source.child_element("auth")? } else { None };
        Ok(Some(Self { kind, auth }))
    }
}

impl Default for StorageKind {
    fn default() -> Self {
        Self::File { path: None, fdgroup: None }
    }
}

xml_enum! {
    /// How an iSCSI volume is reached.
    pub enum VolumeMode { Host = "host", Direct = "direct" }
}

/// `<reconnect>`: seconds between attempts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Reconnect {
    #[xml(attr)]
    pub enabled: Option<YesNo>,
    #[xml(attr)]
    pub timeout: Option<u32>,
    #[xml(attr)]
    pub delay: Option<u32>,
}

/// `<slices><slice type='storage' offset='0' size='1'/></slices>`, bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StorageSlice {
    pub offset: u64,
    pub size: u64,
}

/// `<dataStore>`: the data file of a qcow2 image.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DataStore {
    pub format: Option<StorageFormat>,
    pub source: StorageSource,
}

impl Element for DataStore {
    fn parse(node: Node<'_>) -> Result<Self> {
        let kind = node.attr("type").ok_or_else(|| node.missing_attr("type"))?;
        let format = node.child("format").map(|f| f.require("type")).transpose()?;
        Ok(Self { format, source: StorageSource::parse_typed(node, kind)? })
    }

    fn format(&self, w: &mut Writer) {
        w.attr_str("type", self.source.type_name());
        if let Some(format) = &self.format {
            w.open("format");
            w.attr("type", format);
            w.close();
        }
        self.source.format_source(w);
    }
}

impl StorageSource {
    /// Reads the `<source>` below `node`; `kind` is the word of `type=`.
    pub fn parse_typed(node: Node<'_>, kind: &str) -> Result<Self> {
        Self::parse_as(node, kind, "source")
    }

    /// The same where the source has another name, as in a backup.
    pub fn parse_as(node: Node<'_>, kind: &str, name: &str) -> Result<Self> {
        Self::parse_from(node, kind, node.child(name))
    }

    /// The same where the element itself has the place, as old files have it.
    pub fn parse_inline(node: Node<'_>, kind: &str) -> Result<Self> {
        Self::parse_from(node, kind, Some(node))
    }

    fn parse_from(node: Node<'_>, kind: &str, source: Option<Node<'_>>) -> Result<Self> {
        let mut found = Self { kind: StorageKind::parse(node, source, kind)?, ..Self::default() };
        let Some(source) = source else { return Ok(found) };
        found.startup_policy = source.value("startupPolicy")?;
        if source.mode().live {
            found.index = source.value("index")?.filter(|index| *index > 0);
        }
        // The login of a volume's pool is no part of the document.
        let pools =
            matches!(&found.kind, StorageKind::Volume { resolved: Some(resolved), .. } if resolved.auth.is_some());
        found.auth = if pools { None } else { source.child_element("auth")? };
        found.encryption = source.child_element("encryption")?;
        found.reservations = source.child_element("reservations")?;
        found.seclabels = DeviceSecLabel::parse_all(source)?.into();
        if let Some(slice) = source.child("slices").and_then(|s| s.child("slice")) {
            found.slice =
                Some(Box::new(StorageSlice { offset: slice.require("offset")?, size: slice.require("size")? }));
        }
        found.private_data = status_child(source, "privateData");
        if let Some(store) = source.child("dataStore") {
            found.data_store = Some(Box::new(DataStore::parse(store)?));
        }
        Ok(found)
    }

    /// The word of `type=`.
    pub const fn type_name(&self) -> &'static str {
        self.kind.type_name()
    }

    /// Where the bytes are: for a volume the place where its pool keeps it, once that is known.
    pub fn actual(&self) -> &StorageKind {
        match &self.kind {
            StorageKind::Volume { resolved: Some(resolved), .. } => &resolved.kind,
            kind => kind,
        }
    }

    /// How one logs in where the bytes are; a pool's own way stands above the document's.
    pub fn login(&self) -> Option<&StorageAuth> {
        match &self.kind {
            StorageKind::Volume { resolved, .. } => resolved.as_ref()?.auth.as_deref(),
            _ => self.auth.as_deref(),
        }
    }

    /// The path on this host, for the kinds that have one.
    pub fn path(&self) -> Option<&str> {
        match self.actual() {
            StorageKind::File { path, .. } | StorageKind::Block { path } | StorageKind::Dir { path } => path.as_deref(),
            StorageKind::VhostUser { path, .. } => path.as_deref(),
            StorageKind::VhostVdpa { path } => Some(path),
            _ => None,
        }
    }

    /// Where it is: its path, or what it is called where it is served, without the pool or volume that holds it.
    pub fn place(&self) -> Option<&str> {
        let StorageKind::Network(network) = self.actual() else { return self.path() };
        let name = network.name.as_deref()?;
        match network.protocol {
            NetworkProtocol::Rbd | NetworkProtocol::Gluster => {
                Some(name.split_once('/').map_or(name, |(_, inner)| inner))
            }
            _ => Some(name),
        }
    }

    /// Whether there is no medium.
    pub fn is_empty(&self) -> bool {
        match &self.kind {
            StorageKind::File { path, .. } | StorageKind::Block { path } | StorageKind::Dir { path } => path.is_none(),
            StorageKind::Volume { pool, .. } => pool.is_none(),
            _ => false,
        }
    }

    /// Prints `<source>` unless it says nothing.
    pub fn format_source(&self, w: &mut Writer) {
        self.format_as(w, "source");
    }

    /// Prints the source as the element `name` unless it says nothing.
    pub fn format_as(&self, w: &mut Writer, name: &str) {
        w.open(name);
        self.kind.format_attrs(w);
        w.attr_opt("startupPolicy", self.startup_policy.as_ref());
        if w.mode().live {
            w.attr_opt("index", self.index.as_ref());
        }
        self.kind.format_children(w);
        if let Some(slice) = &self.slice {
            w.open("slices");
            w.open("slice");
            w.attr_str("type", "storage");
            w.attr("offset", &slice.offset);
            w.attr("size", &slice.size);
            w.close();
            w.close();
        }
        DeviceSecLabel::format_all(&self.seclabels, w);
        let pools = match &self.kind {
            StorageKind::Volume { resolved: Some(resolved), .. } if w.mode().status => resolved.auth.as_deref(),
            _ => None,
        };
        if let Some(auth) = pools.or(self.auth.as_deref()) {
            w.element("auth", auth);
        }
        if let Some(reservations) = &self.reservations {
            w.element("reservations", reservations);
        }
        if let Some(encryption) = &self.encryption {
            w.element("encryption", encryption);
        }
        format_status(w, self.private_data.as_deref());
        if let Some(store) = &self.data_store {
            w.element("dataStore", &**store);
        }
        w.close_or_drop();
    }
}

/// A child that only status files have, kept as it is.
pub(super) fn status_child(node: Node<'_>, name: &str) -> Option<Box<RawElement>> {
    node.child(name).filter(|n| n.mode().status).map(RawElement::copy).map(Box::new)
}

/// Prints what [`status_child`] kept.
pub(super) fn format_status(w: &mut Writer, kept: Option<&RawElement>) {
    if let Some(kept) = kept.filter(|_| w.mode().status) {
        w.element(&kept.name, kept);
    }
}

impl StorageKind {
    /// The word of `type=`.
    pub const fn type_name(&self) -> &'static str {
        match self {
            Self::File { .. } => "file",
            Self::Block { .. } => "block",
            Self::Dir { .. } => "dir",
            Self::Network(_) => "network",
            Self::Volume { .. } => "volume",
            Self::Nvme { .. } => "nvme",
            Self::VhostUser { .. } => "vhostuser",
            Self::VhostVdpa { .. } => "vhostvdpa",
        }
    }

    pub(super) fn parse(node: Node<'_>, source: Option<Node<'_>>, kind: &str) -> Result<Self> {
        let attr = |name: &str| source.and_then(|s| s.attr(name)).map(str::to_owned);
        let path = |name: &str| attr(name).filter(|p| !p.is_empty());
        Ok(match (kind, source) {
            ("file", _) => Self::File { path: path("file"), fdgroup: attr("fdgroup") },
            ("block", _) => Self::Block { path: path("dev") },
            ("dir", _) => Self::Dir { path: path("dir") },
            ("network", Some(source)) => Self::Network(Box::new(NetworkSource::parse(source)?)),
            ("network", None) => return Err(node.missing_child("source")),
            ("volume", None) => Self::Volume { pool: None, volume: None, mode: None, resolved: None },
            ("volume", Some(source)) => {
                let (pool, volume): (Option<String>, Option<String>) = (source.value("pool")?, source.value("volume")?);
                if pool.is_some() != volume.is_some() {
                    return Err(source.error("'pool' and 'volume' stand together or not at all"));
                }
                let resolved = if source.mode().status { ResolvedVolume::parse(source)?.map(Box::new) } else { None };
                Self::Volume { pool, volume, mode: source.value("mode")?, resolved }
            }
            ("nvme", Some(source)) => {
                let namespace: u64 = source.require("namespace")?;
                if namespace == 0 {
                    return Err(source.bad_attr("namespace", "0", "a number above 0"));
                }
                let address = source.child("address").ok_or_else(|| source.missing_child("address"))?;
                Self::Nvme { namespace, managed: source.value("managed")?, address: PciAddress::parse(address)? }
            }
            ("vhostuser", Some(source)) => {
                if let Some(other) = source.attr("type").filter(|t| *t != "unix") {
                    return Err(source.bad_attr("type", other, "unix"));
                }
                Self::VhostUser { path: path("path"), reconnect: source.child_element("reconnect")? }
            }
            ("vhostvdpa", Some(source)) => Self::VhostVdpa { path: source.require("dev")? },
            ("nvme" | "vhostuser" | "vhostvdpa", None) => return Err(node.missing_child("source")),
            (other, _) => {
                return Err(node.bad_attr(
                    "type",
                    other,
                    "file, block, dir, network, volume, nvme, vhostuser, vhostvdpa",
                ));
            }
        })
    }

    pub(super) fn format_attrs(&self, w: &mut Writer) {
        match self {
            Self::File { path, fdgroup } => {
                w.attr_opt("file", path.as_ref());
                w.attr_opt("fdgroup", fdgroup.as_ref());
            }
            Self::Block { path } => w.attr_opt("dev", path.as_ref()),
            Self::Dir { path } => w.attr_opt("dir", path.as_ref()),
            Self::Network(net) => {
                w.attr("protocol", &net.protocol);
                w.attr_opt("name", net.name.as_ref());
                w.attr_opt("query", net.query.as_ref());
                w.attr_opt("tls", net.tls.as_ref());
                if w.mode().status {
                    w.attr_opt("tlsFromConfig", net.tls_from_config.as_ref());
                }
                w.attr_opt("tlsHostname", net.tls_hostname.as_ref());
            }
            Self::Volume { pool, volume, mode, resolved } => {
                w.attr_opt("pool", pool.as_ref());
                w.attr_opt("volume", volume.as_ref());
                w.attr_opt("mode", mode.as_ref());
                if let Some(resolved) = resolved.as_ref().filter(|_| w.mode().status) {
                    w.attr_str("actualType", resolved.kind.type_name());
                    resolved.kind.format_attrs(w);
                }
            }
            Self::Nvme { namespace, managed, .. } => {
                w.attr_str("type", "pci");
                w.attr_opt("managed", managed.as_ref());
                w.attr("namespace", namespace);
            }
            Self::VhostUser { path, .. } => {
                w.attr_str("type", "unix");
                w.attr_opt("path", path.as_ref());
            }
            Self::VhostVdpa { path } => w.attr("dev", path),
        }
    }

    pub(super) fn format_children(&self, w: &mut Writer) {
        match self {
            Self::Network(net) => net.format_children(w),
            Self::Volume { resolved: Some(resolved), .. } if w.mode().status => resolved.kind.format_children(w),
            Self::Nvme { address, .. } => {
                w.open("address");
                address.format_place(w);
                w.close();
            }
            Self::VhostUser { reconnect: Some(reconnect), .. } => w.element("reconnect", reconnect),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::xml::{Document, ReadMode, WriteMode};

    fn print(source: &StorageSource, status: bool) -> String {
        let mut w = Writer::new(WriteMode { live: true, status, ..WriteMode::default() });
        w.open("disk");
        source.format_source(&mut w);
        w.close();
        w.finish()
    }

    #[test]
    fn where_a_volume_is_stands_in_status_files_only() {
        let unit = "<disk>
  <source pool='p' volume='unit:0:0:1' mode='direct' actualType='network' protocol='iscsi' name='iqn/1' index='2'>
    <host name='h' port='3260'/>
    <auth username='me'>
      <secret type='iscsi' usage='s'/>
    </auth>
  </source>
</disk>
";
        let file = "<disk>\n  <source pool='p' volume='v' actualType='file' file='/t/v' index='1'/>\n</disk>\n";
        for xml in [unit, file] {
            let document = Document::parse(xml).unwrap().with_mode(ReadMode { live: true, status: true });
            let source = StorageSource::parse_typed(document.root(), "volume").unwrap();
            assert_eq!(print(&source, true), xml);
            let shown = print(&source, false);
            assert!(!shown.contains("actualType") && !shown.contains("/t/v") && !shown.contains("auth"), "{shown}");
            match source.actual() {
                StorageKind::Network(network) => assert_eq!(network.name.as_deref(), Some("iqn/1")),
                _ => assert_eq!(source.path(), Some("/t/v")),
            }
            assert_eq!(source.login().is_some(), source.path().is_none());
        }
    }
}
