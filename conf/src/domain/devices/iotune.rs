//! `<iotune>` and `<throttlegroup>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use crate::xml::{Element, Node, Writer};

/// `<iotune>`; 0 is no limit. Bytes and operations per second.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct IoTune {
    #[xml(leaf, hide)]
    pub total_bytes_sec: u64,
    #[xml(leaf, hide)]
    pub read_bytes_sec: u64,
    #[xml(leaf, hide)]
    pub write_bytes_sec: u64,
    #[xml(leaf, hide)]
    pub total_iops_sec: u64,
    #[xml(leaf, hide)]
    pub read_iops_sec: u64,
    #[xml(leaf, hide)]
    pub write_iops_sec: u64,
    #[xml(leaf, hide)]
    pub total_bytes_sec_max: u64,
    #[xml(leaf, hide)]
    pub read_bytes_sec_max: u64,
    #[xml(leaf, hide)]
    pub write_bytes_sec_max: u64,
    #[xml(leaf, hide)]
    pub total_iops_sec_max: u64,
    #[xml(leaf, hide)]
    pub read_iops_sec_max: u64,
    #[xml(leaf, hide)]
    pub write_iops_sec_max: u64,
    #[xml(leaf, hide)]
    pub size_iops_sec: u64,
    #[xml(leaf)]
    pub group_name: Option<String>,
    #[xml(leaf, hide)]
    pub total_bytes_sec_max_length: u64,
    #[xml(leaf, hide)]
    pub read_bytes_sec_max_length: u64,
    #[xml(leaf, hide)]
    pub write_bytes_sec_max_length: u64,
    #[xml(leaf, hide)]
    pub total_iops_sec_max_length: u64,
    #[xml(leaf, hide)]
    pub read_iops_sec_max_length: u64,
    #[xml(leaf, hide)]
    pub write_iops_sec_max_length: u64,
}

/// `<throttlegroup>` of `<throttlegroups>`: limits that disks share.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ThrottleGroup {
    pub limits: IoTune,
}

impl Element for ThrottleGroup {
    fn parse(node: Node<'_>) -> Result<Self> {
        Ok(Self { limits: IoTune::parse(node)? })
    }

    fn format(&self, w: &mut Writer) {
        // The name stands last here, in the middle in `<iotune>`.
        IoTune { group_name: None, ..self.limits.clone() }.format(w);
        w.leaf_opt("group_name", self.limits.group_name.as_ref());
    }
}
