//! `<device>`.

use oxivirt_core::Result;

use super::Capability;
use super::number::{require_text, text};
use crate::xml::{Document, Node, WriteMode, Writer};
use crate::xml_enum;

/// A device of the host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NodeDeviceDefinition {
    /// Unique on a host, such as `pci_0000_00_02_0`.
    pub name: String,
    /// Its folder in sysfs.
    pub path: Option<String>,
    /// Its file in `/dev`.
    pub devnode: Option<String>,
    /// Links to that file.
    pub devlinks: Vec<String>,
    /// The name of the device it hangs on.
    pub parent: Option<String>,
    /// The fibre channel adapter it is to hang on; read only, never printed.
    pub parent_hba: ParentHba,
    /// The driver of the kernel. A run-time fact: printed, not read.
    pub driver: Option<String>,
    /// What it is and can do, at least one.
    pub capabilities: Vec<Capability>,
}

/// How the parent of a new virtual adapter is found without its name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ParentHba {
    /// World-wide names of node and port, both or none.
    pub wwnn_wwpn: Option<(String, String)>,
    /// World-wide name of the fabric.
    pub fabric_wwn: Option<String>,
}

/// What a document is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ParseAs {
    /// A device that exists: it has a name and all its facts.
    #[default]
    Existing,
    /// A device to be made: its name comes later, and so may its world-wide
    /// names and its number.
    New,
}

/// Which side of a device is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DeviceView {
    /// As it is now.
    #[default]
    Active,
    /// As it is defined: without what only a present device has.
    Inactive,
}

/// Stands for the name until a new device has one.
const NEW_NAME: &str = "new device";

xml_enum! {
    enum DevnodeType { Dev = "dev", Link = "link" }
}

impl NodeDeviceDefinition {
    /// Reads a document.
    ///
    /// Errors: `XML_DETAIL` for text that is no XML, `XML_ERROR` for what is
    /// missing or not allowed, naming path, value and line.
    pub fn parse(xml: &str, parse_as: ParseAs) -> Result<Self> {
        let document = Document::parse(xml)?;
        let root = document.root();
        if root.qualified_name() != "device" {
            return Err(root.error(format_args!("expecting root element of 'device', not '{}'", root.name())));
        }
        Self::parse_node(root, parse_as)
    }

    /// Reads the element of a larger document.
    ///
    /// Errors: as for [`Self::parse`].
    pub fn parse_node(node: Node<'_>, parse_as: ParseAs) -> Result<Self> {
        let mut def = Self {
            name: match parse_as {
                ParseAs::Existing => require_text(node, "name")?,
                ParseAs::New => NEW_NAME.to_owned(),
            },
            path: text(node, "path"),
            parent: text(node, "parent"),
            parent_hba: node.child("parent").map(ParentHba::parse).transpose()?.unwrap_or_default(),
            ..Self::default()
        };
        for child in node.children_named("devnode") {
            let file = child.text().into_owned();
            match child.require("type")? {
                DevnodeType::Dev => def.devnode = Some(file),
                DevnodeType::Link => def.devlinks.push(file),
            }
        }
        for child in node.children_named("capability") {
            def.capabilities.push(Capability::parse(child, parse_as)?);
        }
        if def.capabilities.is_empty() {
            return Err(node.error(format_args!("no device capabilities for '{}'", def.name)));
        }
        def.capabilities.shrink_to_fit();
        Ok(def)
    }

    /// Prints the document.
    pub fn format(&self, view: DeviceView) -> String {
        let mut w = Writer::new(WriteMode { live: view == DeviceView::Active, ..WriteMode::default() });
        w.open("device");
        w.leaf("name", &self.name);
        if view == DeviceView::Active {
            w.leaf_opt("path", self.path.as_ref());
            let links = self.devlinks.iter().map(|link| (DevnodeType::Link, link));
            for (kind, file) in self.devnode.iter().map(|file| (DevnodeType::Dev, file)).chain(links) {
                w.open("devnode");
                w.attr("type", &kind);
                w.text(file);
                w.close();
            }
        }
        w.leaf_opt("parent", self.parent.as_ref());
        if let Some(driver) = self.driver.as_ref().filter(|_| view == DeviceView::Active) {
            w.open("driver");
            w.leaf("name", driver);
            w.close();
        }
        for capability in &self.capabilities {
            w.element("capability", capability);
        }
        w.close();
        w.finish()
    }
}

impl ParentHba {
    fn parse(node: Node<'_>) -> Result<Self> {
        let attr = |name: &str| node.attr(name).filter(|text| !text.is_empty()).map(str::to_owned);
        let wwnn_wwpn = match (attr("wwnn"), attr("wwpn")) {
            (Some(node), Some(port)) => Some((node, port)),
            (None, None) => None,
            (Some(_), None) => return Err(node.missing_attr("wwpn")),
            (None, Some(_)) => return Err(node.missing_attr("wwnn")),
        };
        Ok(Self { wwnn_wwpn, fabric_wwn: attr("fabric_wwn") })
    }
}
