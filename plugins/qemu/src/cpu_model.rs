//! What a guest's CPU becomes on this host.

use oxivirt_conf::cpu::{CpuComparison, CpuDescription, HostCpu, HostFeatures, X86Map, compare, restrict, update};
use oxivirt_conf::domain::{
    Cpu, CpuCheck, CpuFallback, CpuFeature, CpuFeaturePolicy, CpuMatch, CpuMode, DomainDefinition,
};
use oxivirt_conf::xml::OnOff;
use oxivirt_core::{Error, ErrorCode, Result};

use crate::capabilities::{Accel, Emulator, max_type};
use crate::{command, domain_capabilities};

/// Replaces what depends on the host by what that is here: mode `host-model`, `match='minimum'`, `optional`
/// features.
///
/// Errors: `CONFIG_UNSUPPORTED` where the host's CPU is needed and not known, or the model is one that QEMU lacks.
pub fn expand(domain: &mut DomainDefinition, emulator: &Emulator) -> Result<()> {
    let host = host(domain, emulator);
    expand_on(domain, emulator, host.as_ref())
}

/// As [`expand`], on a host with that CPU.
pub fn expand_on(domain: &mut DomainDefinition, emulator: &Emulator, host: Option<&CpuDescription>) -> Result<()> {
    let accel = command::accel_of(domain);
    let (arch, kind) = (domain.os.arch().to_owned(), domain.kind);
    let Some(cpu) = &mut domain.cpu else { return Ok(()) };
    let x86 = is_x86(&arch);
    // On POWER the host's CPU in a compatible mode is what this means, and QEMU works that out.
    if cpu.mode == CpuMode::HostModel && arch.starts_with("ppc64") && accel == Accel::Kvm {
        return Ok(());
    }
    let of_host = cpu.mode == CpuMode::HostModel;
    let minimum = cpu.match_ == Some(CpuMatch::Minimum) && cpu.mode == CpuMode::Custom;
    let optional = x86 && cpu.features.iter().any(|feature| feature.policy == CpuFeaturePolicy::Optional);
    match host {
        Some(host) if of_host || minimum || optional => {
            update(host, HostFeatures::All, cpu)?;
            if of_host {
                // This is the host's, which no other may stand for.
                cpu.fallback = Some(CpuFallback::Forbid);
            }
        }
        None if of_host || minimum => {
            return Err(Error::config_unsupported(format!(
                "CPU mode '{}' for {arch} {} domain on {} host is not supported by hypervisor",
                if of_host { "host-model" } else { "custom' with match 'minimum" },
                kind.as_str(),
                crate::document::host_arch()
            )));
        }
        _ => {}
    }
    if of_host && cpu.deprecated_features == Some(OnOff::Off) {
        let full = emulator.accel(accel).and_then(|caps| caps.full_cpu.as_ref());
        for name in full.map(|full| full.deprecated.as_slice()).unwrap_or_default() {
            set(cpu, name, CpuFeaturePolicy::Disable);
        }
    }
    if x86 && cpu.mode == CpuMode::Custom {
        complete(cpu, emulator, accel)?;
    }
    Ok(())
}

/// What QEMU must be told of a model of x86 beyond its name.
fn complete(cpu: &mut Cpu, emulator: &Emulator, accel: Accel) -> Result<()> {
    let models = emulator.accel(accel).map(|caps| caps.cpu_models.as_slice()).unwrap_or_default();
    if !models.is_empty() {
        let names: Vec<String> = models.iter().map(|model| model.name.clone()).collect();
        restrict(&emulator.arch, cpu, &names)?;
    }
    // QEMU gives some models what they no longer have; elsewhere the same guest would differ.
    let removed = cpu.model.as_deref().map(|name| X86Map::get().removed_features(name)).unwrap_or_default();
    for name in removed {
        if !cpu.features.iter().any(|feature| feature.name == name) {
            cpu.features.push(CpuFeature { policy: CpuFeaturePolicy::Disable, name: name.to_owned() });
        }
    }
    // What QEMU has never heard of need not be switched off.
    if let Some(known) = max_type(&emulator.arch).and_then(|name| emulator.properties.get(&name)) {
        let unknown = |name: &str| !known.contains(name) && !known.contains(&name.replace('_', "-"));
        cpu.features.retain(|feature| feature.policy != CpuFeaturePolicy::Disable || !unknown(&feature.name));
    }
    Ok(())
}

/// Checks that the host can give a guest the CPU that it asks for, as far as `check='partial'` wants that known.
///
/// Errors: `CPU_INCOMPATIBLE` naming what is missing or too much.
pub fn check(domain: &DomainDefinition, emulator: &Emulator) -> Result<()> {
    let Some(cpu) = domain.cpu.as_ref().filter(|cpu| cpu.check == Some(CpuCheck::Partial)) else { return Ok(()) };
    let judged = cpu.mode == CpuMode::Custom && cpu.model.is_some() && is_x86(domain.os.arch());
    if !judged || command::accel_of(domain) != Accel::Kvm {
        return Ok(());
    }
    let Some(host) = host(domain, emulator) else { return Ok(()) };
    match compare(&host, &CpuDescription::of_guest(cpu.clone()))? {
        CpuComparison::Incompatible(why) => {
            Err(Error::new(ErrorCode::CPU_INCOMPATIBLE, format!("guest CPU doesn't match specification: {why}")))
        }
        CpuComparison::Identical | CpuComparison::Superset => Ok(()),
    }
}

/// What the guest could have at most; `None` where QEMU does not tell.
fn host(domain: &DomainDefinition, emulator: &Emulator) -> Option<CpuDescription> {
    let accel = command::accel_of(domain);
    let machine = emulator.machine(accel, domain.os.machine())?;
    let host = domain_capabilities::host_model(emulator, accel, machine)?;
    Some(CpuDescription::of_host(&HostCpu {
        arch: Some(domain.os.arch().to_owned()),
        model: Some(host.model?.name),
        vendor: host.vendor,
        // A guest with this one could not leave the host, whatever QEMU says of the others.
        features: host.features.into_iter().filter(|feature| feature.name != "invtsc").collect(),
        ..HostCpu::default()
    }))
}

fn set(cpu: &mut Cpu, name: &str, policy: CpuFeaturePolicy) {
    match cpu.features.iter_mut().find(|feature| feature.name == name) {
        Some(feature) => feature.policy = policy,
        None => cpu.features.push(CpuFeature { policy, name: name.to_owned() }),
    }
}

fn is_x86(arch: &str) -> bool {
    matches!(arch, "x86_64" | "i686")
}
