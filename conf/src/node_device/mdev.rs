//! Mediated devices, and the types of them that a device offers.

use oxivirt_core::Result;
use uuid::Uuid;

use super::number::{require_decimal, require_text, text};
use crate::xml::{Element, Node, Writer};

/// `<capability type='mdev'>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MdevDevice {
    /// Unique below its parent; a new device may leave it open.
    pub uuid: Option<Uuid>,
    /// What it is now.
    pub active: MdevConfig,
    /// What it is when it is started next.
    pub defined: MdevConfig,
    /// The address of its parent. A run-time fact: printed, not read.
    pub parent_addr: Option<String>,
    /// Number of its IOMMU group, 0 when unknown.
    pub iommu_group: u32,
}

/// What can be chosen of a mediated device.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MdevConfig {
    /// One of the types that the parent offers.
    pub type_id: String,
    /// Names and values, in the order in which they are written to sysfs; a name may stand more than once.
    pub attributes: Vec<(String, String)>,
}

/// One entry of `<capability type='mdev_types'>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MdevType {
    /// Its name below the parent's folder in sysfs.
    pub id: String,
    /// A text for people.
    pub name: Option<String>,
    /// How a guest gets it, such as `vfio-pci`.
    pub device_api: String,
    /// How many more can be made.
    pub available_instances: u32,
}

impl MdevConfig {
    fn parse(node: Node<'_>) -> Result<Self> {
        let kind = node.child("type").ok_or_else(|| node.missing_child("type"))?;
        let type_id = kind.attr("id").filter(|id| !id.is_empty()).ok_or_else(|| kind.missing_attr("id"))?;
        let mut attributes = Vec::new();
        for child in node.children_named("attr") {
            if let (Some(name), Some(value)) = (child.attr("name"), child.attr("value"))
                && !name.is_empty()
                && !value.is_empty()
            {
                attributes.push((name.to_owned(), value.to_owned()));
            }
        }
        Ok(Self { type_id: type_id.to_owned(), attributes })
    }
}

impl Element for MdevDevice {
    fn parse(node: Node<'_>) -> Result<Self> {
        let config = MdevConfig::parse(node)?;
        let uuid = node.child("uuid").filter(|uuid| !uuid.text().is_empty());
        let group = node.child("iommuGroup").map(|group| group.value("number")).transpose()?.flatten();
        Ok(Self {
            uuid: uuid.map(|uuid| uuid.text_value()).transpose()?,
            active: config.clone(),
            defined: config,
            parent_addr: None,
            iommu_group: group.unwrap_or(0),
        })
    }

    fn format(&self, w: &mut Writer) {
        let config = if w.mode().live { &self.active } else { &self.defined };
        w.open("type");
        w.attr("id", &config.type_id);
        w.close();
        w.leaf_opt("uuid", self.uuid.as_ref());
        w.leaf_opt("parent_addr", self.parent_addr.as_ref());
        w.open("iommuGroup");
        w.attr("number", &self.iommu_group);
        w.close();
        for (name, value) in &config.attributes {
            w.open("attr");
            w.attr("name", name);
            w.attr("value", value);
            w.close();
        }
    }
}

impl Element for MdevType {
    fn parse(node: Node<'_>) -> Result<Self> {
        Ok(Self {
            id: node.require("id")?,
            name: text(node, "name"),
            device_api: require_text(node, "deviceAPI")?,
            available_instances: require_decimal(node, "availableInstances")?,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("id", &self.id);
        w.leaf_opt("name", self.name.as_ref());
        w.leaf("deviceAPI", &self.device_api);
        w.leaf("availableInstances", &self.available_instances);
    }
}

/// The types inside `<capability type='mdev_types'>`.
pub(super) fn parse_types(node: Node<'_>) -> Result<Vec<MdevType>> {
    node.child_elements("type")
}

/// Prints `<capability type='mdev_types'>` unless there are none.
pub(super) fn format_types(w: &mut Writer, types: &[MdevType]) {
    if !types.is_empty() {
        w.open("capability");
        w.attr_str("type", "mdev_types");
        w.elements("type", types);
        w.close();
    }
}

/// The types among the inner capabilities of a device that has no others.
pub(super) fn types_of(node: Node<'_>) -> Result<Vec<MdevType>> {
    let mut types = Vec::new();
    for child in node.children_named("capability") {
        if child.attr("type").ok_or_else(|| child.missing_attr("type"))? == "mdev_types" {
            types = parse_types(child)?;
        }
    }
    Ok(types)
}
