//! Changing a device of a running guest in place.

mod disk;
mod graphics;
mod interface;
mod memory;

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::Device;
use oxivirt_core::{Error, ErrorCode, Result};

use super::{PlugHost, Session};

pub(super) use memory::{memory_of, note_memory};

/// Whether a guest that holds a medium is overruled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    /// It is.
    Yes,
    /// It is asked, and waited for.
    No,
}

/// Changes a device to what a document says: the medium of a drive; link,
/// bridge and limits of a card; the password of a display, how much memory is asked for.
///
/// * Returns the live definition after it. When that is on disk,
///   [`conclude`](super::conclude) takes away what was replaced.
/// * Errors: `OPERATION_UNSUPPORTED` for a change that needs a new device;
///   `DEVICE_MISSING` or `INVALID_ARG` when there is none such; QEMU's own
///   words. After an error nothing has changed.
pub fn update(
    session: &Session<'_>,
    host: &mut dyn PlugHost,
    live: &DomainDefinition,
    device: Device,
    force: Force,
) -> Result<DomainDefinition> {
    match device {
        Device::Disk(wanted) => disk::update(session, host, live, *wanted, force),
        Device::Interface(wanted) => interface::update(session, live, *wanted),
        Device::Graphics(wanted) => graphics::update(session, live, *wanted),
        Device::Memory(wanted) => memory::update(session, live, *wanted),
        other => Err(Error::config_unsupported(format!(
            "live update of device '{}' is not supported",
            other.as_ref().name()
        ))),
    }
}

/// The first of some fields that differs is refused by name.
fn unchanged(what: &str, fields: &[(bool, &str)]) -> Result<()> {
    match fields.iter().find(|(same, _)| !same) {
        Some((_, field)) => {
            Err(Error::new(ErrorCode::OPERATION_UNSUPPORTED, format!("cannot modify field '{field}' of the {what}")))
        }
        None => Ok(()),
    }
}
