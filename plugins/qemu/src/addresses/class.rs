//! Which kind of PCI place each device takes.

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::{
    Address, BalloonModel, Controller, ControllerType, DeviceInfo, DiskBus, HostdevSource, InputBus, InterfaceSource,
    IommuModel, MdevModel, MemoryModel, PanicModel, PciAddress, SoundModel, VideoType, VirtioModel, WatchdogModel,
};
use oxivirt_core::Result;

use super::pci::{BusModel, Fit, PCI, PCIE};
use crate::arch;

/// The kind of place a device takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Not on PCI.
    None,
    /// A conventional device; it goes behind a bridge of its own kind even on
    /// an Express board.
    Conventional,
    /// An Express device where the board has Express, else a conventional one.
    Express,
    /// As `Conventional`, and it cannot be plugged: the root bus will do.
    FixedConventional,
    /// As `Express`, and it cannot be plugged.
    FixedExpress,
}

use Class::{Conventional, Express, FixedConventional, FixedExpress};

/// Network cards that are not conventional.
const NETWORK: &[(&str, Class)] = &[
    ("virtio", Express),
    ("virtio-net", Express),
    ("virtio-non-transitional", Express),
    ("virtio-transitional", Conventional),
    ("e1000e", Express),
    ("igb", Express),
    ("vmxnet3", Express),
    ("usb-net", Class::None),
    ("spapr-vlan", Class::None),
    ("lan9118", Class::None),
    ("smc91c111", Class::None),
];

/// Controllers; the first fitting line counts, an empty model fits any.
const CONTROLLERS: &[(ControllerType, &str, Class)] = &[
    (ControllerType::Usb, "none", Class::None),
    (ControllerType::Usb, "nec-xhci", Express),
    (ControllerType::Usb, "qemu-xhci", Express),
    (ControllerType::Usb, "", Conventional),
    (ControllerType::Scsi, "virtio-transitional", Conventional),
    (ControllerType::Scsi, "virtio-scsi", Express),
    (ControllerType::Scsi, "virtio-non-transitional", Express),
    (ControllerType::Scsi, "lsisas1078", Express),
    (ControllerType::Scsi, "vmpvscsi", Express),
    (ControllerType::Scsi, "ibmvscsi", Class::None),
    (ControllerType::Scsi, "", Conventional),
    (ControllerType::Sata, "", Conventional),
    (ControllerType::VirtioSerial, "virtio-transitional", Conventional),
    (ControllerType::VirtioSerial, "", Express),
    (ControllerType::Nvme, "", Express),
];

impl Class {
    fn fit(self, express: bool) -> Fit {
        let modern = if express { PCIE } else { PCI };
        let (kinds, hotplug) = match self {
            Self::None => return Fit::default(),
            Conventional => (PCI, true),
            Express => (modern, true),
            FixedConventional => (PCI, false),
            FixedExpress => (modern, false),
        };
        Fit { kinds, hotplug, ..Fit::default() }
    }
}

/// A virtio device: only the transitional model is conventional.
fn virtio(model: Option<VirtioModel>) -> Class {
    match model {
        Some(VirtioModel::Transitional) => Conventional,
        _ => Express,
    }
}

fn network(model: Option<&str>) -> Class {
    let known = model.and_then(|model| NETWORK.iter().find(|(name, _)| *name == model));
    known.map_or(Conventional, |(_, class)| *class)
}

fn controller(kind: ControllerType, model: &str) -> Class {
    let fits = |line: &&(ControllerType, &str, Class)| line.0 == kind && (line.1.is_empty() || line.1 == model);
    CONTROLLERS.iter().find(fits).map_or(Class::None, |(.., class)| *class)
}

fn hostdev(source: &HostdevSource) -> Class {
    match source {
        // What a device of the host is can be seen only on the host; nearly all are Express.
        HostdevSource::Pci { .. } | HostdevSource::Mdev { model: MdevModel::VfioPci, .. } => Express,
        HostdevSource::ScsiHost { model, .. } if model.as_deref() == Some("virtio-transitional") => Conventional,
        HostdevSource::ScsiHost { .. } => Express,
        _ => Class::None,
    }
}

/// Only PCs keep their graphics cards on the root bus.
fn video(kind: VideoType, pc: bool) -> Class {
    match kind {
        VideoType::None | VideoType::Ramfb => Class::None,
        VideoType::Virtio | VideoType::Bochs if pc => FixedExpress,
        VideoType::Virtio | VideoType::Bochs => Express,
        _ if pc => FixedConventional,
        _ => Conventional,
    }
}

fn sound(model: SoundModel) -> Class {
    match model {
        SoundModel::Usb | SoundModel::PcSpk | SoundModel::Sb16 => Class::None,
        SoundModel::Virtio => Express,
        _ => Conventional,
    }
}

fn only_if(fits: bool, class: Class) -> Class {
    if fits { class } else { Class::None }
}

/// A part of a USB 2 controller, which shares one slot with the other parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Usb2 {
    /// The number of the whole controller.
    pub(super) index: u32,
    /// The function of this part in the slot.
    pub(super) function: u32,
}

impl Usb2 {
    /// None for anything else.
    pub(super) fn of(c: &Controller) -> Option<Self> {
        let function = match (c.kind, c.model.as_deref()?) {
            (ControllerType::Usb, "ich9-ehci1") => 7,
            (ControllerType::Usb, "ich9-uhci1") => 0,
            (ControllerType::Usb, "ich9-uhci2") => 1,
            (ControllerType::Usb, "ich9-uhci3") => 2,
            _ => return None,
        };
        Some(Self { index: c.index.unwrap_or(0), function })
    }
}

/// What decides where a device may sit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wish {
    pub(super) fit: Fit,
    /// Only of parts of a USB 2 controller.
    pub(super) usb2: Option<Usb2>,
}

/// Calls `visit` on every device that may sit on PCI, in the order in which
/// places are given out.
///
/// * `isolation` – which group a device of the host belongs to, from 1; 0 for none.
pub(super) fn each(
    domain: &mut DomainDefinition,
    express: bool,
    isolation: &dyn Fn(&PciAddress) -> u32,
    visit: &mut dyn FnMut(&mut DeviceInfo, Wish) -> Result<()>,
) -> Result<()> {
    let pc = arch::board(domain).is_none();
    let plain = |fit: Fit| Wish { fit, usb2: None };
    let d = &mut domain.devices;
    for c in d.controllers.iter_mut().filter(|c| c.kind == ControllerType::Pci) {
        let fit = c.model.as_deref().and_then(BusModel::from_word).map_or(Fit::default(), BusModel::fit);
        visit(&mut c.info, plain(fit))?;
    }
    macro_rules! visit {
        ($list:ident, $x:ident => $class:expr) => {
            for $x in &mut d.$list {
                let fit = Class::fit($class, express);
                visit(&mut $x.info, plain(fit))?;
            }
        };
    }
    visit!(filesystems, x => virtio(x.model));
    for x in &mut d.interfaces {
        let mut fit = network(x.model.as_deref()).fit(express);
        if let InterfaceSource::Hostdev { address: Some(address), .. } = &x.source {
            fit.isolation = isolation(address);
        }
        visit(&mut x.info, plain(fit))?;
    }
    visit!(sounds, x => sound(x.model));
    for x in d.controllers.iter_mut().filter(|c| c.kind != ControllerType::Pci) {
        let class = controller(x.kind, x.model.as_deref().unwrap_or_default());
        let usb2 = Usb2::of(x);
        visit(&mut x.info, Wish { fit: class.fit(express), usb2 })?;
    }
    visit!(disks, x => only_if(x.target.bus == Some(DiskBus::Virtio), virtio(x.model)));
    for x in &mut d.hostdevs {
        let mut fit = only_if(x.info.address != Some(Address::Unassigned), hostdev(&x.source)).fit(express);
        if let HostdevSource::Pci { address, .. } = &x.source {
            fit.isolation = isolation(address);
        }
        visit(&mut x.info, plain(fit))?;
    }
    visit!(memballoons, x => match x.model {
        BalloonModel::None | BalloonModel::Xen => Class::None,
        BalloonModel::Transitional => Conventional,
        _ => Express,
    });
    visit!(rngs, x => virtio(Some(x.model)));
    visit!(watchdogs, x => only_if(x.model == WatchdogModel::I6300esb, Conventional));
    visit!(videos, x => video(x.model.kind, pc));
    visit!(shmems, _x => Conventional);
    visit!(inputs, x => only_if(x.bus == Some(InputBus::Virtio), virtio(x.model)));
    visit!(serials, x => only_if(x.target_type.as_deref() == Some("pci-serial"), Conventional));
    visit!(vsocks, x => virtio(x.model));
    visit!(memories, x => only_if(matches!(x.model, MemoryModel::VirtioMem | MemoryModel::VirtioPmem), FixedExpress));
    visit!(cryptos, _x => Express);
    visit!(panics, x => only_if(x.model == Some(PanicModel::Pvpanic), FixedExpress));
    visit!(iommus, x => only_if(x.model == IommuModel::Virtio, FixedExpress));
    Ok(())
}
