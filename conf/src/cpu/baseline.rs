//! The richest CPU that each of several hosts can offer.

use std::collections::BTreeSet;

use oxivirt_core::{Error, Result};

use super::compare::{Family, family};
use super::description::{Asked, check_vendor};
use super::x86::{Features, X86Cpu, X86Map};
use super::{CpuDescription, power};
use crate::domain::{Cpu, CpuFallback, CpuFeature, CpuFeaturePolicy, CpuMatch};

/// What may come out of several CPUs.
#[derive(Debug, Clone, Default)]
pub struct BaselineOptions {
    /// The models that may be named; any with `None`.
    pub models: Option<Vec<String>>,
    /// Without features that tie a guest to its host.
    pub migratable: bool,
    /// With every feature listed, the model's as well, by name.
    pub expand_features: bool,
}

/// Combines CPUs of one architecture: the model and features that all of them have.
///
/// * `arch`: the architecture of CPUs that name none.
///
/// Errors: `INVALID_ARG` for no CPU; `CONFIG_UNSUPPORTED` for a CPU without a model, another architecture, or
/// no model in common; `OPERATION_FAILED` for makers that differ; `INTERNAL_ERROR` for unknown names;
/// `NO_SUPPORT` for architectures whose CPUs have nothing to combine.
pub fn baseline(arch: &str, cpus: &[CpuDescription], options: &BaselineOptions) -> Result<Cpu> {
    let Some(first) = cpus.first() else { return Err(Error::invalid_arg("No CPUs given")) };
    if let Some(index) = cpus.iter().position(|cpu| cpu.cpu.model.is_none()) {
        return Err(Error::invalid_arg(format!("no CPU model specified at index {index}")));
    }
    let arch = first.arch.as_deref().unwrap_or(arch);
    let of = family(arch);
    if let Some(other) = cpus.iter().filter_map(|cpu| cpu.arch.as_deref()).find(|other| family(other) != of) {
        return Err(Error::config_unsupported(format!("CPUs of architectures {arch} and {other} cannot be combined")));
    }
    match of {
        Some(Family::X86) => x86(cpus, options),
        Some(Family::Power) => power::baseline(cpus, options),
        // They say no more than their model.
        Some(Family::Plain) if cpus.iter().all(|cpu| cpu.cpu == first.cpu) => Ok(custom(first.cpu.model.clone())),
        Some(Family::Plain) | None => Err(Error::no_support(format!("combining CPUs of architecture '{arch}'"))),
    }
}

/// A guest's CPU of exactly that model, which no other may stand for.
pub(super) fn custom(model: Option<String>) -> Cpu {
    Cpu { model, match_: Some(CpuMatch::Exact), fallback: Some(CpuFallback::Forbid), ..Cpu::default() }
}

fn x86(cpus: &[CpuDescription], options: &BaselineOptions) -> Result<Cpu> {
    let map = X86Map::get();
    let mut shared: Option<Features> = None;
    let mut said = BTreeSet::new();
    let mut makers = BTreeSet::new();
    for CpuDescription { cpu, .. } in cpus {
        check_vendor(cpu)?;
        let has = Asked::of(cpu)?.present();
        shared = Some(shared.map_or_else(|| has.clone(), |shared| shared.intersection(&has).copied().collect()));
        let model = cpu.model.as_deref().and_then(|name| map.model(name));
        said.extend(cpu.vendor.as_deref());
        makers.insert(cpu.vendor.as_deref().or(model.and_then(|model| model.vendor)));
    }
    if said.len() > 1 {
        return Err(Error::operation_failed("CPU vendors do not match"));
    }
    let mut shared = shared.unwrap_or_default();
    if options.migratable {
        shared.retain(|place| map.is_migratable(*place));
    }
    let vendor = if makers.len() == 1 { makers.first().copied().flatten() } else { None };
    let offered = |name: &str| options.models.as_ref().is_none_or(|models| models.iter().any(|other| other == name));
    let (model, more) = map
        .within(&X86Cpu::default(), vendor, &shared, |model| model.for_guests && offered(model.name))
        .ok_or_else(|| Error::config_unsupported("the CPUs are incompatible: no model is part of all of them"))?;
    let mut names: Vec<&str> = map.named(if options.expand_features { &shared } else { &more }).collect();
    if options.expand_features {
        names.sort_unstable();
    }
    let require = |name: &str| CpuFeature { policy: CpuFeaturePolicy::Require, name: name.to_owned() };
    Ok(Cpu {
        fallback: Some(if cpus.len() == 1 { CpuFallback::Forbid } else { CpuFallback::Allow }),
        vendor: vendor.filter(|_| cpus.iter().all(|cpu| cpu.cpu.vendor.is_some())).map(str::to_owned),
        features: names.into_iter().map(require).collect(),
        ..custom(Some(model.name.to_owned()))
    })
}

/// Lists every feature that a CPU of x86 has, the model's as well, by name; other CPUs stay as they are.
///
/// Errors: `INTERNAL_ERROR` for unknown names.
pub fn expand_features(arch: &str, cpu: &mut Cpu) -> Result<()> {
    if family(arch) != Some(Family::X86) || cpu.model.is_none() {
        return Ok(());
    }
    let present = Asked::of(cpu)?.present();
    let mut features: Vec<CpuFeature> = X86Map::get()
        .named(&present)
        .map(|name| match cpu.features.iter().find(|feature| feature.name == name) {
            Some(own) => own.clone(),
            None => CpuFeature { policy: CpuFeaturePolicy::Require, name: name.to_owned() },
        })
        .collect();
    let left = cpu.features.iter().filter(|own| !features.iter().any(|feature| feature.name == own.name)).cloned();
    let left: Vec<CpuFeature> = left.collect();
    features.extend(left);
    features.sort_by(|a, b| a.name.cmp(&b.name));
    cpu.features = features;
    Ok(())
}

/// Takes away features that tie a guest of x86 to its host.
pub fn drop_unmigratable(cpu: &mut Cpu) {
    let map = X86Map::get();
    cpu.features.retain(|feature| map.place(&feature.name).is_none_or(|place| map.is_migratable(place)));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn combined(text: &str, options: &BaselineOptions) -> Result<Cpu> {
        baseline("x86_64", &CpuDescription::parse_all(&format!("<all>{text}</all>")).unwrap(), options)
    }

    #[test]
    fn what_all_have_remains() {
        let text = "<cpu><arch>x86_64</arch><model>Westmere</model><vendor>Intel</vendor><feature name='invtsc'/></cpu>\
            <cpu><arch>x86_64</arch><model>Haswell</model><vendor>Intel</vendor><feature name='invtsc'/></cpu>";
        let cpu = combined(text, &BaselineOptions::default()).unwrap();
        assert_eq!((cpu.model.as_deref(), cpu.vendor.as_deref()), (Some("Westmere"), Some("Intel")));
        assert_eq!(cpu.fallback, Some(CpuFallback::Allow));
        assert!(cpu.features.iter().any(|feature| feature.name == "invtsc"));
        let options = BaselineOptions { migratable: true, expand_features: true, ..BaselineOptions::default() };
        let names: Vec<String> = combined(text, &options).unwrap().features.into_iter().map(|f| f.name).collect();
        assert!(names.is_sorted() && names.contains(&"aes".into()) && !names.contains(&"invtsc".into()));
        let options = BaselineOptions { models: Some(vec!["Penryn".into()]), ..BaselineOptions::default() };
        assert_eq!(combined(text, &options).unwrap().model.as_deref(), Some("Penryn"));
        let options = BaselineOptions { models: Some(Vec::new()), ..BaselineOptions::default() };
        assert!(combined(text, &options).is_err());
    }

    #[test]
    fn makers_that_differ_are_refused() {
        let text = "<cpu><arch>x86_64</arch><model>Penryn</model><vendor>Intel</vendor></cpu>\
            <cpu><arch>x86_64</arch><model>Opteron_G3</model><vendor>AMD</vendor></cpu>";
        assert!(combined(text, &BaselineOptions::default()).is_err());
        assert!(combined("", &BaselineOptions::default()).is_err());
        assert!(combined("<cpu><arch>x86_64</arch></cpu>", &BaselineOptions::default()).is_err());
    }
}
