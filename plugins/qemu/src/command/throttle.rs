//! Groups of limits that disks share.

use oxivirt_conf::domain::devices::IoTune;
use oxivirt_conf::domain::tuning::iotune;

use super::{Builder, Props};

/// The limits: their names in definitions, and QEMU's in a disk and in a group.
pub(crate) const LIMITS: &[(&str, &str, &str)] = &[
    ("total_bytes_sec", "bps", "bps-total"),
    ("read_bytes_sec", "bps_rd", "bps-read"),
    ("write_bytes_sec", "bps_wr", "bps-write"),
    ("total_iops_sec", "iops", "iops-total"),
    ("read_iops_sec", "iops_rd", "iops-read"),
    ("write_iops_sec", "iops_wr", "iops-write"),
    ("total_bytes_sec_max", "bps_max", "bps-total-max"),
    ("read_bytes_sec_max", "bps_rd_max", "bps-read-max"),
    ("write_bytes_sec_max", "bps_wr_max", "bps-write-max"),
    ("total_iops_sec_max", "iops_max", "iops-total-max"),
    ("read_iops_sec_max", "iops_rd_max", "iops-read-max"),
    ("write_iops_sec_max", "iops_wr_max", "iops-write-max"),
    ("size_iops_sec", "iops_size", "iops-size"),
    ("total_bytes_sec_max_length", "bps_max_length", "bps-total-max-length"),
    ("read_bytes_sec_max_length", "bps_rd_max_length", "bps-read-max-length"),
    ("write_bytes_sec_max_length", "bps_wr_max_length", "bps-write-max-length"),
    ("total_iops_sec_max_length", "iops_max_length", "iops-total-max-length"),
    ("read_iops_sec_max_length", "iops_rd_max_length", "iops-read-max-length"),
    ("write_iops_sec_max_length", "iops_wr_max_length", "iops-write-max-length"),
];

/// The object behind a group.
pub(crate) fn group_id(name: &str) -> String {
    format!("throttle-{name}")
}

/// The limits of a group as QEMU takes them.
pub(crate) fn limits(tune: &IoTune) -> Props {
    let mut props = Props::new();
    for (ours, _, theirs) in LIMITS {
        let value = iotune::value(tune, ours);
        // QEMU refuses a burst without a length, and takes one second where nothing is said.
        if value != 0 || !ours.ends_with("_length") {
            props = props.number(theirs, value);
        }
    }
    props
}

/// `-object throttle-group` for every group of the domain.
pub(super) fn groups(b: &mut Builder<'_>) {
    for group in b.domain.throttle_groups.iter() {
        let name = group.limits.group_name.as_deref().unwrap_or_default();
        let props = Props::new()
            .text("qom-type", "throttle-group")
            .text("id", group_id(name))
            .object("limits", &limits(&group.limits));
        b.json("-object", &props);
    }
}
