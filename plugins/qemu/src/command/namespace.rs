//! What a definition says in QEMU's own words.

use oxivirt_conf::domain::{DeviceOverride, DomainDefinition, DriverNamespace, OverrideType, QemuNamespace};
use oxivirt_core::{Error, Result};
use serde_json::{Map, Value};

use super::{Builder, Props};

fn namespace(domain: &DomainDefinition) -> Option<&QemuNamespace> {
    match domain.namespace.as_deref() {
        Some(DriverNamespace::Qemu(qemu)) => Some(qemu),
        _ => None,
    }
}

/// Arguments and variables as they stand in the definition.
pub(super) fn arguments(b: &mut Builder<'_>) -> Result<()> {
    let Some(qemu) = namespace(b.domain) else { return Ok(()) };
    for (present, what) in [
        (!qemu.capabilities_add.is_empty() || !qemu.capabilities_del.is_empty(), "<qemu:capabilities>"),
        (qemu.deprecation.is_some(), "<qemu:deprecation>"),
    ] {
        if present {
            return Err(Error::config_unsupported(format!("{what} is not supported by this driver yet")));
        }
    }
    b.arguments.extend(qemu.arguments.iter().cloned());
    let variables = qemu.environment.iter().map(|(name, value)| (name.clone(), value.clone().unwrap_or_default()));
    b.environment.extend(variables);
    Ok(())
}

/// A device whose properties the definition replaces.
pub(super) fn overridden(domain: &DomainDefinition, props: &Props) -> Option<String> {
    let overrides = &namespace(domain)?.overrides;
    let Value::Object(mut members) = props.value() else { return None };
    let own = overrides.iter().find(|o| members.get("id").and_then(Value::as_str) == Some(o.alias.as_str()))?;
    apply(&mut members, own);
    Some(Value::Object(members).to_string())
}

fn apply(members: &mut Map<String, Value>, own: &DeviceOverride) {
    for property in &own.frontend {
        let text = property.value.as_deref().unwrap_or_default();
        let value = match property.kind {
            OverrideType::Remove => {
                members.shift_remove(&property.name);
                continue;
            }
            OverrideType::String => Value::from(text),
            OverrideType::Signed => text.parse::<i64>().map(Value::from).unwrap_or(Value::Null),
            OverrideType::Unsigned => text.parse::<u64>().map(Value::from).unwrap_or(Value::Null),
            OverrideType::Bool => Value::from(text == "true"),
        };
        members.insert(property.name.clone(), value);
    }
}
