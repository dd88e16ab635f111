//! The guest's memory: what it is made of, in which cells, in which modules.

mod backend;
mod modules;
mod numa;

use oxivirt_core::{Error, Result};

use super::{Builder, on_off};
use backend::Wanted;
pub(super) use modules::{enclave_memory, module, modules};
pub(super) use numa::{cells, has_hmat, memory_kib as cells_kib};

/// `-m`, the object behind it, and whether it may be swapped.
pub(super) fn memory(b: &mut Builder<'_>) -> Result<()> {
    let domain = b.domain;
    let size = b.initial_memory_kib();
    let mut text = format!("size={size}k");
    if let Some(max) = &domain.max_memory {
        if max.slots > 0 {
            text.push_str(&format!(",slots={}", max.slots));
        }
        text.push_str(&format!(",maxmem={}k", max.size.0));
    }
    b.pair("-m", text);
    if numa::is_empty(domain) {
        let wanted = Wanted::board(domain);
        match b.main_memory_id() {
            Some(id) => backend::object(b, &id, size, &wanted, backend::Naming::Board)?.write(b),
            None if backend::is_special(b, &wanted)? => {
                return Err(Error::config_unsupported(format!(
                    "machine '{}' takes memory of no other kind than its own",
                    domain.os.machine()
                )));
            }
            None => {}
        }
    }
    let locked = domain.memory_backing.as_ref().is_some_and(|m| m.locked);
    b.pair("-overcommit", format!("mem-lock={}", on_off(locked)));
    Ok(())
}
