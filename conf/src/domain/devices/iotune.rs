//! `<iotune>` and `<throttlegroup>`.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use oxivirt_core::Result;

use crate::domain::tuning::iotune;
use crate::xml::{Element, Node, Writer};

/// `<iotune>`; 0 is no limit. Bytes and operations per second.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IoTune {
    pub total_bytes_sec: u64,
    pub read_bytes_sec: u64,
    pub write_bytes_sec: u64,
    pub total_iops_sec: u64,
    pub read_iops_sec: u64,
    pub write_iops_sec: u64,
    pub total_bytes_sec_max: u64,
    pub read_bytes_sec_max: u64,
    pub write_bytes_sec_max: u64,
    pub total_iops_sec_max: u64,
    pub read_iops_sec_max: u64,
    pub write_iops_sec_max: u64,
    pub size_iops_sec: u64,
    pub group_name: Option<String>,
    pub total_bytes_sec_max_length: u64,
    pub read_bytes_sec_max_length: u64,
    pub write_bytes_sec_max_length: u64,
    pub total_iops_sec_max_length: u64,
    pub read_iops_sec_max_length: u64,
    pub write_iops_sec_max_length: u64,
}

impl Element for IoTune {
    fn parse(node: Node<'_>) -> Result<Self> {
        let mut tune = Self { group_name: node.child_value("group_name")?, ..Self::default() };
        for (name, _) in iotune::KNOWN.iter().filter(|(name, _)| *name != "group_name") {
            iotune::set_value(&mut tune, name, node.child_value(name)?.unwrap_or(0));
        }
        Ok(tune)
    }

    fn format(&self, w: &mut Writer) {
        for (name, _) in iotune::KNOWN {
            match (*name, iotune::value(self, name)) {
                ("group_name", _) => w.leaf_opt(name, self.group_name.as_ref()),
                (_, 0) => {}
                (_, limit) => w.leaf(name, &limit),
            }
        }
    }
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
