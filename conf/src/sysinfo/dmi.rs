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

/// What an empty place for memory says about its size.
const NO_MODULE: &str = "No Module Installed";

/// The tables with a title, at most so many; empty ones are left out, as are
/// places without memory.
fn tables(text: &str, title: &str, keys: Keys, most: usize) -> Vec<Vec<SysInfoEntry>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, behind)) = rest.split_once(title) {
        if found.len() >= most {
            break;
        }
        rest = behind;
        let entry = |(key, name): &(&str, &str)| entry(name, value(behind, key)?);
        let entries: Vec<SysInfoEntry> = keys.iter().filter_map(entry).collect();
        if !entries.is_empty() && !entries.iter().any(|entry| entry.name == "size" && entry.value == NO_MODULE) {
            found.push(entries);
        }
    }
    found
}

/// The value of the first `key: value`.
fn value<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let found = text.match_indices(key).find_map(|(at, _)| text.get(at + key.len()..)?.strip_prefix(": "))?;
    found.lines().next()
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

    /// What the stock daemon makes of such a text.
    #[test]
    fn what_a_table_lacks_stands_further_on() {
        let text = "BIOS Information\n\tVendor: BV\n\nSystem Information\n\tProduct Name: SP\n\nBase Board Information\n\tManufacturer: BM1\n\nBase Board Information\n\tManufacturer: BM2\n\tSerial Number: BS2\n\tAsset Tag: \n\nChassis Information\n\tVersion:   Not Specified  \n\nProcessor Information\n\tSocket Designation: CPU 0\n\nProcessor Information\n\tSocket Designation: CPU 1\n\tPart Number: PN1\n\nMemory Device\n\tSize: No Module Installed\n\tLocator: D0\n\nMemory Device\n\tSize: 8 GB\n\tBank Locator: BK1\n\nOEM Strings\n\tString 1: one\n\tOther: x\n\tString 2: two: b\n\n";
        let lines = read_dmi(text).unwrap().format();
        let entries: Vec<&str> = lines.lines().map(str::trim).filter(|line| !line.starts_with("</")).collect();
        assert_eq!(
            entries,
            [
                "<sysinfo type='smbios'>",
                "<bios>",
                "<entry name='vendor'>BV</entry>",
                "<entry name='version'>  Not Specified</entry>",
                "<system>",
                "<entry name='manufacturer'>BM1</entry>",
                "<entry name='product'>SP</entry>",
                "<entry name='version'>  Not Specified</entry>",
                "<entry name='serial'>BS2</entry>",
                "<baseBoard>",
                "<entry name='manufacturer'>BM1</entry>",
                "<entry name='version'>  Not Specified</entry>",
                "<entry name='serial'>BS2</entry>",
                "<baseBoard>",
                "<entry name='manufacturer'>BM2</entry>",
                "<entry name='version'>  Not Specified</entry>",
                "<entry name='serial'>BS2</entry>",
                "<chassis>",
                "<entry name='version'>  Not Specified</entry>",
                "<processor>",
                "<entry name='socket_destination'>CPU 0</entry>",
                "<entry name='part_number'>PN1</entry>",
                "<processor>",
                "<entry name='socket_destination'>CPU 1</entry>",
                "<entry name='part_number'>PN1</entry>",
                "<memory_device>",
                "<entry name='size'>8 GB</entry>",
                "<entry name='locator'>BK1</entry>",
                "<entry name='bank_locator'>BK1</entry>",
                "<oemStrings>",
                "<entry>one</entry>",
                "<entry>two: b</entry>",
            ]
        );
    }

    #[test]
    fn a_text_without_tables_gives_nothing() {
        assert_eq!(read_dmi(""), None);
        assert_eq!(read_dmi("# dmidecode 3.2\n# No SMBIOS nor DMI entry point found, sorry.\n"), None);
        assert_eq!(read_dmi("Memory Device"), None);
    }
}
