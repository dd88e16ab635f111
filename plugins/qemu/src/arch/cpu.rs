//! The CPU of a guest whose definition names none.

use oxivirt_conf::cpu::model_names;
use oxivirt_conf::domain::{CpuMode, DomainDefinition};

use crate::capabilities::{Accel, Emulator};
use crate::command;

/// The mode and the model that QEMU would choose; `None` when that is not known.
pub fn default_cpu(def: &DomainDefinition, emulator: &Emulator) -> Option<(CpuMode, Option<String>)> {
    let accel = command::accel_of(def);
    // The host's CPU is the only one there, and nobody asked for that.
    if accel != Accel::Tcg && matches!(def.os.arch(), "aarch64" | "armv7l" | "armv6l") {
        return None;
    }
    let typename = emulator.machine(accel, def.os.machine())?.default_cpu.as_deref()?;
    let s390 = def.os.arch().starts_with("s390");
    let name = match emulator.cpu_model_of_type(accel, typename) {
        Some(model) => model.name.clone(),
        // What follows the model is a family such as `-x86_64-cpu`.
        None => typename.strip_suffix("-cpu")?.rsplit_once('-')?.0.to_owned(),
    };
    if name == "host" {
        return Some((if s390 { CpuMode::HostModel } else { CpuMode::HostPassthrough }, None));
    }
    // QEMU writes POWER's models small.
    let known = model_names(def.os.arch()).unwrap_or_default();
    let name = known.iter().find(|known| known.eq_ignore_ascii_case(&name)).map_or(name, |known| (*known).to_owned());
    Some((CpuMode::Custom, Some(name)))
}
