//! Who sits where on the PCI buses of a guest.
//!
//! Pure bookkeeping: a set of buses with their slots and functions, which
//! kinds of thing each bus takes, and how more buses are grown when a free
//! place is wanted.

use std::fmt;

use oxivirt_core::{Error, ErrorCode, Result};

/// What a device needs of the place it sits in, or what a bus offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fit {
    /// Kinds; a place fits when it offers one of the kinds wanted.
    pub kinds: u16,
    /// Must be possible to plug while running.
    pub hotplug: bool,
    /// May share a slot with others of its kind, function by function.
    pub aggregate: bool,
    /// Devices of the host that it hands over as one share a bus with no others; 0 for all the rest.
    pub isolation: u32,
}

/// An old-style PCI device.
pub const PCI: u16 = 1;
/// A PCI Express device.
pub const PCIE: u16 = 1 << 1;
/// A `pcie-root-port`.
pub const ROOT_PORT: u16 = 1 << 2;
/// A `pcie-switch-upstream-port`.
pub const UPSTREAM: u16 = 1 << 3;
/// A `pcie-switch-downstream-port`.
pub const DOWNSTREAM: u16 = 1 << 4;
/// A `dmi-to-pci-bridge`.
pub const DMI_BRIDGE: u16 = 1 << 5;
/// A `pci-bridge`.
pub const BRIDGE: u16 = 1 << 6;
/// A `pcie-to-pci-bridge`.
pub const PCIE_BRIDGE: u16 = 1 << 7;
/// A `pci-expander-bus`.
pub const EXPANDER: u16 = 1 << 8;
/// A `pcie-expander-bus`.
pub const PCIE_EXPANDER: u16 = 1 << 9;

/// A place on a bus; domain is always 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Number of the bus, which is the index of its controller.
    pub bus: u32,
    /// 0..=31.
    pub slot: u32,
    /// 0..=7.
    pub function: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0000:{:02x}:{:02x}.{:x}", self.bus, self.slot, self.function)
    }
}

/// The kind of controller that makes a bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BusModel {
    /// `pci-root`
    PciRoot,
    /// `pcie-root`
    PcieRoot,
    /// `pci-bridge`
    PciBridge,
    /// `dmi-to-pci-bridge`
    DmiToPciBridge,
    /// `pcie-to-pci-bridge`
    PcieToPciBridge,
    /// `pcie-root-port`
    PcieRootPort,
    /// `pcie-switch-upstream-port`
    UpstreamPort,
    /// `pcie-switch-downstream-port`
    DownstreamPort,
    /// `pci-expander-bus`
    PciExpander,
    /// `pcie-expander-bus`
    PcieExpander,
}

impl BusModel {
    /// By libvirt's word.
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "pci-root" => Self::PciRoot,
            "pcie-root" => Self::PcieRoot,
            "pci-bridge" => Self::PciBridge,
            "dmi-to-pci-bridge" => Self::DmiToPciBridge,
            "pcie-to-pci-bridge" => Self::PcieToPciBridge,
            "pcie-root-port" => Self::PcieRootPort,
            "pcie-switch-upstream-port" => Self::UpstreamPort,
            "pcie-switch-downstream-port" => Self::DownstreamPort,
            "pci-expander-bus" => Self::PciExpander,
            "pcie-expander-bus" => Self::PcieExpander,
            _ => return None,
        })
    }

    /// libvirt's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::PciRoot => "pci-root",
            Self::PcieRoot => "pcie-root",
            Self::PciBridge => "pci-bridge",
            Self::DmiToPciBridge => "dmi-to-pci-bridge",
            Self::PcieToPciBridge => "pcie-to-pci-bridge",
            Self::PcieRootPort => "pcie-root-port",
            Self::UpstreamPort => "pcie-switch-upstream-port",
            Self::DownstreamPort => "pcie-switch-downstream-port",
            Self::PciExpander => "pci-expander-bus",
            Self::PcieExpander => "pcie-expander-bus",
        }
    }

    /// What the controller itself needs.
    pub fn fit(self) -> Fit {
        let (kinds, aggregate) = match self {
            Self::PciRoot | Self::PcieRoot => (0, false),
            Self::PciBridge => (BRIDGE, false),
            Self::DmiToPciBridge => (DMI_BRIDGE, false),
            Self::PcieToPciBridge => (PCIE_BRIDGE, false),
            Self::PcieRootPort => (ROOT_PORT, true),
            Self::UpstreamPort => (UPSTREAM, false),
            Self::DownstreamPort => (DOWNSTREAM, false),
            Self::PciExpander => (EXPANDER, false),
            Self::PcieExpander => (PCIE_EXPANDER, false),
        };
        // The bridge to old-style PCI goes where Express devices are plugged.
        Fit { kinds, hotplug: self == Self::PcieToPciBridge, aggregate, isolation: 0 }
    }

    /// What its bus offers, with first and last slot.
    fn offer(self) -> (Fit, u32, u32) {
        let (kinds, hotplug, first, last) = match self {
            Self::PciRoot => (PCI | BRIDGE | EXPANDER, true, 1, 31),
            Self::PcieRoot => (PCIE | ROOT_PORT | DMI_BRIDGE | PCIE_BRIDGE | PCIE_EXPANDER, false, 1, 31),
            Self::PciBridge => (PCI | BRIDGE, true, 1, 31),
            Self::DmiToPciBridge => (PCI | BRIDGE, false, 0, 31),
            Self::PcieToPciBridge => (PCI | BRIDGE, true, 1, 31),
            Self::PcieRootPort | Self::DownstreamPort => (PCIE | UPSTREAM | PCIE_BRIDGE, true, 0, 0),
            Self::UpstreamPort => (DOWNSTREAM, false, 0, 31),
            Self::PciExpander => (PCI | BRIDGE, true, 0, 31),
            Self::PcieExpander => (ROOT_PORT | DMI_BRIDGE, false, 0, 31),
        };
        (Fit { kinds, hotplug, ..Fit::default() }, first, last)
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    functions: u8,
    aggregate: bool,
}

#[derive(Debug, Clone)]
struct Bus {
    model: BusModel,
    slots: [Slot; 32],
    isolation: u32,
}

/// The buses of one guest.
#[derive(Debug, Clone)]
pub struct Topology {
    buses: Vec<Option<Bus>>,
    /// May add buses when there is no free place.
    grow: bool,
    /// Further buses of the old kind are host bridges of their own.
    host_bridges: bool,
}

impl Topology {
    /// Buses by controller index; `grow` allows more to be added, which are
    /// roots of their own with `host_bridges`.
    pub fn new(controllers: impl IntoIterator<Item = (u32, BusModel)>, grow: bool, host_bridges: bool) -> Result<Self> {
        let mut topology = Self { buses: Vec::new(), grow, host_bridges };
        for (index, model) in controllers {
            if index > MAX_BUS {
                return Err(Error::new(
                    ErrorCode::XML_ERROR,
                    format!("PCI controller index {index} too high, maximum is {MAX_BUS}"),
                ));
            }
            let index = index as usize;
            if topology.buses.len() <= index {
                topology.buses.resize(index + 1, None);
            }
            if let Some(entry) = topology.buses.get_mut(index) {
                *entry = Some(Bus::new(model));
            }
        }
        // Numbers in between that no controller claims become buses too.
        let model = topology.further();
        for bus in topology.buses.iter_mut().skip(1).filter(|b| b.is_none()) {
            *bus = Some(Bus::new(model));
        }
        Ok(topology)
    }

    /// Whether the first bus is PCI Express.
    pub fn is_pcie(&self) -> bool {
        matches!(self.buses.first(), Some(Some(Bus { model: BusModel::PcieRoot, .. })))
    }

    /// The model of a bus that is only known by its number.
    fn further(&self) -> BusModel {
        match () {
            () if self.is_pcie() => BusModel::PcieRootPort,
            () if self.host_bridges => BusModel::PciRoot,
            () => BusModel::PciBridge,
        }
    }

    /// Whether the guest has PCI at all.
    pub fn is_empty(&self) -> bool {
        self.buses.iter().all(Option::is_none)
    }

    /// The model of every bus.
    pub fn models(&self) -> impl Iterator<Item = (u32, BusModel)> + '_ {
        (0u32..).zip(&self.buses).filter_map(|(n, bus)| Some((n, bus.as_ref()?.model)))
    }

    /// Whether anything sits in a slot.
    pub fn slot_in_use(&self, bus: u32, slot: u32) -> bool {
        self.slot(bus, slot).is_some_and(|s| s.functions != 0)
    }

    /// Whether something sits in exactly this place.
    pub fn in_use(&self, place: Place) -> bool {
        self.slot(place.bus, place.slot).is_some_and(|s| s.functions & bit(place.function) != 0)
    }

    /// How many functions of a slot are taken.
    pub fn functions(&self, bus: u32, slot: u32) -> u32 {
        self.slot(bus, slot).map_or(0, |s| s.functions.count_ones())
    }

    /// Takes a given place.
    ///
    /// Errors: `XML_ERROR` when there is no such place, it does not take such
    /// a device, or something sits there.
    pub fn reserve(&mut self, place: Place, fit: Fit, whole_slot: bool) -> Result<()> {
        let wanted = place.bus as usize;
        if self.grow && wanted >= self.buses.len() && !self.buses.is_empty() && place.bus <= MAX_BUS {
            let model = self.further();
            self.buses.resize(wanted + 1, Some(Bus::new(model)));
        }
        self.isolate(place.bus, fit);
        let Some(Some(bus)) = self.buses.get_mut(wanted) else {
            let highest = self.buses.len().saturating_sub(1);
            return Err(Error::xml(format!(
                "Invalid PCI address {place}. Only PCI buses up to {highest} are available"
            )));
        };
        let (offer, first, last) = bus.model.offer();
        // Old-style devices may be put on an Express root by hand, and the
        // other way round: the board has integrated ones there as well.
        let both = PCI | PCIE;
        let fits = offer.kinds & fit.kinds != 0 || (offer.kinds & both != 0 && fit.kinds & both != 0);
        if !fits {
            return Err(Error::xml(format!(
                "PCI address {place} is not compatible with the device: a {} does not take it",
                bus.model.word()
            )));
        }
        if place.slot < first && bus.model != BusModel::PciRoot {
            return Err(Error::xml(format!("Invalid PCI address {place}. slot must be >= {first}")));
        }
        if place.slot > last {
            return Err(Error::xml(format!("Invalid PCI address {place}. slot must be <= {last}")));
        }
        let Some(slot) = bus.slots.get_mut(place.slot as usize) else { return Ok(()) };
        let mask = if whole_slot { 0xff } else { bit(place.function) };
        if slot.functions & mask != 0 {
            return Err(Error::xml(format!("Attempted double use of PCI Address {place}")));
        }
        if slot.functions == 0 {
            slot.aggregate = fit.aggregate;
        }
        slot.functions |= mask;
        Ok(())
    }

    /// Takes the next free place that fits, growing buses where allowed.
    ///
    /// Errors: `INTERNAL_ERROR` "No more available PCI slots".
    pub fn next(&mut self, fit: Fit) -> Result<Place> {
        let place = self.room(fit)?;
        self.take(place, fit);
        Ok(place)
    }

    /// Finds the next free place that fits, growing buses where allowed, and leaves it free.
    ///
    /// Errors: as [`next`](Self::next).
    pub fn room(&mut self, fit: Fit) -> Result<Place> {
        let found = self.find(fit).or_else(|| if self.grow && self.grow_for(fit) { self.find(fit) } else { None });
        found.ok_or_else(|| Error::internal("No more available PCI slots"))
    }

    /// Whoever comes first to a bus that nobody else has decides who else it is for.
    fn isolate(&mut self, bus: u32, fit: Fit) {
        if let Some(Some(bus)) = self.buses.get_mut(bus as usize).filter(|_| bus != 0 && self.host_bridges)
            && bus.is_empty()
        {
            bus.isolation = fit.isolation;
        }
    }

    fn take(&mut self, place: Place, fit: Fit) {
        self.isolate(place.bus, fit);
        if let Some(slot) = self.slot_mut(place.bus, place.slot) {
            if slot.functions == 0 {
                slot.aggregate = fit.aggregate;
            }
            slot.functions |= if fit.aggregate { bit(place.function) } else { 0xff };
        }
    }

    fn find(&self, fit: Fit) -> Option<Place> {
        for (number, bus) in (0u32..).zip(&self.buses) {
            let Some(bus) = bus else { continue };
            let (offer, first, last) = bus.model.offer();
            if offer.kinds & fit.kinds == 0 || (fit.hotplug && !offer.hotplug) {
                continue;
            }
            let open = self.host_bridges && number != 0 && bus.is_empty();
            if bus.isolation != fit.isolation && !open {
                continue;
            }
            for (n, slot) in (0u32..).zip(&bus.slots).filter(|(n, _)| (first..=last).contains(n)) {
                let function = match slot.functions {
                    0 => Some(0),
                    used if fit.aggregate && slot.aggregate => (1..8).find(|f| used & bit(*f) == 0),
                    _ => None,
                };
                if let Some(function) = function {
                    return Some(Place { bus: number, slot: n, function });
                }
            }
        }
        None
    }

    /// Adds the buses that a device like this needs; false when it cannot.
    fn grow_for(&mut self, fit: Fit) -> bool {
        let pcie = self.is_pcie();
        let models: &[BusModel] = if fit.kinds & (PCIE | UPSTREAM | PCIE_BRIDGE) != 0 && pcie {
            &[BusModel::PcieRootPort]
        } else if fit.kinds & PCI != 0 && pcie {
            &[BusModel::PcieRootPort, BusModel::PcieToPciBridge]
        } else if fit.kinds & BRIDGE != 0 && pcie {
            &[BusModel::DmiToPciBridge]
        } else if fit.kinds & (PCI | BRIDGE) != 0 && self.host_bridges {
            &[BusModel::PciRoot]
        } else if fit.kinds & PCI != 0 && !self.is_empty() {
            &[BusModel::PciBridge]
        } else {
            &[]
        };
        if models.is_empty() || self.buses.len() + models.len() > MAX_BUS as usize {
            return false;
        }
        self.buses.extend(models.iter().map(|m| Some(Bus::new(*m))));
        true
    }

    fn slot(&self, bus: u32, slot: u32) -> Option<&Slot> {
        self.buses.get(bus as usize)?.as_ref()?.slots.get(slot as usize)
    }

    fn slot_mut(&mut self, bus: u32, slot: u32) -> Option<&mut Slot> {
        self.buses.get_mut(bus as usize)?.as_mut()?.slots.get_mut(slot as usize)
    }
}

impl Bus {
    fn new(model: BusModel) -> Self {
        Self { model, slots: [Slot::default(); 32], isolation: 0 }
    }

    fn is_empty(&self) -> bool {
        self.slots.iter().all(|slot| slot.functions == 0)
    }
}

fn bit(function: u32) -> u8 {
    1u8.checked_shl(function).unwrap_or(0)
}

/// The highest bus number.
const MAX_BUS: u32 = 255;
