//! How much of a memory module the guest is asked to take.

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::{Address, MemoryDevice, MemoryModel};
use oxivirt_conf::xml::KiB;
use oxivirt_core::{Error, ErrorCode, Result};
use serde_json::{Value, json};

use super::unchanged;
use crate::hotplug::Session;

pub(super) fn update(session: &Session<'_>, live: &DomainDefinition, wanted: MemoryDevice) -> Result<DomainDefinition> {
    if wanted.model != MemoryModel::VirtioMem {
        return Err(Error::new(
            ErrorCode::OPERATION_UNSUPPORTED,
            format!("updating of memory device of model '{}' is not supported", wanted.model),
        ));
    }
    let at = live.devices.find(oxivirt_conf::domain::DeviceRef::Memory(&wanted))?;
    let mut changed = live.clone();
    let module = changed.devices.memories.get_mut(at).ok_or_else(|| Error::internal("the module is lost"))?;
    unchanged(
        "memory device",
        &[(module.access == wanted.access, "access"), (module.discard == wanted.discard, "discard")],
    )?;
    let requested = wanted.target.requested.unwrap_or_default();
    if let Some(block) = module.target.block.filter(|block| block.0 > 0)
        && !requested.0.is_multiple_of(block.0)
    {
        return Err(Error::config_unsupported("requested size must be an integer multiple of block size"));
    }
    if requested > module.target.size {
        return Err(Error::config_unsupported(
            "requested size must be smaller than or equal to the size of the module",
        ));
    }
    if module.target.requested != Some(requested) {
        let alias = module.info.alias.as_deref().ok_or_else(|| Error::internal("a module has no alias"))?;
        let bytes = requested.0.saturating_mul(1024);
        let arguments = json!({
            "path": format!("/machine/peripheral/{alias}"), "property": "requested-size", "value": bytes});
        session.run("qom-set", arguments)?;
        module.target.requested = Some(requested);
    }
    Ok(changed)
}

/// Where QEMU put a module, and how much of it the guest has taken, in bytes.
pub(in crate::hotplug) fn memory_of(session: &Session<'_>, alias: &str) -> Result<Option<(u64, Option<u64>)>> {
    let answer = session.run("query-memory-devices", Value::Null)?;
    let mut all = answer.as_array().into_iter().flatten().filter_map(|entry| entry.get("data"));
    let module = all.find(|data| data.get("id").and_then(Value::as_str) == Some(alias));
    let number = |data: &Value, key: &str| data.get(key).and_then(Value::as_u64);
    Ok(module.and_then(|data| {
        let base = number(data, "addr").or_else(|| number(data, "memaddr"))?;
        // Only such a module says how much was asked for.
        let taken = data.get("requested-size").and_then(|_| number(data, "size"));
        Some((base, taken))
    }))
}

/// Puts what QEMU chose into the definition.
pub(in crate::hotplug) fn note_memory(module: &mut MemoryDevice, base: u64, current: Option<KiB>) {
    match &mut module.info.address {
        Some(Address::Dimm { base: place, .. }) => *place = Some(base),
        _ => module.target.address_base = Some(base),
    }
    if let Some(current) = current {
        module.target.current = Some(current);
    }
}
