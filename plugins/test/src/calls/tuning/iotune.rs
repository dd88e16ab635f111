//! `<iotune>` of a disk.

use oxivirt_conf::domain::devices::IoTune;
use oxivirt_conf::domain::tuning::iotune;
pub(in crate::calls) use oxivirt_conf::domain::tuning::iotune::{KNOWN, get};
use oxivirt_core::types::TypedParam;
use oxivirt_core::{Error, Result};

/// Errors: `INVALID_ARG` a limit of both directions beside one of a single one, or a limit above what bursts
/// may have; `ARGUMENT_UNSUPPORTED` a limit that is too large.
pub(in crate::calls) fn set(tune: &mut IoTune, params: &[TypedParam]) -> Result<()> {
    iotune::apply(tune, params)?;
    iotune::check_totals(tune)?;
    let bursts = [
        (tune.total_bytes_sec, tune.total_bytes_sec_max, "total_bytes_sec"),
        (tune.read_bytes_sec, tune.read_bytes_sec_max, "read_bytes_sec"),
        (tune.write_bytes_sec, tune.write_bytes_sec_max, "write_bytes_sec"),
        (tune.total_iops_sec, tune.total_iops_sec_max, "total_iops_sec"),
        (tune.read_iops_sec, tune.read_iops_sec_max, "read_iops_sec"),
        (tune.write_iops_sec, tune.write_iops_sec_max, "write_iops_sec"),
    ];
    for (limit, burst, name) in bursts {
        if limit > burst {
            return Err(Error::invalid_arg(format!("{name} cannot be set higher than {name}_max")));
        }
    }
    Ok(())
}
