//! `<hostdev>`.

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::{Address, Hostdev, HostdevSource, MdevModel};
use oxivirt_conf::xml::OnOff;
use oxivirt_core::Result;

use super::{refuse, unsupported};

pub(super) fn hostdevs(def: &DomainDefinition) -> Result<()> {
    def.devices.hostdevs.iter().try_for_each(hostdev)?;
    let framebuffers =
        def.devices.hostdevs.iter().filter(|h| matches!(&h.source, HostdevSource::Mdev { ramfb: Some(OnOff::On), .. }));
    if framebuffers.count() > 1 {
        return unsupported("Only one vgpu device can have 'ramfb' enabled");
    }
    Ok(())
}

fn hostdev(device: &Hostdev) -> Result<()> {
    match &device.source {
        HostdevSource::Mdev { model, display, ramfb, .. } => {
            let on_its_bus = match (model, &device.info.address) {
                (_, None | Some(Address::Unassigned)) => true,
                (MdevModel::VfioPci, Some(address)) => matches!(address, Address::Pci(_)),
                (MdevModel::VfioCcw, Some(address)) => matches!(address, Address::Ccw(_)),
                (MdevModel::VfioAp, Some(_)) => false,
            };
            if let Some(address) = device.info.address.as_ref().filter(|_| !on_its_bus) {
                return refuse(format!(
                    "Unsupported address type '{}' with mediated device model '{}'",
                    address.type_name(),
                    model.as_str()
                ));
            }
            if *ramfb == Some(OnOff::On) && *display != Some(OnOff::On) {
                return unsupported("'ramfb' needs display='on'");
            }
            Ok(())
        }
        HostdevSource::ScsiHost { .. } if device.info.boot.is_some() => {
            unsupported("booting from assigned devices is not supported by vhost SCSI devices")
        }
        _ => Ok(()),
    }
}
