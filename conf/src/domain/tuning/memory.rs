//! `<memtune>`.

use crate::domain::{DomainDefinition, MemoryTune};
use crate::xml::KiB;
use oxivirt_core::types::{TypedKind, TypedParam, TypedValue};
use oxivirt_core::{Error, Result};

use super::Known;

/// Names and kinds of the parameters.
pub const KNOWN: Known = &[
    ("hard_limit", TypedKind::UnsignedLongLong),
    ("soft_limit", TypedKind::UnsignedLongLong),
    ("swap_hard_limit", TypedKind::UnsignedLongLong),
];

/// What clients read as "no limit".
pub const UNLIMITED: u64 = 9_007_199_254_740_991;

/// Limits in KiB.
pub fn get(definition: &DomainDefinition) -> Vec<TypedParam> {
    let tune = definition.memtune.as_deref();
    let limits = [
        ("hard_limit", tune.and_then(|tune| tune.hard_limit)),
        ("soft_limit", tune.and_then(|tune| tune.soft_limit)),
        ("swap_hard_limit", tune.and_then(|tune| tune.swap_hard_limit)),
    ];
    let param = |(name, limit): (&str, Option<KiB>)| {
        TypedParam::new(name, TypedValue::UnsignedLongLong(limit.map_or(UNLIMITED, |limit| limit.0)))
    };
    limits.map(param).to_vec()
}

/// Sets what the parameters say.
///
/// Errors: `INVALID_ARG` memory could be more than memory and swap space together.
pub fn set(definition: &mut DomainDefinition, params: &[TypedParam]) -> Result<()> {
    let tune = definition.memtune.get_or_insert_default();
    for param in params {
        let TypedValue::UnsignedLongLong(value) = param.value() else { continue };
        let limit = Some(KiB(value)).filter(|limit| limit.0 < UNLIMITED);
        match param.field() {
            "hard_limit" => tune.hard_limit = limit,
            "soft_limit" => tune.soft_limit = limit,
            _ => tune.swap_hard_limit = limit,
        }
    }
    let most = |limit: Option<KiB>| limit.map_or(UNLIMITED, |limit| limit.0);
    if most(tune.hard_limit) > most(tune.swap_hard_limit) {
        let text = "memory hard_limit tunable value must be lower than or equal to swap_hard_limit";
        return Err(Error::invalid_arg(text));
    }
    if **tune == MemoryTune::default() {
        definition.memtune = None;
    }
    Ok(())
}
