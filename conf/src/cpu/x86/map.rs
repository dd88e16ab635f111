//! What x86 CPU models consist of.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::OnceLock;

use super::X86Cpu;
use super::data::Place;

/// Features by their places in the map.
pub(in crate::cpu) type Features = BTreeSet<usize>;

/// Models, features and makers that documents may name.
#[derive(Debug, Default)]
pub struct X86Map {
    /// In the order in which documents list them.
    features: Vec<Feature>,
    /// Own names and those of QEMU, to the place in `features`.
    names: HashMap<&'static str, usize>,
    /// Maker to the text in its CPUs.
    vendors: BTreeMap<&'static str, &'static str>,
    /// Oldest first.
    pub(super) models: Vec<X86Model>,
}

/// One feature.
#[derive(Debug)]
pub(super) struct Feature {
    /// Its own name.
    pub(super) name: &'static str,
    /// The bits that are all set where it is there.
    pub(super) bits: Vec<(Place, u32)>,
    /// Whether a guest that has it can go to another host.
    pub(super) migratable: bool,
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
    /// What every CPU of the model has, without what was found out later to belong to it: that is said
    /// explicitly of each CPU.
    pub(in crate::cpu) features: Features,
    /// What it had once; its absence is said explicitly of each CPU.
    pub(in crate::cpu) removed: Features,
    signatures: Vec<Signature>,
}

/// The numbers by which CPUs of a model are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Signature {
    family: u32,
    model: u32,
    steppings: Option<(u32, u32)>,
}

impl X86Map {
    /// The map of this version.
    pub fn get() -> &'static Self {
        static MAP: OnceLock<X86Map> = OnceLock::new();
        MAP.get_or_init(|| Self::read(include_str!("models.txt")))
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
                    map.names.insert(name, place);
                    let mut feature = Feature { name, bits: Vec::new(), migratable: true };
                    for word in words {
                        match word.split_at_checked(1) {
                            Some(("=", other)) => _ = map.names.insert(other, place),
                            Some(("@", bits)) => feature.bits.extend(Place::with_bits(bits)),
                            Some(("!", "")) => feature.migratable = false,
                            _ => {}
                        }
                    }
                    map.features.push(feature);
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
        let (mut features, mut removed) = (Features::new(), Features::new());
        for word in words {
            let place = |name: &str| self.names.get(name).copied();
            match word.split_at_checked(1)? {
                ("+", name) => _ = place(name)?,
                ("-", name) => _ = removed.insert(place(name)?),
                _ => _ = features.insert(place(word)?),
            }
        }
        Some(X86Model { name, vendor, for_hosts, for_guests, features, removed, signatures })
    }

    /// A model by its name.
    pub fn model(&self, name: &str) -> Option<&X86Model> {
        self.models.iter().find(|model| model.name == name)
    }

    /// A feature's own name, from that or from a name that QEMU uses.
    pub fn feature(&self, name: &str) -> Option<&'static str> {
        self.names.get(name).and_then(|place| self.features.get(*place)).map(|feature| feature.name)
    }

    /// The features of a model by name, in the map's order; `None` for an unknown model.
    pub fn model_features(&self, name: &str) -> Option<Vec<&'static str>> {
        Some(self.named(&self.model(name)?.features).collect())
    }

    /// What a model had once and QEMU may still give it, by name; nothing for an unknown model.
    pub fn removed_features(&self, name: &str) -> Vec<&'static str> {
        let mut names: Vec<_> = self.model(name).map(|model| self.named(&model.removed).collect()).unwrap_or_default();
        names.sort_unstable();
        names
    }

    /// A maker's name from the text in its CPUs.
    pub fn vendor(&self, text: &str) -> Option<&'static str> {
        self.vendors.iter().find(|(_, of)| **of == text).map(|(name, _)| *name)
    }

    /// The text in the CPUs of a maker.
    pub fn vendor_text(&self, name: &str) -> Option<&'static str> {
        self.vendors.get(name).copied()
    }

    /// The place of a feature, from its own name or one of QEMU's.
    pub(in crate::cpu) fn place(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }

    /// The own names of features, in the map's order.
    pub(in crate::cpu) fn named<'a>(&'a self, places: &'a Features) -> impl Iterator<Item = &'static str> + 'a {
        places.iter().filter_map(|place| self.features.get(*place)).map(|feature| feature.name)
    }

    /// Leaf and subleaf of every answer that features are told by, with those of the maker and the numbers.
    pub fn leaves(&self) -> BTreeSet<(u32, u32)> {
        let bits = self.features.iter().flat_map(|feature| &feature.bits);
        let leaf = |(place, _): &(Place, u32)| match place {
            Place::Leaf(leaf, sub, _) => Some((*leaf, *sub)),
            Place::Msr(..) => None,
        };
        bits.filter_map(leaf).chain([(0, 0), (1, 0)]).collect()
    }

    /// The numbers of the registers that features are told by.
    pub fn msrs(&self) -> BTreeSet<u32> {
        let bits = self.features.iter().flat_map(|feature| &feature.bits);
        let index = |(place, _): &(Place, u32)| match place {
            Place::Msr(index, _) => Some(*index),
            Place::Leaf(..) => None,
        };
        bits.filter_map(index).collect()
    }

    /// All features with their places.
    pub(super) fn all(&self) -> impl Iterator<Item = (usize, &Feature)> {
        self.features.iter().enumerate()
    }

    /// Whether a guest that has the feature can go to another host.
    pub(in crate::cpu) fn is_migratable(&self, place: usize) -> bool {
        self.features.get(place).is_none_or(|feature| feature.migratable)
    }
}

impl X86Model {
    /// Whether CPUs with these numbers are known by this name.
    pub(super) fn is_known_by(&self, cpu: &X86Cpu) -> bool {
        self.signatures.iter().any(|signature| signature.fits(cpu))
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
        let lines = |word: &str| include_str!("models.txt").lines().filter(|line| line.starts_with(word)).count();
        assert_eq!(map.models.len(), lines("model "));
        assert_eq!(map.features.len(), lines("feature "));
        assert!(map.features.iter().all(|feature| !feature.bits.is_empty()));
        let names: Vec<&str> = map.models.iter().map(|model| model.name).collect();
        assert_eq!(Some(names.as_slice()), crate::cpu::model_names("x86_64"));
        assert_eq!(map.feature("pclmulqdq"), Some("pclmuldq"));
        assert_eq!(map.model("EPYC-v1").unwrap().vendor, Some("AMD"));
        assert!(map.model_features("Skylake-Client").unwrap().contains(&"avx2"));
        assert!(!map.model_features("Skylake-Client").unwrap().contains(&"mpx"));
        assert!(!map.is_migratable(map.place("invtsc").unwrap()));
        assert!(map.is_migratable(map.place("lahf-lm").unwrap()));
    }
}
