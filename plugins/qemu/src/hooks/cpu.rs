//! The guest's CPU.

use oxivirt_conf::domain::{Cpu, CpuCheck, CpuFallback, CpuMatch, CpuMode, CpuSet, DomainDefinition};
use oxivirt_conf::xml::OnOff;

use super::is_x86;
use crate::capabilities::{Accel, Emulator};
use crate::{arch, command};

/// CPUs that no node was given are in the first one.
pub(super) fn spread(def: &mut DomainDefinition) {
    let maximum = def.vcpu.maximum;
    let Some(numa) = def.cpu.as_mut().and_then(|c| c.numa.as_mut()) else { return };
    let given: std::collections::BTreeSet<u32> =
        numa.cells.iter().filter_map(|c| c.cpus.as_ref()).flat_map(CpuSet::iter).collect();
    let missing: Vec<u32> = (0..maximum).filter(|cpu| !given.contains(cpu)).collect();
    if !missing.is_empty()
        && let Some(first) = numa.cells.first_mut()
    {
        let own = first.cpus.as_ref().into_iter().flat_map(CpuSet::iter);
        first.cpus = Some(CpuSet::new(own.chain(missing).collect::<Vec<_>>()));
    }
}

/// The CPU that a guest without one gets is written down, so that it stays
/// the same.
pub(super) fn complete(def: &mut DomainDefinition, emulator: Option<&Emulator>) {
    let accel = command::accel_of(def);
    let default = emulator.and_then(|emulator| arch::default_cpu(def, emulator));
    let is_x86 = is_x86(def);
    let unsaid = def.cpu.as_ref().is_none_or(|c| c.mode == CpuMode::Custom && c.model.is_none());
    if unsaid {
        let Some((mode, name)) = default else { return };
        let cpu = def.cpu.get_or_insert_with(Cpu::default);
        cpu.mode = mode;
        if mode == CpuMode::Custom {
            cpu.match_ = Some(CpuMatch::Exact);
            cpu.check = Some(CpuCheck::None);
            cpu.fallback = Some(CpuFallback::Forbid);
            cpu.model = name;
            return;
        }
    }
    let Some(cpu) = &mut def.cpu else { return };
    if cpu.mode == CpuMode::HostModel && cpu.fallback == Some(CpuFallback::Allow) && cpu.vendor_id.is_none() {
        cpu.fallback = None;
    }
    if cpu.check.is_none() {
        cpu.check = match cpu.mode {
            CpuMode::HostPassthrough | CpuMode::Maximum => Some(CpuCheck::None),
            CpuMode::Custom if accel == Accel::Tcg => Some(CpuCheck::None),
            CpuMode::HostModel | CpuMode::Custom => Some(CpuCheck::Partial),
        };
    }
    if matches!(cpu.mode, CpuMode::HostPassthrough | CpuMode::Maximum) && is_x86 {
        cpu.migratable.get_or_insert(OnOff::On);
    }
}
