//! Guests whose CPU is like the host's: which model that is here.

use oxivirt_conf::domain::{CpuFallback, CpuFeature, CpuFeaturePolicy, CpuMatch, CpuMode, DomainDefinition};
use oxivirt_core::{Error, Result};

use crate::capabilities::Emulator;
use crate::{command, domain_capabilities};

/// Replaces mode `host-model` by the model that it stands for on this host.
///
/// Errors: `CONFIG_UNSUPPORTED` where the host's CPU is not known.
pub fn expand(domain: &mut DomainDefinition, emulator: &Emulator) -> Result<()> {
    let accel = command::accel_of(domain);
    let (arch, kind, machine) = (domain.os.arch().to_owned(), domain.kind, domain.os.machine().to_owned());
    let Some(cpu) = domain.cpu.as_mut().filter(|cpu| cpu.mode == CpuMode::HostModel) else { return Ok(()) };
    let unknown = || {
        Error::config_unsupported(format!(
            "CPU mode 'host-model' for {arch} {} domain on {} host is not supported by hypervisor",
            kind.as_str(),
            crate::document::host_arch()
        ))
    };
    let machine = emulator.machine(accel, &machine).ok_or_else(unknown)?;
    let host = domain_capabilities::host_model(emulator, accel, machine).ok_or_else(unknown)?;
    let name = host.model.ok_or_else(unknown)?.name;
    let mut features: Vec<CpuFeature> = Vec::new();
    for feature in host.features {
        let off = feature.policy.as_deref() == Some("disable");
        let policy = if off { CpuFeaturePolicy::Disable } else { CpuFeaturePolicy::Require };
        features.push(CpuFeature { policy, name: feature.name });
    }
    // A guest with it could not leave this host.
    features.retain(|feature| feature.name != "invtsc");
    // What the definition says of a feature counts more.
    for own in &cpu.features {
        match features.iter_mut().find(|feature| feature.name == own.name) {
            Some(feature) => feature.policy = own.policy,
            None => features.push(own.clone()),
        }
    }
    cpu.mode = CpuMode::Custom;
    cpu.match_ = Some(CpuMatch::Exact);
    cpu.fallback = Some(CpuFallback::Forbid);
    cpu.model = Some(name);
    cpu.vendor = cpu.vendor.take().or(host.vendor);
    cpu.features = features;
    Ok(())
}
