//! The `<sysinfo>` document about a host.

use oxivirt_core::{Error, Result};

use super::strings::{block, entries};
use super::{SysInfo, SysInfoEntry};
use crate::xml::{Document, Element, Node, WriteMode, Writer};

/// What the firmware says about a host.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HostSysInfo {
    /// BIOS, machine, boards, chassis and strings of the vendor.
    pub strings: SysInfo,
    /// One list per processor.
    pub processors: Vec<Vec<SysInfoEntry>>,
    /// One list per memory device.
    pub memory_devices: Vec<Vec<SysInfoEntry>>,
}

const PROCESSOR: [&str; 11] = [
    "socket_destination",
    "type",
    "family",
    "manufacturer",
    "signature",
    "version",
    "external_clock",
    "max_speed",
    "status",
    "serial_number",
    "part_number",
];
const MEMORY_DEVICE: [&str; 10] = [
    "size",
    "form_factor",
    "locator",
    "bank_locator",
    "type",
    "type_detail",
    "speed",
    "manufacturer",
    "serial_number",
    "part_number",
];

impl HostSysInfo {
    /// Reads a document.
    ///
    /// Errors: `XML_DETAIL` not well formed; `XML_ERROR` a type or a date that
    /// means nothing.
    pub fn parse(xml: &str) -> Result<Self> {
        let document = Document::parse(xml)?;
        let root = document.root();
        if root.name() != "sysinfo" {
            return Err(Error::xml(format!("expecting root element of 'sysinfo', not '{}'", root.name())));
        }
        let list = |name: &str, known: &[&str]| {
            let all = root.children_named(name).map(|node: Node<'_>| entries(node, known));
            all.filter(|list| !matches!(list, Ok(list) if list.is_empty())).collect::<Result<Vec<_>>>()
        };
        Ok(Self {
            strings: SysInfo::parse(root)?,
            processors: list("processor", &PROCESSOR)?,
            memory_devices: list("memory_device", &MEMORY_DEVICE)?,
        })
    }

    /// Prints the document.
    pub fn format(&self) -> String {
        let mut w = Writer::new(WriteMode::default());
        w.open("sysinfo");
        w.attr("type", &self.strings.kind);
        self.strings.format_tables(&mut w);
        for processor in &self.processors {
            block(&mut w, "processor", processor);
        }
        for device in &self.memory_devices {
            block(&mut w, "memory_device", device);
        }
        self.strings.format_rest(&mut w);
        w.finish()
    }
}
