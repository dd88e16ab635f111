//! `<blkiotune>`.

use crate::domain::{BlkioDevice, BlkioTune, DomainDefinition};
use oxivirt_core::types::{TypedKind, TypedParam, TypedValue};
use oxivirt_core::{Error, ErrorDomain, Result};

use super::Known;

/// Names and kinds of the parameters.
pub const KNOWN: Known = &[
    ("weight", TypedKind::UnsignedInt),
    ("device_weight", TypedKind::String),
    ("device_read_iops_sec", TypedKind::String),
    ("device_write_iops_sec", TypedKind::String),
    ("device_read_bytes_sec", TypedKind::String),
    ("device_write_bytes_sec", TypedKind::String),
];

/// The weight and the lists of host devices.
pub fn get(definition: &DomainDefinition) -> Vec<TypedParam> {
    let tune = definition.blkiotune.as_deref();
    let devices = tune.map(|tune| tune.devices.as_slice()).unwrap_or_default();
    let list = |name: &'static str| {
        let says = |device: &BlkioDevice| Some(format!("{},{}", device.path, value_of(device, name)?));
        let text = devices.iter().filter_map(says).collect::<Vec<_>>().join(",");
        TypedParam::new(name, TypedValue::String(&text))
    };
    let weight = tune.and_then(|tune| tune.weight).unwrap_or(0);
    let mut params = vec![TypedParam::new("weight", TypedValue::UnsignedInt(weight))];
    params.extend(KNOWN.iter().skip(1).map(|(name, _)| list(name)));
    params
}

/// Sets what the parameters say.
///
/// Errors: `INVALID_ARG` a list that does not say `PATH,NUMBER,PATH,NUMBER…`.
pub fn set(definition: &mut DomainDefinition, params: &[TypedParam]) -> Result<()> {
    let tune = definition.blkiotune.get_or_insert_default();
    for param in params {
        match param.value() {
            TypedValue::UnsignedInt(weight) => tune.weight = Some(weight).filter(|weight| *weight != 0),
            TypedValue::String(text) => set_devices(tune, param.field(), text)?,
            _ => {}
        }
    }
    tune.devices.retain(|device| *device != BlkioDevice { path: device.path.clone(), ..BlkioDevice::default() });
    if **tune == BlkioTune::default() {
        definition.blkiotune = None;
    }
    Ok(())
}

fn value_of(device: &BlkioDevice, name: &str) -> Option<u64> {
    match name {
        "device_weight" => device.weight.map(u64::from),
        "device_read_iops_sec" => device.read_iops_sec.map(u64::from),
        "device_write_iops_sec" => device.write_iops_sec.map(u64::from),
        "device_read_bytes_sec" => device.read_bytes_sec,
        _ => device.write_bytes_sec,
    }
}

/// Sets one number of several host devices; 0 takes it away.
fn set_devices(tune: &mut BlkioTune, name: &str, list: &str) -> Result<()> {
    let refuse = |text: String| Error::invalid_arg(text).in_domain(ErrorDomain::DOMAIN);
    if list.is_empty() {
        return Ok(());
    }
    let parts: Vec<&str> = list.split(',').collect();
    let (pairs, []) = parts.as_chunks::<2>() else {
        return Err(refuse(format!("unable to parse blkio device '{name}' '{list}'")));
    };
    for [path, text] in pairs {
        let bad = || refuse(format!("invalid value '{text}' for parameter '{name}' of device '{path}'"));
        let narrow = || text.parse::<u32>().map(|number| Some(number).filter(|number| *number != 0)).map_err(|_| bad());
        let wide = || text.parse::<u64>().map(|number| Some(number).filter(|number| *number != 0)).map_err(|_| bad());
        let at = match tune.devices.iter().position(|device| device.path == *path) {
            Some(at) => at,
            None => {
                tune.devices.push(BlkioDevice { path: (*path).to_owned(), ..BlkioDevice::default() });
                tune.devices.len() - 1
            }
        };
        let Some(device) = tune.devices.get_mut(at) else { continue };
        match name {
            "device_weight" => device.weight = narrow()?,
            "device_read_iops_sec" => device.read_iops_sec = narrow()?,
            "device_write_iops_sec" => device.write_iops_sec = narrow()?,
            "device_read_bytes_sec" => device.read_bytes_sec = wide()?,
            _ => device.write_bytes_sec = wide()?,
        }
    }
    Ok(())
}
