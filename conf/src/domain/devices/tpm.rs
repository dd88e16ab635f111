//! `<tpm>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use super::*;
use crate::xml::{Element, Node, Value, Writer, YesNo};
use crate::xml_enum;

/// `<tpm>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tpm {
    /// A word: `tpm-tis`, `tpm-crb`, `tpm-spapr`, `spapr-tpm-proxy`.
    pub model: Option<String>,
    pub backend: TpmBackend,
    pub info: DeviceInfo,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TpmBackend {
    Passthrough { path: Option<String> },
    Emulator(Box<TpmEmulator>),
    External(CharSource),
}

impl Default for TpmBackend {
    fn default() -> Self {
        Self::Passthrough { path: None }
    }
}

xml_enum! {
    pub enum TpmVersion { V1_2 = "1.2", V2_0 = "2.0" }
}

xml_enum! {
    pub enum PcrBank { Sha1 = "sha1", Sha256 = "sha256", Sha384 = "sha384", Sha512 = "sha512" }
}

xml_enum! {
    pub enum TpmSourceType { File = "file", Dir = "dir" }
}

/// A TPM in software.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TpmEmulator {
    pub version: Option<TpmVersion>,
    pub persistent_state: Option<YesNo>,
    pub debug: Option<u32>,
    /// Which secret encrypts the state.
    pub encryption: Option<uuid::Uuid>,
    pub active_pcr_banks: Vec<PcrBank>,
    pub source: Option<(TpmSourceType, String)>,
    pub profile: Option<TpmProfile>,
}

xml_enum! {
    pub enum ProfileRemoveDisabled { Check = "check", FipsHost = "fips-host" }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct TpmProfile {
    #[xml(attr)]
    pub source: Option<String>,
    #[xml(attr = "removeDisabled")]
    pub remove_disabled: Option<ProfileRemoveDisabled>,
    #[xml(attr)]
    pub name: Option<String>,
}

impl Element for Tpm {
    fn parse(node: Node<'_>) -> Result<Self> {
        let backend = node.child("backend").ok_or_else(|| node.missing_child("backend"))?;
        let model: Option<String> = node.value("model")?;
        if let Some(other) = &model
            && !["tpm-tis", "tpm-crb", "tpm-spapr", "spapr-tpm-proxy"].contains(&other.as_str())
        {
            return Err(node.bad_attr("model", other, "tpm-tis, tpm-crb, tpm-spapr, spapr-tpm-proxy"));
        }
        let backend = match backend.attr("type") {
            None => return Err(backend.missing_attr("type")),
            Some("passthrough") => {
                let path = backend.child("device").and_then(|d| d.attr("path"));
                TpmBackend::Passthrough { path: Some(path.unwrap_or("/dev/tpm0").to_owned()) }
            }
            Some("emulator") => TpmBackend::Emulator(Box::new(TpmEmulator::parse(backend)?)),
            Some("external") => {
                let source = backend.child("source").ok_or_else(|| backend.missing_child("source"))?;
                let kind = source.attr("type").ok_or_else(|| source.missing_attr("type"))?;
                if kind != "unix" {
                    return Err(source.bad_attr("type", kind, "unix"));
                }
                TpmBackend::External(CharSource::parse_typed(backend, kind)?)
            }
            Some(other) => return Err(backend.bad_attr("type", other, "passthrough, emulator, external")),
        };
        Ok(Self { model, backend, info: DeviceInfo::parse(node)? })
    }

    fn format(&self, w: &mut Writer) {
        w.attr_opt("model", self.model.as_ref());
        w.open("backend");
        match &self.backend {
            TpmBackend::Passthrough { path } => {
                w.attr_str("type", "passthrough");
                if let Some(path) = path {
                    w.open("device");
                    w.attr("path", path);
                    w.close();
                }
            }
            TpmBackend::Emulator(emulator) => {
                w.attr_str("type", "emulator");
                emulator.format(w);
            }
            TpmBackend::External(source) => {
                w.attr_str("type", "external");
                if let CharKind::Unix(unix) = &source.kind {
                    w.open("source");
                    w.attr_str("type", "unix");
                    w.attr("mode", &unix.mode.unwrap_or_default());
                    w.attr_opt("path", unix.path.as_ref());
                    w.close();
                }
            }
        }
        w.close();
        self.info.format(w);
    }
}

impl Element for TpmEmulator {
    fn parse(node: Node<'_>) -> Result<Self> {
        let mut banks = Vec::new();
        if let Some(list) = node.child("active_pcr_banks") {
            for child in list.children() {
                match PcrBank::from_word(child.name()) {
                    Some(bank) => banks.push(bank),
                    None => return Err(list.bad_text(child.name(), &PcrBank::allowed())),
                }
            }
        }
        banks.sort_unstable();
        banks.dedup();
        let source = match node.child("source") {
            Some(source) => Some((source.require("type")?, source.require("path")?)),
            None => None,
        };
        Ok(Self {
            version: node.value("version")?,
            persistent_state: node.value("persistent_state")?.filter(|kept: &YesNo| kept.is_yes()),
            debug: node.value("debug")?,
            encryption: node.child("encryption").map(|e| e.require("secret")).transpose()?,
            active_pcr_banks: banks,
            source,
            profile: node
                .child_element("profile")?
                .filter(|profile: &TpmProfile| profile.source.is_some() || profile.name.is_some()),
        })
    }

    fn format(&self, w: &mut Writer) {
        w.attr_opt("version", self.version.as_ref());
        w.attr_opt("persistent_state", self.persistent_state.as_ref());
        w.attr_opt("debug", self.debug.as_ref());
        if let Some(secret) = &self.encryption {
            w.open("encryption");
            w.attr("secret", secret);
            w.close();
        }
        if !self.active_pcr_banks.is_empty() {
            w.open("active_pcr_banks");
            for bank in &self.active_pcr_banks {
                w.flag(bank.as_str());
            }
            w.close();
        }
        if let Some((kind, path)) = &self.source {
            w.open("source");
            w.attr("type", kind);
            w.attr("path", path);
            w.close();
        }
        if let Some(profile) = &self.profile {
            w.element("profile", profile);
        }
    }
}
