//! `<memory>` below `<devices>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use super::*;
use crate::domain::CpuSet;
use crate::domain::memory::MemoryAccess;
use crate::xml::{Element, KiB, Node, Writer, YesNo};
use crate::xml_enum;

xml_enum! {
    pub enum MemoryModel {
        Dimm = "dimm", Nvdimm = "nvdimm", VirtioPmem = "virtio-pmem", VirtioMem = "virtio-mem", SgxEpc = "sgx-epc",
    }
}

/// `<memory>` below `<devices>`: a module that can be plugged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MemoryDevice {
    pub model: MemoryModel,
    pub access: Option<MemoryAccess>,
    pub discard: Option<YesNo>,
    pub uuid: Option<uuid::Uuid>,
    pub source: MemoryDeviceSource,
    pub target: MemoryDeviceTarget,
    pub info: DeviceInfo,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct MemoryDeviceSource {
    #[xml(leaf)]
    pub nodemask: Option<CpuSet>,
    #[xml(child)]
    pub pagesize: Option<KiB>,
    #[xml(leaf)]
    pub path: Option<String>,
    #[xml(child)]
    pub alignsize: Option<KiB>,
    #[xml(flag)]
    pub pmem: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MemoryDeviceTarget {
    pub dynamic_memslots: Option<YesNo>,
    pub size: KiB,
    /// Guest NUMA node.
    pub node: Option<u32>,
    pub label_size: Option<KiB>,
    pub readonly: bool,
    pub block: Option<KiB>,
    pub requested: Option<KiB>,
    /// What the guest has taken, a run-time fact.
    pub current: Option<KiB>,
    pub address_base: Option<u64>,
}

impl MemoryDeviceSource {
    /// Drops what means nothing for a model.
    fn keep_for(&mut self, model: MemoryModel) {
        let persistent = matches!(model, MemoryModel::Nvdimm | MemoryModel::VirtioPmem);
        let paged = matches!(model, MemoryModel::Dimm | MemoryModel::VirtioMem);
        if !persistent {
            self.path = None;
        }
        if model != MemoryModel::Nvdimm {
            self.alignsize = None;
            self.pmem = false;
        }
        if !paged {
            self.pagesize = None;
        }
        if persistent {
            self.nodemask = None;
        }
    }
}

impl MemoryDeviceTarget {
    /// Drops what means nothing for a model.
    fn keep_for(&mut self, model: MemoryModel) {
        if model != MemoryModel::Nvdimm {
            self.label_size = None;
            self.readonly = false;
        }
        if model != MemoryModel::VirtioMem {
            self.block = None;
            self.requested = None;
            self.current = None;
            self.dynamic_memslots = None;
        }
        if !matches!(model, MemoryModel::VirtioMem | MemoryModel::VirtioPmem) {
            self.address_base = None;
        }
    }
}

impl Element for MemoryDeviceTarget {
    fn parse(node: Node<'_>) -> Result<Self> {
        Ok(Self {
            dynamic_memslots: node.value("dynamicMemslots")?,
            size: node.child_element("size")?.ok_or_else(|| node.missing_child("size"))?,
            node: node.child_value("node")?,
            label_size: node.child("label").map(|l| l.child_element("size")).transpose()?.flatten(),
            readonly: node.child("readonly").is_some(),
            block: node.child_element("block")?,
            requested: node.child_element("requested")?,
            current: if node.mode().live { node.child_element("current")? } else { None },
            address_base: node.child("address").map(|a| a.value("base")).transpose()?.flatten(),
        })
    }

    fn format(&self, w: &mut Writer) {
        w.attr_opt("dynamicMemslots", self.dynamic_memslots.as_ref());
        w.element("size", &self.size);
        w.leaf_opt("node", self.node.as_ref());
        if let Some(size) = &self.label_size {
            w.open("label");
            w.element("size", size);
            w.close();
        }
        if self.readonly {
            w.flag("readonly");
        }
        if let Some(block) = &self.block {
            w.element("block", block);
        }
        if let Some(requested) = &self.requested {
            w.element("requested", requested);
        }
        if let (Some(current), true) = (&self.current, w.mode().live) {
            w.element("current", current);
        }
        if let Some(base) = self.address_base {
            w.open("address");
            w.attr_hex("base", base, 1);
            w.close();
        }
    }
}

impl Element for MemoryDevice {
    fn parse(node: Node<'_>) -> Result<Self> {
        let target = node.child("target").ok_or_else(|| node.missing_child("target"))?;
        let model = node.require("model")?;
        let mut source: MemoryDeviceSource = node.child_element("source")?.unwrap_or_default();
        let mut target = MemoryDeviceTarget::parse(target)?;
        source.keep_for(model);
        target.keep_for(model);
        let nvdimm = model == MemoryModel::Nvdimm;
        Ok(Self {
            model,
            access: node.value("access")?,
            discard: node.value("discard")?,
            uuid: if nvdimm { node.child_value("uuid")? } else { None },
            source,
            target,
            info: DeviceInfo::parse(node)?,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("model", &self.model);
        w.attr_opt("access", self.access.as_ref());
        w.attr_opt("discard", self.discard.as_ref());
        w.leaf_opt("uuid", self.uuid.as_ref());
        w.element_unless_empty("source", &self.source);
        w.element("target", &self.target);
        self.info.format(w);
    }
}
