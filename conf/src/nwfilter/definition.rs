//! `<filter>`.

use oxivirt_core::{ErrorCode, Result};
use uuid::Uuid;

use super::{Chain, FilterReference, Rule};
use crate::object::Definition;
use crate::xml::{Document, Element, Node, WriteMode, Writer};

/// A network filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NwFilterDefinition {
    /// The name, unique and without `/`.
    pub name: String,
    /// Random where the document has none.
    pub uuid: Uuid,
    /// Where its rules go.
    pub chain: Chain,
    /// Rules and other filters, in the order of the document.
    pub entries: Vec<Entry>,
}

/// A part of a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A rule.
    Rule(Rule),
    /// All that another filter says.
    Reference(FilterReference),
}

impl NwFilterDefinition {
    /// Reads a document.
    ///
    /// Errors: `XML_DETAIL` for text that is no XML; `INVALID_ARG` for a chain
    /// or its priority; `XML_ERROR` for all else that is not allowed, naming
    /// path, value, what was allowed, and line.
    pub fn parse(xml: &str) -> Result<Self> {
        let document = Document::parse(xml)?;
        let root = document.root();
        if root.qualified_name() != "filter" {
            return Err(root.error(format_args!("expecting root element of 'filter', not '{}'", root.name())));
        }
        Self::parse_element(root)
    }

    fn parse_element(node: Node<'_>) -> Result<Self> {
        let name = node.attr("name").filter(|name| !name.is_empty()).ok_or_else(|| node.missing_attr("name"))?;
        if name.contains('/') {
            return Err(node.bad_attr("name", name, "a name without '/'"));
        }
        let chain = Chain::parse(node)?;
        let uuid = node.child("uuid").filter(|uuid| !uuid.text().is_empty());
        let mut entries = Vec::new();
        for child in node.children() {
            match child.qualified_name() {
                "rule" => entries.push(Entry::Rule(Rule::parse(child)?)),
                "filterref" => entries.push(Entry::Reference(FilterReference::parse(child)?)),
                _ => {}
            }
        }
        entries.shrink_to_fit();
        Ok(Self {
            name: name.to_owned(),
            uuid: uuid.map(|uuid| uuid.text_value()).transpose()?.unwrap_or_else(Uuid::new_v4),
            chain,
            entries,
        })
    }

    /// Prints the document.
    pub fn format(&self) -> String {
        let mut w = Writer::new(WriteMode::default());
        w.open("filter");
        w.attr("name", &self.name);
        w.attr("chain", &self.chain.name);
        if self.chain.priority != 0 {
            w.attr("priority", &self.chain.priority);
        }
        w.leaf("uuid", &self.uuid);
        for entry in &self.entries {
            match entry {
                Entry::Rule(rule) => w.element("rule", rule),
                Entry::Reference(reference) => w.element("filterref", reference),
            }
        }
        w.close();
        w.finish()
    }

    /// The names of all filters that this one refers to.
    pub fn references(&self) -> impl Iterator<Item = &FilterReference> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::Reference(reference) => Some(reference),
            Entry::Rule(_) => None,
        })
    }
}

impl Definition for NwFilterDefinition {
    const NOUN: &'static str = "filter";
    const LOOKUP_NOUN: &'static str = "nwfilter";
    const MISSING: ErrorCode = ErrorCode::NO_NWFILTER;

    fn name(&self) -> &str {
        &self.name
    }

    fn uuid(&self) -> Uuid {
        self.uuid
    }
}
