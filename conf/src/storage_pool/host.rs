//! `<host>` of a source.

use oxivirt_core::Result;

use crate::xml::{Element, Node, Writer};

/// `<host name='example.com' port='3260'/>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SourceHost {
    /// Name or address.
    pub name: String,
    /// The port, never 0; the service's usual one when absent.
    pub port: Option<i32>,
}

impl Element for SourceHost {
    fn parse(node: Node<'_>) -> Result<Self> {
        // Documents in the field say 0 for the usual port.
        Ok(Self { name: node.require("name")?, port: node.value("port")?.filter(|port| *port != 0) })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("name", &self.name);
        w.attr_opt("port", self.port.as_ref());
    }
}
