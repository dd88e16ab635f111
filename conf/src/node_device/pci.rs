//! PCI devices.

use oxivirt_core::Result;

use super::mdev::{format_types, parse_types};
use super::number::{parse_based, require_decimal, text};
use super::{MdevType, PciExpress, Vpd};
use crate::domain::devices::PciAddress;
use crate::xml::{Element, Node, Writer};
use crate::xml_enum;

/// `<capability type='pci'>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PciDevice {
    /// 24 bits.
    pub class: Option<u32>,
    /// Parts of its address.
    pub domain: u32,
    /// Parts of its address.
    pub bus: u32,
    /// Parts of its address.
    pub slot: u32,
    /// Parts of its address.
    pub function: u32,
    /// What it is.
    pub product: HardwareId,
    /// Who made it.
    pub vendor: HardwareId,
    /// Of a virtual function, the physical one.
    pub physical_function: Option<PciAddress>,
    /// Of a physical function, the virtual ones.
    pub virtual_functions: Option<VirtualFunctions>,
    /// It is a bridge.
    pub header: Option<PciHeader>,
    /// The types of mediated devices it offers.
    pub mdev_types: Vec<MdevType>,
    /// What the maker wrote into it.
    pub vpd: Option<Vpd>,
    /// Whom it can be given away with; not printed without members.
    pub iommu_group: Option<IommuGroup>,
    /// The node of memory that is near.
    pub numa_node: Option<u32>,
    /// Its link.
    pub express: Option<PciExpress>,
}

/// A number with the name it stands for: `<product id='0x10ca'>name</product>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HardwareId {
    /// The number.
    pub id: u32,
    /// The name where it is known.
    pub name: Option<String>,
}

/// `<capability type='virt_functions' maxCount='7'>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VirtualFunctions {
    /// How many there may be; 0 is unknown and does not print.
    pub max_count: u32,
    /// Those that there are.
    pub functions: Vec<PciAddress>,
}

/// `<iommuGroup number='12'>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IommuGroup {
    /// Its number.
    pub number: u32,
    /// All devices in it.
    pub devices: Vec<PciAddress>,
}

xml_enum! {
    /// What kind of bridge a device is.
    pub enum PciHeader { PciBridge = "pci-bridge", CardbusBridge = "cardbus-bridge" }
}

impl HardwareId {
    /// Reads the child called `name`.
    pub(super) fn parse(node: Node<'_>, name: &str) -> Result<Self> {
        let child = node.child(name).ok_or_else(|| node.missing_child(name))?;
        let id: String = child.require("id")?;
        Ok(Self {
            id: parse_based(id.trim(), 16).ok_or_else(|| child.bad_attr("id", &id, "a hexadecimal number"))?,
            name: text(node, name),
        })
    }

    /// Prints it as the element `name`.
    pub(super) fn format(&self, w: &mut Writer, name: &str) {
        w.open(name);
        w.attr_hex("id", self.id, 4);
        if let Some(text) = &self.name {
            w.text(text);
        }
        w.close();
    }
}

/// Prints an inner capability.
fn part(w: &mut Writer, kind: &str, inside: impl FnOnce(&mut Writer)) {
    w.open("capability");
    w.attr_str("type", kind);
    inside(w);
    w.close();
}

/// Prints `<address>` elements.
fn format_addresses(w: &mut Writer, addresses: &[PciAddress]) {
    for address in addresses {
        w.open("address");
        address.format_place(w);
        w.close();
    }
}

impl PciDevice {
    fn parse_part(&mut self, node: Node<'_>) -> Result<()> {
        match node.attr("type").ok_or_else(|| node.missing_attr("type"))? {
            "phys_function" => {
                let address = node.child_element("address")?.ok_or_else(|| node.missing_child("address"))?;
                self.physical_function = Some(address);
            }
            "virt_functions" => {
                let functions = node.child_elements("address")?;
                let max_count = node.value("maxCount")?.unwrap_or(0);
                self.virtual_functions = Some(VirtualFunctions { max_count, functions });
            }
            "mdev_types" => self.mdev_types = parse_types(node)?,
            "vpd" => self.vpd = Some(Vpd::parse(node)?),
            // Other kinds of functions are no bridges.
            other => self.header = PciHeader::from_word(other).or(self.header),
        }
        Ok(())
    }
}

impl Element for PciDevice {
    fn parse(node: Node<'_>) -> Result<Self> {
        let class = match text(node, "class") {
            None => None,
            Some(text) => {
                let class = parse_based(text.trim(), 16).filter(|class| *class <= 0x00ff_ffff);
                Some(class.ok_or_else(|| node.bad_text(&text, "a class from 0x0 to 0xffffff"))?)
            }
        };
        let numa: Option<i32> = node.child("numa").map(|numa| numa.value("node")).transpose()?.flatten();
        let mut pci = Self {
            class,
            domain: require_decimal(node, "domain")?,
            bus: require_decimal(node, "bus")?,
            slot: require_decimal(node, "slot")?,
            function: require_decimal(node, "function")?,
            product: HardwareId::parse(node, "product")?,
            vendor: HardwareId::parse(node, "vendor")?,
            iommu_group: node.child_element("iommuGroup")?,
            // -1 is the kernel's word for none.
            numa_node: numa.and_then(|node| u32::try_from(node).ok()),
            express: node.child_element("pci-express")?,
            ..Self::default()
        };
        for child in node.children_named("capability") {
            pci.parse_part(child)?;
        }
        Ok(pci)
    }

    fn format(&self, w: &mut Writer) {
        if let Some(class) = self.class {
            w.leaf_str("class", &format!("{class:#08x}"));
        }
        w.leaf("domain", &self.domain);
        w.leaf("bus", &self.bus);
        w.leaf("slot", &self.slot);
        w.leaf("function", &self.function);
        self.product.format(w, "product");
        self.vendor.format(w, "vendor");
        if let Some(address) = &self.physical_function {
            part(w, "phys_function", |w| format_addresses(w, &[*address]));
        }
        if let Some(virtual_functions) = &self.virtual_functions {
            part(w, "virt_functions", |w| {
                w.attr_opt("maxCount", Some(&virtual_functions.max_count).filter(|count| **count > 0));
                format_addresses(w, &virtual_functions.functions);
            });
        }
        if let Some(header) = &self.header {
            part(w, header.as_str(), |_| {});
        }
        format_types(w, &self.mdev_types);
        if let Some(vpd) = &self.vpd {
            part(w, "vpd", |w| vpd.format(w));
        }
        if let Some(group) = self.iommu_group.as_ref().filter(|group| !group.devices.is_empty()) {
            w.element("iommuGroup", group);
        }
        if let Some(node) = &self.numa_node {
            w.open("numa");
            w.attr("node", node);
            w.close();
        }
        if let Some(express) = &self.express {
            w.element("pci-express", express);
        }
    }
}

impl Element for IommuGroup {
    fn parse(node: Node<'_>) -> Result<Self> {
        Ok(Self { number: node.require("number")?, devices: node.child_elements("address")? })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("number", &self.number);
        format_addresses(w, &self.devices);
    }
}
