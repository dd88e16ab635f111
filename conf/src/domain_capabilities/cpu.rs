//! `<cpu>`: the modes in which a guest's CPU can be asked for.

use oxivirt_core::Result;

use super::support::Support;
use crate::cpu::{HostCpuFeature, PhysicalAddress};
use crate::xml::{Element, Node, Writer, YesNo};
use crate::xml_enum;

/// The four modes, each printed always.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CpuModes {
    /// The host's CPU itself: `hostPassthroughMigratable`.
    pub host_passthrough: Support,
    /// All that the hypervisor can do: `maximumMigratable`.
    pub maximum: Support,
    /// The nearest model; `None` when it cannot be had.
    pub host_model: Option<HostModel>,
    /// A model by name; `None` when it cannot be had.
    pub custom: Option<CustomCpu>,
}

impl Element for CpuModes {
    fn parse(node: Node<'_>) -> Result<Self> {
        let mut modes = Self::default();
        for mode in node.children_named("mode") {
            let supported = mode.require::<YesNo>("supported")?.is_yes();
            match mode.attr("name") {
                Some("host-passthrough") => modes.host_passthrough = Support::parse(mode)?,
                Some("maximum") => modes.maximum = Support::parse(mode)?,
                Some("host-model") if supported => {
                    modes.host_model = Some(HostModel::parse(mode)?);
                }
                Some("custom") if supported => modes.custom = Some(CustomCpu::parse(mode)?),
                _ => {}
            }
        }
        Ok(modes)
    }

    fn format(&self, w: &mut Writer) {
        let mode = |w: &mut Writer, name: &str| {
            w.open("mode");
            w.attr_str("name", name);
        };
        mode(w, "host-passthrough");
        self.host_passthrough.format(w);
        w.close();
        mode(w, "maximum");
        self.maximum.format(w);
        w.close();
        mode(w, "host-model");
        w.attr("supported", &YesNo::from(self.host_model.is_some()));
        if let Some(model) = &self.host_model {
            model.format(w);
        }
        w.close();
        mode(w, "custom");
        w.attr("supported", &YesNo::from(self.custom.is_some()));
        if let Some(custom) = &self.custom {
            custom.format(w);
        }
        w.close();
    }
}

/// What `host-model` comes to on this host.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct HostModel {
    /// The model.
    #[xml(child)]
    pub model: Option<HostModelName>,
    /// Its maker.
    #[xml(leaf)]
    pub vendor: Option<String>,
    /// The width of physical addresses.
    #[xml(child = "maxphysaddr")]
    pub max_physical_address: Option<PhysicalAddress>,
    /// Features to add and take away.
    #[xml(children = "feature")]
    pub features: Vec<HostCpuFeature>,
}

/// `<model fallback='forbid'>EPYC</model>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct HostModelName {
    /// Whether another may be taken: `allow` or `forbid`.
    #[xml(attr)]
    pub fallback: String,
    /// Its name.
    #[xml(text)]
    pub name: String,
}

xml_enum! {
    /// Whether a model can run on this host.
    pub enum Usable { Unknown = "unknown", Yes = "yes", No = "no" }
}

/// The models that `custom` knows, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CustomCpu {
    /// The models.
    pub models: Vec<CpuModel>,
}

/// One model by name, and what keeps it from running here.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct CpuModel {
    /// Whether it can run on this host.
    #[xml(attr)]
    pub usable: Usable,
    /// Whether it is going to disappear.
    #[xml(attr)]
    pub deprecated: Option<YesNo>,
    /// Its maker.
    #[xml(attr)]
    pub vendor: String,
    /// What it stands for, if it is another name.
    #[xml(attr)]
    pub canonical: Option<String>,
    /// Its name.
    #[xml(text)]
    pub name: String,
    /// The features that the host lacks; an element beside it.
    #[xml(skip)]
    pub blockers: Vec<String>,
}

impl Element for CustomCpu {
    fn parse(node: Node<'_>) -> Result<Self> {
        let mut models: Vec<CpuModel> = Vec::new();
        for child in node.children() {
            match child.name() {
                "model" => models.push(CpuModel::parse(child)?),
                "blockers" => {
                    let name: String = child.require("model")?;
                    let model = models.iter_mut().rev().find(|model| model.name == name);
                    let model = model.ok_or_else(|| child.bad_attr("model", &name, "a model listed before"))?;
                    let features: Vec<HostCpuFeature> = child.child_elements("feature")?;
                    model.blockers = features.into_iter().map(|feature| feature.name).collect();
                }
                _ => {}
            }
        }
        Ok(Self { models })
    }

    fn format(&self, w: &mut Writer) {
        for model in &self.models {
            w.element("model", model);
            if !model.blockers.is_empty() {
                w.open("blockers");
                w.attr_str("model", &model.name);
                for name in &model.blockers {
                    w.open("feature");
                    w.attr_str("name", name);
                    w.close();
                }
                w.close();
            }
        }
    }
}
