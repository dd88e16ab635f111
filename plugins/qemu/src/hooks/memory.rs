//! Memory that can grow.

use oxivirt_conf::domain::devices::MemoryModel;
use oxivirt_conf::domain::{CpuSet, DomainDefinition, NumaCell};
use oxivirt_conf::xml::KiB;

/// Makes a guest whose memory can grow one that QEMU takes, where its definition may change: modules are in a cell,
/// and on POWER in whole blocks.
pub(super) fn complete(def: &mut DomainDefinition) {
    if def.max_memory.as_ref().is_none_or(|max| max.slots == 0) {
        return;
    }
    let modules = def.devices.memories.iter().fold(0_u64, |sum, m| sum.saturating_add(m.target.size.0));
    let numa = def.cpu.as_ref().and_then(|cpu| cpu.numa.as_ref());
    let rest = def.memory.0.saturating_sub(modules);
    if numa.is_none_or(|numa| numa.cells.is_empty()) && rest > 0 {
        let cell = NumaCell {
            id: Some(0),
            cpus: Some(CpuSet::new(0..def.vcpu.maximum)),
            memory: KiB(rest),
            ..NumaCell::default()
        };
        def.cpu.get_or_insert_default().numa.get_or_insert_default().cells.push(cell);
        for module in &mut def.devices.memories {
            if matches!(module.model, MemoryModel::Dimm | MemoryModel::Nvdimm | MemoryModel::VirtioMem) {
                module.target.node.get_or_insert(0);
            }
        }
    }
    if !def.os.arch().starts_with("ppc64") {
        return;
    }
    for module in &mut def.devices.memories {
        let size = &mut module.target.size.0;
        *size = match module.model {
            // The label is not for the guest's use, and the file behind it has its size.
            MemoryModel::Nvdimm => {
                let label = module.target.label_size.map_or(0, |label| label.0);
                (size.saturating_sub(label) / POWER_BLOCK_KIB * POWER_BLOCK_KIB).saturating_add(label)
            }
            _ => size.div_ceil(POWER_BLOCK_KIB).saturating_mul(POWER_BLOCK_KIB),
        };
    }
}

/// What memory comes in on POWER.
const POWER_BLOCK_KIB: u64 = 256 * 1024;
