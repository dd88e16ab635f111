//! `<filterref>`: another filter with the values of its variables.

use std::collections::BTreeMap;

use oxivirt_core::Result;

use super::Variable;
use crate::xml::{Element, Node, Writer};

/// A filter by name, with parameters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FilterReference {
    /// The name of the filter.
    pub filter: String,
    /// By name, the values in order.
    pub parameters: BTreeMap<String, Vec<String>>,
}

impl FilterReference {
    /// Whether a parameter may have this value.
    pub fn is_value(value: &str) -> bool {
        let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ':');
        !value.is_empty() && value.chars().all(valid)
    }
}

impl Element for FilterReference {
    /// Parameters without name or value, or with characters that neither may
    /// have, are left out, as they always were.
    fn parse(node: Node<'_>) -> Result<Self> {
        let mut parameters = BTreeMap::<_, Vec<_>>::new();
        for child in node.children_named("parameter") {
            if let (Some(name), Some(value)) = (child.attr("name"), child.attr("value"))
                && Variable::is_name(name)
                && Self::is_value(value)
            {
                parameters.entry(name.to_owned()).or_default().push(value.to_owned());
            }
        }
        Ok(Self { filter: node.require("filter")?, parameters })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("filter", &self.filter);
        for (name, values) in &self.parameters {
            for value in values {
                w.open("parameter");
                w.attr("name", name);
                w.attr("value", value);
                w.close();
            }
        }
    }
}
