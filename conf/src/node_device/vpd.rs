//! `<capability type='vpd'>`: what the maker wrote into a device.

use oxivirt_core::Result;

use super::number::{require_text, text};
use crate::xml::{Element, Node, Writer};

/// Vital product data.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Vpd {
    /// The name of the product.
    pub name: String,
    /// What the maker wrote for good.
    pub read_only: Option<VpdReadOnly>,
    /// What can be written.
    pub read_write: Option<VpdReadWrite>,
}

/// `<fields access='readonly'>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "fields are named as the elements they hold")]
pub struct VpdReadOnly {
    pub change_level: Option<String>,
    pub manufacture_id: Option<String>,
    pub part_number: Option<String>,
    pub serial_number: Option<String>,
    /// Index (`0`-`9`, `A`-`Z`) and text.
    pub vendor_fields: Vec<(char, String)>,
}

/// `<fields access='readwrite'>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "fields are named as the elements they hold")]
pub struct VpdReadWrite {
    pub asset_tag: Option<String>,
    /// Index (`0`-`9`, `A`-`Z`) and text.
    pub vendor_fields: Vec<(char, String)>,
    /// Index (`0`-`9`, `B`-`Z`) and text.
    pub system_fields: Vec<(char, String)>,
}

/// The system field that is the asset tag.
const ASSET_TAG: char = 'A';

/// All children of this name with their indices; of one index the last.
fn indexed(node: Node<'_>, name: &str) -> Result<Vec<(char, String)>> {
    let mut fields: Vec<(char, String)> = Vec::new();
    for child in node.children_named(name) {
        let index: String = child.require("index")?;
        let mut letters = index.chars();
        let (Some(letter), None) = (letters.next().filter(is_index), letters.next()) else {
            return Err(child.bad_attr("index", &index, "one of 0-9, A-Z"));
        };
        let text = child.text();
        if text.is_empty() {
            continue;
        }
        match fields.iter_mut().find(|(other, _)| *other == letter) {
            Some((_, old)) => *old = text.into_owned(),
            None => fields.push((letter, text.into_owned())),
        }
    }
    Ok(fields)
}

fn is_index(c: &char) -> bool {
    c.is_ascii_digit() || c.is_ascii_uppercase()
}

fn format_indexed(w: &mut Writer, name: &str, fields: &[(char, String)]) {
    for (index, text) in fields {
        w.open(name);
        w.attr_str("index", index.encode_utf8(&mut [0; 4]));
        w.text(text);
        w.close();
    }
}

impl Element for Vpd {
    fn parse(node: Node<'_>) -> Result<Self> {
        let mut vpd = Self { name: require_text(node, "name")?, ..Self::default() };
        for fields in node.children_named("fields") {
            match fields.attr("access").ok_or_else(|| fields.missing_attr("access"))? {
                "readonly" => vpd.read_only = Some(Element::parse(fields)?),
                "readwrite" => vpd.read_write = Some(Element::parse(fields)?),
                other => return Err(fields.bad_attr("access", other, "readonly, readwrite")),
            }
        }
        Ok(vpd)
    }

    fn format(&self, w: &mut Writer) {
        w.leaf("name", &self.name);
        if let Some(fields) = &self.read_only {
            w.element("fields", fields);
        }
        if let Some(fields) = &self.read_write {
            w.element("fields", fields);
        }
    }
}

impl Element for VpdReadOnly {
    fn parse(node: Node<'_>) -> Result<Self> {
        Ok(Self {
            change_level: text(node, "change_level"),
            manufacture_id: text(node, "manufacture_id"),
            part_number: text(node, "part_number"),
            serial_number: text(node, "serial_number"),
            vendor_fields: indexed(node, "vendor_field")?,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.attr_str("access", "readonly");
        w.force_children();
        w.leaf_opt("change_level", self.change_level.as_ref());
        w.leaf_opt("manufacture_id", self.manufacture_id.as_ref());
        w.leaf_opt("part_number", self.part_number.as_ref());
        w.leaf_opt("serial_number", self.serial_number.as_ref());
        format_indexed(w, "vendor_field", &self.vendor_fields);
    }
}

impl Element for VpdReadWrite {
    fn parse(node: Node<'_>) -> Result<Self> {
        let mut system_fields = indexed(node, "system_field")?;
        let tag = system_fields.iter().position(|(index, _)| *index == ASSET_TAG);
        let tag = tag.map(|at| system_fields.remove(at).1);
        Ok(Self {
            asset_tag: tag.or_else(|| text(node, "asset_tag")),
            vendor_fields: indexed(node, "vendor_field")?,
            system_fields,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.attr_str("access", "readwrite");
        w.force_children();
        w.leaf_opt("asset_tag", self.asset_tag.as_ref());
        format_indexed(w, "vendor_field", &self.vendor_fields);
        format_indexed(w, "system_field", &self.system_fields);
    }
}
