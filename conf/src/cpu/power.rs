//! CPUs of POWER: a model is all that they say.

use oxivirt_core::{Error, Result};

use super::baseline::{BaselineOptions, custom};
use super::{CpuComparison, CpuDescription, model_names};
use crate::domain::Cpu;

/// A guest has the host's model or an older generation of it in a compatible mode.
pub(super) fn compare(host: &CpuDescription, cpu: &CpuDescription) -> Result<CpuComparison> {
    let Some(model) = cpu.cpu.model.as_deref() else {
        return match cpu.follows_host() {
            true => Ok(CpuComparison::Identical),
            false => Err(Error::config_unsupported("no CPU model specified")),
        };
    };
    let own = known(host.cpu.model.as_deref().unwrap_or_default())?;
    // `host-model` names the generation that the guest is shown.
    let model = known(modern(model))?;
    if model == own || cpu.follows_host() {
        return Ok(CpuComparison::Identical);
    }
    Ok(CpuComparison::Incompatible(format!("host CPU model does not match required CPU model {model}")))
}

/// All must be of one model.
pub(super) fn baseline(cpus: &[CpuDescription], options: &BaselineOptions) -> Result<Cpu> {
    let models = cpus.iter().map(|cpu| known(modern(cpu.cpu.model.as_deref().unwrap_or_default())));
    let models = models.collect::<Result<Vec<_>>>()?;
    let Some(first) = models.first() else { return Err(Error::invalid_arg("No CPUs given")) };
    if models.iter().any(|model| model != first) {
        return Err(Error::operation_failed("CPUs are incompatible"));
    }
    if options.models.as_ref().is_some_and(|models| !models.iter().any(|model| model.eq_ignore_ascii_case(first))) {
        return Err(Error::config_unsupported(format!("CPU model {first} not supported by hypervisor")));
    }
    let mut vendors: Vec<&str> = cpus.iter().filter_map(|cpu| cpu.cpu.vendor.as_deref()).collect();
    vendors.sort_unstable();
    vendors.dedup();
    match vendors.as_slice() {
        [vendor] if !VENDORS.contains(vendor) => Err(Error::internal(format!("Unknown CPU vendor {vendor}"))),
        // The model says who made it.
        [] | [_] => Ok(custom(Some((*first).to_owned()))),
        _ => Err(Error::operation_failed("CPU vendors do not match")),
    }
}

/// The generation that a name of one of its chips stands for.
fn modern(model: &str) -> &str {
    match model {
        "POWER7_v2.1" | "POWER7_v2.3" | "POWER7+_v2.1" => "POWER7",
        "POWER8_v1.0" | "POWER8E_v1.0" | "POWER8NVL_v1.0" => "POWER8",
        other => other,
    }
}

fn known(model: &str) -> Result<&'static str> {
    let names = model_names("ppc64").unwrap_or_default();
    let found = names.iter().find(|name| **name == model).copied();
    found.ok_or_else(|| Error::internal(format!("Unknown CPU model {model}")))
}

const VENDORS: [&str; 2] = ["IBM", "Freescale"];
