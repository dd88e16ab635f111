//! Device numbers on the channel subsystem of s390.

use std::collections::BTreeSet;

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::{Address, CcwAddress, DeviceInfo};
use oxivirt_core::{Error, Result};

use super::virtio;

/// Gives every virtio device that is nowhere yet a device number.
///
/// Errors: `XML_ERROR` when two devices have one number; `INTERNAL_ERROR`
/// when there is none left.
pub(super) fn assign(domain: &mut DomainDefinition) -> Result<()> {
    let mut taken: BTreeSet<CcwAddress> = BTreeSet::new();
    for device in domain.devices.iter() {
        if let Some(Address::Ccw(Some(at))) = device.info().and_then(|info| info.address.as_ref())
            && !taken.insert(*at)
        {
            return Err(Error::xml(format!(
                "The CCW devno '{:x}.{:x}.{:04x}' is in use already",
                at.cssid, at.ssid, at.devno
            )));
        }
    }
    for info in virtio::devices(domain, true) {
        place(info, &mut taken)?;
    }
    Ok(())
}

fn place(info: &mut DeviceInfo, taken: &mut BTreeSet<CcwAddress>) -> Result<()> {
    if !matches!(info.address, None | Some(Address::Ccw(None))) {
        return Ok(());
    }
    let mut all =
        (0..=LAST_SSID).flat_map(|ssid| (0..=0xffff).map(move |devno| CcwAddress { cssid: CSSID, ssid, devno }));
    let free =
        all.find(|at| !taken.contains(at)).ok_or_else(|| Error::internal("There are no more free CCW devnos."))?;
    taken.insert(free);
    info.address = Some(Address::Ccw(Some(free)));
    Ok(())
}

/// The channel subsystem of virtual devices.
const CSSID: u32 = 0xfe;
const LAST_SSID: u32 = 3;
