//! `<console>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use super::serial::char_type;
use super::*;
use crate::xml::{Element, Node, Writer};

/// `<console>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Console {
    pub source: CharSource,
    /// `serial`, `virtio`, `sclp`, `lxc`, `xen`…
    pub target_type: Option<String>,
    /// `None`: the next free one, set after parsing.
    pub port: Option<u32>,
    pub info: DeviceInfo,
}

impl Element for Console {
    fn parse(node: Node<'_>) -> Result<Self> {
        let mut console = Self {
            source: CharSource::parse_typed(node, char_type(node))?,
            info: DeviceInfo::parse(node)?,
            ..Self::default()
        };
        if let (CharKind::Pty { path }, true) = (&mut console.source.kind, node.mode().live)
            && path.is_none()
        {
            *path = node.value("tty")?;
        }
        if let Some(target) = node.child("target") {
            console.target_type = target.value("type")?;
            console.port = target.decimal("port")?;
        }
        Ok(console)
    }

    fn format(&self, w: &mut Writer) {
        w.attr_str("type", self.source.type_name());
        // An old place of the path, still printed for live terminals.
        if let (CharKind::Pty { path: Some(path) }, true) = (&self.source.kind, w.mode().live)
            && self.target_type.as_deref() != Some("virtio")
        {
            w.attr("tty", path);
        }
        self.source.format_children(w);
        w.open("target");
        w.attr_opt("type", self.target_type.as_ref());
        w.attr_opt("port", self.port.as_ref());
        w.close_or_drop();
        self.info.format(w);
    }
}
