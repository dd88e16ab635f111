//! `<smartcard>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use super::*;
use crate::rare::Rare;
use crate::xml::{Element, Node, Writer};

/// `<smartcard>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Smartcard {
    pub kind: SmartcardKind,
    pub info: DeviceInfo,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum SmartcardKind {
    #[default]
    Host,
    HostCertificates {
        certificates: [String; 3],
        database: Option<String>,
    },
    Passthrough(CharSource),
}

impl Element for Smartcard {
    fn parse(node: Node<'_>) -> Result<Self> {
        let kind = match node.attr("mode") {
            None => return Err(node.missing_attr("mode")),
            Some("host") => SmartcardKind::Host,
            Some("host-certificates") => {
                let certificates: Vec<String> =
                    node.children_named("certificate").map(|c| c.text_value()).collect::<Result<_>>()?;
                let certificates = <[String; 3]>::try_from(certificates).map_err(|found| {
                    node.error(format_args!("{} certificates given, exactly 3 needed", found.len()))
                })?;
                let database: Option<String> = node.child_value("database")?;
                if let Some(path) = database.as_ref().filter(|p| !p.starts_with('/')) {
                    return Err(node.error(format_args!("database '{path}' is not an absolute path")));
                }
                SmartcardKind::HostCertificates { certificates, database }
            }
            Some("passthrough") => {
                let kind = node.attr("type").ok_or_else(|| node.missing_attr("type"))?;
                SmartcardKind::Passthrough(CharSource {
                    seclabels: Rare::default(),
                    ..CharSource::parse_typed(node, kind)?
                })
            }
            Some(other) => return Err(node.bad_attr("mode", other, "host, host-certificates, passthrough")),
        };
        Ok(Self { kind, info: DeviceInfo::parse(node)? })
    }

    fn format(&self, w: &mut Writer) {
        match &self.kind {
            SmartcardKind::Host => w.attr_str("mode", "host"),
            SmartcardKind::HostCertificates { certificates, database } => {
                w.attr_str("mode", "host-certificates");
                for certificate in certificates {
                    w.leaf("certificate", certificate);
                }
                w.leaf_opt("database", database.as_ref());
            }
            SmartcardKind::Passthrough(source) => {
                w.attr_str("mode", "passthrough");
                w.attr_str("type", source.type_name());
                source.format_children(w);
            }
        }
        self.info.format(w);
    }
}
