//! Whether a CPU can be had on a host.

use oxivirt_core::{Error, Result};

use super::description::{Asked, check_vendor};
use super::x86::{Features, X86Map};
use super::{CpuDescription, power};
use crate::domain::CpuMatch;

/// How a CPU relates to a host's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CpuComparison {
    /// It cannot be had there, for this reason.
    Incompatible(String),
    /// It is the host's.
    Identical,
    /// The host's can do more.
    Superset,
}

/// Compares a CPU with that of a host.
///
/// Features of policy `force` and `disable` are not looked for, `optional` ones count where the host has them, and
/// a host that has a forbidden one is incompatible. With `match='strict'` the host may have nothing beyond.
///
/// Errors: `INTERNAL_ERROR` for a model, feature or maker that is not known; `CONFIG_UNSUPPORTED` for a CPU
/// without a model; `NO_SUPPORT` where CPUs of the host's architecture cannot be compared.
pub fn compare(host: &CpuDescription, cpu: &CpuDescription) -> Result<CpuComparison> {
    let host_arch = host.arch.as_deref().unwrap_or_default();
    let family = family(host_arch);
    if let Some(arch) = cpu.arch.as_deref()
        && (family.is_none() || self::family(arch) != family)
    {
        return Ok(CpuComparison::Incompatible(format!("CPU arch {arch} does not match host arch {host_arch}")));
    }
    match family {
        Some(Family::X86) => x86(host, cpu),
        Some(Family::Power) => power::compare(host, cpu),
        // A host of these says nothing of itself that could be compared.
        Some(Family::Plain) => Ok(CpuComparison::Identical),
        None => Err(Error::no_support(format!("comparing CPUs of architecture '{host_arch}'"))),
    }
}

/// Architectures whose CPUs are described alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    X86,
    Power,
    Plain,
}

/// `None` where CPUs have no description.
pub(super) fn family(arch: &str) -> Option<Family> {
    match arch {
        "x86_64" | "i686" => Some(Family::X86),
        "ppc64" | "ppc64le" => Some(Family::Power),
        "aarch64" | "armv6l" | "armv7l" | "armv7b" | "s390" | "s390x" | "riscv32" | "riscv64" | "loongarch64" => {
            Some(Family::Plain)
        }
        _ => None,
    }
}

fn x86(host: &CpuDescription, cpu: &CpuDescription) -> Result<CpuComparison> {
    check_vendor(&cpu.cpu)?;
    if cpu.follows_host() && cpu.cpu.model.is_none() {
        return Ok(CpuComparison::Identical);
    }
    if let Some(vendor) = cpu.cpu.vendor.as_deref()
        && host.cpu.vendor.as_deref() != Some(vendor)
    {
        return Ok(CpuComparison::Incompatible(format!("host CPU vendor does not match required CPU vendor {vendor}")));
    }
    let has = Asked::of(&host.cpu)?.present();
    let asked = Asked::of(&cpu.cpu)?;
    let forbidden: Features = asked.forbid.intersection(&has).copied().collect();
    if !forbidden.is_empty() {
        return Ok(incompatible("Host CPU provides forbidden features", &forbidden));
    }
    let missing: Features = asked.require.difference(&has).copied().collect();
    if !missing.is_empty() {
        return Ok(incompatible("Host CPU does not provide required features", &missing));
    }
    let named = |place: &&usize| {
        [&asked.require, &asked.force, &asked.optional, &asked.disable].iter().any(|set| set.contains(place))
    };
    let extra: Features = has.iter().filter(|place| !named(place)).copied().collect();
    match (extra.is_empty(), cpu.cpu.match_) {
        (true, _) => Ok(CpuComparison::Identical),
        (false, Some(CpuMatch::Strict)) => {
            Ok(incompatible("Host CPU does not strictly match guest CPU: Extra features", &extra))
        }
        _ => Ok(CpuComparison::Superset),
    }
}

fn incompatible(why: &str, features: &Features) -> CpuComparison {
    let names: Vec<&str> = X86Map::get().named(features).collect();
    CpuComparison::Incompatible(format!("{why}: {}", names.join(",")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const HOST: &str = "<arch>x86_64</arch><model>Penryn</model><vendor>Intel</vendor>";

    fn compared(host: &str, cpu: &str) -> Result<CpuComparison> {
        let read = |text: &str| CpuDescription::parse(text).unwrap();
        compare(&read(&format!("<cpu>{host}<feature name='vmx'/></cpu>")), &read(cpu))
    }

    fn guest(attributes: &str, policies: &[(&str, &str)]) -> String {
        let features: String =
            policies.iter().map(|(name, policy)| format!("<feature name='{name}' policy='{policy}'/>")).collect();
        format!("<cpu {attributes}><model>Penryn</model>{features}</cpu>")
    }

    #[test]
    fn policies_decide() {
        use CpuComparison::{Identical, Superset};
        let is = |attributes: &str, policies: &[(&str, &str)]| compared(HOST, &guest(attributes, policies)).unwrap();
        assert_eq!(is("match='exact'", &[]), Superset);
        assert_eq!(is("match='minimum'", &[("vmx", "require")]), Identical);
        assert_eq!(is("match='exact'", &[("vmx", "optional")]), Identical);
        assert_eq!(is("match='exact'", &[("3dnow", "optional")]), Superset);
        assert_eq!(is("match='exact'", &[("3dnow", "force")]), Superset);
        assert_eq!(is("match='strict'", &[("vmx", "require"), ("3dnow", "force")]), Identical);
        assert_eq!(is("match='strict'", &[("vmx", "disable")]), Identical);
        let refused = |attributes: &str, policies: &[(&str, &str)]| match is(attributes, policies) {
            CpuComparison::Incompatible(why) => why,
            other => panic!("{other:?}"),
        };
        assert!(refused("match='exact'", &[("3dnow", "require")]).ends_with("required features: 3dnow"));
        assert!(refused("match='exact'", &[("vmx", "forbid")]).ends_with("forbidden features: vmx"));
        assert!(refused("match='strict'", &[]).ends_with("Extra features: vmx"));
    }

    #[test]
    fn makers_and_architectures_must_agree() {
        let other = |text: &str| matches!(compared(HOST, text), Ok(CpuComparison::Incompatible(_)));
        assert!(other("<cpu match='exact'><model>pentium3</model><vendor>AMD</vendor></cpu>"));
        assert!(other("<cpu><arch>ppc64</arch><model>POWER8</model></cpu>"));
        assert!(!other("<cpu><arch>i686</arch><model>Penryn</model></cpu>"));
        assert!(matches!(
            compared("<arch>x86_64</arch><model>Penryn</model>", &format!("<cpu>{HOST}</cpu>")),
            Ok(CpuComparison::Incompatible(_))
        ));
    }

    #[test]
    fn what_is_not_known_is_an_error() {
        for text in [
            "<cpu match='minimum'><model>Bogus</model></cpu>",
            "<cpu match='minimum'><model>Penryn</model><vendor>Bogus</vendor></cpu>",
            "<cpu match='minimum'><model>Penryn</model><feature name='bogus' policy='optional'/></cpu>",
        ] {
            assert!(compared(HOST, text).is_err(), "{text}");
        }
    }
}
