//! `<cpu>`.

use oxivirt_conf::domain::{CpuAddressMode, CpuCacheMode, CpuMode, DomainDefinition};
use oxivirt_core::Result;

use super::unsupported;

pub(super) fn cpu(def: &DomainDefinition) -> Result<()> {
    let Some(cpu) = &def.cpu else { return Ok(()) };
    let of_host = matches!(cpu.mode, CpuMode::HostPassthrough | CpuMode::Maximum);
    if let Some(cache) = &cpu.cache {
        match cache.mode {
            CpuCacheMode::Emulate if cache.level != Some(3) => {
                return unsupported("CPU cache mode 'emulate' can only be used with level='3'");
            }
            CpuCacheMode::Passthrough if !of_host => {
                return unsupported(
                    "CPU cache mode 'passthrough' can only be used with 'host-passthrough' / 'maximum' CPUs",
                );
            }
            CpuCacheMode::Passthrough | CpuCacheMode::Disable if cache.level.is_some() => {
                return unsupported(format!("CPU cache mode '{}' takes no level", cache.mode.as_str()));
            }
            _ => {}
        }
    }
    if let Some(address) = &cpu.maxphysaddr
        && address.mode == CpuAddressMode::Passthrough
    {
        if address.bits.is_some() {
            return unsupported(
                "CPU maximum physical address bits number specification cannot be used with mode='passthrough'",
            );
        }
        if !of_host {
            return unsupported(
                "CPU maximum physical address bits mode 'passthrough' can only be used with 'host-passthrough' or \
                 'maximum' CPUs",
            );
        }
    }
    Ok(())
}
