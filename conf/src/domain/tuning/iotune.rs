//! `<iotune>` of a disk.

use crate::domain::devices::IoTune;
use oxivirt_core::types::{TypedKind, TypedParam, TypedValue};
use oxivirt_core::{Error, ErrorCode, Result};

/// The largest limit.
const MAX: u64 = 1_000_000_000_000_000;

macro_rules! limits {
    ($($before:ident)* / $name:ident / $($after:ident)*) => {
        /// Names and kinds of the parameters.
        pub const KNOWN: super::Known = &[
            $((stringify!($before), TypedKind::UnsignedLongLong),)*
            ("group_name", TypedKind::String),
            $((stringify!($after), TypedKind::UnsignedLongLong),)*
        ];

        /// Every limit of a disk.
        pub fn get(tune: &IoTune) -> Vec<TypedParam> {
            let number = |name: &str, value| TypedParam::new(name, TypedValue::UnsignedLongLong(value));
            vec![
                $(number(stringify!($before), tune.$before),)*
                TypedParam::new("group_name", TypedValue::String(tune.$name.as_deref().unwrap_or_default())),
                $(number(stringify!($after), tune.$after),)*
            ]
        }

        fn field<'t>(tune: &'t mut IoTune, name: &str) -> Option<&'t mut u64> {
            match name {
                $(stringify!($before) => Some(&mut tune.$before),)*
                $(stringify!($after) => Some(&mut tune.$after),)*
                _ => None,
            }
        }
    };
}

limits! {
    total_bytes_sec read_bytes_sec write_bytes_sec total_iops_sec read_iops_sec write_iops_sec
    total_bytes_sec_max read_bytes_sec_max write_bytes_sec_max total_iops_sec_max read_iops_sec_max write_iops_sec_max
    size_iops_sec
    / group_name /
    total_bytes_sec_max_length read_bytes_sec_max_length write_bytes_sec_max_length
    total_iops_sec_max_length read_iops_sec_max_length write_iops_sec_max_length
}

/// Sets what the parameters say; the rest stays.
///
/// Errors: `ARGUMENT_UNSUPPORTED` a limit that is too large.
pub fn apply(tune: &mut IoTune, params: &[TypedParam]) -> Result<()> {
    for param in params {
        match param.value() {
            TypedValue::UnsignedLongLong(value) if value > MAX => {
                let text = format!("block I/O throttle limit value must be no more than {MAX}");
                return Err(Error::new(ErrorCode::ARGUMENT_UNSUPPORTED, text));
            }
            TypedValue::UnsignedLongLong(value) => {
                if let Some(field) = field(tune, param.field()) {
                    *field = value;
                }
            }
            TypedValue::String(name) => tune.group_name = Some(name.to_owned()).filter(|name| !name.is_empty()),
            _ => {}
        }
    }
    Ok(())
}

/// The number of a limit, by the name of its parameter.
pub fn value(tune: &IoTune, name: &str) -> u64 {
    let mut copy = tune.clone();
    field(&mut copy, name).copied().unwrap_or(0)
}

/// Sets the number of a limit, by the name of its parameter.
pub fn set_value(tune: &mut IoTune, name: &str, value: u64) {
    if let Some(field) = field(tune, name) {
        *field = value;
    }
}

/// Errors: `INVALID_ARG` a limit of both directions beside one of a single one.
pub fn check_totals(tune: &IoTune) -> Result<()> {
    let t = tune;
    let together = [
        (t.total_bytes_sec, t.read_bytes_sec, t.write_bytes_sec, "bytes_sec"),
        (t.total_iops_sec, t.read_iops_sec, t.write_iops_sec, "iops_sec"),
        (t.total_bytes_sec_max, t.read_bytes_sec_max, t.write_bytes_sec_max, "bytes_sec_max"),
        (t.total_iops_sec_max, t.read_iops_sec_max, t.write_iops_sec_max, "iops_sec_max"),
    ];
    for (total, read, write, name) in together {
        if total != 0 && (read != 0 || write != 0) {
            let text = format!("total and read/write of {name} cannot be set at the same time");
            return Err(Error::invalid_arg(text));
        }
    }
    Ok(())
}
