//! PCI addresses for a whole domain.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;

use oxivirt_conf::domain::devices::{Address, Controller, ControllerType, DeviceInfo, DiskBus, PciAddress, VideoType};
use oxivirt_conf::domain::{DeviceRef, DomainDefinition};
use oxivirt_conf::xml::{OnOff, YesNo};
use oxivirt_core::{Error, Result};

use super::class::{Usb2, each};
use super::pci::{BRIDGE, BusModel, DMI_BRIDGE, Fit, PCI, PCIE, PCIE_BRIDGE, Place, Topology};
use crate::{arch, command};

pub(super) fn assign(domain: &mut DomainDefinition, host_devices: &Path) -> Result<()> {
    if !domain.devices.controllers.iter().any(|c| c.kind == ControllerType::Pci) {
        return Ok(());
    }
    board_places(domain)?;
    // The primary card is the first one, in its place too.
    domain.devices.videos.sort_by_key(|v| v.model.primary != Some(YesNo::Yes));
    // Who names bridges manages them, and gets no spare one.
    let spare = !domain.devices.controllers.iter().any(|c| c.kind == ControllerType::Pci && c.index != Some(0));
    let groups = Groups { folder: host_devices, apart: host_bridges(domain), known: RefCell::default() };
    // Each round may add controllers, which need places of their own, which
    // may need further controllers; a guest has at most 256 buses.
    let mut grown = false;
    for _ in 0..MOST_ROUNDS {
        let mut trial = domain.clone();
        let topology = place_all(&mut trial, &groups, Growth::Allowed { spare, grown })?;
        if !add_controllers(domain, &topology) {
            break;
        }
        grown = true;
    }
    place_all(domain, &groups, Growth::Refused)?;
    name_bridges(domain);
    set_multifunction(domain);
    Ok(())
}

/// Every bus of the first level is a host bridge of its own.
fn host_bridges(domain: &DomainDefinition) -> bool {
    arch::board(domain).is_some_and(|board| board.host_bridges)
}

/// Devices of the host that it can only hand over together.
struct Groups<'a> {
    /// A folder per device, each with a link to its group.
    folder: &'a Path,
    /// Whether it matters on this board.
    apart: bool,
    known: RefCell<HashMap<String, u32>>,
}

impl Groups<'_> {
    /// From 1; 0 where it does not matter or the host does not tell.
    fn of(&self, at: &PciAddress) -> u32 {
        if !self.apart {
            return 0;
        }
        let name = format!("{:04x}:{:02x}:{:02x}.{:x}", at.domain, at.bus, at.slot, at.function);
        *self.known.borrow_mut().entry(name).or_insert_with_key(|name| {
            let link = std::fs::read_link(self.folder.join(name).join("iommu_group")).ok();
            let number = link.and_then(|link| link.file_name()?.to_str()?.parse::<u32>().ok());
            number.map_or(0, |number| number.saturating_add(1))
        })
    }
}

/// Whether buses may be added.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Growth {
    Refused,
    /// With `spare` one more, for a device to be plugged.
    Allowed {
        spare: bool,
        /// Some were added in an earlier round.
        grown: bool,
    },
}

/// Puts all devices in place. Buses that were added the caller reads from the
/// topology.
fn place_all(domain: &mut DomainDefinition, groups: &Groups<'_>, growth: Growth) -> Result<Topology> {
    let grow = growth != Growth::Refused;
    let models = domain
        .devices
        .controllers
        .iter()
        .filter(|c| c.kind == ControllerType::Pci)
        .filter_map(|c| Some((c.index.unwrap_or(0), BusModel::from_word(c.model.as_deref()?)?)));
    let mut topology = Topology::new(models.collect::<Vec<_>>(), grow, host_bridges(domain))?;
    reserve_board(domain, &mut topology)?;
    if command::is_q35(domain) || command::is_i440fx(domain) {
        board_conflicts(domain, &topology)?;
    }
    let q35 = topology.is_pcie();
    let isolation = |at: &PciAddress| groups.of(at);
    each(domain, q35, &isolation, &mut |info, wish| {
        let fit = wish.fit;
        if let Some(at) = info.address.as_ref().and_then(Address::pci) {
            let place = Place { bus: at.bus.into(), slot: at.slot.into(), function: at.function.into() };
            if at.domain != 0 {
                return Err(Error::xml(format!("Only PCI domain 0 is available, not {}", at.domain)));
            }
            if is_board_place(&topology, place) {
                return Ok(());
            }
            let whole = !(fit.aggregate || at.multifunction == Some(OnOff::On) || place.function != 0);
            let fit = if fit.kinds == 0 { Fit { kinds: PCI | PCIE, ..fit } } else { fit };
            topology.reserve(place, fit, whole)?;
        }
        Ok(())
    })?;
    primary_video(domain, &mut topology)?;
    let mut usb2 = usb2(domain, &mut topology)?;
    dmi_bridge(domain, &mut topology)?;
    let grown_from = topology.models().count();
    let mut wanted = false;
    each(domain, q35, &isolation, &mut |info, wish| {
        let fit = wish.fit;
        let open = match &info.address {
            None => true,
            Some(Address::Pci(at)) => at.is_empty(),
            Some(_) => false,
        };
        if let Some(part) = wish.usb2.filter(|_| open) {
            put(info, usb2_place(&mut topology, &mut usb2, part)?);
        } else if fit.kinds != 0 && open {
            wanted = true;
            let place = topology.next(fit)?;
            put(info, place);
        }
        Ok(())
    })?;
    if let Growth::Allowed { spare: true, grown } = growth
        && (grown || topology.models().count() > grown_from)
        && q35
    {
        topology.next(Fit { kinds: PCIE, hotplug: true, ..Fit::default() })?;
    }
    Ok(topology)
}

/// Makes controllers of the buses that a trial grew; false when there are none.
fn add_controllers(domain: &mut DomainDefinition, topology: &Topology) -> bool {
    let mut added = false;
    for (index, model) in topology.models() {
        if domain.devices.controller(ControllerType::Pci, index).is_none() {
            let controller = Controller {
                kind: ControllerType::Pci,
                index: Some(index),
                model: Some(model.word().to_owned()),
                ..Controller::default()
            };
            domain.devices.controllers.push(controller);
            added = true;
        }
    }
    if added {
        // Bridges are kept together, in the order of their numbers.
        let mut pci: Vec<Controller> = Vec::new();
        let mut first = None;
        let mut rest = Vec::new();
        for controller in std::mem::take(&mut domain.devices.controllers) {
            if controller.kind == ControllerType::Pci {
                first.get_or_insert(rest.len());
                pci.push(controller);
            } else {
                rest.push(controller);
            }
        }
        pci.sort_by_key(|c| c.index);
        let at = first.unwrap_or(rest.len());
        rest.splice(at..at, pci);
        domain.devices.controllers = rest;
    }
    added
}

fn put(info: &mut DeviceInfo, place: Place) {
    let (multifunction, zpci) = match &info.address {
        Some(Address::Pci(at)) => (at.multifunction, at.zpci),
        _ => (None, None),
    };
    let small = |n: u32| u8::try_from(n).unwrap_or(u8::MAX);
    info.address = Some(Address::Pci(PciAddress {
        domain: 0,
        bus: small(place.bus),
        slot: small(place.slot),
        function: small(place.function),
        multifunction,
        zpci,
    }));
}

/// Devices that the board has in fixed places.
fn board_places(domain: &mut DomainDefinition) -> Result<()> {
    let (q35, i440fx) = (command::is_q35(domain), command::is_i440fx(domain));
    for c in &mut domain.devices.controllers {
        let place = match (c.kind, c.index.unwrap_or(0)) {
            (ControllerType::Ide, 0) if i440fx => (1, 1),
            (ControllerType::Usb, 0) if i440fx && c.model.as_deref() == Some("piix3-uhci") => (1, 2),
            (ControllerType::Sata, 0) if q35 => (0x1f, 2),
            _ => continue,
        };
        let wanted = Place { bus: 0, slot: place.0, function: place.1 };
        match c.info.address.as_ref().and_then(Address::pci) {
            None => put(&mut c.info, wanted),
            Some(at) if (at.bus, u32::from(at.slot), u32::from(at.function)) == (0, place.0, place.1) => {}
            Some(_) if c.kind == ControllerType::Usb => {}
            Some(_) => {
                return Err(Error::xml(format!(
                    "Primary {} controller must have PCI address 0:{:x}.{:x}",
                    c.kind.as_str().to_uppercase(),
                    place.0,
                    place.1
                )));
            }
        }
    }
    Ok(())
}

/// Nothing else may sit where the board has its own parts.
fn board_conflicts(domain: &DomainDefinition, topology: &Topology) -> Result<()> {
    let mut taken = std::collections::HashSet::new();
    for device in domain.devices.iter() {
        // Other disks are not on PCI, whatever they claim.
        if matches!(device, DeviceRef::Disk(disk) if disk.target.bus != Some(DiskBus::Virtio)) {
            continue;
        }
        let Some(at) = device.info().and_then(|i| i.address.as_ref()).and_then(Address::pci) else { continue };
        let place = Place { bus: at.bus.into(), slot: at.slot.into(), function: at.function.into() };
        if is_board_place(topology, place) && !taken.insert(place) {
            return Err(Error::xml(format!("Attempted double use of PCI Address {place}")));
        }
    }
    Ok(())
}

/// Slots that the board's own parts sit in.
fn reserve_board(domain: &DomainDefinition, topology: &mut Topology) -> Result<()> {
    let all = Fit { kinds: PCI | PCIE | BRIDGE | DMI_BRIDGE | PCIE_BRIDGE, ..Fit::default() };
    if command::is_i440fx(domain) {
        topology.reserve(Place { bus: 0, slot: 1, function: 0 }, all, true)?;
    } else if command::is_q35(domain) {
        for function in [0, 2, 3] {
            topology.reserve(Place { bus: 0, slot: 0x1f, function }, all, false)?;
        }
    }
    Ok(())
}

/// Whether the board itself put the device there.
fn is_board_place(topology: &Topology, place: Place) -> bool {
    match topology.is_pcie() {
        true => place == Place { bus: 0, slot: 0x1f, function: 2 },
        false => place.bus == 0 && place.slot == 1 && matches!(place.function, 1 | 2),
    }
}

/// The first video card has the first free slot of the board's own bus.
fn primary_video(domain: &mut DomainDefinition, topology: &mut Topology) -> Result<()> {
    let slot = if topology.is_pcie() { 1 } else { 2 };
    if !(command::is_q35(domain) || command::is_i440fx(domain)) {
        return Ok(());
    }
    let videos = &mut domain.devices.videos;
    let at = videos.iter().position(|v| v.model.primary == Some(YesNo::Yes)).unwrap_or(0);
    let Some(video) = videos.get_mut(at) else { return Ok(()) };
    if matches!(video.model.kind, VideoType::None | VideoType::Ramfb) {
        return Ok(());
    }
    let open = video.info.address.as_ref().and_then(Address::pci).is_none();
    if open && !topology.slot_in_use(0, slot) {
        let place = Place { bus: 0, slot, function: 0 };
        let fit = Fit { kinds: PCI | PCIE, ..Fit::default() };
        topology.reserve(place, fit, true)?;
        put(&mut video.info, place);
    }
    Ok(())
}

/// The board's usual place of the bridge to old-style PCI.
fn dmi_bridge(domain: &mut DomainDefinition, topology: &mut Topology) -> Result<()> {
    let controllers = &mut domain.devices.controllers;
    for c in controllers.iter_mut().filter(|c| c.model.as_deref() == Some(BusModel::DmiToPciBridge.word())) {
        let open = c.info.address.as_ref().and_then(Address::pci).is_none();
        if topology.is_pcie() && open && !topology.slot_in_use(0, 0x1e) {
            let place = Place { bus: 0, slot: 0x1e, function: 0 };
            topology.reserve(place, BusModel::DmiToPciBridge.fit(), true)?;
            put(&mut c.info, place);
        }
    }
    Ok(())
}

/// The slots of USB 2 controllers by their numbers: the parts of one share its slot. On boards that have usual slots
/// for them, those that are still open get these.
fn usb2(domain: &mut DomainDefinition, topology: &mut Topology) -> Result<HashMap<u32, Place>> {
    let mut slots = HashMap::new();
    let place = |c: &Controller| c.info.address.as_ref().and_then(Address::pci).copied();
    for c in &domain.devices.controllers {
        if let (Some(part), Some(at)) = (Usb2::of(c), place(c)) {
            slots.insert(part.index, Place { bus: at.bus.into(), slot: at.slot.into(), function: 0 });
        }
    }
    if !topology.is_pcie() {
        return Ok(slots);
    }
    for c in &mut domain.devices.controllers {
        let Some(part) = Usb2::of(c).filter(|_| place(c).is_none()) else { continue };
        let base = match slots.get(&part.index) {
            Some(base) => *base,
            None => match [0x1d, 0x1a].into_iter().find(|slot| !topology.slot_in_use(0, *slot)) {
                Some(slot) => Place { bus: 0, slot, function: 0 },
                None => continue,
            },
        };
        slots.insert(part.index, base);
        put(&mut c.info, usb2_place(topology, &mut slots, part)?);
    }
    Ok(slots)
}

/// The place of one part beside the others, in a slot of its own if it is the first.
fn usb2_place(topology: &mut Topology, slots: &mut HashMap<u32, Place>, part: Usb2) -> Result<Place> {
    let base = match slots.get(&part.index) {
        Some(base) => *base,
        None => {
            let wanted = Fit { kinds: PCI, hotplug: true, ..Fit::default() };
            let base = Place { function: 0, ..topology.room(wanted)? };
            slots.insert(part.index, base);
            base
        }
    };
    let place = Place { function: part.function, ..base };
    let fit = Fit { kinds: PCI | PCIE, aggregate: true, ..Fit::default() };
    topology.reserve(place, fit, false)?;
    Ok(place)
}

/// Model names and numbers that bridges show to the guest.
fn name_bridges(domain: &mut DomainDefinition) {
    let host_bridges = host_bridges(domain);
    let mut targets: Vec<u32> = domain.devices.controllers.iter().filter_map(|c| c.pci.target_index).collect();
    let numbers = domain.devices.controllers.iter().filter_map(|c| c.pci.bus_nr);
    let mut lowest = numbers.min().map_or(EXPANDER_END, u16::from);
    for c in domain.devices.controllers.iter_mut().filter(|c| c.kind == ControllerType::Pci) {
        let index = u8::try_from(c.index.unwrap_or(0)).unwrap_or(u8::MAX);
        let place = c.info.address.as_ref().and_then(Address::pci).copied();
        let Some(model) = c.model.as_deref().and_then(BusModel::from_word) else { continue };
        let o = &mut c.pci;
        let name = match model {
            BusModel::PciRoot if host_bridges => "spapr-pci-host-bridge",
            BusModel::PciRoot | BusModel::PcieRoot => continue,
            BusModel::PciBridge => "pci-bridge",
            BusModel::DmiToPciBridge => "i82801b11-bridge",
            BusModel::PcieToPciBridge => "pcie-pci-bridge",
            BusModel::PcieRootPort => "pcie-root-port",
            BusModel::UpstreamPort => "x3130-upstream",
            BusModel::DownstreamPort => "xio3130-downstream",
            BusModel::PciExpander => "pxb",
            BusModel::PcieExpander => "pxb-pcie",
        };
        o.model_name.get_or_insert_with(|| name.to_owned());
        match model {
            // The first one is always there.
            BusModel::PciRoot if o.target_index.is_none() => {
                let mut free = (if index == 0 { 0 } else { 1 })..;
                o.target_index = free.find(|target| !targets.contains(target));
                targets.extend(o.target_index);
            }
            // Below the last one, with a number left for a bus behind it.
            BusModel::PciExpander | BusModel::PcieExpander if o.bus_nr.is_none() => {
                lowest = lowest.saturating_sub(2);
                o.bus_nr = u8::try_from(lowest).ok().filter(|number| *number > 0);
            }
            BusModel::PciBridge => {
                o.chassis_nr.get_or_insert(index);
            }
            BusModel::PcieRootPort => {
                o.chassis.get_or_insert(index);
                if let Some(at) = place {
                    o.port.get_or_insert((at.slot << 3) | at.function);
                }
            }
            BusModel::DownstreamPort => {
                o.chassis.get_or_insert(index);
                if let Some(at) = place {
                    o.port.get_or_insert(at.slot);
                }
            }
            _ => {}
        }
    }
}

/// Where a slot holds several functions, the first one has to say so.
fn set_multifunction(domain: &mut DomainDefinition) {
    let mut counts: std::collections::HashMap<(u8, u8), u32> = std::collections::HashMap::new();
    for device in domain.devices.iter() {
        if let Some(at) = device.info().and_then(|i| i.address.as_ref()).and_then(Address::pci) {
            *counts.entry((at.bus, at.slot)).or_default() += 1;
        }
    }
    // The closure never fails.
    let _ = domain.devices.for_each_mut(|device| {
        if let Some(Address::Pci(at)) = device.info().and_then(|info| info.address.as_mut())
            && !at.is_empty()
            && at.function == 0
            && at.multifunction.is_none()
            && counts.get(&(at.bus, at.slot)).is_some_and(|n| *n > 1)
        {
            at.multifunction = Some(OnOff::On);
        }
        Ok(())
    });
}

/// One more than the highest number of a PCI bus.
const EXPANDER_END: u16 = 256;

const MOST_ROUNDS: u32 = 8;
