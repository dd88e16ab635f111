//! `<metadata>` and the drivers' own namespaces.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use std::collections::HashSet;

use oxivirt_core::Result;

use crate::xml::{Element, Node, RawElement, RawNode, Writer};
use crate::xml_enum;

/// Reads `<metadata>`: of each namespace the first element, the rest goes;
/// `None` when nothing is left.
pub(crate) fn parse_metadata(node: Node<'_>) -> Option<RawElement> {
    let mut seen = HashSet::new();
    let keep: Vec<bool> = node.children().map(|child| child.namespace().is_some_and(|uri| seen.insert(uri))).collect();
    let mut raw = RawElement::copy(node);
    let mut keep = keep.into_iter();
    raw.children.retain(|child| !matches!(child, RawNode::Element(_)) || keep.next() == Some(true));
    let any = raw.elements().next().is_some();
    any.then_some(raw)
}

/// Namespace of `<qemu:commandline>`.
pub const QEMU_NAMESPACE: &str = "http://libvirt.org/schemas/domain/qemu/1.0";
const LXC_NAMESPACE: &str = "http://libvirt.org/schemas/domain/lxc/1.0";
const XEN_NAMESPACE: &str = "http://libvirt.org/schemas/domain/xen/1.0";
const BHYVE_NAMESPACE: &str = "http://libvirt.org/schemas/domain/bhyve/1.0";
const VMWARE_NAMESPACE: &str = "http://libvirt.org/schemas/domain/vmware/1.0";

/// What a document says in the namespace of one hypervisor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DriverNamespace {
    Qemu(QemuNamespace),
    /// Another driver's elements, kept as they are.
    Other {
        prefix: String,
        uri: String,
        elements: Vec<RawElement>,
    },
}

/// The `qemu:` elements.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QemuNamespace {
    /// Arguments added to the command line, in order.
    pub arguments: Vec<String>,
    /// Environment variables; `None` passes the daemon's own.
    pub environment: Vec<(String, Option<String>)>,
    pub capabilities_add: Vec<String>,
    pub capabilities_del: Vec<String>,
    pub deprecation: Option<DeprecationBehavior>,
    /// Per alias of a device, properties of its frontend.
    pub overrides: Vec<DeviceOverride>,
}

xml_enum! {
    /// What QEMU does when something deprecated is used.
    pub enum DeprecationBehavior { None = "none", Omit = "omit", Reject = "reject", Crash = "crash" }
}

xml_enum! {
    /// Type of an overriding property; `remove` takes the property away.
    pub enum OverrideType { String = "string", Signed = "signed", Unsigned = "unsigned", Bool = "bool", Remove = "remove" }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeviceOverride {
    pub alias: String,
    pub frontend: Vec<OverrideProperty>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct OverrideProperty {
    #[xml(attr)]
    pub name: String,
    #[xml(attr = "type")]
    pub kind: OverrideType,
    #[xml(attr)]
    pub value: Option<String>,
}

impl DriverNamespace {
    /// Reads the elements of a known namespace below `<domain>`.
    pub(super) fn parse(domain: Node<'_>) -> Result<Option<Self>> {
        let mut found: Option<Self> = None;
        for child in domain.children() {
            // Without prefix it may still declare a namespace of its own.
            if child.prefix().is_none() && child.attr("xmlns").is_none() {
                continue;
            }
            let Some(uri) = child.namespace() else { continue };
            match uri {
                QEMU_NAMESPACE => {
                    let qemu = match &mut found {
                        Some(Self::Qemu(qemu)) => qemu,
                        _ => {
                            found = Some(Self::Qemu(QemuNamespace::default()));
                            match &mut found {
                                Some(Self::Qemu(qemu)) => qemu,
                                _ => continue,
                            }
                        }
                    };
                    qemu.parse_element(child)?;
                }
                LXC_NAMESPACE | XEN_NAMESPACE | BHYVE_NAMESPACE | VMWARE_NAMESPACE if child.prefix().is_some() => {
                    let mut raw = RawElement::copy(child);
                    raw.attrs.retain(|(name, value)| !(name.starts_with("xmlns") && value == uri));
                    match &mut found {
                        Some(Self::Other { uri: known, elements, .. }) if known == uri => elements.push(raw),
                        Some(_) => {}
                        None => {
                            found = Some(Self::Other {
                                prefix: child.prefix().unwrap_or_default().to_owned(),
                                uri: uri.to_owned(),
                                elements: vec![raw],
                            });
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(found.filter(|f| !f.is_empty()))
    }

    /// Whether there is nothing to print.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Qemu(qemu) => *qemu == QemuNamespace::default(),
            Self::Other { elements, .. } => elements.is_empty(),
        }
    }

    /// Prints the declaration for the outermost element.
    pub(super) fn format_declaration(&self, w: &mut Writer) {
        match self {
            Self::Qemu(_) => w.attr_str("xmlns:qemu", QEMU_NAMESPACE),
            Self::Other { prefix, uri, .. } => w.attr_str(&format!("xmlns:{prefix}"), uri),
        }
    }

    /// Prints the elements.
    pub(super) fn format(&self, w: &mut Writer) {
        match self {
            Self::Qemu(qemu) => qemu.format(w),
            Self::Other { elements, .. } => {
                for element in elements {
                    w.element(&element.name, element);
                }
            }
        }
    }
}

/// The children of `node` with this local name.
fn named<'d>(node: Node<'d>, name: &'static str) -> impl Iterator<Item = Node<'d>> {
    node.children().filter(move |c| c.name() == name)
}

impl QemuNamespace {
    fn parse_element(&mut self, node: Node<'_>) -> Result<()> {
        match node.name() {
            "commandline" => {
                for arg in named(node, "arg") {
                    self.arguments.push(arg.require("value")?);
                }
                for env in named(node, "env") {
                    let name: String = env.require("name")?;
                    let valid = |c: char| c.is_ascii_alphanumeric() || c == '_';
                    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(valid) {
                        return Err(env.bad_attr("name", &name, "letters, digits and '_'"));
                    }
                    self.environment.push((name, env.value("value")?));
                }
            }
            "capabilities" => {
                for add in named(node, "add") {
                    self.capabilities_add.push(add.require("capability")?);
                }
                for del in named(node, "del") {
                    self.capabilities_del.push(del.require("capability")?);
                }
            }
            "deprecation" => self.deprecation = node.value("behavior")?,
            "override" => {
                for device in named(node, "device") {
                    let mut properties = Vec::new();
                    for frontend in named(device, "frontend") {
                        for property in named(frontend, "property") {
                            properties.push(OverrideProperty::parse(property)?);
                        }
                    }
                    self.overrides.push(DeviceOverride { alias: device.require("alias")?, frontend: properties });
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn format(&self, w: &mut Writer) {
        w.open("qemu:commandline");
        for argument in &self.arguments {
            w.open("qemu:arg");
            w.attr("value", argument);
            w.close();
        }
        for (name, value) in &self.environment {
            w.open("qemu:env");
            w.attr("name", name);
            w.attr_opt("value", value.as_ref());
            w.close();
        }
        w.close_or_drop();
        w.open("qemu:capabilities");
        for (list, element) in [(&self.capabilities_add, "qemu:add"), (&self.capabilities_del, "qemu:del")] {
            for capability in list {
                w.open(element);
                w.attr("capability", capability);
                w.close();
            }
        }
        w.close_or_drop();
        if let Some(behavior) = &self.deprecation {
            w.open("qemu:deprecation");
            w.attr("behavior", behavior);
            w.close();
        }
        w.open("qemu:override");
        for device in &self.overrides {
            w.open("qemu:device");
            w.attr("alias", &device.alias);
            w.open("qemu:frontend");
            for property in &device.frontend {
                w.element("qemu:property", property);
            }
            w.close();
            w.close();
        }
        w.close_or_drop();
    }
}
