//! `/proc/sysinfo` and `/proc/cpuinfo` of an s390x host.

use super::{HostSysInfo, SysInfo, SysInfoEntry, entry, key_and_value};

/// Reads the two texts of an s390x host.
pub fn read_s390(sysinfo: &str, cpuinfo: &str) -> HostSysInfo {
    let first = |text: &str, key: &str, name: &str| {
        text.lines().filter_map(key_and_value).find(|(k, _)| *k == key).and_then(|(_, value)| entry(name, value.trim()))
    };
    let system = [("Manufacturer", "manufacturer"), ("Sequence Code", "serial"), ("Type", "family")];
    let system = system.into_iter().filter_map(|(key, name)| first(sysinfo, key, name)).collect();
    let manufacturer = first(cpuinfo, "vendor_id", "manufacturer");
    let speeds = speeds(cpuinfo);
    let processor = |line: &str| {
        let (number, parts) = line.strip_prefix("processor ")?.split_once(':')?;
        let part = |key: &str, name: &str| {
            let mut pairs = parts.split(',').filter_map(|pair| pair.split_once('='));
            pairs.find(|(k, _)| k.trim() == key).and_then(|(_, value)| entry(name, value.trim()))
        };
        let speed = speeds.iter().find(|(of, _)| *of == number.trim()).and_then(|(_, mhz)| entry("max_speed", mhz));
        let all = [
            part("machine", "family"),
            manufacturer.clone(),
            part("version", "version"),
            speed,
            part("identification", "serial_number"),
        ];
        Some(all.into_iter().flatten().collect::<Vec<SysInfoEntry>>())
    };
    HostSysInfo {
        strings: SysInfo { system, ..SysInfo::default() },
        processors: cpuinfo.lines().filter_map(processor).filter(|entries| !entries.is_empty()).collect(),
        ..HostSysInfo::default()
    }
}

/// The number of each CPU and its speed in MHz, where the kernel says it.
fn speeds(cpuinfo: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut current = None;
    for (key, value) in cpuinfo.lines().filter_map(key_and_value) {
        match key {
            "cpu number" => current = Some(value),
            "cpu MHz dynamic" => found.extend(current.map(|number| (number, value))),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_may_be_unknown() {
        let found = read_s390(
            "Type: 2817\nType 1 Percentage: 0\n",
            "vendor_id : IBM/S390\nprocessor 0: version = FF,  identification = 0123,  machine = 2817\n",
        );
        assert_eq!(
            found.format(),
            "<sysinfo type='smbios'>\n  <system>\n    <entry name='family'>2817</entry>\n  </system>\n  <processor>\n    <entry name='family'>2817</entry>\n    <entry name='manufacturer'>IBM/S390</entry>\n    <entry name='version'>FF</entry>\n    <entry name='serial_number'>0123</entry>\n  </processor>\n</sysinfo>\n"
        );
        assert_eq!(
            read_s390("", "processor : 0\nprocessor 0\nprocessor 0:\ncpu MHz dynamic : 5\n"),
            HostSysInfo::default()
        );
    }
}
