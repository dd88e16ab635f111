//! The machine as a whole: its board and its CPUs.

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_core::{Error, Result};

use crate::capabilities::Emulator;
use crate::command;

pub(super) fn machine(def: &DomainDefinition, emulator: Option<&Emulator>) -> Result<()> {
    if def.name.contains('/') {
        return Err(Error::xml(format!("name {} cannot contain '/'", def.name)));
    }
    let Some(emulator) = emulator else { return Ok(()) };
    let accel = command::accel_of(def);
    if emulator.accel(accel).is_none() {
        return Err(Error::config_unsupported(format!(
            "Emulator '{}' does not support virt type '{}'",
            emulator.binary.display(),
            def.kind.as_str()
        )));
    }
    // Wider binaries run the narrower guests of their family.
    let also = [("x86_64", "i686"), ("aarch64", "armv7l"), ("ppc64", "ppc64le")];
    if emulator.arch != def.os.arch() && !also.contains(&(emulator.arch.as_str(), def.os.arch())) {
        return Err(Error::config_unsupported(format!(
            "Emulator '{}' does not support arch '{}'",
            emulator.binary.display(),
            def.os.arch()
        )));
    }
    let Some(machine) = emulator.machine(accel, def.os.machine()) else {
        return Err(Error::config_unsupported(format!(
            "Emulator '{}' does not support machine type '{}'",
            emulator.binary.display(),
            def.os.machine()
        )));
    };
    if def.vcpu.maximum > machine.max_cpus {
        return Err(Error::config_unsupported(format!(
            "Maximum CPUs greater than specified machine type limit {}",
            machine.max_cpus
        )));
    }
    if let Some(topology) = def.cpu.as_ref().and_then(|c| c.topology.as_ref())
        && topology.cpus() != Some(def.vcpu.maximum)
    {
        return Err(Error::config_unsupported("CPU topology doesn't match maximum vcpu count"));
    }
    Ok(())
}
