//! `<numatune>`.

use crate::domain::{CpuSet, DomainDefinition, NumaMemory, NumaMode};
use oxivirt_core::types::{TypedKind, TypedParam, TypedValue, check_params};
use oxivirt_core::{Error, ErrorDomain, Result};

use super::Known;

/// Names and kinds of the parameters.
pub const KNOWN: Known = &[("numa_mode", TypedKind::Int), ("numa_nodeset", TypedKind::String)];

/// Modes in the order of their numbers.
const MODES: [NumaMode; 4] = [NumaMode::Strict, NumaMode::Preferred, NumaMode::Interleave, NumaMode::Restrictive];

/// Mode and nodes.
pub fn get(definition: &DomainDefinition) -> Vec<TypedParam> {
    let memory = definition.numatune.as_ref().and_then(|tune| tune.memory.as_ref());
    let mode = memory.and_then(|memory| MODES.iter().position(|mode| *mode == memory.mode)).unwrap_or(0);
    let nodeset = memory.and_then(|memory| memory.nodeset.as_ref()).map(CpuSet::to_string).unwrap_or_default();
    vec![
        TypedParam::new("numa_mode", TypedValue::Int(mode as i32)),
        TypedParam::new("numa_nodeset", TypedValue::String(&nodeset)),
    ]
}

/// Sets what the parameters say.
///
/// Errors: `INVALID_ARG` an unknown mode or no list of nodes; `CONFIG_UNSUPPORTED` a mode without nodes.
pub fn set(definition: &mut DomainDefinition, params: &[TypedParam]) -> Result<()> {
    let mut memory = definition.numatune.as_ref().and_then(|tune| tune.memory.clone()).unwrap_or_default();
    for param in params {
        match param.value() {
            TypedValue::Int(number) => {
                let mode = usize::try_from(number).ok().and_then(|number| MODES.get(number));
                let unknown = || Error::invalid_arg(format!("unsupported numatune mode: '{number}'"));
                memory.mode = *mode.ok_or_else(unknown)?;
            }
            TypedValue::String(text) => memory.nodeset = Some(nodes(text)?),
            _ => {}
        }
    }
    if memory.nodeset.is_none() {
        let text = "nodeset for NUMA memory tuning must be set if 'placement' is 'static'";
        return Err(Error::config_unsupported(text).in_domain(ErrorDomain::DOMAIN));
    }
    definition.numatune.get_or_insert_default().memory = Some(NumaMemory { placement: None, ..memory });
    Ok(())
}

/// Refuses parameters that cannot be right, before anything is looked up.
pub fn check(params: &[TypedParam]) -> Result<()> {
    check_params(params, KNOWN)?;
    for param in params {
        if let TypedValue::String(text) = param.value() {
            nodes(text)?;
        }
    }
    Ok(())
}

fn nodes(text: &str) -> Result<CpuSet> {
    let nodes = text.parse::<CpuSet>().ok().filter(|nodes| !nodes.is_empty());
    nodes.ok_or_else(|| Error::invalid_arg(format!("Failed to parse bitmap '{text}'")))
}
