//! `<cpu>`: in which ways a guest's CPU can be asked for.

use oxivirt_conf::cpu::{
    HostCpuFeature, OfferedModel, PhysicalAddress, PhysicalAddressMode, X86Cpu, X86Map, model_names,
};
use oxivirt_conf::domain_capabilities::{CpuModel, CpuModes, CustomCpu, HostModel, HostModelName, Support, Usable};
use oxivirt_conf::xml::YesNo;

use super::{Subject, Surroundings, present};
use crate::capabilities::{self, Accel, FullCpu, max_type};

pub(super) fn modes(subject: Subject<'_>, host: &Surroundings) -> CpuModes {
    let max = max_type(subject.arch());
    let migratable = subject.is_x86() && max.as_ref().is_some_and(|t| subject.emulator.has_property(t, "migratable"));
    let custom = custom(subject);
    CpuModes {
        host_passthrough: match subject.accel {
            Accel::Kvm | Accel::Hvf => {
                Support::yes().with("hostPassthroughMigratable", present(&[("on", migratable), ("off", true)]))
            }
            Accel::Tcg => Support::no(),
        },
        maximum: match max.is_some_and(|name| subject.has(&name)) {
            true => Support::yes().with("maximumMigratable", ["on", "off"]),
            false => Support::no(),
        },
        host_model: host_model(subject, host, &custom),
        custom: (!custom.models.is_empty()).then_some(custom),
    }
}

/// The models by name that QEMU has and that have a meaning for everybody, by name.
fn custom(subject: Subject<'_>) -> CustomCpu {
    let told = subject.emulator.accel(subject.accel).map(|caps| caps.cpu_models.as_slice()).unwrap_or_default();
    let mut models: Vec<CpuModel> = told.iter().filter_map(|model| named(subject, model)).collect();
    models.sort_by(|a, b| a.name.cmp(&b.name));
    models.dedup_by(|a, b| a.name == b.name);
    CustomCpu { models }
}

fn named(subject: Subject<'_>, model: &capabilities::CpuModel) -> Option<CpuModel> {
    let known = model_names(subject.arch()).unwrap_or_default();
    let name = match known {
        [] if model.name == "host" => return None,
        [] => model.name.clone(),
        // QEMU writes POWER's models small.
        known => known.iter().find(|name| name.eq_ignore_ascii_case(&model.name)).copied()?.to_owned(),
    };
    let map = X86Map::get();
    let mut blockers = model.blockers.clone().unwrap_or_default();
    if subject.is_x86() {
        blockers = blockers.iter().map(|name| map.feature(name).unwrap_or(name).to_owned()).collect();
    }
    blockers.sort();
    blockers.dedup();
    Some(CpuModel {
        usable: match &model.blockers {
            None => Usable::Unknown,
            Some(blockers) if blockers.is_empty() => Usable::Yes,
            Some(_) => Usable::No,
        },
        deprecated: model.deprecated.then_some(YesNo::Yes),
        vendor: vendor(subject, &name).unwrap_or("unknown").to_owned(),
        canonical: model.alias_of.clone().filter(|other| *other != name),
        name,
        blockers,
    })
}

/// Who makes CPUs of that name.
fn vendor(subject: Subject<'_>, name: &str) -> Option<&'static str> {
    match subject.arch() {
        "x86_64" | "i686" => X86Map::get().model(name)?.vendor,
        "ppc64" | "ppc64le" => Some(if name.starts_with("POWERPC_e") { "Freescale" } else { "IBM" }),
        "s390x" => (name.starts_with('z') || name.starts_with("gen")).then_some("IBM"),
        _ => None,
    }
}

/// What `host-model` stands for, without what depends on more than the emulator.
pub(super) fn host_model_of(subject: Subject<'_>) -> Option<HostModel> {
    host_model(subject, &Surroundings::default(), &custom(subject))
}

fn host_model(subject: Subject<'_>, host: &Surroundings, custom: &CustomCpu) -> Option<HostModel> {
    let kvm = subject.accel == Accel::Kvm;
    let limit = host.physical_address_bits.filter(|_| kvm).map(|bits| PhysicalAddress {
        mode: PhysicalAddressMode::Passthrough,
        bits: None,
        limit: Some(bits),
    });
    let model =
        |name: &str, fallback: &str| Some(HostModelName { fallback: fallback.to_owned(), name: name.to_owned() });
    if matches!(subject.arch(), "ppc64" | "ppc64le") {
        // The host is what counts: QEMU does not tell.
        let name = host.power_model.as_deref().filter(|name| kvm && custom.models.iter().any(|m| m.name == **name))?;
        return Some(HostModel { model: model(name, "allow"), max_physical_address: limit, ..HostModel::default() });
    }
    let full = subject.emulator.accel(subject.accel)?.full_cpu.as_ref()?;
    if subject.arch() == "s390x" {
        let require =
            |name: &String| HostCpuFeature { policy: Some("require".to_owned()), ..HostCpuFeature::named(name) };
        let features = full.features.iter().map(require).collect();
        return Some(HostModel { model: model(&full.model, "forbid"), features, ..HostModel::default() });
    }
    let offered: Vec<OfferedModel> =
        custom.models.iter().map(|m| OfferedModel { name: m.name.clone(), blockers: m.blockers.clone() }).collect();
    let near = X86Map::get().nearest(&described(full), Some(&offered))?;
    Some(HostModel {
        model: model(near.model, "forbid"),
        vendor: near.vendor.map(str::to_owned),
        max_physical_address: limit,
        features: near.features,
    })
}

fn described(full: &FullCpu) -> X86Cpu {
    X86Cpu {
        vendor: full.vendor.clone().unwrap_or_default(),
        family: full.family,
        model: full.number,
        stepping: full.stepping,
        features: full.features.clone(),
    }
}
