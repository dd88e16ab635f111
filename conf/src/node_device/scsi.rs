//! SCSI adapters, targets and units.

use oxivirt_core::Result;

use super::ParseAs;
use super::number::{decimal, require_decimal, require_text, text};
use crate::xml::{Element, Node, Writer};

/// `<capability type='scsi_host'>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScsiHost {
    /// Its number; a new adapter has none yet.
    pub host: Option<u32>,
    /// The kernel's number that tells adapters of one card apart.
    pub unique_id: Option<u32>,
    /// It speaks fibre channel.
    pub fc_host: Option<FcHost>,
    /// Virtual adapters can be made on it.
    pub vport_ops: Option<VportOps>,
}

/// World-wide names of an adapter. A new one may have none yet: then they are
/// to be made up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "fields are named as the elements they hold")]
pub struct FcHost {
    pub wwnn: Option<String>,
    pub wwpn: Option<String>,
    pub fabric_wwn: Option<String>,
}

/// How many virtual adapters there are and may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "fields are named as the elements they hold")]
pub struct VportOps {
    pub max_vports: u32,
    pub vports: u32,
}

/// `<capability type='scsi_target'>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScsiTarget {
    /// Its name.
    pub target: String,
    /// It is reached over fibre channel.
    pub remote_port: Option<FcRemotePort>,
}

/// `<capability type='fc_remote_port'>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "fields are named as the elements they hold")]
pub struct FcRemotePort {
    pub rport: String,
    pub wwpn: String,
}

/// `<capability type='scsi'>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "fields are named as the elements they hold")]
pub struct ScsiDevice {
    pub host: u32,
    pub bus: u32,
    pub target: u32,
    pub lun: u32,
    pub kind: Option<String>,
}

impl ScsiHost {
    pub(super) fn parse(node: Node<'_>, parse_as: ParseAs) -> Result<Self> {
        let mut host = Self {
            host: match parse_as {
                ParseAs::Existing => Some(require_decimal(node, "host")?),
                ParseAs::New => None,
            },
            // The kernel says -1 where there is none.
            unique_id: match text(node, "unique_id").as_deref().map(str::trim) {
                Some("-1") => None,
                _ => decimal(node, "unique_id")?,
            },
            ..Self::default()
        };
        for child in node.children_named("capability") {
            match child.attr("type").ok_or_else(|| child.missing_attr("type"))? {
                "fc_host" => host.fc_host = Some(FcHost::parse(child, parse_as)?),
                "vport_ops" => {
                    host.vport_ops = Some(VportOps {
                        max_vports: decimal(child, "max_vports")?.unwrap_or(0),
                        vports: decimal(child, "vports")?.unwrap_or(0),
                    });
                }
                other => return Err(child.bad_attr("type", other, "fc_host, vport_ops")),
            }
        }
        Ok(host)
    }

    pub(super) fn format(&self, w: &mut Writer) {
        w.leaf_opt("host", self.host.as_ref());
        w.leaf_opt("unique_id", self.unique_id.as_ref());
        if let Some(fc) = &self.fc_host {
            w.open("capability");
            w.attr_str("type", "fc_host");
            w.leaf_opt("wwnn", fc.wwnn.as_ref());
            w.leaf_opt("wwpn", fc.wwpn.as_ref());
            w.leaf_opt("fabric_wwn", fc.fabric_wwn.as_ref());
            w.close();
        }
        if let Some(ops) = &self.vport_ops {
            w.open("capability");
            w.attr_str("type", "vport_ops");
            w.leaf("max_vports", &ops.max_vports);
            w.leaf("vports", &ops.vports);
            w.close();
        }
    }
}

impl FcHost {
    fn parse(node: Node<'_>, parse_as: ParseAs) -> Result<Self> {
        let name = |element: &str| match parse_as {
            ParseAs::Existing => require_text(node, element).map(Some),
            ParseAs::New => Ok(text(node, element)),
        };
        Ok(Self { wwnn: name("wwnn")?, wwpn: name("wwpn")?, fabric_wwn: text(node, "fabric_wwn") })
    }
}

impl Element for ScsiTarget {
    fn parse(node: Node<'_>) -> Result<Self> {
        let mut target = Self { target: require_text(node, "target")?, remote_port: None };
        for child in node.children_named("capability") {
            match child.attr("type").ok_or_else(|| child.missing_attr("type"))? {
                "fc_remote_port" => {
                    let (rport, wwpn) = (require_text(child, "rport")?, require_text(child, "wwpn")?);
                    target.remote_port = Some(FcRemotePort { rport, wwpn });
                }
                other => return Err(child.bad_attr("type", other, "fc_remote_port")),
            }
        }
        Ok(target)
    }

    fn format(&self, w: &mut Writer) {
        w.leaf("target", &self.target);
        if let Some(port) = &self.remote_port {
            w.open("capability");
            w.attr_str("type", "fc_remote_port");
            w.leaf("rport", &port.rport);
            w.leaf("wwpn", &port.wwpn);
            w.close();
        }
    }
}

impl Element for ScsiDevice {
    fn parse(node: Node<'_>) -> Result<Self> {
        Ok(Self {
            host: require_decimal(node, "host")?,
            bus: require_decimal(node, "bus")?,
            target: require_decimal(node, "target")?,
            lun: require_decimal(node, "lun")?,
            kind: text(node, "type"),
        })
    }

    fn format(&self, w: &mut Writer) {
        w.leaf("host", &self.host);
        w.leaf("bus", &self.bus);
        w.leaf("target", &self.target);
        w.leaf("lun", &self.lun);
        w.leaf_opt("type", self.kind.as_ref());
    }
}
