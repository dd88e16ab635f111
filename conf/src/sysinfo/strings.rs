//! The strings of a `<sysinfo>` that a domain may give itself.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::{Error, ErrorCode, Result};

use crate::xml::{Element, Node, Value, Writer};
use crate::xml_enum;

xml_enum! {
    /// What a `<sysinfo>` feeds.
    pub enum SysInfoType { Smbios = "smbios", FwCfg = "fwcfg" }
}

/// `<sysinfo>`: strings for SMBIOS tables or firmware configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SysInfo {
    pub kind: SysInfoType,
    pub bios: Vec<SysInfoEntry>,
    pub system: Vec<SysInfoEntry>,
    /// One list per board.
    pub base_boards: Vec<Vec<SysInfoEntry>>,
    pub chassis: Vec<SysInfoEntry>,
    pub oem_strings: Vec<String>,
    pub fwcfg: Vec<FwCfgEntry>,
}

/// `<entry name='vendor'>LENOVO</entry>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct SysInfoEntry {
    #[xml(attr)]
    pub name: String,
    #[xml(text)]
    pub value: String,
}

/// `<entry name='opt/x' file='/path'/>` or with the value as text.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct FwCfgEntry {
    #[xml(attr)]
    pub name: String,
    #[xml(attr)]
    pub file: Option<String>,
    #[xml(text)]
    pub value: Option<String>,
}

const BIOS: [&str; 4] = ["vendor", "version", "date", "release"];
const SYSTEM: [&str; 7] = ["manufacturer", "product", "version", "serial", "uuid", "sku", "family"];
const BASE_BOARD: [&str; 6] = ["manufacturer", "product", "version", "serial", "asset", "location"];
const CHASSIS: [&str; 5] = ["manufacturer", "version", "serial", "asset", "sku"];

fn is_bios_date(text: &str) -> bool {
    let numbers: Option<Vec<u32>> = text.split('/').map(u32::parse_value).collect();
    match numbers.as_deref() {
        Some([month, day, year]) => {
            (1..=12).contains(month) && (1..=31).contains(day) && (*year <= 99 || (1900..=9999).contains(year))
        }
        _ => false,
    }
}

/// The known entries of a table, in their fixed order; the first of a name.
pub(super) fn entries(node: Node<'_>, known: &[&str]) -> Result<Vec<SysInfoEntry>> {
    let all: Vec<SysInfoEntry> = node.child_elements("entry")?;
    Ok(known.iter().filter_map(|name| all.iter().find(|e| e.name == *name).cloned()).collect())
}

impl Element for SysInfo {
    fn parse(node: Node<'_>) -> Result<Self> {
        let kind = node.require("type")?;
        let mut info = Self { kind, ..Self::default() };
        if kind == SysInfoType::FwCfg {
            info.fwcfg = node.child_elements("entry")?;
            return Ok(info);
        }
        let block = |name, known| node.child(name).map_or(Ok(Vec::new()), |n| entries(n, known));
        info.bios = block("bios", &BIOS)?;
        if let Some(date) = info.bios.iter().find(|e| e.name == "date").filter(|e| !is_bios_date(&e.value)) {
            return Err(Error::new(
                ErrorCode::XML_DETAIL,
                format!("Invalid BIOS 'date' format '{}', expecting MM/DD/YYYY or MM/DD/YY", date.value),
            ));
        }
        info.system = block("system", &SYSTEM)?;
        info.chassis = block("chassis", &CHASSIS)?;
        for board in node.children_named("baseBoard") {
            let board = entries(board, &BASE_BOARD)?;
            info.base_boards.push(board);
        }
        if let Some(oem) = node.child("oemStrings") {
            info.oem_strings = oem.children_named("entry").map(|e| e.text().into_owned()).collect();
        }
        Ok(info)
    }

    fn format(&self, w: &mut Writer) {
        w.attr("type", &self.kind);
        self.format_tables(w);
        self.format_rest(w);
    }
}

/// Prints the entries of a table unless there are none.
pub(super) fn block(w: &mut Writer, name: &str, entries: &[SysInfoEntry]) {
    w.open(name);
    w.elements("entry", entries);
    w.close_or_drop();
}

impl SysInfo {
    /// Prints the tables of BIOS, machine, boards and chassis.
    pub(super) fn format_tables(&self, w: &mut Writer) {
        block(w, "bios", &self.bios);
        block(w, "system", &self.system);
        for board in &self.base_boards {
            block(w, "baseBoard", board);
        }
        block(w, "chassis", &self.chassis);
    }

    /// Prints what follows the tables.
    pub(super) fn format_rest(&self, w: &mut Writer) {
        w.open("oemStrings");
        for text in &self.oem_strings {
            w.leaf("entry", text);
        }
        w.close_or_drop();
        w.elements("entry", &self.fwcfg);
    }
}
