//! `<driver>` of `<disk>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use super::*;
use crate::rare::Rare;
use crate::xml::{Element, Node, OnOff, Value, Writer};
use crate::xml_enum;

xml_enum! {
    /// How virtio presents itself.
    pub enum VirtioModel {
        Virtio = "virtio", Transitional = "virtio-transitional", NonTransitional = "virtio-non-transitional",
    }
}

xml_enum! {
    pub enum DiskCache {
        Default = "default", None = "none", Writethrough = "writethrough", Writeback = "writeback",
        DirectSync = "directsync", Unsafe = "unsafe",
    }
}

xml_enum! {
    /// What happens on a failed access.
    pub enum ErrorPolicy { Stop = "stop", Report = "report", Ignore = "ignore", Enospace = "enospace" }
}

xml_enum! {
    /// How the host reads and writes.
    pub enum DiskIo { Native = "native", Threads = "threads", IoUring = "io_uring" }
}

xml_enum! {
    /// Whether discarded blocks are given back.
    pub enum Discard { Unmap = "unmap", Ignore = "ignore" }
}

xml_enum! {
    /// What happens with zeros written.
    pub enum DetectZeroes { Off = "off", On = "on", Unmap = "unmap" }
}

/// `<driver>` of a disk.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct DiskDriver {
    #[xml(attr)]
    pub name: Option<String>,
    #[xml(attr = "type")]
    pub format: Option<StorageFormat>,
    #[xml(attr)]
    pub cache: Option<DiskCache>,
    #[xml(attr)]
    pub error_policy: Option<ErrorPolicy>,
    #[xml(attr)]
    pub rerror_policy: Option<ErrorPolicy>,
    #[xml(attr)]
    pub io: Option<DiskIo>,
    #[xml(attr)]
    pub ioeventfd: Option<OnOff>,
    #[xml(attr)]
    pub event_idx: Option<OnOff>,
    #[xml(attr)]
    pub copy_on_read: Option<OnOff>,
    #[xml(attr)]
    pub discard: Option<Discard>,
    #[xml(attr)]
    pub discard_no_unref: Option<OnOff>,
    #[xml(attr)]
    pub iothread: Option<u32>,
    #[xml(attr)]
    pub detect_zeroes: Option<DetectZeroes>,
    #[xml(attr)]
    pub queues: Option<u32>,
    #[xml(attr)]
    pub queue_size: Option<u32>,
    #[xml(flatten)]
    pub virtio: VirtioOptions,
    #[xml(child)]
    pub metadata_cache: Option<MetadataCache>,
    #[xml(children = "iothread", wrap = "iothreads")]
    pub iothreads: Rare<Vec<IoThreadMapping>>,
}

/// `<metadata_cache><max_size unit='bytes'>…`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MetadataCache {
    /// Bytes.
    pub max_size: Option<u64>,
}

impl Element for MetadataCache {
    fn parse(node: Node<'_>) -> Result<Self> {
        let max_size = match node.child("max_size") {
            None => None,
            Some(size) => {
                let text = size.text();
                let bytes = u64::parse_value(text.trim())
                    .and_then(|n| crate::xml::bytes_from(n, size.attr("unit").unwrap_or("bytes")));
                Some(bytes.ok_or_else(|| size.bad_text(&text, "a size with a known unit"))?)
            }
        };
        Ok(Self { max_size })
    }

    fn format(&self, w: &mut Writer) {
        if let Some(size) = &self.max_size {
            w.open("max_size");
            w.attr_str("unit", "bytes");
            w.text(size);
            w.close();
        }
    }
}

/// `<iothread id='1'><queue id='0'/></iothread>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct IoThreadMapping {
    #[xml(attr)]
    pub id: u32,
    #[xml(children = "queue")]
    pub queues: Vec<QueueId>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct QueueId {
    #[xml(attr)]
    pub id: u32,
}
