//! Answers that only some architectures give.

use serde_json::Value;

use super::read::{list, text};
use super::{Gic, SevCaps, SgxCaps};

pub(super) fn gic(value: &Value) -> Option<Gic> {
    Some(Gic { version: number(value, "version")?, kernel: flag(value, "kernel"), emulated: flag(value, "emulated") })
}

pub(super) fn sev(value: &Value) -> Option<SevCaps> {
    Some(SevCaps {
        cbitpos: number(value, "cbitpos")?,
        reduced_phys_bits: number(value, "reduced-phys-bits")?,
        cpu0_id: text(value, "cpu0-id").map(str::to_owned),
    })
}

pub(super) fn sgx(value: &Value) -> Option<SgxCaps> {
    if !flag(value, "sgx") {
        return None;
    }
    let bytes = |value: &Value, key: &str| value.get(key).and_then(Value::as_u64);
    let sections: Vec<_> = value
        .get("sections")
        .into_iter()
        .flat_map(list)
        .filter_map(|section| Some((number(section, "node")?, bytes(section, "size")?)))
        .collect();
    // Newer versions tell only the parts.
    let sum = || sections.iter().try_fold(0u64, |sum, (_, size)| sum.checked_add(*size));
    Some(SgxCaps {
        flc: flag(value, "flc"),
        sgx1: flag(value, "sgx1"),
        sgx2: flag(value, "sgx2"),
        size: bytes(value, "section-size").or_else(sum)?,
        sections,
    })
}

fn flag(value: &Value, key: &str) -> bool {
    value.get(key).and_then(Value::as_bool).unwrap_or(false)
}

fn number(value: &Value, key: &str) -> Option<u32> {
    value.get(key).and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok())
}
