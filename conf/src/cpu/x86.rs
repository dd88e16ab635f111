//! What x86 CPU models consist of, and which of them is nearest to a CPU.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::OnceLock;

use super::HostCpuFeature;

/// Models, features and makers that documents may name.
#[derive(Debug, Default)]
pub struct X86Map {
    /// In the order in which documents list them.
    features: Vec<&'static str>,
    /// Own names and those of QEMU, to the place in `features`.
    names: HashMap<&'static str, usize>,
    /// Maker to the text in its CPUs.
    vendors: BTreeMap<&'static str, &'static str>,
    /// Oldest first.
    models: Vec<X86Model>,
}

/// One model by name.
#[derive(Debug, Clone)]
pub struct X86Model {
    /// Its name.
    pub name: &'static str,
    /// Its maker; absent where any maker's CPU may be meant.
    pub vendor: Option<&'static str>,
    /// Whether a host may be called so.
    pub for_hosts: bool,
    /// Whether the host's model in a guest may be called so.
    pub for_guests: bool,
    signatures: Vec<Signature>,
    features: BTreeSet<usize>,
}

/// The numbers by which CPUs of a model are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Signature {
    family: u32,
    model: u32,
    steppings: Option<(u32, u32)>,
}

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

impl X86Map {
    /// The map of this version.
    pub fn get() -> &'static Self {
        static MAP: OnceLock<X86Map> = OnceLock::new();
        MAP.get_or_init(|| Self::read(include_str!("x86.txt")))
    }

    /// Lines that are not understood are passed over; a test holds the text to its form.
    fn read(text: &'static str) -> Self {
        let mut map = Self::default();
        for line in text.lines() {
            let mut words = line.split(' ');
            match (words.next(), words.next()) {
                (Some("vendor"), Some(name)) => {
                    map.vendors.insert(name, words.next().unwrap_or_default());
                }
                (Some("feature"), Some(name)) => {
                    let place = map.features.len();
                    map.features.push(name);
                    map.names.insert(name, place);
                    map.names.extend(words.filter_map(|word| Some((word.strip_prefix('=')?, place))));
                }
                (Some("model"), Some(name)) => {
                    if let Some(model) = map.model_line(name, words) {
                        map.models.push(model);
                    }
                }
                _ => {}
            }
        }
        map
    }

    fn model_line<'a>(
        &self,
        name: &'static str,
        mut words: impl Iterator<Item = &'static str> + 'a,
    ) -> Option<X86Model> {
        let vendor = Some(words.next()?).filter(|word| *word != "-");
        let (for_hosts, for_guests) = (words.next()? == "host", words.next()? == "guest");
        let signatures = words.next()?;
        if signatures == "like" {
            let like = self.model(words.next()?)?.clone();
            return Some(X86Model { name, for_hosts, for_guests, ..like });
        }
        let signatures = match signatures {
            "-" => Vec::new(),
            list => list.split(',').map(Signature::read).collect::<Option<_>>()?,
        };
        // What was taken out of a model is no part of it any more.
        let kept = words.filter(|word| !word.starts_with('-'));
        let features = kept.map(|word| self.names.get(word.trim_start_matches('+')).copied()).collect::<Option<_>>()?;
        Some(X86Model { name, vendor, for_hosts, for_guests, signatures, features })
    }

    /// A model by its name.
    pub fn model(&self, name: &str) -> Option<&X86Model> {
        self.models.iter().find(|model| model.name == name)
    }

    /// A feature's own name, from that or from a name that QEMU uses.
    pub fn feature(&self, name: &str) -> Option<&'static str> {
        self.names.get(name).and_then(|place| self.features.get(*place)).copied()
    }

    /// The features of a model by name, in the map's order; `None` for an unknown model.
    pub fn model_features(&self, name: &str) -> Option<Vec<&'static str>> {
        Some(self.named(&self.model(name)?.features).collect())
    }

    /// A maker's name from the text in its CPUs.
    pub fn vendor(&self, text: &str) -> Option<&'static str> {
        self.vendors.iter().find(|(_, of)| **of == text).map(|(name, _)| *name)
    }

    /// Describes a guest's CPU by the nearest of the models on offer; `None` when none is near.
    ///
    /// Near is first a model that CPUs with these numbers are known by, then one with few differences, of
    /// which a lack counts twice, then a newer one.
    pub fn nearest(&self, cpu: &X86Cpu, offered: &[OfferedModel]) -> Option<NearestModel> {
        let vendor = self.vendor(&cpu.vendor);
        let has: BTreeSet<usize> =
            cpu.features.iter().filter_map(|name| self.names.get(name.as_str())).copied().collect();
        let mut best: Option<(bool, usize, NearestModel)> = None;
        for model in self.models.iter().rev().filter(|model| model.for_guests) {
            let Some(offer) = offered.iter().find(|offer| offer.name == model.name) else { continue };
            if model.vendor.is_some() && model.vendor != vendor {
                continue;
            }
            let blockers = offer.blockers.iter().filter_map(|name| self.names.get(name.as_str()));
            let more: BTreeSet<usize> = has.difference(&model.features).copied().collect();
            let full: BTreeSet<usize> = model.features.iter().chain(blockers).copied().collect();
            let less: BTreeSet<usize> = full.difference(&has).copied().collect();
            let (known, count) = (model.signatures.iter().any(|s| s.fits(cpu)), more.len() + 2 * less.len());
            let better = best.as_ref().is_none_or(|(other, fewest, _)| match (known, other) {
                (true, false) => true,
                (false, true) => false,
                _ => count < *fewest,
            });
            if better {
                let policy = |policy: &str, name: &str| HostCpuFeature {
                    policy: Some(policy.to_owned()),
                    ..HostCpuFeature::named(name)
                };
                let require = self.named(&more).map(|name| policy("require", name));
                let disable = self.named(&less).map(|name| policy("disable", name));
                let features = require.chain(disable).collect();
                best = Some((known, count, NearestModel { model: model.name, vendor, features }));
            }
        }
        best.map(|(.., nearest)| nearest)
    }

    fn named<'a>(&'a self, places: &'a BTreeSet<usize>) -> impl Iterator<Item = &'static str> + 'a {
        places.iter().filter_map(|place| self.features.get(*place)).copied()
    }
}

impl Signature {
    /// `FAMILY/MODEL` or `FAMILY/MODEL/FIRST-LAST`.
    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('/');
        let (family, model) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let steppings = match parts.next() {
            None => None,
            Some(range) => {
                let (first, last) = range.split_once('-').unwrap_or((range, range));
                Some((first.parse().ok()?, last.parse().ok()?))
            }
        };
        Some(Self { family, model, steppings })
    }

    fn fits(&self, cpu: &X86Cpu) -> bool {
        self.family == cpu.family
            && self.model == cpu.model
            && self.steppings.is_none_or(|(first, last)| (first..=last).contains(&cpu.stepping))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn every_line_of_the_map_is_understood() {
        let map = X86Map::get();
        let lines = |word: &str| include_str!("x86.txt").lines().filter(|line| line.starts_with(word)).count();
        assert_eq!(map.models.len(), lines("model "));
        assert_eq!(map.features.len(), lines("feature "));
        let names: Vec<&str> = map.models.iter().map(|model| model.name).collect();
        assert_eq!(Some(names.as_slice()), crate::cpu::model_names("x86_64"));
        assert_eq!(map.feature("pclmulqdq"), Some("pclmuldq"));
        assert_eq!(map.model("EPYC-v1").unwrap().vendor, Some("AMD"));
        assert!(map.model_features("Skylake-Client").unwrap().contains(&"avx2"));
        assert!(!map.model_features("Skylake-Client").unwrap().contains(&"mpx"));
    }

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
        let near = map.nearest(&cpu, &all).unwrap();
        assert_eq!((near.model, near.vendor), ("EPYC-Rome", Some("AMD")));
        cpu.model = 255;
        let near = map.nearest(&cpu, &all).unwrap();
        assert_eq!(near.model, "EPYC-Milan");
        assert_eq!(near.features.len(), 1);
        assert_eq!((near.features[0].policy.as_deref(), near.features[0].name.as_str()), (Some("require"), "invtsc"));
        assert!(map.nearest(&cpu, &[offer("Nehalem")]).is_none());
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
        let near = map.nearest(&cpu, &[offer]).unwrap();
        assert_eq!(near.features[0].policy.as_deref(), Some("disable"));
        assert_eq!(near.features[0].name, "sse4.2");
    }
}
