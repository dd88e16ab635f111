//! `<auth>` of a source.

use oxivirt_core::Result;

use super::unsupported;
use crate::domain::SecretRef;
use crate::xml::{Element, Node, Value, Writer};
use crate::xml_enum;

xml_enum! {
    /// How one logs in.
    pub enum PoolAuthType { Chap = "chap", Ceph = "ceph" }
}

/// `<auth type='chap' username='admin'><secret usage='x'/></auth>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolAuth {
    /// How one logs in.
    pub kind: PoolAuthType,
    /// As whom.
    pub username: String,
    /// With which stored secret.
    pub secret: SecretRef,
}

impl Element for PoolAuth {
    fn parse(node: Node<'_>) -> Result<Self> {
        let username: String = node.require("username")?;
        if username.is_empty() {
            return Err(node.bad_attr("username", "", "a name"));
        }
        let secret = node.child("secret").ok_or_else(|| node.missing_child("secret"))?;
        let secret = SecretRef::parse(secret)?;
        let word = node.attr("type").unwrap_or_default();
        let kind = PoolAuthType::from_word(word).ok_or_else(|| {
            unsupported(node, format_args!("unknown auth type '{word}', allowed: {}", PoolAuthType::allowed()))
        })?;
        Ok(Self { kind, username, secret })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("type", &self.kind);
        w.attr("username", &self.username);
        w.element("secret", &self.secret);
    }
}
