//! `<filesystem>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use super::address::{DeviceInfo, VirtioOptions};
use super::disk_driver::VirtioModel;
use crate::domain::tune::IdMap;
use crate::xml::{Element, Node, OnOff, Value, Writer};
use crate::xml_enum;

xml_enum! {
    pub enum FilesystemType {
        Mount = "mount", Block = "block", File = "file", Template = "template", Ram = "ram", Bind = "bind", Volume = "volume",
    }
}

xml_enum! {
    /// Whose rights are used on the host.
    pub enum AccessMode { Passthrough = "passthrough", Mapped = "mapped", Squash = "squash" }
}

xml_enum! {
    /// What happens with several host devices below one share.
    pub enum Multidevs { Default = "default", Remap = "remap", Forbid = "forbid", Warn = "warn" }
}

/// `<filesystem>`: a host folder in the guest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filesystem {
    pub kind: FilesystemType,
    pub accessmode: Option<AccessMode>,
    /// Octal modes for new files and folders.
    pub fmode: Option<u32>,
    pub dmode: Option<u32>,
    pub model: Option<VirtioModel>,
    pub multidevs: Option<Multidevs>,
    pub driver: FilesystemDriver,
    pub binary: Option<VirtiofsBinary>,
    pub idmap: Option<IdMap>,
    pub source: FilesystemSource,
    /// Folder or tag in the guest.
    pub target: String,
    pub readonly: bool,
    pub space_hard_limit: Option<SpaceLimit>,
    pub space_soft_limit: Option<SpaceLimit>,
    pub info: DeviceInfo,
}

/// Where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FilesystemSource {
    /// Folder, file, device or template, as the type says.
    pub path: Option<String>,
    /// Type `volume`.
    pub pool: Option<String>,
    pub volume: Option<String>,
    /// Type `ram`: KiB.
    pub usage: Option<u64>,
    /// Type `mount` with virtiofs: socket of a server started by others.
    pub socket: Option<String>,
}

xml_enum! {
    pub enum FilesystemDriverType {
        Path = "path", Handle = "handle", Loop = "loop", Nbd = "nbd", Ploop = "ploop", Mtp = "mtp", Virtiofs = "virtiofs",
    }
}

xml_enum! {
    /// When written data reaches the host's disk.
    pub enum WritePolicy { Immediate = "immediate" }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct FilesystemDriver {
    #[xml(attr = "type")]
    pub kind: Option<FilesystemDriverType>,
    #[xml(attr)]
    pub format: Option<super::StorageFormat>,
    #[xml(attr)]
    pub wrpolicy: Option<WritePolicy>,
    #[xml(attr)]
    pub queue: Option<u64>,
    #[xml(flatten)]
    pub virtio: VirtioOptions,
}

/// `<binary path='/usr/libexec/virtiofsd' xattr='on'>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct VirtiofsBinary {
    #[xml(attr)]
    pub path: Option<String>,
    #[xml(attr)]
    pub xattr: Option<OnOff>,
    #[xml(child)]
    pub cache: Option<VirtiofsCache>,
    #[xml(child)]
    pub sandbox: Option<VirtiofsSandbox>,
    #[xml(child)]
    pub lock: Option<VirtiofsLock>,
    #[xml(child)]
    pub thread_pool: Option<VirtiofsThreadPool>,
    #[xml(child)]
    pub openfiles: Option<VirtiofsOpenFiles>,
}

xml_enum! {
    pub enum VirtiofsCacheMode { None = "none", Always = "always" }
}

xml_enum! {
    pub enum VirtiofsSandboxMode { Namespace = "namespace", Chroot = "chroot" }
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct VirtiofsCache {
    #[xml(attr)]
    pub mode: Option<VirtiofsCacheMode>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct VirtiofsSandbox {
    #[xml(attr)]
    pub mode: Option<VirtiofsSandboxMode>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct VirtiofsLock {
    #[xml(attr)]
    pub posix: Option<OnOff>,
    #[xml(attr)]
    pub flock: Option<OnOff>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct VirtiofsThreadPool {
    #[xml(attr)]
    pub size: i32,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct VirtiofsOpenFiles {
    #[xml(attr)]
    pub max: u64,
}

/// A limit in bytes, `<space_hard_limit unit='bytes'>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SpaceLimit(pub u64);

impl Element for SpaceLimit {
    fn parse(node: Node<'_>) -> Result<Self> {
        let text = node.text();
        u64::parse_value(text.trim())
            .and_then(|n| crate::xml::bytes_from(n, node.attr("unit").unwrap_or("bytes")))
            .map(Self)
            .ok_or_else(|| node.bad_text(&text, "a size with a known unit"))
    }

    fn format(&self, w: &mut Writer) {
        w.attr_str("unit", "bytes");
        w.text(&self.0);
    }
}

fn source_attr(kind: FilesystemType) -> &'static str {
    match kind {
        FilesystemType::Block => "dev",
        FilesystemType::File => "file",
        FilesystemType::Template => "name",
        _ => "dir",
    }
}

fn mode_attr(node: Node<'_>, name: &str) -> Result<Option<u32>> {
    let Some(text) = node.attr(name) else { return Ok(None) };
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode <= 0o777 => Ok(Some(mode)),
        _ => Err(node.bad_attr(name, text, "an octal mode up to 777")),
    }
}

impl Element for Filesystem {
    fn parse(node: Node<'_>) -> Result<Self> {
        let kind = node.value("type")?.unwrap_or_default();
        let mut source = FilesystemSource::default();
        if let Some(child) = node.child("source") {
            match kind {
                FilesystemType::Ram => {
                    let usage = child.attr("usage").ok_or_else(|| child.missing_attr("usage"))?;
                    let units = child.attr("units").unwrap_or("KiB");
                    let bytes = u64::parse_value(usage).and_then(|n| crate::xml::bytes_from(n, units));
                    let bytes = bytes.ok_or_else(|| child.bad_attr("usage", usage, "a size with a known unit"))?;
                    source.usage = Some(bytes / 1024);
                }
                FilesystemType::Volume => {
                    source.pool = Some(child.require("pool")?);
                    source.volume = Some(child.require("volume")?);
                }
                _ => {
                    source.path = child.value(source_attr(kind))?;
                    source.socket = child.value("socket")?;
                }
            }
        }
        let target = node.child("target").and_then(|t| t.attr("dir")).unwrap_or_default().to_owned();
        let mut driver: FilesystemDriver = node.child_element("driver")?.unwrap_or_default();
        let virtiofs = driver.kind == Some(FilesystemDriverType::Virtiofs);
        if driver.kind.is_none() {
            driver.format = None;
        }
        Ok(Self {
            kind,
            accessmode: node.value("accessmode")?,
            fmode: mode_attr(node, "fmode")?,
            dmode: mode_attr(node, "dmode")?,
            model: node.value("model")?,
            multidevs: node.value("multidevs")?,
            driver,
            binary: if virtiofs { node.child_element("binary")? } else { None },
            idmap: node.child_element("idmap")?,
            source,
            target,
            readonly: node.child("readonly").is_some(),
            space_hard_limit: node.child_element("space_hard_limit")?,
            space_soft_limit: node.child_element("space_soft_limit")?,
            info: DeviceInfo::parse(node)?,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("type", &self.kind);
        w.attr_opt("accessmode", self.accessmode.as_ref());
        w.attr_opt("model", self.model.as_ref());
        w.attr_opt("multidevs", self.multidevs.as_ref().filter(|m| **m != Multidevs::Default));
        for (name, mode) in [("fmode", self.fmode), ("dmode", self.dmode)] {
            if let Some(mode) = mode {
                w.attr_str(name, &format!("{mode:04o}"));
            }
        }
        w.element_unless_empty("driver", &self.driver);
        if let Some(binary) = &self.binary {
            w.element_unless_empty("binary", binary);
        }
        if let Some(idmap) = &self.idmap {
            w.element_unless_empty("idmap", idmap);
        }
        w.open("source");
        if let Some(path) = &self.source.path {
            w.attr(source_attr(self.kind), path);
        }
        w.attr_opt("pool", self.source.pool.as_ref());
        w.attr_opt("volume", self.source.volume.as_ref());
        if let Some(usage) = &self.source.usage {
            w.attr("usage", usage);
            w.attr_str("units", "KiB");
        }
        w.attr_opt("socket", self.source.socket.as_ref());
        w.close_or_drop();
        if !self.target.is_empty() {
            w.open("target");
            w.attr("dir", &self.target);
            w.close();
        }
        if self.readonly {
            w.flag("readonly");
        }
        self.info.format(w);
        if let Some(limit) = &self.space_hard_limit {
            w.element("space_hard_limit", limit);
        }
        if let Some(limit) = &self.space_soft_limit {
            w.element("space_soft_limit", limit);
        }
    }
}
