//! The element and its parts.

use oxivirt_core::{Error, ErrorCode, Result};

use crate::xml::{Document, Element, Node, WriteMode, Writer, YesNo};
use crate::xml_enum;

/// The CPU of a host: what it is called, how it is arranged, what it can do
/// beyond its model.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct HostCpu {
    /// The architecture, `x86_64`.
    #[xml(leaf)]
    pub arch: Option<String>,
    /// Properties of the machine that some hypervisors list by name (`pae`).
    #[xml(child = "features")]
    pub machine_features: Option<NameList>,
    /// The nearest model known; absent where there is none.
    #[xml(leaf)]
    pub model: Option<String>,
    /// The maker, `Intel` or `AMD`.
    #[xml(leaf)]
    pub vendor: Option<String>,
    /// The version of the microcode.
    #[xml(child)]
    pub microcode: Option<Microcode>,
    /// Family, model and stepping.
    #[xml(child)]
    pub signature: Option<Signature>,
    /// Clocks that guests can read.
    #[xml(children = "counter")]
    pub counters: Vec<Counter>,
    /// How the CPUs are arranged.
    #[xml(child)]
    pub topology: Option<CpuTopology>,
    /// The width of physical addresses.
    #[xml(child = "maxphysaddr")]
    pub max_physical_address: Option<PhysicalAddress>,
    /// What it can do beyond its model.
    #[xml(children = "feature")]
    pub features: Vec<HostCpuFeature>,
    /// The sizes of pages that it knows.
    #[xml(children = "pages")]
    pub pages: Vec<CpuPages>,
}

impl HostCpu {
    /// Reads a document that is one `<cpu>`, or holds one as capabilities do
    /// (at `host/cpu`).
    ///
    /// Errors: `XML_DETAIL` for text that is not XML; `XML_ERROR` for another
    /// root or a bad value.
    pub fn parse_document(text: &str) -> Result<Self> {
        let document = Document::parse(text)?;
        let root = document.root();
        let node = match root.name() {
            "cpu" => Some(root),
            "capabilities" => root.child("host").and_then(|host| host.child("cpu")),
            _ => None,
        };
        let node = node.ok_or_else(|| {
            Error::new(ErrorCode::XML_ERROR, format!("'{}' is neither <cpu> nor capabilities with one", root.name()))
        })?;
        Self::parse(node)
    }

    /// The text of a document of its own, with a line end.
    pub fn to_xml(&self) -> String {
        let mut w = Writer::new(WriteMode::default());
        w.element("cpu", self);
        w.finish()
    }
}

/// `<microcode version='16777317'/>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Element)]
pub struct Microcode {
    /// The version as a decimal number.
    #[xml(attr)]
    pub version: u32,
}

/// `<signature family='25' model='17' stepping='1'/>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Element)]
pub struct Signature {
    /// The family.
    #[xml(attr)]
    pub family: u32,
    /// The model within the family.
    #[xml(attr)]
    pub model: u32,
    /// The revision of the model.
    #[xml(attr)]
    pub stepping: u32,
}

/// `<counter name='tsc' frequency='2596140000' scaling='no'/>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Counter {
    /// Its name, `tsc`.
    #[xml(attr)]
    pub name: String,
    /// Hertz.
    #[xml(attr)]
    pub frequency: u64,
    /// Whether a guest can be given another frequency.
    #[xml(attr)]
    pub scaling: Option<YesNo>,
}

/// `<topology sockets='1' dies='1' clusters='1' cores='2' threads='1'/>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Element)]
pub struct CpuTopology {
    /// Sockets of the host (of one NUMA cell in capabilities).
    #[xml(attr)]
    pub sockets: u32,
    /// Dies of a socket.
    #[xml(attr)]
    pub dies: Option<u32>,
    /// Clusters of a die.
    #[xml(attr)]
    pub clusters: Option<u32>,
    /// Cores of a cluster.
    #[xml(attr)]
    pub cores: u32,
    /// Threads of a core.
    #[xml(attr)]
    pub threads: u32,
}

xml_enum! {
    /// Where the width of physical addresses comes from.
    pub enum PhysicalAddressMode { Emulate = "emulate", Passthrough = "passthrough" }
}

/// `<maxphysaddr mode='emulate' bits='48'/>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Element)]
pub struct PhysicalAddress {
    /// Where it comes from.
    #[xml(attr)]
    pub mode: PhysicalAddressMode,
    /// How many bits.
    #[xml(attr)]
    pub bits: Option<u32>,
    /// The most bits to take from the host.
    #[xml(attr)]
    pub limit: Option<u32>,
}

/// `<feature name='ssse3'/>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct HostCpuFeature {
    /// What is asked of it; absent for what a host just has.
    #[xml(attr)]
    pub policy: Option<String>,
    /// Its name.
    #[xml(attr)]
    pub name: String,
}

impl HostCpuFeature {
    /// A feature that the host has.
    pub fn named(name: impl Into<String>) -> Self {
        Self { policy: None, name: name.into() }
    }
}

/// `<pages unit='KiB' size='4'/>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct CpuPages {
    /// The unit of the size, `KiB`.
    #[xml(attr)]
    pub unit: String,
    /// The size of one page.
    #[xml(attr)]
    pub size: u64,
}

impl CpuPages {
    /// Pages of that many KiB.
    pub fn kib(size: u64) -> Self {
        Self { unit: "KiB".to_owned(), size }
    }
}

/// An element whose children are bare names: `<features><pae/></features>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NameList(pub Vec<String>);

impl Element for NameList {
    fn parse(node: Node<'_>) -> Result<Self> {
        Ok(Self(node.children().map(|child| child.name().to_owned()).collect()))
    }

    fn format(&self, w: &mut Writer) {
        for name in &self.0 {
            w.flag(name);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_cpu_prints_as_read() {
        let text = "<cpu>\n  <arch>x86_64</arch>\n  <model>EPYC</model>\n  <vendor>AMD</vendor>\n  \
            <microcode version='16777317'/>\n  <signature family='25' model='17' stepping='1'/>\n  \
            <counter name='tsc' frequency='2596140000' scaling='no'/>\n  \
            <topology sockets='1' dies='1' clusters='1' cores='2' threads='1'/>\n  \
            <maxphysaddr mode='emulate' bits='48'/>\n  <feature name='ssse3'/>\n  \
            <feature policy='disable' name='x2apic'/>\n  <pages unit='KiB' size='4'/>\n</cpu>\n";
        let cpu = HostCpu::parse_document(text).unwrap();
        assert_eq!(cpu.signature, Some(Signature { family: 25, model: 17, stepping: 1 }));
        assert_eq!(cpu.to_xml(), text);
        let within = format!("<capabilities><host>{text}</host></capabilities>");
        assert_eq!(HostCpu::parse_document(&within).unwrap(), cpu);
    }

    #[test]
    fn other_documents_and_bad_values_are_refused() {
        for text in [
            "",
            "<domain/>",
            "<capabilities/>",
            "<cpu><topology sockets='x' cores='1' threads='1'/></cpu>",
            "<cpu><signature family='1'/></cpu>",
            "<cpu><counter name='tsc' frequency='1' scaling='maybe'/></cpu>",
        ] {
            assert!(HostCpu::parse_document(text).is_err(), "{text}");
        }
    }
}
