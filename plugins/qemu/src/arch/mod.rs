//! What differs between boards that are not PCs: the devices that they have,
//! and those that a guest gets when its definition leaves them open.
//!
//! A file per family of architectures, all with one function: from the name
//! of a board to a [`Board`].

mod arm;
mod cpu;
mod power;
mod riscv;
mod s390;

use oxivirt_conf::domain::devices::{
    Address, Controller, ControllerType, InterfaceSource, Panic, PanicModel, Serial, TpmBackend, TpmVersion, VideoType,
};
use oxivirt_conf::domain::{DomainDefinition, Gic, GicVersion, ParseFlags};
use oxivirt_core::{Error, Result};

use crate::capabilities::{Accel, Emulator};
use crate::command;

pub use cpu::default_cpu;

/// Where virtio devices sit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VirtioBus {
    /// On PCI, as on PCs.
    Pci,
    /// On the channel subsystem of s390.
    Ccw,
    /// In places of the board's own, which need no numbers.
    Mmio,
}

/// What a board has and what it gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Board {
    /// The model of the first PCI bus, where there is PCI.
    pub pci_root: Option<&'static str>,
    /// Every PCI bus of the first level is a host bridge of its own.
    pub host_bridges: bool,
    /// The USB controller that the board has.
    pub own_usb: Option<&'static str>,
    /// Models for a USB controller, the preferred first; `none` means none.
    pub usb: &'static [&'static str],
    /// Models for a SCSI controller, the preferred first.
    pub scsi: &'static [&'static str],
    /// The model of a network card.
    pub net: &'static str,
    /// The model of a graphics card.
    pub video: VideoType,
    /// The board's own serial port: where it sits and what it is.
    pub serial: Option<(&'static str, &'static str)>,
    /// The model of a panic notifier.
    pub panic: Option<PanicModel>,
    /// Whether the board has its panic notifier anyway.
    pub own_panic: bool,
    /// Whether a guest gets a memory balloon without asking.
    pub balloon: bool,
    /// The model of a TPM.
    pub tpm: Option<&'static str>,
    /// Where virtio devices sit.
    pub virtio: VirtioBus,
    /// Whether the version of the interrupt controller is chosen.
    pub gic: bool,
    /// Whether its CPUs are ARM's.
    pub arm: bool,
}

/// The board of a definition; `None` for PCs.
pub fn board(def: &DomainDefinition) -> Option<Board> {
    let machine = def.os.machine();
    match def.os.arch() {
        "x86_64" | "i686" => None,
        "aarch64" | "armv6l" | "armv7l" | "armv7b" => Some(arm::board(def.os.arch(), machine)),
        "s390" | "s390x" => Some(s390::board(machine)),
        "ppc" | "ppc64" | "ppc64le" => Some(power::board(machine)),
        "riscv32" | "riscv64" => Some(riscv::riscv(machine)),
        "loongarch64" => Some(riscv::loongarch(machine)),
        _ => Some(Board::plain()),
    }
}

impl Board {
    /// A board that nothing is known about.
    fn plain() -> Self {
        Self {
            pci_root: None,
            host_bridges: false,
            own_usb: None,
            usb: &["piix3-uhci"],
            scsi: &["lsilogic", "virtio-scsi"],
            net: "rtl8139",
            video: VideoType::Cirrus,
            serial: None,
            panic: None,
            own_panic: false,
            balloon: true,
            tpm: None,
            virtio: VirtioBus::Pci,
            gic: false,
            arm: false,
        }
    }
}

/// Whether a board is of a family: `virt` and `virt-8.2`.
fn is(machine: &str, family: &str) -> bool {
    machine.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// Fills in what devices leave open on boards that are not PCs.
///
/// May be called again for devices that were added since.
pub fn complete(def: &mut DomainDefinition, emulator: Option<&Emulator>, flags: ParseFlags) -> Result<()> {
    let Some(board) = board(def) else { return Ok(()) };
    for net in &mut def.devices.interfaces {
        if net.model.is_none() && !matches!(net.source, InterfaceSource::Hostdev { .. }) {
            net.model = Some(board.net.to_owned());
        }
    }
    let today = flags.has(ParseFlags::ABI_UPDATE);
    for c in &mut def.devices.controllers {
        controller(c, &board, emulator, today);
    }
    for s in &mut def.devices.serials {
        serial(s, &board);
    }
    for video in def.devices.videos.iter_mut().filter(|v| v.model.kind == VideoType::Default) {
        video.model.kind = board.video;
    }
    for panic in def.devices.panics.iter_mut().filter(|p| p.model.is_none()) {
        panic.model = Some(board.panic.ok_or_else(|| {
            Error::config_unsupported("no panic model provided, and no default for the architecture and machine type")
        })?);
    }
    for tpm in &mut def.devices.tpms {
        if tpm.model.is_none() {
            tpm.model = board.tpm.map(str::to_owned);
        }
        if let TpmBackend::Emulator(emulator) = &mut tpm.backend
            && board.tpm.is_some()
        {
            emulator.version.get_or_insert(TpmVersion::V2_0);
        }
    }
    if board.gic {
        gic(def, emulator);
    }
    if board.arm {
        arm::complete(def);
    }
    Ok(())
}

/// Devices that the board has, or that a guest on it gets.
pub fn add_implied(def: &mut DomainDefinition) {
    let Some(board) = board(def) else { return };
    let d = &mut def.devices;
    let add = |list: &mut Vec<Controller>, kind: ControllerType, model: &str| {
        list.push(Controller { kind, index: Some(0), model: Some(model.to_owned()), ..Controller::default() });
    };
    if let Some(model) = board.own_usb
        && !d.controllers.iter().any(|c| c.kind == ControllerType::Usb)
    {
        add(&mut d.controllers, ControllerType::Usb, model);
    }
    if let Some(model) = board.pci_root
        && d.controller(ControllerType::Pci, 0).is_none()
    {
        add(&mut d.controllers, ControllerType::Pci, model);
    }
    if board.own_panic && d.panics.is_empty() {
        d.panics.push(Panic { model: board.panic, ..Panic::default() });
    }
}

/// A console that is the first serial port sits where that does.
pub fn mirror_console(def: &mut DomainDefinition) {
    let devices = &mut def.devices;
    if let (Some(serial), Some(console)) = (devices.serials.first(), devices.consoles.first_mut())
        && console.target_type.as_deref() == Some("serial")
        && matches!(serial.info.address, Some(Address::SpaprVio { .. }))
    {
        console.info.address.clone_from(&serial.info.address);
    }
}

fn controller(c: &mut Controller, board: &Board, emulator: Option<&Emulator>, today: bool) {
    let open = c.model.as_deref().is_none_or(|model| model == "auto" && c.kind == ControllerType::Scsi);
    let there = |model: &&str| emulator.is_none_or(|e| has_model(e, model));
    let model = match c.kind {
        // A definition that may change gets what is best today.
        ControllerType::Usb if open && today && board.host_bridges => {
            ["qemu-xhci"].iter().chain(board.usb).find(|model| there(model))
        }
        // One that sits somewhere is there, whatever it is.
        ControllerType::Usb if open => {
            let placed = c.info.address.is_some();
            board.usb.iter().find(|model| there(model)).filter(|model| !(placed && **model == "none"))
        }
        ControllerType::Scsi if open => board.scsi.iter().find(|model| there(model)),
        _ => return,
    };
    if let Some(model) = model {
        c.model = Some((*model).to_owned());
    }
}

/// Whether the binary has a controller's model.
fn has_model(emulator: &Emulator, model: &str) -> bool {
    match model {
        "none" => true,
        "piix3-uhci" => emulator.has_type("piix3-usb-uhci"),
        "lsilogic" => emulator.has_type("lsi53c895a"),
        "ibmvscsi" => emulator.has_type("spapr-vscsi"),
        "virtio-scsi" => {
            ["virtio-scsi-pci", "virtio-scsi-ccw", "virtio-scsi-device"].iter().any(|t| emulator.has_type(t))
        }
        other => emulator.has_type(other),
    }
}

fn serial(serial: &mut Serial, board: &Board) {
    // What older versions wrote down for the board's own port.
    let own = serial.target_type.as_deref().is_none_or(|t| t == "isa-serial" && board.serial.is_some());
    if own && let Some((target, model)) = board.serial {
        serial.target_type = Some(target.to_owned());
        serial.model.get_or_insert_with(|| model.to_owned());
    }
    let model = match serial.target_type.as_deref() {
        Some(target) if board.serial.is_some_and(|(own, _)| own == target) => board.serial.map(|(_, model)| model),
        Some("isa-serial") => Some("isa-serial"),
        Some("pci-serial") => Some("pci-serial"),
        Some("usb-serial") => Some("usb-serial"),
        _ => None,
    };
    if let (None, Some(model)) = (&serial.model, model) {
        serial.model = Some(model.to_owned());
    }
}

/// The interrupt controller's version is written down: what the kernel has
/// where it helps, else the one that every guest knows.
fn gic(def: &mut DomainDefinition, emulator: Option<&Emulator>) {
    let open = def.features.gic.as_ref().is_none_or(|gic| gic.version.is_none());
    if !open {
        return;
    }
    let kernel = |version: u32| {
        command::accel_of(def) == Accel::Kvm
            && emulator.is_some_and(|e| e.gic.iter().any(|gic| gic.kernel && gic.version == version))
    };
    let version = if kernel(3) { GicVersion::V3 } else { GicVersion::V2 };
    def.features.gic = Some(Gic { version: Some(version) });
}

/// Refuses what a board does not have.
///
/// Errors: `CONFIG_UNSUPPORTED`.
pub fn validate(def: &DomainDefinition, emulator: Option<&Emulator>) -> Result<()> {
    let board = board(def);
    let machine = emulator.and_then(|e| e.machine(command::accel_of(def), def.os.machine()));
    let refuse = |text: String| Err(Error::config_unsupported(text));
    if def.features.acpi && machine.is_some_and(|machine| machine.acpi == Some(false)) {
        return refuse(format!("machine type '{}' does not support ACPI", def.os.machine()));
    }
    if def.features.gic.is_some() && !board.as_ref().is_some_and(|b| b.gic) {
        return refuse(format!(
            "The 'gic' feature is not supported for architecture '{}' or machine type '{}'",
            def.os.arch(),
            def.os.machine()
        ));
    }
    let Some(board) = board else { return Ok(()) };
    let (pseries, s390) = (board.host_bridges, board.virtio == VirtioBus::Ccw);
    if (pseries || s390) && !def.devices.parallels.is_empty() {
        return refuse("parallel ports are not supported".to_owned());
    }
    for panic in &def.devices.panics {
        let Some(model) = panic.model else { continue };
        match (model, &panic.info.address) {
            (PanicModel::Pseries | PanicModel::S390, Some(_)) => {
                return refuse(format!(
                    "setting the panic device address is not supported for model '{}'",
                    model.as_str()
                ));
            }
            (PanicModel::Pvpanic, Some(address)) if !matches!(address, Address::Pci(_)) => {
                return refuse("pvpanic is supported only with PCI address type".to_owned());
            }
            _ => {}
        }
    }
    for tpm in &def.devices.tpms {
        if let TpmBackend::Emulator(emulator) = &tpm.backend
            && emulator.version == Some(TpmVersion::V1_2)
        {
            return refuse(format!("TPM 1.2 is not supported on architecture '{}'", def.os.arch()));
        }
    }
    if board.arm {
        arm::validate(def)?;
    }
    if s390 {
        s390::validate(def)?;
    }
    if pseries {
        power::validate(def)?;
    }
    Ok(())
}
