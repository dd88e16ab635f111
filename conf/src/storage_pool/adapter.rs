//! `<adapter>` of a source: the SCSI host whose units are the volumes.

use oxivirt_core::Result;

use crate::domain::devices::PciAddress;
use crate::xml::{Element, Node, Writer, YesNo};

/// The SCSI host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Adapter {
    /// `<adapter type='scsi_host' name='host0'/>`; numbers change with every boot.
    ScsiHost {
        /// `host0`, or `scsi_host0`.
        name: String,
    },
    /// `<adapter type='scsi_host'><parentaddr unique_id='1'>…`: found by its place.
    ScsiHostAt(ScsiHostParent),
    /// `<adapter type='fc_host' …>`: a virtual Fibre Channel host.
    FcHost(Box<FcHost>),
}

/// Where a SCSI host sits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScsiHostParent {
    /// Which of the hosts at that address, as sysfs counts them.
    pub unique_id: u32,
    /// The PCI device.
    pub address: PciAddress,
}

/// A virtual Fibre Channel host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FcHost {
    /// The host that it is made on.
    pub parent: FcParent,
    /// Whether it goes with the pool.
    pub managed: Option<YesNo>,
    /// World wide name of the node, 16 hexadecimal digits.
    pub wwnn: String,
    /// World wide name of the port.
    pub wwpn: String,
}

/// How the parent is found; each may be absent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FcParent {
    /// By its name, `scsi_host5`.
    pub name: Option<String>,
    /// By the names of its node and port.
    pub wwnn_wwpn: Option<(String, String)>,
    /// By the fabric.
    pub fabric_wwn: Option<String>,
}

/// A world wide name that is well formed.
fn wwn(node: Node<'_>, name: &str) -> Result<Option<String>> {
    let Some(text) = node.attr(name) else { return Ok(None) };
    let digits = text.strip_prefix("0x").unwrap_or(text);
    if digits.len() != 16 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(node.bad_attr(name, text, "16 hexadecimal digits"));
    }
    Ok(Some(text.to_owned()))
}

impl Adapter {
    /// Reads it; an element that says nothing is none.
    pub(super) fn parse(node: Node<'_>) -> Result<Option<Self>> {
        match node.attr("type") {
            None => Self::parse_untyped(node),
            Some("scsi_host") => Self::parse_scsi_host(node).map(Some),
            Some("fc_host") => Self::parse_fc_host(node).map(Some),
            Some(other) => Err(node.bad_attr("type", other, "scsi_host, fc_host")),
        }
    }

    /// The form of the time before there were types.
    fn parse_untyped(node: Node<'_>) -> Result<Option<Self>> {
        if node.child("parentaddr").is_some() || ["wwnn", "wwpn", "parent"].iter().any(|a| node.attr(a).is_some()) {
            return Err(node.error("'wwnn', 'wwpn', 'parent' and <parentaddr> need the adapter's 'type'"));
        }
        Ok(node.value("name")?.map(|name| Self::ScsiHost { name }))
    }

    fn parse_scsi_host(node: Node<'_>) -> Result<Self> {
        match (node.value("name")?, node.child("parentaddr")) {
            (Some(name), None) => Ok(Self::ScsiHost { name }),
            (None, Some(parent)) => {
                let address = parent.child("address").ok_or_else(|| parent.missing_child("address"))?;
                let address = PciAddress { multifunction: None, zpci: None, ..PciAddress::parse(address)? };
                Ok(Self::ScsiHostAt(ScsiHostParent { unique_id: parent.require("unique_id")?, address }))
            }
            (Some(_), Some(_)) => Err(node.error("'name' and <parentaddr> exclude each other")),
            (None, None) => Err(node.error("either 'name' or <parentaddr> is needed")),
        }
    }

    fn parse_fc_host(node: Node<'_>) -> Result<Self> {
        let need = |name| wwn(node, name)?.ok_or_else(|| node.missing_attr(name));
        let wwnn_wwpn = match (wwn(node, "parent_wwnn")?, wwn(node, "parent_wwpn")?) {
            (Some(wwnn), Some(wwpn)) => Some((wwnn, wwpn)),
            (None, None) => None,
            _ => {
                return Err(node.error("'parent_wwnn' and 'parent_wwpn' stand together or not at all"));
            }
        };
        let parent = FcParent { name: node.value("parent")?, wwnn_wwpn, fabric_wwn: wwn(node, "parent_fabric_wwn")? };
        let managed = node.value("managed")?;
        Ok(Self::FcHost(Box::new(FcHost { parent, managed, wwnn: need("wwnn")?, wwpn: need("wwpn")? })))
    }

    /// Prints it into the open element.
    pub(super) fn format(&self, w: &mut Writer) {
        match self {
            Self::ScsiHost { name } => {
                w.attr_str("type", "scsi_host");
                w.attr("name", name);
            }
            Self::ScsiHostAt(parent) => {
                w.attr_str("type", "scsi_host");
                w.open("parentaddr");
                w.attr("unique_id", &parent.unique_id);
                w.open("address");
                parent.address.format_place(w);
                w.close();
                w.close();
            }
            Self::FcHost(host) => {
                w.attr_str("type", "fc_host");
                w.attr_opt("parent", host.parent.name.as_ref());
                if let Some((wwnn, wwpn)) = &host.parent.wwnn_wwpn {
                    w.attr("parent_wwnn", wwnn);
                    w.attr("parent_wwpn", wwpn);
                }
                w.attr_opt("parent_fabric_wwn", host.parent.fabric_wwn.as_ref());
                w.attr_opt("managed", host.managed.as_ref());
                w.attr("wwnn", &host.wwnn);
                w.attr("wwpn", &host.wwpn);
            }
        }
    }
}
