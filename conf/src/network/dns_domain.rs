//! `<domain>`: the DNS domain of the network.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use crate::xml::{Node, Writer, YesNo};

/// `<domain name='example.com' localOnly='yes' register='no'/>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DnsDomain {
    pub name: String,
    /// Whether questions about it are never forwarded.
    pub local_only: Option<YesNo>,
    /// Whether the host's resolver is told of it.
    pub register: Option<YesNo>,
}

impl DnsDomain {
    /// `None` without a name.
    pub(super) fn parse(node: Node<'_>) -> Result<Option<Self>> {
        let (local_only, register) = (node.value("localOnly")?, node.value("register")?);
        let name = node.attr("name").filter(|name| !name.is_empty());
        Ok(name.map(|name| Self { name: name.to_owned(), local_only, register }))
    }

    pub(super) fn write(&self, w: &mut Writer) {
        w.open("domain");
        w.attr("name", &self.name);
        w.attr_opt("localOnly", self.local_only.as_ref());
        w.attr_opt("register", self.register.as_ref());
        w.close();
    }
}
