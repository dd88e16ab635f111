//! `<rng>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use super::*;
use crate::rare::Rare;
use crate::xml::{Element, Node, Writer};

/// `<rng>`: random numbers for the guest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rng {
    pub model: VirtioModel,
    pub rate: Option<RngRate>,
    pub backend: RngBackend,
    pub driver: VirtioOptions,
    pub info: DeviceInfo,
}

/// At most `bytes` per `period` milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct RngRate {
    #[xml(attr)]
    pub bytes: u32,
    #[xml(attr)]
    pub period: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RngBackend {
    /// A device file; `None`: the default of the driver.
    Random(Option<String>),
    Egd(CharSource),
    Builtin,
}

impl Default for RngBackend {
    fn default() -> Self {
        Self::Random(None)
    }
}

impl Element for Rng {
    fn parse(node: Node<'_>) -> Result<Self> {
        let backend = node.child("backend").ok_or_else(|| node.missing_child("backend"))?;
        let kind = match backend.attr("model") {
            None => return Err(backend.missing_attr("model")),
            Some("random") => {
                let path = backend.text().trim().to_owned();
                RngBackend::Random((!path.is_empty()).then_some(path))
            }
            Some("egd") => {
                let kind = backend.attr("type").ok_or_else(|| backend.missing_attr("type"))?;
                RngBackend::Egd(CharSource { seclabels: Rare::default(), ..CharSource::parse_typed(backend, kind)? })
            }
            Some("builtin") => RngBackend::Builtin,
            Some(other) => return Err(backend.bad_attr("model", other, "random, egd, builtin")),
        };
        Ok(Self {
            model: node.require("model")?,
            rate: node.child_element("rate")?,
            backend: kind,
            driver: node.child_element("driver")?.unwrap_or_default(),
            info: DeviceInfo::parse(node)?,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("model", &self.model);
        if let Some(rate) = &self.rate {
            w.element("rate", rate);
        }
        w.open("backend");
        match &self.backend {
            RngBackend::Random(path) => {
                w.attr_str("model", "random");
                if let Some(path) = path {
                    w.text(path);
                }
            }
            RngBackend::Egd(source) => {
                w.attr_str("model", "egd");
                w.attr_str("type", source.type_name());
                w.force_children();
                source.format_children(w);
            }
            RngBackend::Builtin => w.attr_str("model", "builtin"),
        }
        w.close();
        w.element_unless_empty("driver", &self.driver);
        self.info.format(w);
    }
}
