//! Devices that come, change and go.

mod attach;

use oxivirt_conf::domain::devices::{Device, Devices, Disk, DiskBus, Interface};
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
        attach::check_place(&device, snapshot.definition())?;
        let mut definition = DomainDefinition::clone(snapshot.definition());
        attach::check_alias(&device, &definition)?;
        let mut order = Vec::new();
        if let Device::Disk(disk) = &device {
            let mut disks = definition.devices.disks.clone();
            disks.push(Disk::clone(disk));
            let mut together = with_disks(&definition, disks);
            in_domain(together.complete(ParseFlags::NONE, &Hooks))?;
            order.extend(together.devices.disks.into_iter().map(|disk| disk.target.dev));
        }
        let alias = attach::name(&mut device, &definition)?;
        definition.devices.push(device);
        if !order.is_empty() {
            definition.devices.disks.sort_by_key(|disk| order.iter().position(|target| *target == disk.target.dev));
        }
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
            let text = format!("persistent update of device '{}' is not supported", attach::kind(&device));
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

/// A domain with these disks, and of other devices with controllers only.
fn with_disks(definition: &DomainDefinition, disks: Vec<Disk>) -> DomainDefinition {
    let controllers = definition.devices.controllers.clone();
    let devices = Devices { disks, controllers, ..Devices::default() };
    DomainDefinition { devices, ..definition.clone() }
}

/// Reads the document of one device, as part of a domain.
fn parse(xml: &str, definition: &DomainDefinition) -> Result<Device> {
    let device = Device::parse(xml, ParseFlags::INACTIVE)?;
    attach::check_domain(&device, definition)?;
    // Rules of the domain apply to the device alone: nothing else may collide yet.
    let mut alone = with_disks(definition, Vec::new());
    alone.devices.push(device.clone());
    alone.complete(ParseFlags::NONE, &Hooks)?;
    match device {
        Device::Disk(plain) => {
            let found = alone.devices.disks.into_iter().find(|disk| disk.target.dev == plain.target.dev);
            Ok(found.map_or(Device::Disk(plain), |disk| Device::Disk(Box::new(disk))))
        }
        Device::Interface(plain) => {
            let found = alone.devices.interfaces.pop();
            // Cards that come to a running domain get no device of their own.
            Ok(Device::Interface(
                found.map_or(plain.clone(), |card| Box::new(Interface { target: plain.target, ..card })),
            ))
        }
        other => Ok(other),
    }
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
