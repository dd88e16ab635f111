//! Which devices may come to a running domain, and what they are called there.

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::{
    ControllerType, Device, DeviceInfo, DeviceRef, Disk, DiskBus, DiskDevice, HostdevSource, InputBus, Interface,
    InterfaceSource, SoundModel, is_user_alias,
};
use oxivirt_core::{Error, ErrorCode, ErrorDomain, Result};

use crate::error::Own;

/// Refuses a device for which a domain has no place.
///
/// Errors: `CONFIG_UNSUPPORTED` for one on USB where there is none, and for memory where there are no places for it.
pub(super) fn check_place(device: &Device, definition: &DomainDefinition) -> Result<()> {
    let text = match device {
        _ if on_usb(device) && !has_usb(definition) => {
            "Device configuration is not compatible: Domain has no USB bus support"
        }
        Device::Memory(_) if definition.max_memory.is_none() => {
            "cannot use/hotplug a memory device when domain 'maxMemory' is not defined"
        }
        _ => return Ok(()),
    };
    Err(Error::new(ErrorCode::CONFIG_UNSUPPORTED, text).in_domain(ErrorDomain::DOMAIN))
}

/// Refuses an alias that another device has.
///
/// Errors: `CONFIG_UNSUPPORTED`.
pub(super) fn check_alias(device: &Device, definition: &DomainDefinition) -> Result<()> {
    let alias = |device: DeviceRef<'_>| device.info().and_then(|info| info.alias.clone());
    match alias(device.as_ref())
        .filter(|wanted| definition.devices.iter().any(|other| alias(other).as_ref() == Some(wanted)))
    {
        None => Ok(()),
        Some(taken) => {
            let text = format!("non unique alias detected: {taken}");
            Err(Error::new(ErrorCode::CONFIG_UNSUPPORTED, text).in_domain(ErrorDomain::DOMAIN))
        }
    }
}

/// Refuses a device that contradicts what its domain has, whatever is to be done with it.
///
/// Errors: `CONFIG_UNSUPPORTED` for a redirected USB device without USB, `XML_DETAIL` for memory in a node where
/// there are no nodes.
pub(super) fn check_domain(device: &Device, definition: &DomainDefinition) -> Result<()> {
    let (code, text) = match device {
        Device::RedirDev(_) if !has_usb(definition) => {
            (ErrorCode::CONFIG_UNSUPPORTED, "cannot add redirected USB device: USB is disabled for this domain")
        }
        Device::Memory(memory) if memory.target.node.is_some() && !has_nodes(definition) => {
            (ErrorCode::XML_DETAIL, "can't add memory backend as guest has no NUMA nodes configured")
        }
        _ => return Ok(()),
    };
    Err(Error::new(code, text).in_domain(ErrorDomain::DOMAIN))
}

/// Gives a device its alias, if it is of a kind that can be plugged in; host devices have none but their user's.
///
/// Errors: `OPERATION_UNSUPPORTED` or `CONFIG_UNSUPPORTED` for other kinds.
pub(super) fn name(device: &mut Device, definition: &DomainDefinition) -> Result<Option<String>> {
    match device {
        Device::Disk(disk) => {
            let bus = disk_bus(disk)?;
            let made = || format!("{bus}-disk{}", number(&disk.target.dev));
            let alias = given(&disk.info).unwrap_or_else(made);
            disk.info.alias = Some(alias.clone());
            Ok(Some(alias))
        }
        Device::Interface(card) => match card.source {
            InterfaceSource::Bridge { .. } | InterfaceSource::Ethernet => {
                let alias = given(&card.info).unwrap_or_else(|| next_card(&definition.devices.interfaces));
                card.info.alias = Some(alias.clone());
                Ok(Some(alias))
            }
            _ => {
                let kind = card.source.type_name();
                unsupported(format!("hotplug of interface type of {kind} is not implemented yet"))
            }
        },
        Device::Hostdev(device) => {
            pci_only(&device.source)?;
            device.info.alias = given(&device.info);
            Ok(device.info.alias.clone())
        }
        other => unsupported(format!("live attach of device '{}' is not supported", kind(other))),
    }
}

/// What refusals call the kind of a device.
pub(super) fn kind(device: &Device) -> &'static str {
    match device {
        Device::Serial(_) | Device::Parallel(_) | Device::Console(_) | Device::Channel(_) => "chr",
        other => other.as_ref().name(),
    }
}

/// The bus of a disk that can be plugged in.
fn disk_bus(disk: &Disk) -> Result<&'static str> {
    match (&disk.device, disk.target.bus) {
        (DiskDevice::Floppy, _) => unsupported("floppy device hotplug isn't supported".to_owned()),
        (DiskDevice::CdRom, Some(DiskBus::Virtio)) => {
            unsupported("cdrom device with virtio bus isn't supported".to_owned())
        }
        (_, Some(DiskBus::Virtio)) => Ok("virtio"),
        (_, Some(DiskBus::Usb)) => Ok("usb"),
        (_, bus) => {
            let bus = bus.map(|bus| bus.to_string()).unwrap_or_default();
            unsupported(format!("disk bus '{bus}' cannot be hotplugged."))
        }
    }
}

fn pci_only(source: &HostdevSource) -> Result<()> {
    let text = match source {
        HostdevSource::Pci { .. } => return Ok(()),
        HostdevSource::Usb(_) => "subsys type 'usb'",
        HostdevSource::Scsi(_) => "subsys type 'scsi'",
        HostdevSource::ScsiHost { .. } => "subsys type 'scsi_host'",
        HostdevSource::Mdev { .. } => "subsys type 'mdev'",
        HostdevSource::Storage { .. } | HostdevSource::Misc { .. } | HostdevSource::Net { .. } => "mode 'capabilities'",
    };
    let text = format!("hotplug is not supported for hostdev {text}");
    Err(Error::new(ErrorCode::CONFIG_UNSUPPORTED, text)).own()
}

/// The alias that the user chose.
fn given(info: &DeviceInfo) -> Option<String> {
    info.alias.clone().filter(|alias| is_user_alias(alias))
}

/// The alias of the next network card: one more than the highest.
fn next_card(cards: &[Interface]) -> String {
    let aliases = cards.iter().filter_map(|card| card.info.alias.as_deref());
    let numbers = aliases.filter_map(|alias| alias.strip_prefix("net")?.parse::<u32>().ok());
    format!("net{}", numbers.max().map_or(0, |highest| u64::from(highest) + 1))
}

/// The number of a disk, as the letters of its target count it: `vda` is 0, `vdaa` is 26.
fn number(target: &str) -> u64 {
    let letters = target.get(2..).unwrap_or_default().bytes().take_while(u8::is_ascii_lowercase);
    let count =
        letters.fold(0_u64, |count, letter| count.saturating_mul(26).saturating_add(u64::from(letter - b'a') + 1));
    count.saturating_sub(1)
}

fn on_usb(device: &Device) -> bool {
    match device {
        Device::Disk(disk) => disk.target.bus == Some(DiskBus::Usb),
        Device::Input(input) => input.bus == Some(InputBus::Usb),
        Device::Hostdev(device) => matches!(device.source, HostdevSource::Usb(_)),
        Device::Sound(sound) => sound.model == SoundModel::Usb,
        Device::Serial(serial) => serial.target_type.as_deref() == Some("usb-serial"),
        Device::Hub(_) | Device::RedirDev(_) => true,
        _ => false,
    }
}

fn has_usb(definition: &DomainDefinition) -> bool {
    let mut controllers = definition.devices.iter();
    controllers.any(|device| match device {
        DeviceRef::Controller(controller) => {
            controller.kind == ControllerType::Usb && controller.model.as_deref() != Some("none")
        }
        _ => false,
    })
}

fn has_nodes(definition: &DomainDefinition) -> bool {
    let numa = definition.cpu.as_ref().and_then(|cpu| cpu.numa.as_ref());
    numa.is_some_and(|numa| !numa.cells.is_empty())
}

fn unsupported<T>(text: String) -> Result<T> {
    Err(Error::new(ErrorCode::OPERATION_UNSUPPORTED, text)).own()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_count_disks() {
        for (target, wanted) in [("vda", 0), ("vdb", 1), ("vdz", 25), ("vdaa", 26), ("vd", 0), ("", 0)] {
            assert_eq!(number(target), wanted, "{target}");
        }
    }

    #[test]
    fn cards_are_counted_from_the_highest() {
        let card = |alias: &str| {
            let mut card = Interface::default();
            card.info.alias = Some(alias.to_owned());
            card
        };
        assert_eq!(next_card(&[]), "net0");
        assert_eq!(next_card(&[card("ua-net9"), card("net4"), card("net"), card("net1")]), "net5");
        assert_eq!(next_card(&[card("net4294967295")]), "net4294967296");
    }
}
