//! What a CPU answers to the instruction CPUID, and the registers that add to it.

use std::collections::BTreeMap;

use oxivirt_core::Result;

use super::map::Features;
use super::{X86Cpu, X86Map};
use crate::xml::{Document, Element, Node, WriteMode, Writer};

/// Where 32 bits of a CPU's description stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// A register after CPUID: leaf, subleaf, 0 to 3 for `eax` to `edx`.
    Leaf(u32, u32, usize),
    /// A model-specific register: its number, whether its upper half.
    Msr(u32, bool),
}

impl Place {
    /// `1.0/ecx:8` or `msr10a/eax:1`, all numbers hexadecimal.
    pub(super) fn with_bits(text: &str) -> Option<(Self, u32)> {
        let hex = |text: &str| u32::from_str_radix(text, 16).ok();
        let (place, bits) = text.split_once(':')?;
        let (from, register) = place.split_once('/')?;
        let place = match from.strip_prefix("msr") {
            Some(index) => Self::Msr(hex(index)?, register == "edx"),
            None => {
                let (leaf, sub) = from.split_once('.')?;
                Self::Leaf(hex(leaf)?, hex(sub)?, REGISTERS.iter().position(|name| *name == register)?)
            }
        };
        Some((place, hex(bits)?))
    }
}

/// A CPU in numbers: `<cpudata arch='x86'>`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct X86Data {
    /// Leaf and subleaf to `eax`, `ebx`, `ecx`, `edx`.
    leaves: BTreeMap<(u32, u32), [u32; 4]>,
    /// Model-specific registers.
    msrs: BTreeMap<u32, u64>,
}

impl X86Data {
    /// Reads `<cpudata>`.
    ///
    /// Errors: `XML_DETAIL` for text that is not XML; `XML_ERROR` for another root or a bad number.
    pub fn parse(text: &str) -> Result<Self> {
        let document = Document::parse(text)?;
        let root = document.root();
        if root.name() != "cpudata" {
            return Err(root.error("the root must be <cpudata>"));
        }
        <Self as Element>::parse(root)
    }

    /// The text of a document of its own, with a line end; leaves of zeros are left out.
    pub fn to_xml(&self) -> String {
        let mut w = Writer::new(WriteMode::default());
        w.element("cpudata", self);
        w.finish()
    }

    /// What a CPU says of itself that is of that model's maker and has these features and nothing else;
    /// unknown features are passed over.
    pub fn of_features<'a>(features: impl IntoIterator<Item = &'a str>) -> Self {
        let map = X86Map::get();
        let places: Features = features.into_iter().filter_map(|name| map.place(name)).collect();
        let mut data = Self::default();
        for (_, feature) in map.all().filter(|(place, _)| places.contains(place)) {
            for (place, bits) in &feature.bits {
                data.set(*place, *bits);
            }
        }
        data
    }

    /// The same with a maker's text of 12 characters; another text changes nothing.
    pub fn with_vendor(mut self, text: &str) -> Self {
        let bytes = text.as_bytes();
        if let [b0, b1, b2, b3, d0, d1, d2, d3, c0, c1, c2, c3] = *bytes {
            let leaf = self.leaves.entry((0, 0)).or_default();
            leaf[1] = u32::from_le_bytes([b0, b1, b2, b3]);
            leaf[3] = u32::from_le_bytes([d0, d1, d2, d3]);
            leaf[2] = u32::from_le_bytes([c0, c1, c2, c3]);
        }
        self
    }

    /// Adds the answer for one leaf.
    pub fn set_leaf(&mut self, leaf: u32, sub: u32, registers: [u32; 4]) {
        self.leaves.insert((leaf, sub), registers);
    }

    /// Adds a model-specific register.
    pub fn set_msr(&mut self, index: u32, value: u64) {
        self.msrs.insert(index, value);
    }

    /// The text of its maker, `GenuineIntel`; empty if it does not say.
    pub fn vendor(&self) -> String {
        let [_, b, c, d] = self.leaves.get(&(0, 0)).copied().unwrap_or_default();
        let bytes: Vec<u8> = [b, d, c].iter().flat_map(|part| part.to_le_bytes()).collect();
        String::from_utf8_lossy(&bytes).trim_end_matches('\0').to_owned()
    }

    /// Family, model and stepping, the extended parts included.
    pub fn signature(&self) -> (u32, u32, u32) {
        let [word, ..] = self.leaves.get(&(1, 0)).copied().unwrap_or_default();
        let (family, model) = (word >> 8 & 0xf, word >> 4 & 0xf);
        let extended = (word >> 16 & 0xf) << 4;
        (
            if family == 15 { family + (word >> 20 & 0xff) } else { family },
            if matches!(family, 6 | 15) { model + extended } else { model },
            word & 0xf,
        )
    }

    /// The CPU in words.
    pub fn cpu(&self) -> X86Cpu {
        let (family, model, stepping) = self.signature();
        let map = X86Map::get();
        let features = map.named(&self.features()).map(str::to_owned).collect();
        X86Cpu { vendor: self.vendor(), family, model, stepping, features }
    }

    /// The known features whose bits are all set.
    pub(in crate::cpu) fn features(&self) -> Features {
        let has = |(place, bits): &(Place, u32)| self.get(*place) & bits == *bits;
        let all = X86Map::get().all();
        all.filter(|(_, feature)| !feature.bits.is_empty() && feature.bits.iter().all(has))
            .map(|(place, _)| place)
            .collect()
    }

    fn get(&self, place: Place) -> u32 {
        match place {
            Place::Leaf(leaf, sub, register) => {
                self.leaves.get(&(leaf, sub)).and_then(|leaf| leaf.get(register)).copied().unwrap_or_default()
            }
            Place::Msr(index, upper) => {
                let value = self.msrs.get(&index).copied().unwrap_or_default();
                if upper { (value >> 32) as u32 } else { value as u32 }
            }
        }
    }

    fn set(&mut self, place: Place, bits: u32) {
        match place {
            Place::Leaf(leaf, sub, register) => {
                if let Some(word) = self.leaves.entry((leaf, sub)).or_default().get_mut(register) {
                    *word |= bits;
                }
            }
            Place::Msr(index, upper) => {
                *self.msrs.entry(index).or_default() |= u64::from(bits) << if upper { 32 } else { 0 };
            }
        }
    }
}

impl Element for X86Data {
    fn parse(node: Node<'_>) -> Result<Self> {
        let number = |node: Node<'_>, name: &str| -> Result<u32> { Ok(node.value(name)?.unwrap_or_default()) };
        let mut data = Self::default();
        for child in node.children() {
            match child.name() {
                "cpuid" => {
                    let mut registers = [0; 4];
                    for (register, name) in registers.iter_mut().zip(REGISTERS) {
                        *register = number(child, name)?;
                    }
                    data.set_leaf(child.require("eax_in")?, number(child, "ecx_in")?, registers);
                }
                "msr" => {
                    let (upper, lower) = (number(child, "edx")?, number(child, "eax")?);
                    data.set_msr(child.require("index")?, u64::from(upper) << 32 | u64::from(lower));
                }
                _ => {}
            }
        }
        Ok(data)
    }

    fn format(&self, w: &mut Writer) {
        w.attr_str("arch", "x86");
        for ((leaf, sub), registers) in self.leaves.iter().filter(|(_, registers)| **registers != [0; 4]) {
            w.open("cpuid");
            w.attr_hex("eax_in", *leaf, 8);
            w.attr_hex("ecx_in", *sub, 2);
            for (register, name) in registers.iter().zip(REGISTERS) {
                w.attr_hex(name, *register, 8);
            }
            w.close();
        }
        for (index, value) in &self.msrs {
            w.open("msr");
            w.attr_hex("index", *index, 0);
            w.attr_hex("edx", (value >> 32) as u32, 8);
            w.attr_hex("eax", *value as u32, 8);
            w.close();
        }
    }
}

const REGISTERS: [&str; 4] = ["eax", "ebx", "ecx", "edx"];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn numbers_and_features_come_out_of_leaves() {
        let text = "<cpudata arch='x86'>\n  \
            <cpuid eax_in='0x00000000' ecx_in='0x00' eax='0x00000016' ebx='0x756e6547' ecx='0x6c65746e' edx='0x49656e69'/>\n  \
            <cpuid eax_in='0x00000001' ecx_in='0x00' eax='0x00050654' ebx='0x45400800' ecx='0x00000001' edx='0x00000000'/>\n\
            </cpudata>\n";
        let data = X86Data::parse(text).unwrap();
        assert_eq!(data.to_xml(), text);
        let cpu = data.cpu();
        assert_eq!((cpu.vendor.as_str(), cpu.family, cpu.model, cpu.stepping), ("GenuineIntel", 6, 85, 4));
        assert_eq!(cpu.features, ["pni"]);
    }

    #[test]
    fn features_go_into_leaves_and_come_back() {
        let map = X86Map::get();
        let all: Vec<&str> = map.all().map(|(_, feature)| feature.name).collect();
        let data = X86Data::of_features(all.iter().copied()).with_vendor("AuthenticAMD");
        assert_eq!(data.cpu().features, all);
        assert_eq!(data.vendor(), "AuthenticAMD");
        assert_eq!(X86Data::parse(&data.to_xml()).unwrap(), data);
    }

    #[test]
    fn other_documents_and_bad_numbers_are_refused() {
        for text in ["", "<cpu/>", "<cpudata><cpuid eax='1'/></cpudata>", "<cpudata><cpuid eax_in='x'/></cpudata>"] {
            assert!(X86Data::parse(text).is_err(), "{text}");
        }
    }
}
