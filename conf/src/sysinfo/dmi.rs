//! SMBIOS tables as `dmidecode` prints them.

use super::{HostSysInfo, SysInfo, SysInfoEntry, entry};

/// Keys of the text and names of the entries, in the order of the document.
type Keys = &'static [(&'static str, &'static str)];

const BIOS: Keys =
    &[("Vendor", "vendor"), ("Version", "version"), ("Release Date", "date"), ("BIOS Revision", "release")];
const SYSTEM: Keys = &[
    ("Manufacturer", "manufacturer"),
    ("Product Name", "product"),
    ("Version", "version"),
    ("Serial Number", "serial"),
    ("UUID", "uuid"),
    ("SKU Number", "sku"),
    ("Family", "family"),
];
const BASE_BOARD: Keys = &[
    ("Manufacturer", "manufacturer"),
    ("Product Name", "product"),
    ("Version", "version"),
    ("Serial Number", "serial"),
    ("Asset Tag", "asset"),
    ("Location In Chassis", "location"),
];
const CHASSIS: Keys = &[
    ("Manufacturer", "manufacturer"),
    ("Version", "version"),
    ("Serial Number", "serial"),
    ("Asset Tag", "asset"),
    ("SKU Number", "sku"),
];
const PROCESSOR: Keys = &[
    ("Socket Designation", "socket_destination"),
    ("Type", "type"),
    ("Family", "family"),
    ("Manufacturer", "manufacturer"),
    ("Signature", "signature"),
    ("Version", "version"),
    ("External Clock", "external_clock"),
    ("Max Speed", "max_speed"),
    ("Status", "status"),
    ("Serial Number", "serial_number"),
    ("Part Number", "part_number"),
];
const MEMORY_DEVICE: Keys = &[
    ("Size", "size"),
    ("Form Factor", "form_factor"),
    ("Locator", "locator"),
    ("Bank Locator", "bank_locator"),
    ("Type", "type"),
    ("Type Detail", "type_detail"),
    ("Speed", "speed"),
    ("Manufacturer", "manufacturer"),
    ("Serial Number", "serial_number"),
    ("Part Number", "part_number"),
];

/// Reads the output of `dmidecode`, quiet or not.
///
/// What is not in the text is not in the result; a text without any table
/// gives `None`. A value is the first behind its table's title, as clients of
/// libvirt know it: where a table lacks an entry, one further on stands in.
pub fn read_dmi(text: &str) -> Option<HostSysInfo> {
    let one = |title, keys| tables(text, title, keys, 1).pop().unwrap_or_default();
    let found = HostSysInfo {
        strings: SysInfo {
            bios: one("BIOS Information", BIOS),
            system: one("System Information", SYSTEM),
            base_boards: tables(text, "Base Board Information", BASE_BOARD, usize::MAX),
            chassis: one("Chassis Information", CHASSIS),
            oem_strings: oem_strings(text),
            ..SysInfo::default()
        },
        processors: tables(text, "Processor Information", PROCESSOR, usize::MAX),
        memory_devices: tables(text, "Memory Device", MEMORY_DEVICE, usize::MAX),
    };
    (found != HostSysInfo::default()).then_some(found)
}

/// The tables with a title, at most so many; empty ones are left out.
fn tables(text: &str, title: &str, keys: Keys, most: usize) -> Vec<Vec<SysInfoEntry>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, behind)) = rest.split_once(title) {
        if found.len() >= most {
            break;
        }
        rest = behind;
        let mut entries = Vec::new();
        for (key, name) in keys {
            if let Some((value, next)) = value(behind, key) {
                entries.extend(entry(name, value));
                rest = next;
            }
        }
        if !entries.is_empty() {
            found.push(entries);
        }
    }
    found
}

/// The value of the first `key: value`, and the text behind its line.
fn value<'t>(text: &'t str, key: &str) -> Option<(&'t str, &'t str)> {
    let at = text.match_indices(key).find_map(|(at, _)| text.get(at + key.len()..)?.strip_prefix(": "))?;
    Some(at.split_once('\n').unwrap_or((at, "")))
}

/// The lines `String 1: …` of the table of the vendor's own strings.
fn oem_strings(text: &str) -> Vec<String> {
    let Some((_, table)) = text.split_once("OEM Strings") else { return Vec::new() };
    let lines = table.lines().skip(1).take_while(|line| !line.trim().is_empty());
    let value = |line: &str| {
        let (number, value) = line.trim().strip_prefix("String ")?.split_once(": ")?;
        number.bytes().all(|b| b.is_ascii_digit()).then(|| value.to_owned())
    };
    lines.filter_map(value).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn tables_without_handles_are_read() {
        let text = "BIOS Information\n\tVendor: V\n\tRelease Date: 01/02/2020\n\nOEM Strings\n\tString 1: a: b\n\tOther: x\n\tString 2: c\n\nProcessor Information\n\tSocket Designation: CPU 0\n\tPart Number: P0 \n\nProcessor Information\n\tSocket Designation: CPU 1\n\tPart Number:\n\tStatus: S\n";
        assert_eq!(
            read_dmi(text).unwrap().format(),
            "<sysinfo type='smbios'>\n  <bios>\n    <entry name='vendor'>V</entry>\n    <entry name='date'>01/02/2020</entry>\n  </bios>\n  <processor>\n    <entry name='socket_destination'>CPU 0</entry>\n    <entry name='status'>S</entry>\n    <entry name='part_number'>P0</entry>\n  </processor>\n  <processor>\n    <entry name='socket_destination'>CPU 1</entry>\n    <entry name='status'>S</entry>\n  </processor>\n  <oemStrings>\n    <entry>a: b</entry>\n    <entry>c</entry>\n  </oemStrings>\n</sysinfo>\n"
        );
    }

    #[test]
    fn a_text_without_tables_gives_nothing() {
        assert_eq!(read_dmi(""), None);
        assert_eq!(read_dmi("# dmidecode 3.2\n# No SMBIOS nor DMI entry point found, sorry.\n"), None);
        assert_eq!(read_dmi("Memory Device"), None);
    }
}
