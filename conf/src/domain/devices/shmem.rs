//! `<shmem>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use super::*;
use crate::xml::{Element, Node, OnOff, Value, Writer, YesNo};
use crate::xml_enum;

xml_enum! {
    pub enum ShmemModel { Ivshmem = "ivshmem", IvshmemPlain = "ivshmem-plain", IvshmemDoorbell = "ivshmem-doorbell" }
}

xml_enum! {
    pub enum ShmemRole { Master = "master", Peer = "peer" }
}

/// `<shmem>`: memory shared between guests.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shmem {
    pub name: String,
    pub role: Option<ShmemRole>,
    pub model: ShmemModel,
    /// Bytes; printed in MiB.
    pub size: Option<u64>,
    /// Path of the server's socket; `Some(None)` the driver's default.
    pub server: Option<Option<String>>,
    pub msi: Option<ShmemMsi>,
    pub info: DeviceInfo,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct ShmemMsi {
    #[xml(attr)]
    pub enabled: Option<YesNo>,
    #[xml(attr)]
    pub vectors: Option<u32>,
    #[xml(attr)]
    pub ioeventfd: Option<OnOff>,
}

impl Element for Shmem {
    fn parse(node: Node<'_>) -> Result<Self> {
        let size = match node.child("size") {
            None => None,
            Some(size) => {
                let text = size.text();
                let bytes = u64::parse_value(text.trim())
                    .and_then(|n| crate::xml::bytes_from(n, size.attr("unit").unwrap_or("bytes")));
                Some(bytes.ok_or_else(|| size.bad_text(&text, "a size with a known unit"))?)
            }
        };
        let name: String = node.require("name")?;
        if name.contains('/') || name == "." || name == ".." || name.is_empty() {
            return Err(node.bad_attr("name", &name, "a file name without '/'"));
        }
        let model = node.child("model").map(|m| m.value("type")).transpose()?.flatten().unwrap_or_default();
        Ok(Self {
            name,
            // The oldest model has no roles.
            role: node.value("role")?.filter(|_| model != ShmemModel::Ivshmem),
            model,
            size,
            server: node.child("server").map(|s| s.value("path")).transpose()?,
            msi: node.child_element("msi")?,
            info: DeviceInfo::parse(node)?,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("name", &self.name);
        w.attr_opt("role", self.role.as_ref());
        w.open("model");
        w.attr("type", &self.model);
        w.close();
        if let Some(size) = self.size {
            w.open("size");
            w.attr_str("unit", "M");
            w.text(&(size >> 20));
            w.close();
        }
        if let Some(path) = &self.server {
            w.open("server");
            w.attr_opt("path", path.as_ref());
            w.close();
        }
        if let Some(msi) = &self.msi {
            w.element("msi", msi);
        }
        self.info.format(w);
    }
}
