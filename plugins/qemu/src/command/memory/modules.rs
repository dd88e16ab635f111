//! `<memory model=…>`: modules of memory.

use oxivirt_conf::domain::devices::{MemoryDevice, MemoryModel};
use oxivirt_conf::xml::YesNo;
use oxivirt_core::Result;

use super::super::{Builder, POWER_BLOCK_KIB, Props, alias, place};
use super::backend::{self, Naming, Wanted};

/// Every module that is a device.
pub(in crate::command) fn modules(b: &mut Builder<'_>) -> Result<()> {
    for module in &b.domain.devices.memories {
        if module.model != MemoryModel::SgxEpc {
            self::module(b, module)?;
        }
    }
    Ok(())
}

/// One module.
pub(in crate::command) fn module(b: &mut Builder<'_>, module: &MemoryDevice) -> Result<()> {
    let alias = alias(&module.info)?.to_owned();
    let memory = format!("mem{alias}");
    let wanted = Wanted::module(module);
    let target = &module.target;
    backend::object(b, &memory, size_kib(b, module), &wanted, Naming::Other)?.write(b);
    let node = |props: Props| props.maybe_number("node", target.node);
    let bytes = |kib: u64| kib.saturating_mul(1024);
    let props = match module.model {
        MemoryModel::Dimm => node(Props::new().text("driver", "pc-dimm")).text("memdev", memory),
        MemoryModel::Nvdimm => {
            let mut props = node(Props::new().text("driver", "nvdimm"))
                .maybe_number("label-size", target.label_size.map(|s| bytes(s.0)))
                .maybe_text("uuid", module.uuid.map(|u| u.to_string()));
            if target.readonly {
                props = props.flag("unarmed", true);
            }
            props.text("memdev", memory)
        }
        MemoryModel::VirtioPmem => {
            let driver = place::virtio_driver("virtio-pmem-pci", &module.info);
            Props::new().text("driver", driver).text("memdev", memory).maybe_number("memaddr", target.address_base)
        }
        MemoryModel::VirtioMem => {
            let mut props = node(Props::new().text("driver", place::virtio_driver("virtio-mem-pci", &module.info)))
                .maybe_number("block-size", target.block.map(|s| bytes(s.0)))
                .maybe_number("requested-size", target.requested.map(|s| bytes(s.0)))
                .text("memdev", memory);
            if backend::is_filled(b, &wanted)? {
                props = props.flag("prealloc", true);
            }
            props
                .maybe_number("memaddr", target.address_base)
                .maybe_flag("dynamic-memslots", target.dynamic_memslots.map(YesNo::is_yes))
        }
        MemoryModel::SgxEpc => return Ok(()),
    };
    let place = place::device(b, &module.info, "memory")?;
    b.json("-device", &props.text("id", alias).and(&place));
    Ok(())
}

/// Modules come in whole blocks.
fn size_kib(b: &Builder<'_>, module: &MemoryDevice) -> u64 {
    let size = module.target.size.0;
    if !b.domain.os.arch().starts_with("ppc") {
        return size.div_ceil(BLOCK_KIB).saturating_mul(BLOCK_KIB);
    }
    match module.target.label_size {
        // The label is not part of what is seen, which only can get smaller: the file is there already.
        Some(label) if module.model == MemoryModel::Nvdimm => {
            let seen = size.saturating_sub(label.0) / POWER_BLOCK_KIB * POWER_BLOCK_KIB;
            seen.saturating_add(label.0)
        }
        _ => size.div_ceil(POWER_BLOCK_KIB).saturating_mul(POWER_BLOCK_KIB),
    }
}

/// What memory modules come in.
const BLOCK_KIB: u64 = 2048;

/// Memory of enclaves: the objects, and what the board is told of them.
pub(in crate::command) fn enclave_memory(b: &mut Builder<'_>) -> Result<()> {
    for module in b.domain.devices.memories.iter().filter(|m| m.model == MemoryModel::SgxEpc) {
        let id = format!("mem{}", alias(&module.info)?);
        let mut props = Props::new()
            .text("qom-type", "memory-backend-epc")
            .text("id", id)
            .flag("prealloc", true)
            .number("size", size_kib(b, module).saturating_mul(1024));
        if let Some(nodes) = &module.source.nodemask {
            props = props.numbers("host-nodes", nodes.iter()).text("policy", "bind");
        }
        b.json("-object", &props);
    }
    Ok(())
}
