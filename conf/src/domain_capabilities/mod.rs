//! `<domainCapabilities>`: what a guest on one emulator, machine and domain
//! type may have.

mod cpu;
mod devices;
mod features;
mod support;

use oxivirt_core::{Error, ErrorCode, Result};

use crate::xml::{Document, Element, WriteMode, Writer};

pub use cpu::{CpuModel, CpuModes, CustomCpu, HostModel, HostModelName, Usable};
pub use devices::Devices;
pub use features::{Features, GuestSection, Sev, Sgx};
pub use support::{AllowedValues, Support};

/// The whole document.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct DomainCapabilities {
    /// The emulator, where there is one.
    #[xml(leaf)]
    pub path: Option<String>,
    /// The domain type, `kvm`.
    #[xml(leaf)]
    pub domain: String,
    /// The machine, where there are machines.
    #[xml(leaf)]
    pub machine: Option<String>,
    /// The architecture.
    #[xml(leaf)]
    pub arch: String,
    /// The most virtual CPUs; absent when unknown.
    #[xml(child)]
    pub vcpu: Option<MaxVcpus>,
    /// Threads for disks.
    #[xml(child)]
    pub iothreads: Option<Support>,
    /// How it boots.
    #[xml(child)]
    pub os: Option<Os>,
    /// What CPUs it may have.
    #[xml(child)]
    pub cpu: CpuModes,
    /// Where its memory may come from.
    #[xml(child = "memoryBacking")]
    pub memory_backing: Option<Support>,
    /// What devices it may have.
    #[xml(child)]
    pub devices: Devices,
    /// What else it may have.
    #[xml(child)]
    pub features: Features,
}

/// `<vcpu max='255'/>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Element)]
pub struct MaxVcpus {
    /// The most.
    #[xml(attr)]
    pub max: u32,
}

/// `<os supported='yes'>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Os {
    /// Whether at all, and which `firmware`.
    #[xml(flatten)]
    pub support: Support,
    /// Firmware images (`values`), and their `type`, `readonly`, `secure`.
    #[xml(child)]
    pub loader: Option<Support>,
}

impl DomainCapabilities {
    /// Reads the document.
    ///
    /// Errors: `XML_DETAIL` for text that is not XML; `XML_ERROR` for another
    /// root or a bad value.
    pub fn parse_document(text: &str) -> Result<Self> {
        let document = Document::parse(text)?;
        let root = document.root();
        if root.name() != "domainCapabilities" {
            return Err(Error::new(
                ErrorCode::XML_ERROR,
                format!("expected <domainCapabilities>, found '{}'", root.name()),
            ));
        }
        Self::parse(root)
    }

    /// The text, with a line end.
    pub fn to_xml(&self) -> String {
        let mut w = Writer::new(WriteMode::default());
        w.element("domainCapabilities", self);
        w.finish()
    }
}
