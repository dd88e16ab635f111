//! `<source>`: what the pool is made of.

use oxivirt_core::{Error, ErrorCode, Result};

use super::{Adapter, PoolAuth, PoolFormat, PoolType, SourceDevice, SourceHost, tidy_path, unsupported};
use crate::xml::{Document, Element, Node, Writer};

/// `<source>`; of the parts, only those that the pool's type has are kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PoolSource {
    /// Where it is served.
    pub hosts: Vec<SourceHost>,
    /// The devices.
    pub devices: Vec<SourceDevice>,
    /// The folder on the host.
    pub dir: Option<String>,
    /// The SCSI host.
    pub adapter: Option<Adapter>,
    /// Volume group, Ceph pool, Gluster volume…
    pub name: Option<String>,
    /// The iSCSI name that this host calls itself.
    pub initiator: Option<String>,
    /// The format; some exactly where the type has formats.
    pub format: Option<PoolFormat>,
    /// How one logs in.
    pub auth: Option<PoolAuth>,
    /// Version of the protocol, of NFS.
    pub protocol_version: Option<String>,
    /// Who made the device.
    pub vendor: Option<String>,
    /// What the device is.
    pub product: Option<String>,
}

impl PoolSource {
    /// A source of which nothing is known.
    pub fn empty(kind: PoolType) -> Self {
        Self { format: kind.default_format(), ..Self::default() }
    }

    /// Reads what a search for sources is limited to: a document whose
    /// outermost element is `<source>`. Nothing in it is required.
    ///
    /// Errors: `XML_DETAIL` not well formed; `XML_ERROR` a value that means
    /// nothing; `CONFIG_UNSUPPORTED` an unknown format.
    pub fn parse_spec(xml: &str, kind: PoolType) -> Result<Self> {
        let document = Document::parse(xml)?;
        let root = document.root();
        if root.name() != "source" {
            return Err(Error::xml(format!("expecting root element of 'source', not '{}'", root.name())));
        }
        Self::parse(root, kind)
    }

    /// Reads the element of a pool.
    pub(super) fn parse(node: Node<'_>, kind: PoolType) -> Result<Self> {
        let parts = kind.source_parts();
        let attr = |child: &str, attr: &str| {
            node.child(child).and_then(|c| c.attr(attr)).filter(|v| !v.is_empty()).map(str::to_owned)
        };
        let hosts = node.child_elements("host")?;
        let devices = node.child_elements("device")?;
        let version = attr("protocol", "ver");
        if let Some(version) = version.as_ref().filter(|version| version.contains(',')) {
            let text = format!("storage pool protocol ver '{version}' must not contain ','");
            return Err(Error::new(ErrorCode::XML_DETAIL, format!("line {}: {text}", node.line())));
        }
        let format = match attr("format", "type") {
            Some(word) if kind.default_format().is_some() => {
                Some(PoolFormat::from_word(kind, &word).ok_or_else(|| {
                    let allowed = PoolFormat::words(kind).join(", ");
                    unsupported(node, format_args!("unknown pool format type '{word}', allowed: {allowed}"))
                })?)
            }
            _ => kind.default_format(),
        };
        let adapter =
            if parts.adapter { node.child("adapter").map(Adapter::parse).transpose()?.flatten() } else { None };
        let name = node.child_text("name").filter(|n| parts.name && !n.is_empty()).map(|n| n.into_owned());
        let initiator = node.child("initiator").and_then(|i| i.child("iqn")).and_then(|i| i.attr("name"));
        Ok(Self {
            hosts: if parts.hosts { hosts } else { Vec::new() },
            devices: if parts.devices { devices } else { Vec::new() },
            dir: attr("dir", "path").filter(|_| parts.dir).map(|dir| tidy_path(&dir)),
            adapter,
            name,
            initiator: initiator.filter(|i| parts.initiator && !i.is_empty()).map(str::to_owned),
            format,
            auth: node.child_element("auth")?,
            protocol_version: version,
            vendor: attr("vendor", "name"),
            product: attr("product", "name"),
        })
    }

    /// Fills in what follows from the pool's name, and checks that the parts
    /// that the type needs are there.
    pub(super) fn complete(&mut self, node: Node<'_>, kind: PoolType, pool: &str) -> Result<()> {
        let parts = kind.source_parts();
        let missing = |what: &str| Err(node.error(format_args!("missing storage pool source {what}")));
        if parts.hosts && self.hosts.is_empty() {
            return missing("host name");
        }
        if parts.name && self.name.is_none() {
            self.name = Some(pool.to_owned());
        }
        match kind {
            PoolType::NetFs if self.dir.is_none() => return missing("path"),
            PoolType::IscsiDirect if self.initiator.is_none() => {
                return Err(unsupported(node, "missing initiator IQN"));
            }
            PoolType::Gluster => _ = self.dir.get_or_insert_with(|| "/".to_owned()),
            _ => {}
        }
        if kind.needs_device() && self.devices.is_empty() {
            return missing("device name");
        }
        if parts.adapter && self.adapter.is_none() {
            return missing("adapter");
        }
        Ok(())
    }
}

/// Prints `<name attr='value'/>`.
fn one(w: &mut Writer, name: &str, attr: &str, value: Option<&String>) {
    if let Some(value) = value {
        w.open(name);
        w.attr(attr, value);
        w.close();
    }
}

impl PoolSource {
    /// Prints `<source>`, even when nothing is inside.
    pub(super) fn format(&self, w: &mut Writer) {
        w.open("source");
        w.force_children();
        w.elements("host", &self.hosts);
        w.elements("device", &self.devices);
        one(w, "dir", "path", self.dir.as_ref());
        if let Some(adapter) = &self.adapter {
            w.open("adapter");
            adapter.format(w);
            w.close();
        }
        w.leaf_opt("name", self.name.as_ref());
        if let Some(initiator) = &self.initiator {
            w.open("initiator");
            one(w, "iqn", "name", Some(initiator));
            w.close();
        }
        if let Some(format) = self.format {
            w.open("format");
            w.attr_str("type", format.as_str());
            w.close();
        }
        if let Some(auth) = &self.auth {
            w.open("auth");
            Element::format(auth, w);
            w.close();
        }
        one(w, "protocol", "ver", self.protocol_version.as_ref());
        one(w, "vendor", "name", self.vendor.as_ref());
        one(w, "product", "name", self.product.as_ref());
        w.close();
    }
}
