//! `<iotune>` and `<throttlegroup>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use crate::xml::Element;

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
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct ThrottleGroup {
    #[xml(flatten)]
    pub limits: IoTune,
}
