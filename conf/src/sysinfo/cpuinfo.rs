//! Processors as `/proc/cpuinfo` of ARM and POWER hosts lists them.

use super::{HostSysInfo, SysInfo, SysInfoEntry, entry, key_and_value};

/// Reads the `/proc/cpuinfo` of a host with ARM processors, 32 or 64 bits.
///
/// Each processor has the model's name, which older kernels say once for all.
/// Where no name is said there are no processors in the result.
pub fn read_arm(cpuinfo: &str) -> HostSysInfo {
    let lines = || cpuinfo.lines().filter_map(key_and_value);
    let Some((_, model)) = lines().find(|(key, _)| matches!(*key, "model name" | "Processor")) else {
        return HostSysInfo::default();
    };
    let numbers = lines().filter(|(key, _)| *key == "processor");
    let processor = |(_, number): (&str, &str)| {
        entry("socket_destination", number).into_iter().chain(entry("type", model)).collect()
    };
    HostSysInfo { processors: numbers.map(processor).collect(), ..HostSysInfo::default() }
}

/// Reads the `/proc/cpuinfo` of a host with POWER processors.
pub fn read_ppc(cpuinfo: &str) -> HostSysInfo {
    let lines = || cpuinfo.lines().filter_map(key_and_value);
    let first = |key: &str, name: &str| lines().find(|(k, _)| *k == key).and_then(|(_, value)| entry(name, value));
    let mut processors: Vec<Vec<SysInfoEntry>> = Vec::new();
    for (key, value) in lines() {
        let name = match key {
            "processor" => {
                processors.push(Vec::new());
                "socket_destination"
            }
            "cpu" => "type",
            "revision" => "version",
            _ => continue,
        };
        if let Some(last) = processors.last_mut() {
            last.extend(entry(name, value));
        }
    }
    let system = [first("machine", "version"), first("model", "serial"), first("platform", "family")];
    HostSysInfo {
        strings: SysInfo { system: system.into_iter().flatten().collect(), ..SysInfo::default() },
        processors,
        ..HostSysInfo::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_kernels_name_the_model_once() {
        let found = read_arm("Processor\t: ARMv7\nprocessor\t: 0\nBogoMIPS\t: 1\n\nprocessor\t: 1\n");
        assert_eq!(found.processors.len(), 2);
        assert!(found.processors.iter().flatten().any(|e| e.value == "ARMv7"));
        assert_eq!(read_arm("processor : 0\nFeatures : fp\n"), HostSysInfo::default());
    }

    #[test]
    fn odd_texts_are_no_trouble() {
        for text in ["", ":", "cpu: x\nrevision: y", "processor", "processor:\n:\n"] {
            assert!(read_ppc(text).processors.iter().all(Vec::is_empty), "{text}");
            assert!(read_arm(text).processors.is_empty(), "{text}");
        }
    }
}
