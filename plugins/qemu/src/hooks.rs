//! What this driver adds to the reading of a definition: its defaults and its
//! limits.

use std::sync::Arc;

use oxivirt_conf::domain::devices::{
    Audio, AudioType, BalloonModel, Controller, ControllerType, DeviceMut, Disk, DiskDevice, GraphicsKind, Input,
    InputBus, InputType, MemBalloon, PanicModel, RngBackend, Serial, StorageFormat, Video, VideoType, Watchdog,
    WatchdogAction, WatchdogModel,
};
use oxivirt_conf::domain::{
    Cpu, CpuCheck, CpuFallback, CpuMatch, CpuMode, DomainDefinition, DomainHooks, DomainType, OsType, ParseFlags,
};
use oxivirt_conf::xml::OnOff;
use oxivirt_core::{Error, Result};

use crate::capabilities::{Accel, Catalog, Emulator};
use crate::{addresses, command};

/// Where the facts about binaries come from.
pub trait Emulators {
    /// The binary for an architecture, in libvirt's name.
    fn binary_for(&self, arch: &str) -> Option<String>;
    /// What a binary can do; none when it cannot be asked.
    fn get(&self, binary: &str) -> Option<Arc<Emulator>>;
}

impl Emulators for Catalog {
    fn binary_for(&self, arch: &str) -> Option<String> {
        Catalog::binary_for(self, arch).map(|p| p.to_string_lossy().into_owned())
    }

    fn get(&self, binary: &str) -> Option<Arc<Emulator>> {
        Catalog::get(self, binary.as_ref()).ok()
    }
}

/// The driver's part in reading definitions.
pub struct Hooks<'a> {
    /// What is known about binaries.
    pub emulators: &'a dyn Emulators,
    /// The host's architecture, the default of a guest.
    pub host_arch: &'a str,
}

impl Hooks<'_> {
    fn emulator(&self, def: &DomainDefinition) -> Option<Arc<Emulator>> {
        self.emulators.get(def.devices.emulator.as_deref()?)
    }
}

impl DomainHooks for Hooks<'_> {
    fn basic_post_parse(&self, def: &mut DomainDefinition, _: ParseFlags) -> Result<()> {
        if !matches!(def.kind, DomainType::Qemu | DomainType::Kvm) {
            return Err(Error::config_unsupported(format!(
                "unexpected domain type {}, expecting one of: qemu, kvm",
                def.kind.as_str()
            )));
        }
        sort_disks(&mut def.devices.disks);
        number_usb2(&mut def.devices.controllers);
        let os = &mut def.os.kind;
        os.kind.get_or_insert(OsType::Hvm);
        let arch = os.arch.get_or_insert_with(|| self.host_arch.to_owned()).clone();
        if def.devices.emulator.is_none() {
            let found = self.emulators.binary_for(&arch).ok_or_else(|| {
                Error::new(
                    oxivirt_core::ErrorCode::CONFIG_UNSUPPORTED,
                    format!("could not find capabilities for arch={arch} domaintype={}", def.kind.as_str()),
                )
            })?;
            def.devices.emulator = Some(found);
        }
        let accel = command::accel_of(def);
        if let Some(emulator) = self.emulator(def) {
            match def.os.kind.machine.as_deref() {
                None => {
                    let machine = emulator.default_machine(accel).or_else(|| emulator.default_machine(Accel::Tcg));
                    let machine = machine.ok_or_else(|| {
                        Error::config_unsupported(format!("no machine type known for architecture '{arch}'"))
                    })?;
                    def.os.kind.machine = Some(machine.name.clone());
                }
                // The full name is kept, so that a guest sees the same board
                // after QEMU was upgraded.
                Some(name) => {
                    if let Some(machine) = emulator.machine(accel, name) {
                        def.os.kind.machine = Some(machine.name.clone());
                    }
                }
            }
        }
        Ok(())
    }

    fn device_post_parse(&self, device: DeviceMut<'_>, def: &DomainDefinition, _: ParseFlags) -> Result<()> {
        match device {
            DeviceMut::Disk(disk) => self::disk(disk),
            DeviceMut::Interface(net) => {
                let hostdev = matches!(net.source, oxivirt_conf::domain::devices::InterfaceSource::Hostdev { .. });
                if net.model.is_none() && !hostdev {
                    net.model = Some(if is_x86(def) { "rtl8139" } else { "virtio" }.to_owned());
                }
            }
            DeviceMut::Controller(c) => controller(c, def),
            DeviceMut::Serial(serial) => self::serial(serial, def),
            DeviceMut::Video(video) => self::video(video, def),
            DeviceMut::Rng(rng) => {
                if let RngBackend::Random(path @ None) = &mut rng.backend {
                    *path = Some("/dev/random".to_owned());
                }
            }
            DeviceMut::Panic(panic) if is_x86(def) => {
                panic.model.get_or_insert(PanicModel::Isa);
            }
            _ => {}
        }
        Ok(())
    }

    fn definition_post_parse(&self, def: &mut DomainDefinition, _: ParseFlags) -> Result<()> {
        implied_devices(def);
        cpu(def, self.emulator(def).as_deref());
        Ok(())
    }

    fn assign_addresses(&self, def: &mut DomainDefinition, flags: ParseFlags) -> Result<()> {
        // Some were only implied by a console or a disk.
        let snapshot = shape(def);
        for serial in &mut def.devices.serials {
            self::serial(serial, &snapshot);
        }
        for c in &mut def.devices.controllers {
            controller(c, &snapshot);
        }
        insert_in_order(&mut def.devices.controllers);
        // Old definitions have no ports, and get them anew at each start.
        if flags.has(ParseFlags::ABI_UPDATE) {
            addresses::assign_usb(def)?;
        }
        addresses::assign(def)
    }

    fn validate(&self, def: &DomainDefinition, _: ParseFlags) -> Result<()> {
        validate(def, self.emulator(def).as_deref())
    }
}

/// Controllers of one type stand together by their numbers, as if each had
/// been put in one after the other.
fn insert_in_order(controllers: &mut Vec<Controller>) {
    let mut sorted: Vec<Controller> = Vec::with_capacity(controllers.len());
    for c in std::mem::take(controllers) {
        let mut at = None;
        for (place, other) in sorted.iter().enumerate().rev().filter(|(_, o)| o.kind == c.kind) {
            if other.index <= c.index {
                at.get_or_insert(place + 1);
                break;
            }
            at = Some(place);
        }
        let at = at.unwrap_or(sorted.len());
        sorted.insert(at, c);
    }
    // A USB master comes before its companions.
    for at in 1..sorted.len() {
        let mut at = at;
        while at > 0
            && let (Some(before), Some(this)) = (sorted.get(at - 1), sorted.get(at))
            && this.kind == ControllerType::Usb
            && before.kind == ControllerType::Usb
            && this.index == before.index
            && this.info.master_start_port.is_none()
            && before.info.master_start_port.is_some()
        {
            sorted.swap(at - 1, at);
            at -= 1;
        }
    }
    *controllers = sorted;
}

/// The parts of a USB 2 controller that were given without numbers belong
/// together: each companion to the master before it, else to the next one.
fn number_usb2(controllers: &mut [Controller]) {
    let usb2 =
        |c: &Controller| c.kind == ControllerType::Usb && c.model.as_deref().is_some_and(|m| m.starts_with("ich9-"));
    for at in 0..controllers.len() {
        let Some(this) = controllers.get(at).filter(|c| usb2(c) && c.index.is_none()) else { continue };
        let model = this.model.clone();
        // A second part of the same kind begins another controller.
        let mate = controllers
            .iter()
            .filter(|c| usb2(c))
            .filter_map(|c| c.index)
            .find(|index| !controllers.iter().any(|c| usb2(c) && c.index == Some(*index) && c.model == model));
        let taken = |index: u32| controllers.iter().any(|c| c.kind == ControllerType::Usb && c.index == Some(index));
        let index = mate.or_else(|| (0..=u32::MAX).find(|index| !taken(*index)));
        if let Some(this) = controllers.get_mut(at) {
            this.index = index;
        }
    }
}

/// Disks of one bus stand by their names.
fn sort_disks(disks: &mut Vec<Disk>) {
    let mut sorted: Vec<Disk> = Vec::with_capacity(disks.len());
    for disk in std::mem::take(disks) {
        let mut at = None;
        for (place, other) in sorted.iter().enumerate().rev().filter(|(_, o)| o.target.bus == disk.target.bus) {
            if other.index() <= disk.index() {
                at.get_or_insert(place + 1);
                break;
            }
            at = Some(place);
        }
        let at = at.unwrap_or(sorted.len());
        sorted.insert(at, disk);
    }
    *disks = sorted;
}

/// Only what the defaults of a device depend on.
fn shape(def: &DomainDefinition) -> DomainDefinition {
    DomainDefinition { kind: def.kind, os: def.os.clone(), ..DomainDefinition::default() }
}

fn is_x86(def: &DomainDefinition) -> bool {
    matches!(def.os.arch(), "x86_64" | "i686")
}

fn disk(disk: &mut Disk) {
    disk.driver.name.get_or_insert_with(|| "qemu".to_owned());
    // Never guessed from the content: a guest could write another header.
    disk.driver.format.get_or_insert(StorageFormat::Raw);
    if disk.device == DiskDevice::CdRom {
        disk.readonly = true;
    }
}

fn controller(c: &mut Controller, def: &DomainDefinition) {
    let open = c.model.as_deref().is_none_or(|m| m == "auto" && c.kind == ControllerType::Scsi);
    if !open {
        return;
    }
    let model = match c.kind {
        ControllerType::Usb if is_x86(def) => "piix3-uhci",
        ControllerType::Usb => "qemu-xhci",
        ControllerType::Scsi if is_x86(def) => "lsilogic",
        ControllerType::Scsi => "virtio-scsi",
        _ => return,
    };
    c.model = Some(model.to_owned());
}

fn serial(serial: &mut Serial, def: &DomainDefinition) {
    if !is_x86(def) {
        return;
    }
    let target = serial.target_type.get_or_insert_with(|| "isa-serial".to_owned());
    if serial.model.is_none() {
        let model = match target.as_str() {
            "isa-serial" => "isa-serial",
            "isa-debug" => "isa-debugcon",
            "pci-serial" => "pci-serial",
            "usb-serial" => "usb-serial",
            _ => return,
        };
        serial.model = Some(model.to_owned());
    }
}

fn video(video: &mut Video, def: &DomainDefinition) {
    let m = &mut video.model;
    if m.kind == VideoType::Default {
        m.kind = if is_x86(def) { VideoType::Cirrus } else { VideoType::Virtio };
    }
    match m.kind {
        VideoType::Qxl => {
            m.ram.get_or_insert(65_536);
            m.vram.get_or_insert(65_536);
            m.vgamem.get_or_insert(16_384);
        }
        VideoType::Vga | VideoType::Cirrus | VideoType::Vmvga | VideoType::Bochs => {
            m.vram.get_or_insert(16_384);
        }
        _ => {}
    }
    if !matches!(m.kind, VideoType::None) {
        m.heads.get_or_insert(1);
    }
}

/// Devices that the board has, or that every guest gets.
fn implied_devices(def: &mut DomainDefinition) {
    let (q35, i440fx, x86) = (command::is_q35(def), command::is_i440fx(def), is_x86(def));
    let d = &mut def.devices;
    let add = |list: &mut Vec<Controller>, kind: ControllerType, model: Option<&str>| {
        list.push(Controller { kind, index: Some(0), model: model.map(str::to_owned), ..Controller::default() });
    };
    let has = |list: &[Controller], kind: ControllerType| list.iter().any(|c| c.kind == kind);
    if !has(&d.controllers, ControllerType::Usb) && (q35 || i440fx) {
        add(&mut d.controllers, ControllerType::Usb, Some(if q35 { "qemu-xhci" } else { "piix3-uhci" }));
    }
    if q35 && d.controller(ControllerType::Sata, 0).is_none() {
        add(&mut d.controllers, ControllerType::Sata, None);
    }
    if (q35 || i440fx) && d.controller(ControllerType::Pci, 0).is_none() {
        add(&mut d.controllers, ControllerType::Pci, Some(if q35 { "pcie-root" } else { "pci-root" }));
    }
    if d.memballoons.is_empty() {
        d.memballoons.push(MemBalloon { model: BalloonModel::Virtio, ..MemBalloon::default() });
    }
    if x86 && def.features.ps2.is_none_or(|s| s.0.is_on()) {
        for kind in [InputType::Mouse, InputType::Keyboard] {
            if !d.inputs.iter().any(|i| i.kind == kind && matches!(i.bus, None | Some(InputBus::Ps2))) {
                d.inputs.push(Input { kind, bus: Some(InputBus::Ps2), ..Input::default() });
            }
        }
    }
    if !d.graphics.is_empty() && d.videos.is_empty() {
        let mut card = Video::default();
        video(&mut card, &DomainDefinition { kind: def.kind, os: def.os.clone(), ..DomainDefinition::default() });
        d.videos.push(card);
    }
    if d.audios.is_empty() {
        // The first display that can carry sound decides; without any display
        // sound goes nowhere, and displays without sound get none.
        let carried = d.graphics.iter().find_map(|g| match g.kind {
            GraphicsKind::Spice(_) => Some(AudioType::Spice),
            GraphicsKind::Sdl { .. } => Some(AudioType::Sdl),
            GraphicsKind::Vnc(_) => Some(AudioType::None),
            _ => None,
        });
        if let Some(kind) = carried.or(d.graphics.is_empty().then_some(AudioType::None)) {
            d.audios.push(Audio { id: 1, kind, ..Audio::default() });
        }
    }
    if q35 && !d.watchdogs.iter().any(|w| w.model == WatchdogModel::Itco) {
        let action = d.watchdogs.first().map_or(WatchdogAction::Reset, |w| w.action);
        d.watchdogs.push(Watchdog { model: WatchdogModel::Itco, action, ..Watchdog::default() });
    }
}

/// The CPU that a guest without one gets is written down, so that it stays
/// the same.
fn cpu(def: &mut DomainDefinition, emulator: Option<&Emulator>) {
    let accel = command::accel_of(def);
    let default = emulator.and_then(|e| {
        let typename = e.machine(accel, def.os.machine())?.default_cpu.as_deref()?;
        match e.cpu_model_of_type(accel, typename) {
            Some(model) => Some(model.name.clone()),
            None => typename.strip_suffix("-x86_64-cpu").map(str::to_owned),
        }
    });
    let is_x86 = is_x86(def);
    let unsaid = def.cpu.as_ref().is_none_or(|c| c.mode == CpuMode::Custom && c.model.is_none());
    if unsaid {
        if let Some(name) = default {
            let cpu = def.cpu.get_or_insert_with(Cpu::default);
            cpu.mode = CpuMode::Custom;
            cpu.match_ = Some(CpuMatch::Exact);
            cpu.check = Some(CpuCheck::None);
            cpu.fallback = Some(CpuFallback::Forbid);
            cpu.model = Some(name);
        }
        return;
    }
    let Some(cpu) = &mut def.cpu else { return };
    if cpu.mode == CpuMode::HostModel && cpu.fallback == Some(CpuFallback::Allow) && cpu.vendor_id.is_none() {
        cpu.fallback = None;
    }
    if cpu.check.is_none() {
        cpu.check = match cpu.mode {
            CpuMode::HostPassthrough | CpuMode::Maximum => Some(CpuCheck::None),
            CpuMode::Custom if accel == Accel::Tcg => Some(CpuCheck::None),
            CpuMode::HostModel | CpuMode::Custom => Some(CpuCheck::Partial),
        };
    }
    if matches!(cpu.mode, CpuMode::HostPassthrough | CpuMode::Maximum) && is_x86 {
        cpu.migratable.get_or_insert(OnOff::On);
    }
}

fn validate(def: &DomainDefinition, emulator: Option<&Emulator>) -> Result<()> {
    if def.name.contains('/') {
        return Err(Error::xml(format!("name {} cannot contain '/'", def.name)));
    }
    let Some(emulator) = emulator else { return Ok(()) };
    let accel = command::accel_of(def);
    if emulator.accel(accel).is_none() {
        return Err(Error::config_unsupported(format!(
            "Emulator '{}' does not support virt type '{}'",
            emulator.binary.display(),
            def.kind.as_str()
        )));
    }
    if emulator.arch != def.os.arch() && !(emulator.arch == "x86_64" && def.os.arch() == "i686") {
        return Err(Error::config_unsupported(format!(
            "Emulator '{}' does not support arch '{}'",
            emulator.binary.display(),
            def.os.arch()
        )));
    }
    let Some(machine) = emulator.machine(accel, def.os.machine()) else {
        return Err(Error::config_unsupported(format!(
            "Emulator '{}' does not support machine type '{}'",
            emulator.binary.display(),
            def.os.machine()
        )));
    };
    if def.vcpu.maximum > machine.max_cpus {
        return Err(Error::config_unsupported(format!(
            "Maximum CPUs greater than specified machine type limit {}",
            machine.max_cpus
        )));
    }
    if let Some(topology) = def.cpu.as_ref().and_then(|c| c.topology.as_ref())
        && topology.cpus() != Some(def.vcpu.maximum)
    {
        return Err(Error::config_unsupported("CPU topology doesn't match maximum vcpu count"));
    }
    Ok(())
}
