//! What a guest's CPU becomes on a host.

use oxivirt_core::{Error, Result};

use super::compare::{Family, family};
use super::description::Asked;
use super::x86::{Features, X86Cpu, X86Data, X86Map};
use super::{CpuDescription, OfferedModel};
use crate::domain::{Cpu, CpuFallback, CpuFeature, CpuFeaturePolicy, CpuMatch, CpuMode};

/// Which of a host's features a guest is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostFeatures {
    /// All that are named.
    All,
    /// Those that do not tie it to the host.
    Migratable,
}

/// Completes a guest's CPU by what the host is.
///
/// `host-model` and `match='minimum'` become the host's model with its features, as far as `taken`; what the guest says of a feature counts more. `optional` features become required or
/// disabled. A CPU of another mode stays as it is, and so does one on a host whose CPUs have no features.
///
/// Errors: `CONFIG_UNSUPPORTED` for a host without a model; `INTERNAL_ERROR` for unknown names.
pub fn update(host: &CpuDescription, taken: HostFeatures, guest: &mut Cpu) -> Result<()> {
    let of = family(host.arch.as_deref().unwrap_or_default());
    let takes_host = guest.mode == CpuMode::HostModel || guest.match_ == Some(CpuMatch::Minimum);
    match guest.mode {
        CpuMode::HostPassthrough | CpuMode::Maximum => return Ok(()),
        CpuMode::HostModel | CpuMode::Custom => {}
    }
    let optional = guest.features.iter().any(|feature| feature.policy == CpuFeaturePolicy::Optional);
    if of == Some(Family::X86) && optional {
        resolve_optional(host, guest)?;
    }
    if takes_host {
        take(host, taken, guest)?;
    }
    Ok(())
}

fn take(host: &CpuDescription, taken: HostFeatures, guest: &mut Cpu) -> Result<()> {
    let model = host.cpu.model.clone().ok_or_else(|| Error::config_unsupported("the host's CPU model is not known"))?;
    let mut features = host.cpu.features.clone();
    if taken == HostFeatures::Migratable {
        let map = X86Map::get();
        features.retain(|feature| map.place(&feature.name).is_none_or(|place| map.is_migratable(place)));
    }
    for own in &guest.features {
        match features.iter_mut().find(|feature| feature.name == own.name) {
            Some(feature) => feature.policy = own.policy,
            None => features.push(own.clone()),
        }
    }
    if guest.mode == CpuMode::HostModel {
        guest.vendor = guest.vendor.take().or_else(|| host.cpu.vendor.clone());
    }
    guest.mode = CpuMode::Custom;
    guest.match_ = Some(CpuMatch::Exact);
    guest.fallback = guest.fallback.or(Some(CpuFallback::Allow));
    guest.model = Some(model);
    guest.features = features;
    Ok(())
}

fn resolve_optional(host: &CpuDescription, guest: &mut Cpu) -> Result<()> {
    let has = Asked::of(&host.cpu)?.present();
    for feature in guest.features.iter_mut().filter(|feature| feature.policy == CpuFeaturePolicy::Optional) {
        let place = X86Map::get()
            .place(&feature.name)
            .ok_or_else(|| Error::internal(format!("Unknown CPU feature {}", feature.name)))?;
        feature.policy = match has.contains(&place) {
            true => CpuFeaturePolicy::Require,
            false => CpuFeaturePolicy::Disable,
        };
    }
    Ok(())
}

/// Replaces a guest's model by the nearest of those that a hypervisor has; what the guest said of a feature stays
/// said.
///
/// Errors: `CONFIG_UNSUPPORTED` where the guest allows no other model or none is near; `INTERNAL_ERROR` for unknown
/// names.
pub fn restrict(arch: &str, guest: &mut Cpu, models: &[String]) -> Result<()> {
    let Some(name) = guest.model.clone().filter(|name| !models.contains(name)) else { return Ok(()) };
    let unsupported = || Error::config_unsupported(format!("CPU model {name} is not supported by hypervisor"));
    if guest.fallback == Some(CpuFallback::Forbid) || family(arch) != Some(Family::X86) {
        return Err(unsupported());
    }
    let map = X86Map::get();
    let asked = Asked::of(guest)?;
    let maker = guest.vendor.as_deref().or(map.model(&name).and_then(|model| model.vendor));
    let cpu = X86Cpu {
        vendor: maker.and_then(|name| map.vendor_text(name)).unwrap_or_default().to_owned(),
        features: map.named(&asked.present()).map(str::to_owned).collect(),
        ..X86Cpu::default()
    };
    let offered: Vec<OfferedModel> =
        models.iter().map(|name| OfferedModel { name: name.clone(), blockers: Vec::new() }).collect();
    let near = map.nearest(&cpu, Some(&offered)).ok_or_else(unsupported)?;
    let mut features: Vec<CpuFeature> = near.features.into_iter().map(CpuFeature::from).collect();
    for own in &guest.features {
        match features.iter_mut().find(|feature| feature.name == own.name) {
            Some(feature) => feature.policy = own.policy,
            None => features.push(own.clone()),
        }
    }
    guest.model = Some(near.model.to_owned());
    guest.features = features;
    Ok(())
}

/// Writes down what a running guest really got: features that its hypervisor added are required, those that it
/// took away are disabled.
///
/// Errors: `INTERNAL_ERROR` for unknown names; `OPERATION_FAILED` where the hypervisor took something away and
/// the CPU is checked in full.
pub fn update_live(guest: &mut Cpu, enabled: &X86Data, disabled: &X86Data) -> Result<()> {
    let map = X86Map::get();
    let present = Asked::of(guest)?.present();
    let gone: Features = disabled.features().intersection(&present).copied().collect();
    let come: Features = enabled.features().difference(&present).copied().collect();
    if !gone.is_empty() && guest.check == Some(crate::domain::CpuCheck::Full) {
        let names: Vec<&str> = map.named(&gone).collect();
        return Err(Error::operation_failed(format!(
            "guest CPU doesn't match specification: missing features: {}",
            names.join(",")
        )));
    }
    let changes = map.named(&come).map(|name| (name, CpuFeaturePolicy::Require));
    for (name, policy) in changes.chain(map.named(&gone).map(|name| (name, CpuFeaturePolicy::Disable))) {
        match guest.features.iter_mut().find(|feature| feature.name == name) {
            Some(feature) => feature.policy = policy,
            None => guest.features.push(CpuFeature { policy, name: name.to_owned() }),
        }
    }
    Ok(())
}

impl From<super::HostCpuFeature> for CpuFeature {
    fn from(feature: super::HostCpuFeature) -> Self {
        let policy = match feature.policy.as_deref() {
            Some("disable") => CpuFeaturePolicy::Disable,
            _ => CpuFeaturePolicy::Require,
        };
        Self { policy, name: feature.name }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn cpu(text: &str) -> Cpu {
        CpuDescription::parse(text).unwrap().cpu
    }

    fn host() -> CpuDescription {
        let text = "<cpu><arch>x86_64</arch><model>Penryn</model><vendor>Intel</vendor><feature name='invtsc'/>\
            <feature name='vmx'/></cpu>";
        CpuDescription::parse(text).unwrap()
    }

    fn said(cpu: &Cpu) -> Vec<(&str, CpuFeaturePolicy)> {
        cpu.features.iter().map(|feature| (feature.name.as_str(), feature.policy)).collect()
    }

    #[test]
    fn a_model_of_the_host_leaves_out_what_cannot_move() {
        use CpuFeaturePolicy::{Disable, Require};
        let mut guest = cpu("<cpu mode='host-model'><feature name='aes' policy='optional'/></cpu>");
        update(&host(), HostFeatures::Migratable, &mut guest).unwrap();
        assert_eq!((guest.model.as_deref(), guest.vendor.as_deref()), (Some("Penryn"), Some("Intel")));
        assert_eq!(said(&guest), [("vmx", Require), ("aes", Disable)]);
        let mut guest = cpu("<cpu match='minimum'><model>pentium3</model><feature name='vmx' policy='disable'/></cpu>");
        update(&host(), HostFeatures::Migratable, &mut guest).unwrap();
        assert_eq!((guest.model.as_deref(), guest.vendor.as_deref()), (Some("Penryn"), None));
        assert_eq!(said(&guest), [("vmx", Disable)]);
    }

    #[test]
    fn another_model_stands_in_unless_forbidden() {
        let text =
            |fallback: &str| format!("<cpu match='exact'><model fallback='{fallback}'>Haswell-noTSX</model></cpu>");
        let models = ["SandyBridge".to_owned(), "Haswell".to_owned()];
        let mut guest = cpu(&text("allow"));
        restrict("x86_64", &mut guest, &models).unwrap();
        assert_eq!(guest.model.as_deref(), Some("Haswell"));
        assert_eq!(said(&guest), [("hle", CpuFeaturePolicy::Disable), ("rtm", CpuFeaturePolicy::Disable)]);
        assert!(restrict("x86_64", &mut cpu(&text("forbid")), &models).is_err());
        assert!(restrict("x86_64", &mut cpu(&text("allow")), &["nomodel".to_owned()]).is_err());
    }

    #[test]
    fn what_a_guest_got_is_written_down() {
        let mut guest = cpu("<cpu match='exact'><model>Penryn</model></cpu>");
        let (enabled, disabled) = (X86Data::of_features(["vmx", "sse"]), X86Data::of_features(["sse4.1", "3dnow"]));
        update_live(&mut guest, &enabled, &disabled).unwrap();
        assert_eq!(said(&guest), [("vmx", CpuFeaturePolicy::Require), ("sse4.1", CpuFeaturePolicy::Disable)]);
        guest.check = Some(crate::domain::CpuCheck::Full);
        assert!(update_live(&mut guest, &enabled, &X86Data::of_features(["sse"])).is_err());
    }
}
