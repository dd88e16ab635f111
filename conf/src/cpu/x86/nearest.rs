//! Which model is nearest to a CPU.

use super::map::Features;
use super::{X86Map, X86Model};
use crate::cpu::HostCpuFeature;

/// A CPU as it describes itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct X86Cpu {
    /// The text of its maker, `GenuineIntel`.
    pub vendor: String,
    /// Its family, extended part included.
    pub family: u32,
    /// Its model within the family, extended part included.
    pub model: u32,
    /// Its stepping.
    pub stepping: u32,
    /// Its features, in own names or QEMU's; unknown ones count for nothing.
    pub features: Vec<String>,
}

/// A model that a guest can be given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OfferedModel {
    /// Its name.
    pub name: String,
    /// Features that it would have and that cannot be given.
    pub blockers: Vec<String>,
}

/// A CPU in the words of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearestModel {
    /// The model.
    pub model: &'static str,
    /// The CPU's maker, if known.
    pub vendor: Option<&'static str>,
    /// What it has beyond the model, then what it lacks.
    pub features: Vec<HostCpuFeature>,
}

/// What a CPU and a model differ in.
struct Distance {
    more: Features,
    less: Features,
    gone: Features,
}

impl Distance {
    fn between(has: &Features, model: &X86Model, blockers: &Features) -> Self {
        let lacks = model.features.difference(has);
        let less: Features = lacks.chain(blockers).copied().collect();
        Self {
            more: has.difference(&model.features).filter(|place| !blockers.contains(*place)).copied().collect(),
            gone: model.removed.difference(has).filter(|place| !less.contains(*place)).copied().collect(),
            less,
        }
    }

    /// What is lacking counts twice what is beyond the model, and decides between equals.
    fn cost(&self) -> (usize, usize) {
        let less = self.less.len() + self.gone.len();
        (self.more.len() + 2 * less, less)
    }
}

impl X86Map {
    /// Describes a guest's CPU by the nearest of the models on offer (of all with `None`); `None` when none is
    /// near.
    ///
    /// Near is first a model that CPUs with these numbers are known by, then one with few differences, of
    /// which a lack counts twice, then a newer one.
    pub fn nearest(&self, cpu: &X86Cpu, offered: Option<&[OfferedModel]>) -> Option<NearestModel> {
        let candidates = self.models.iter().rev().filter(|model| model.for_guests).filter_map(|model| match offered {
            None => Some((model, Features::new())),
            Some(offered) => {
                let offer = offered.iter().find(|offer| offer.name == model.name)?;
                Some((model, self.places(&offer.blockers)))
            }
        });
        self.nearest_of(cpu, candidates)
    }

    fn nearest_of<'a>(
        &self,
        cpu: &X86Cpu,
        candidates: impl Iterator<Item = (&'a X86Model, Features)>,
    ) -> Option<NearestModel> {
        let vendor = self.vendor(&cpu.vendor);
        let has = self.places(&cpu.features);
        let ranked = candidates.filter(|(model, _)| model.vendor.is_none() || model.vendor == vendor).map(
            |(model, blockers)| {
                let distance = Distance::between(&has, model, &blockers);
                ((!model.is_known_by(cpu), distance.cost()), model, distance)
            },
        );
        ranked.min_by_key(|(rank, ..)| *rank).map(|(_, model, distance)| {
            let policy = |policy: &str, name: &str| HostCpuFeature {
                policy: Some(policy.to_owned()),
                ..HostCpuFeature::named(name)
            };
            let require = self.named(&distance.more).map(|name| policy("require", name));
            let disable = self.named(&distance.less).chain(self.named(&distance.gone));
            let features = require.chain(disable.map(|name| policy("disable", name))).collect();
            NearestModel { model: model.name, vendor, features }
        })
    }

    /// Describes a CPU by a model all of whose features it has: of those that `suits`, first one that CPUs
    /// with these numbers are known by, then the one with most features, then the newest.
    pub(in crate::cpu) fn within(
        &self,
        cpu: &X86Cpu,
        vendor: Option<&str>,
        has: &Features,
        suits: impl Fn(&X86Model) -> bool,
    ) -> Option<(&X86Model, Features)> {
        let candidates = self.models.iter().rev().filter(|model| {
            suits(model) && (model.vendor.is_none() || model.vendor == vendor) && model.features.is_subset(has)
        });
        let best = candidates.min_by_key(|model| (!model.is_known_by(cpu), has.difference(&model.features).count()))?;
        Some((best, has.difference(&best.features).copied().collect()))
    }

    /// Describes the CPU of a host: a model all of whose features it has, and what it has beyond; `None` for
    /// one that is not even the oldest.
    pub fn host(&self, cpu: &X86Cpu) -> Option<NearestModel> {
        let vendor = self.vendor(&cpu.vendor);
        let (model, more) = self.within(cpu, vendor, &self.places(&cpu.features), |model| model.for_hosts)?;
        let features = self.named(&more).map(HostCpuFeature::named).collect();
        Some(NearestModel { model: model.name, vendor, features })
    }

    fn places(&self, names: &[String]) -> Features {
        names.iter().filter_map(|name| self.place(name)).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn numbers_come_before_differences() {
        let map = X86Map::get();
        let features = |name: &str| map.model_features(name).unwrap().into_iter().map(str::to_owned);
        let offer = |name: &str| OfferedModel { name: name.to_owned(), blockers: Vec::new() };
        let all = ["EPYC", "EPYC-Rome", "EPYC-Milan", "Nehalem", "qemu64"].map(offer);
        let mut cpu = X86Cpu {
            vendor: "AuthenticAMD".into(),
            family: 23,
            model: 49,
            features: features("EPYC-Milan").chain(["invtsc".to_owned()]).collect(),
            ..X86Cpu::default()
        };
        let near = map.nearest(&cpu, Some(&all)).unwrap();
        assert_eq!((near.model, near.vendor), ("EPYC-Rome", Some("AMD")));
        cpu.model = 255;
        let near = map.nearest(&cpu, Some(&all)).unwrap();
        assert_eq!(near.model, "EPYC-Milan");
        assert_eq!(near.features.len(), 1);
        assert_eq!((near.features[0].policy.as_deref(), near.features[0].name.as_str()), (Some("require"), "invtsc"));
        assert!(map.nearest(&cpu, Some(&[offer("Nehalem")])).is_none());
    }

    #[test]
    fn blockers_are_what_the_host_lacks() {
        let map = X86Map::get();
        let cpu = X86Cpu {
            vendor: "GenuineIntel".into(),
            features: map.model_features("Penryn").unwrap().into_iter().map(str::to_owned).collect(),
            ..X86Cpu::default()
        };
        let offer = OfferedModel { name: "Penryn".into(), blockers: vec!["sse4-2".into()] };
        let near = map.nearest(&cpu, Some(&[offer])).unwrap();
        assert_eq!(near.features[0].policy.as_deref(), Some("disable"));
        assert_eq!(near.features[0].name, "sse4.2");
    }

    #[test]
    fn a_host_is_never_called_what_it_is_not() {
        let map = X86Map::get();
        let mut cpu = X86Cpu {
            vendor: "GenuineIntel".into(),
            family: 6,
            model: 26,
            features: map.model_features("Nehalem").unwrap().into_iter().map(str::to_owned).collect(),
            ..X86Cpu::default()
        };
        assert_eq!(map.host(&cpu).unwrap().model, "Nehalem-v1");
        cpu.features.retain(|name| name != "popcnt");
        assert_eq!(map.host(&cpu).unwrap().model, "Penryn-v1");
        cpu.features.clear();
        assert_eq!(map.host(&cpu), None);
    }
}
