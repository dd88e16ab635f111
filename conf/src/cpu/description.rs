//! `<cpu>` as calls take it: of a host or of a guest, told apart by `<arch>`.

use oxivirt_core::{Error, ErrorCode, Result};

use super::HostCpu;
use super::x86::{Features, X86Map};
use crate::domain::{Cpu, CpuFeature, CpuFeaturePolicy, CpuMode};
use crate::xml::{Document, Element, Node};

/// A CPU to compare, to combine with others or to complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CpuDescription {
    /// The architecture; absent for a guest's CPU, which has that of its domain.
    pub arch: Option<String>,
    /// Model, maker and features; what a host has is required.
    pub cpu: Cpu,
}

impl CpuDescription {
    /// Reads a document that is one `<cpu>`.
    ///
    /// Errors: `XML_DETAIL` for text that is not XML; `XML_ERROR` for another root or a bad value.
    pub fn parse(text: &str) -> Result<Self> {
        let document = Document::parse(text)?;
        let root = document.root();
        if root.name() != "cpu" {
            return Err(root.error("the root must be <cpu>"));
        }
        Self::of_node(root)
    }

    /// Reads a document that is one `<cpu>` of a host.
    ///
    /// Errors: as of [`Self::parse`]; `CONFIG_UNSUPPORTED` for the mode of a guest's CPU, `XML_ERROR` without `<arch>`.
    pub fn parse_host(text: &str) -> Result<Self> {
        let document = Document::parse(text)?;
        if document.root().attr("mode").is_some() {
            return Err(Error::config_unsupported("Attribute mode is only allowed for guest CPU"));
        }
        let found = Self::parse(text)?;
        if found.is_host() { Ok(found) } else { Err(Error::xml("Missing CPU architecture")) }
    }

    /// Reads a document that has any number of `<cpu>` anywhere.
    ///
    /// Errors: as of [`Self::parse`].
    pub fn parse_all(text: &str) -> Result<Vec<Self>> {
        fn collect(node: Node<'_>, depth: u8, found: &mut Vec<CpuDescription>) -> Result<()> {
            if node.name() == "cpu" {
                found.push(CpuDescription::of_node(node)?);
            } else if let Some(depth) = depth.checked_sub(1) {
                for child in node.children() {
                    collect(child, depth, found)?;
                }
            }
            Ok(())
        }
        let document = Document::parse(text)?;
        let mut found = Vec::new();
        collect(document.root(), 4, &mut found)?;
        Ok(found)
    }

    fn of_node(node: Node<'_>) -> Result<Self> {
        match node.child("arch") {
            Some(_) => Ok(Self::of_host(&<HostCpu as Element>::parse(node)?)),
            None => Ok(Self::of_guest(Cpu::parse(node)?)),
        }
    }

    /// The CPU of a host.
    pub fn of_host(host: &HostCpu) -> Self {
        let features = host.features.iter().map(|feature| CpuFeature {
            policy: match feature.policy.as_deref() {
                Some("disable") => CpuFeaturePolicy::Disable,
                _ => CpuFeaturePolicy::Require,
            },
            name: feature.name.clone(),
        });
        let cpu = Cpu {
            model: host.model.clone(),
            vendor: host.vendor.clone(),
            features: features.collect(),
            ..Cpu::default()
        };
        Self { arch: Some(host.arch.clone().unwrap_or_default()), cpu }
    }

    /// The CPU of a guest.
    pub fn of_guest(cpu: Cpu) -> Self {
        Self { arch: None, cpu }
    }

    /// Whether it is a host's.
    pub fn is_host(&self) -> bool {
        self.arch.is_some()
    }

    /// Whether its model is that of the host, whatever that is.
    pub(super) fn follows_host(&self) -> bool {
        self.cpu.mode != CpuMode::Custom
    }
}

/// A CPU's features, by what is asked of them; no feature is in two of the sets.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub force: Features,
    pub require: Features,
    pub optional: Features,
    pub disable: Features,
    pub forbid: Features,
}

impl Asked {
    /// Errors: `INTERNAL_ERROR` for an unknown model or feature; `CONFIG_UNSUPPORTED` for no model.
    pub(super) fn of(cpu: &Cpu) -> Result<Self> {
        let map = X86Map::get();
        let name = cpu.model.as_deref().ok_or_else(|| Error::config_unsupported("no CPU model specified"))?;
        let unknown = |what: &str, name: &str| Error::internal(format!("Unknown CPU {what} {name}"));
        let model = map.model(name).ok_or_else(|| unknown("model", name))?;
        let mut asked = Self { require: model.features.clone(), ..Self::default() };
        for feature in &cpu.features {
            let place = map.place(&feature.name).ok_or_else(|| unknown("feature", &feature.name))?;
            asked.require.remove(&place);
            asked.of_policy(feature.policy).insert(place);
        }
        Ok(asked)
    }

    fn of_policy(&mut self, policy: CpuFeaturePolicy) -> &mut Features {
        match policy {
            CpuFeaturePolicy::Force => &mut self.force,
            CpuFeaturePolicy::Require => &mut self.require,
            CpuFeaturePolicy::Optional => &mut self.optional,
            CpuFeaturePolicy::Disable => &mut self.disable,
            CpuFeaturePolicy::Forbid => &mut self.forbid,
        }
    }

    /// What the CPU has.
    pub(super) fn present(&self) -> Features {
        self.force.union(&self.require).copied().collect()
    }
}

/// Whether the maker is one that CPUs of x86 have.
///
/// Errors: `INTERNAL_ERROR` for another.
pub(super) fn check_vendor(cpu: &Cpu) -> Result<()> {
    match &cpu.vendor {
        Some(vendor) if X86Map::get().vendor_text(vendor).is_none() => {
            Err(Error::new(ErrorCode::INTERNAL_ERROR, format!("CPU vendor {vendor} not found")))
        }
        _ => Ok(()),
    }
}
