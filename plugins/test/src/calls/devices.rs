//! Devices that come, change and go.

use oxivirt_conf::domain::devices::{Device, Disk, DiskBus, DiskDevice};
use oxivirt_conf::domain::{DomainDefinition, ParseFlags};
use oxivirt_core::call::Call;
use oxivirt_core::constants::{DefinedDetail, DomainDeviceModifyFlags, DomainEventType};
use oxivirt_core::event::Event;
use oxivirt_core::interface::{DomainDevices, implements};
use oxivirt_core::types::Domain;
use oxivirt_core::{Error, ErrorCode, ErrorDomain, Result};

use super::{IMPACT, affected, edit};
use crate::TestConnection;
use crate::definition::Hooks;
use crate::error::{Own, argument, check_flags};
use crate::state::reference;

use DomainDeviceModifyFlags as F;

#[implements]
impl DomainDevices for TestConnection {
    fn domain_attach_device(&self, call: &Call, dom: &Domain, xml: &str) -> Result<()> {
        self.domain_attach_device_flags(call, dom, xml, F::CURRENT)
    }

    fn domain_attach_device_flags(&self, call: &Call, dom: &Domain, xml: &str, flags: F) -> Result<()> {
        let job = self.state().change(call, dom)?;
        let snapshot = job.snapshot();
        live_only(affected(&snapshot, flags.0)?.config(), flags, "testDomainAttachDeviceLiveAndConfig")?;
        let mut device = in_domain(parse(xml, snapshot.definition()))?;
        let alias = name(&mut device)?;
        let mut definition = DomainDefinition::clone(snapshot.definition());
        definition.devices.push(device);
        in_domain(definition.complete(ParseFlags::NONE, &Hooks))?;
        job.update(|snapshot| {
            snapshot.set_definition(definition);
            Ok(())
        })
        .own()?;
        if let Some(alias) = alias {
            self.state().emit_event(Event::device_added(&reference(&job.snapshot()), &alias));
        }
        Ok(())
    }

    fn domain_update_device_flags(&self, call: &Call, dom: &Domain, xml: &str, flags: F) -> Result<()> {
        check_flags(flags.0, IMPACT, "domain_update_device_flags")?;
        let job = self.state().change(call, dom)?;
        let snapshot = job.snapshot();
        let which = affected(&snapshot, flags.0)?;
        let device = in_domain(parse(xml, which.of(&snapshot)))?;
        let Device::Disk(disk) = device else {
            let text = format!("persistent update of device '{}' is not supported", device.as_ref().name());
            return Err(Error::new(ErrorCode::OPERATION_UNSUPPORTED, text)).own();
        };
        edit(which, &job, |definition| replace_disk(definition, &disk)).own()?;
        if which.config() {
            self.state().emit(&reference(&job.snapshot()), DomainEventType::DEFINED, DefinedDetail::UPDATED.0);
        }
        Ok(())
    }

    fn domain_detach_device_alias(&self, call: &Call, dom: &Domain, alias: &str, flags: F) -> Result<()> {
        let job = self.state().change(call, dom)?;
        let snapshot = job.snapshot();
        live_only(affected(&snapshot, flags.0)?.config(), flags, "testDomainDetachDeviceAliasLiveAndConfig")?;
        let mut definition = DomainDefinition::clone(snapshot.definition());
        if alias.is_empty() || !definition.devices.remove_by_alias(alias) {
            let text = format!("no device found with alias {alias}");
            return Err(Error::internal(text).in_domain(ErrorDomain::DOMAIN));
        }
        job.update(|snapshot| {
            snapshot.set_definition(definition);
            Ok(())
        })
        .own()?;
        self.state().emit_event(Event::device_removed(&reference(&job.snapshot()), alias));
        Ok(())
    }
}

/// Refuses what would change a definition that does not run.
fn live_only(config: bool, flags: F, function: &str) -> Result<()> {
    // What the state of the domain decides reads as if it had been asked for.
    let given = flags.0 | if config { F::CONFIG.0 } else { F::LIVE.0 };
    match given & !F::LIVE.0 {
        0 => Ok(()),
        unknown => {
            let text = format!("unsupported flags (0x{unknown:x}) in function {function}");
            Err(argument(ErrorDomain::TEST, function.to_owned(), "flags", text))
        }
    }
}

/// Reads the document of one device, as part of a domain.
fn parse(xml: &str, definition: &DomainDefinition) -> Result<Device> {
    let device = Device::parse(xml, ParseFlags::INACTIVE)?;
    // Rules of the domain apply to the device alone: nothing else may collide yet.
    let mut alone = DomainDefinition::clone(definition);
    let disks = matches!(device, Device::Disk(_));
    if disks {
        alone.devices.disks.clear();
    }
    alone.devices.push(device.clone());
    alone.complete(ParseFlags::NONE, &Hooks)?;
    match device {
        Device::Disk(plain) => {
            let found = alone.devices.disks.into_iter().find(|disk| disk.target.dev == plain.target.dev);
            Ok(found.map_or(Device::Disk(plain), |disk| Device::Disk(Box::new(disk))))
        }
        other => Ok(other),
    }
}

/// Gives a device its alias, if it is of a kind that can be plugged in.
fn name(device: &mut Device) -> Result<Option<String>> {
    let unsupported = |text: String| Err(Error::new(ErrorCode::OPERATION_UNSUPPORTED, text)).own();
    match device {
        Device::Disk(disk) => match (&disk.device, disk.target.bus) {
            (DiskDevice::Floppy, _) => unsupported("floppy device hotplug isn't supported".to_owned()),
            (_, Some(DiskBus::Virtio)) => {
                let alias = disk.info.alias.take().filter(|alias| alias.starts_with("ua-"));
                let alias = alias.unwrap_or_else(|| format!("virtio-disk{}", number(&disk.target.dev)));
                disk.info.alias = Some(alias.clone());
                Ok(Some(alias))
            }
            (_, bus) => {
                let bus = bus.map(|bus| bus.to_string()).unwrap_or_default();
                unsupported(format!("disk bus '{bus}' cannot be hotplugged."))
            }
        },
        Device::Interface(card) => {
            unsupported(format!("hotplug of interface type of {} is not implemented yet", card.source.type_name()))
        }
        other => unsupported(format!("live attach of device '{}' is not supported", other.as_ref().name())),
    }
}

/// The number of a disk, as the letters of its target count it: `vda` is 0, `vdaa` is 26.
fn number(target: &str) -> u64 {
    let letters = target.get(2..).unwrap_or_default().bytes().take_while(u8::is_ascii_lowercase);
    let count =
        letters.fold(0_u64, |count, letter| count.saturating_mul(26).saturating_add(u64::from(letter - b'a') + 1));
    count.saturating_sub(1)
}

fn replace_disk(definition: &mut DomainDefinition, disk: &Disk) -> Result<()> {
    let target = &disk.target.dev;
    let known = definition.devices.disks.iter_mut().find(|known| known.target.dev == *target);
    let known = known.ok_or_else(|| Error::invalid_arg(format!("target {target} doesn't exist.")))?;
    let mut disk = disk.clone();
    if disk.info.address.is_none() && disk.target.bus == known.target.bus && disk.target.bus != Some(DiskBus::Virtio) {
        disk.info.address.clone_from(&known.info.address);
    }
    *known = disk;
    Ok(())
}

fn in_domain<T>(result: Result<T>) -> Result<T> {
    result.map_err(|error| error.in_domain(ErrorDomain::DOMAIN))
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn letters_count_disks() {
        for (target, wanted) in [("vda", 0), ("vdb", 1), ("vdz", 25), ("vdaa", 26), ("vd", 0), ("", 0)] {
            assert_eq!(number(target), wanted, "{target}");
        }
    }
}
