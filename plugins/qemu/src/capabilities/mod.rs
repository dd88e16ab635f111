//! What each QEMU binary on this host can do, learned from the binary itself.
//!
//! [`Catalog`] finds binaries, probes each once over QMP and remembers the
//! answers in memory and on disk; [`Emulator`] is what one binary said.
//! Documents for clients are built from these in `document`.

mod arch;
mod cache;
mod cpu;
pub mod document;
mod platform;
mod probe;
mod read;
mod schema;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use arch::{arch_of_binary, binary_names, of_target, word_size};
pub use cache::Catalog;
pub use cpu::max_type;
pub use probe::{Ask, probe, probe_with};

/// How guests are executed, as in the `type` of a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Accel {
    /// Hardware help by the kernel.
    Kvm,
    /// Hardware help by macOS.
    Hvf,
    /// QEMU's own translation.
    Tcg,
}

/// What one binary can do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Emulator {
    /// The binary that was asked.
    pub binary: PathBuf,
    /// major * 1_000_000 + minor * 1000 + micro.
    pub version: u32,
    /// The distribution's text, possibly empty.
    pub package: String,
    /// The guest architecture, in libvirt's name.
    pub arch: String,
    /// Per way of execution; at least `Tcg`.
    pub accels: BTreeMap<Accel, AccelCaps>,
    /// Every object type that the binary knows.
    pub types: BTreeSet<String>,
    /// Property names of the types that were asked about.
    pub properties: BTreeMap<String, BTreeSet<String>>,
    /// Monitor commands.
    pub commands: BTreeSet<String>,
    /// Monitor events.
    pub events: BTreeSet<String>,
    /// Places in the monitor's description of itself that are there, of those that decide something.
    pub features: BTreeSet<String>,
    /// Command line options with their parameters.
    pub options: BTreeMap<String, BTreeSet<String>>,
    /// TPM models and backends.
    pub tpm_models: BTreeSet<String>,
    /// TPM backend kinds.
    pub tpm_types: BTreeSet<String>,
    /// Kinds of displays.
    pub displays: BTreeSet<String>,
    /// Kinds of network backends.
    pub netdevs: BTreeSet<String>,
    /// Interrupt controllers of ARM.
    pub gic: Vec<Gic>,
    /// Encryption of guests on AMD, where the host has it.
    pub sev: Option<SevCaps>,
    /// Enclaves on Intel, where the host has them.
    pub sgx: Option<SgxCaps>,
    /// What Windows can be told, in QEMU's names; absent when QEMU does not say.
    pub hyperv: Option<BTreeSet<String>>,
}

/// One version of the interrupt controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gic {
    /// The version.
    pub version: u32,
    /// The kernel has it.
    pub kernel: bool,
    /// QEMU has it.
    pub emulated: bool,
}

/// How guests are encrypted on AMD.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SevCaps {
    /// The address bit that marks encrypted pages.
    pub cbitpos: u32,
    /// How many address bits are lost.
    pub reduced_phys_bits: u32,
    /// The identity of the first CPU, in base 64.
    pub cpu0_id: Option<String>,
}

/// Which enclaves guests can have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SgxCaps {
    /// Launches can be controlled.
    pub flc: bool,
    /// The first set of instructions.
    pub sgx1: bool,
    /// The second set of instructions.
    pub sgx2: bool,
    /// Cells with their bytes; a lone number where QEMU knows no cells.
    pub sections: Vec<(u32, u64)>,
    /// The bytes of all.
    pub size: u64,
}

/// What depends on how guests are executed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct AccelCaps {
    /// In QEMU's order.
    pub machines: Vec<Machine>,
    /// In QEMU's order.
    pub cpu_models: Vec<CpuModel>,
    /// The fullest CPU that a guest can have; absent where QEMU does not say.
    pub full_cpu: Option<FullCpu>,
}

/// What the host's CPU, or all that can be emulated, consists of.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FullCpu {
    /// The model that it is counted from.
    pub model: String,
    /// What it has, in QEMU's names and order.
    pub features: Vec<String>,
    /// Of these, what QEMU discourages.
    #[serde(default)]
    pub deprecated: Vec<String>,
    /// The text of its maker.
    pub vendor: Option<String>,
    /// Its family.
    pub family: u32,
    /// Its model within the family.
    pub number: u32,
    /// Its stepping.
    pub stepping: u32,
}

/// A board that the binary emulates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// The full name, such as `pc-q35-10.0`.
    pub name: String,
    /// The short name, such as `q35`.
    pub alias: Option<String>,
    /// Whether QEMU takes this one when none is named.
    pub is_default: bool,
    /// Upper limit of virtual CPUs.
    pub max_cpus: u32,
    /// Whether CPUs can be added while running.
    pub hotplug_cpus: bool,
    /// The CPU type used when none is named, such as `qemu64-x86_64-cpu`.
    pub default_cpu: Option<String>,
    /// Name of the main memory object.
    pub default_ram_id: Option<String>,
    /// Whether `-numa node,mem=` still works.
    pub numa_mem: bool,
    /// QEMU discourages its use.
    pub deprecated: bool,
    /// Whether the board has ACPI; absent when QEMU does not say.
    pub acpi: Option<bool>,
}

/// A CPU model that the binary emulates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CpuModel {
    /// Such as `Haswell-v2`.
    pub name: String,
    /// QEMU's type, such as `Haswell-v2-x86_64-cpu`.
    pub typename: String,
    /// Features that this host cannot give; absent when QEMU does not say.
    pub blockers: Option<Vec<String>>,
    /// QEMU discourages its use.
    pub deprecated: bool,
    /// What it stands for, if it is another name.
    pub alias_of: Option<String>,
}

impl Emulator {
    /// Whether a device or other object type exists.
    pub fn has_type(&self, name: &str) -> bool {
        self.types.contains(name)
    }

    /// Whether a type has a property; false for types never asked about.
    pub fn has_property(&self, typename: &str, property: &str) -> bool {
        self.properties.get(typename).is_some_and(|set| set.contains(property))
    }

    /// Whether a monitor command takes a value: `COMMAND/MEMBER…`, where the
    /// name of a variant follows the member that it belongs to.
    pub fn has_feature(&self, place: &str) -> bool {
        self.features.contains(place)
    }

    /// Whether a monitor command exists.
    pub fn has_command(&self, name: &str) -> bool {
        self.commands.contains(name)
    }

    /// The part for one way of execution.
    pub fn accel(&self, accel: Accel) -> Option<&AccelCaps> {
        self.accels.get(&accel)
    }

    /// A board by full name or alias.
    pub fn machine(&self, accel: Accel, name: &str) -> Option<&Machine> {
        let machines = &self.accel(accel)?.machines;
        machines.iter().find(|m| m.name == name).or_else(|| machines.iter().find(|m| m.alias.as_deref() == Some(name)))
    }

    /// The board that is taken when a definition names none.
    pub fn default_machine(&self, accel: Accel) -> Option<&Machine> {
        let machines = &self.accel(accel)?.machines;
        let called = |name: &str| machines.iter().find(|m| m.alias.as_deref() == Some(name) || m.name == name);
        let preferred = match self.arch.as_str() {
            // The traditional board stays the default whatever QEMU says.
            "x86_64" | "i686" => called("pc"),
            // QEMU has no default of its own, or one that suits no guest.
            "aarch64" | "armv7l" | "armv6l" | "riscv32" | "riscv64" | "loongarch64" => called("virt"),
            _ => None,
        };
        preferred.or_else(|| machines.iter().find(|m| m.is_default))
    }

    /// A CPU model by its type name, as in [`Machine::default_cpu`].
    pub fn cpu_model_of_type(&self, accel: Accel, typename: &str) -> Option<&CpuModel> {
        self.accel(accel)?.cpu_models.iter().find(|m| m.typename == typename)
    }
}
