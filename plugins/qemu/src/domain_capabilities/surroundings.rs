//! What the host adds to what an emulator says.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use oxivirt_util::host::Host;
use oxivirt_util::process::{self, RunOptions};

use super::Subject;
use crate::capabilities::Accel;
use crate::firmware::{self, Descriptor};

/// What the host adds.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Its firmware, the preferred first.
    pub firmwares: Vec<Descriptor>,
    /// Firmware images that a definition can name.
    pub loaders: Vec<String>,
    /// The width of physical addresses, where its CPUs tell.
    pub physical_address_bits: Option<u32>,
    /// Its devices can be given away.
    pub vfio: bool,
    /// Versions of emulated trusted platform modules.
    pub tpm_versions: Vec<String>,
    /// The most encrypted guests: in all, and those with encrypted registers.
    pub sev_guests: Option<(u32, u32)>,
    /// The model of a POWER host.
    pub power_model: Option<String>,
}

impl Surroundings {
    /// What this host adds for a kind of guests.
    ///
    /// Blocks for as long as the TPM emulator takes to answer, where there is one.
    pub fn this_host(subject: Subject<'_>) -> Self {
        let home = std::env::var_os("HOME").filter(|_| !rustix::process::geteuid().is_root());
        let firmwares = firmware::load(&firmware::folders(Path::new("/"), home.as_deref().map(Path::new)));
        let mut loaders: Vec<String> = Vec::new();
        for firmware in firmwares.iter().filter(|f| f.suits(&subject.emulator.arch, &subject.machine.name)) {
            let file = firmware.executable();
            if Path::new(file).exists() && !loaders.iter().any(|other| other == file) {
                loaders.push(file.to_owned());
            }
        }
        let info = Host::this().cpu_info().ok();
        Self {
            firmwares,
            loaders,
            physical_address_bits: info.and_then(|info| info.physical_address_bits),
            vfio: Path::new("/dev/vfio/vfio").exists() && has_iommu(),
            tpm_versions: tpm_versions(),
            sev_guests: None,
            power_model: (subject.accel == Accel::Kvm).then(power_model).flatten(),
        }
    }
}

/// Whether devices are kept apart from memory that is not theirs.
pub(crate) fn has_iommu() -> bool {
    std::fs::read_dir("/sys/kernel/iommu_groups").is_ok_and(|mut entries| entries.next().is_some())
}

/// Asks the TPM emulator's tool; none where it is not installed.
fn tpm_versions() -> Vec<String> {
    let options = RunOptions { limit: Duration::from_secs(5), ..RunOptions::default() };
    let Ok(output) = process::run(Command::new("swtpm_setup").arg("--print-capabilities"), &options) else {
        return Vec::new();
    };
    versions_of(&String::from_utf8_lossy(&output.stdout))
}

/// From the tool's answer, which older tools give without versions.
fn versions_of(answer: &str) -> Vec<String> {
    let Ok(answer) = serde_json::from_str::<serde_json::Value>(answer) else { return Vec::new() };
    let features = answer.get("features").and_then(serde_json::Value::as_array);
    let has = |name: &str| features.is_some_and(|all| all.iter().any(|feature| feature.as_str() == Some(name)));
    match (has("tpm-1.2"), has("tpm-2.0")) {
        (false, false) => vec!["1.2".to_owned(), "2.0".to_owned()],
        (old, new) => {
            [("1.2", old), ("2.0", new)].iter().filter(|(_, has)| *has).map(|(v, _)| (*v).to_owned()).collect()
        }
    }
}

/// The model of the first CPU, as the kernel of a POWER host names it.
fn power_model() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("cpu")?.trim_start().strip_prefix(':'))?;
    let word = line.trim().split(|c: char| !c.is_ascii_alphanumeric()).next()?;
    // Variants of a generation are the same to guests.
    let digits = word.strip_prefix("POWER")?.trim_end_matches(|c: char| !c.is_ascii_digit());
    Some(format!("POWER{digits}"))
}

#[cfg(test)]
mod tests {
    use super::versions_of;

    #[test]
    fn versions_are_those_of_the_tool() {
        assert_eq!(versions_of(r#"{"type": "swtpm_setup", "features": ["tpm-2.0", "cmdarg-pwdfile-fd"]}"#), ["2.0"]);
        assert_eq!(versions_of(r#"{"type": "swtpm_setup", "features": ["cmdarg-keyfile-fd"]}"#), ["1.2", "2.0"]);
        assert!(versions_of("no such program").is_empty());
    }
}
