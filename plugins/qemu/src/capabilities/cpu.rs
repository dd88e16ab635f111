//! What the host's CPU, or all that can be emulated, consists of.

use std::collections::BTreeSet;

use oxivirt_core::Result;
use serde_json::{Value, json};

use super::read::{may, text};
use super::{Accel, Ask, Emulator, FullCpu};

/// The type of the CPU that has all that can be had; `None` where QEMU has none.
pub fn max_type(arch: &str) -> Option<String> {
    let family = match arch {
        "i686" => "i386",
        "armv6l" | "armv7l" | "aarch64" => "arm",
        "riscv32" | "riscv64" => "riscv",
        "loongarch64" => "loongarch",
        "s390x" | "x86_64" => arch,
        _ => return None,
    };
    Some(format!("max-{family}-cpu"))
}

/// Asks what a guest's CPU can have at most: under KVM the host's CPU.
///
/// Only where QEMU answers in features of a fixed model: on x86 and s390.
pub(super) fn full(ask: &mut dyn Ask, emulator: &Emulator, accel: Accel) -> Result<Option<FullCpu>> {
    if !matches!(emulator.arch.as_str(), "x86_64" | "i686" | "s390x") {
        return Ok(None);
    }
    let name = if accel == Accel::Tcg { "max" } else { "host" };
    let question = |model: Value| json!({"type": "static", "model": model});
    let Some(mut answer) = may(ask, EXPANSION, question(json!({"name": name})))? else { return Ok(None) };
    // What cannot be taken along to another host counts as well.
    let migratable = max_type(&emulator.arch).is_some_and(|max| emulator.has_property(&max, "migratable"));
    if migratable
        && let Some(all) = may(ask, EXPANSION, question(json!({"name": name, "props": {"migratable": false}})))?
    {
        answer = all;
    }
    let deprecated = answer.get("deprecated-props").and_then(Value::as_array).into_iter().flatten();
    let deprecated = deprecated.filter_map(Value::as_str).map(str::to_owned).collect();
    Ok(answer.get("model").and_then(described).map(|full| FullCpu { deprecated, ..full }))
}

fn described(model: &Value) -> Option<FullCpu> {
    let props = model.get("props").and_then(Value::as_object)?;
    let number =
        |key: &str| props.get(key).and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok()).unwrap_or_default();
    Some(FullCpu {
        model: text(model, "name")?.to_owned(),
        features: props
            .iter()
            .filter(|(_, value)| **value == Value::Bool(true))
            .map(|(name, _)| name.clone())
            .collect(),
        deprecated: Vec::new(),
        vendor: props.get("vendor").and_then(Value::as_str).map(str::to_owned),
        family: number("family"),
        number: number("model"),
        stepping: number("stepping"),
    })
}

/// Asks what Windows can be told under KVM, in QEMU's names.
pub(super) fn hyperv(ask: &mut dyn Ask) -> Result<Option<BTreeSet<String>>> {
    let props = json!({"migratable": false, "hv-passthrough": true});
    let question = json!({"type": "full", "model": {"name": "host", "props": props}});
    let answer = may(ask, EXPANSION, question)?;
    let props = answer.as_ref().and_then(|answer| answer.pointer("/model/props")).and_then(Value::as_object);
    Ok(props.map(|props| {
        let on = |value: &Value| match value {
            Value::Bool(on) => *on,
            Value::Number(number) => number.as_u64().is_some_and(|number| number != 0),
            Value::String(text) => !text.is_empty() && text != "off",
            _ => false,
        };
        let named = props.iter().filter(|(name, value)| name.starts_with("hv-") && on(value));
        named.map(|(name, _)| name.clone()).collect()
    }))
}

const EXPANSION: &str = "query-cpu-model-expansion";
