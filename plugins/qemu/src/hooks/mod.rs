//! What this driver adds to the reading of a definition: its defaults and its
//! limits.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use oxivirt_conf::domain::devices::{Controller, DeviceMut};
use oxivirt_conf::domain::{AbiChange, DomainDefinition, DomainHooks, DomainType, OsType, ParseFlags};
use oxivirt_core::{Error, Result};

use crate::capabilities::{Accel, Catalog, Emulator};
use crate::process::Folders;
use crate::settings::HostAudio;
use crate::{addresses, arch, command, firmware, validate};

mod chosen_firmware;
mod cpu;
mod devices;
mod implied;
mod memory;
mod order;

pub(crate) use order::insert_in_order;

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

/// Where things lie on the host.
#[derive(Debug, Clone)]
pub struct Site {
    /// The guests' own firmware variables.
    pub nvram: PathBuf,
    /// Folders in which the driver makes sockets of channels.
    pub channels: Vec<PathBuf>,
    /// Folders with descriptors of firmware, the more important later.
    pub firmware: Vec<PathBuf>,
    /// The folder with the PCI devices of the host.
    pub pci_devices: PathBuf,
    /// Where sound goes that no definition speaks of.
    pub audio: HostAudio,
}

impl Site {
    /// On this host, with the driver's folders.
    pub fn of(folders: &Folders) -> Self {
        let home = std::env::var_os("HOME").filter(|_| !rustix::process::geteuid().is_root());
        Self {
            nvram: folders.lib.join("nvram"),
            channels: vec![folders.lib.join("channel/target"), folders.run.join("channel")],
            firmware: firmware::folders(Path::new("/"), home.as_deref().map(Path::new)),
            pci_devices: addresses::HOST_PCI.into(),
            audio: HostAudio::default(),
        }
    }
}

/// The driver's part in reading definitions.
pub struct Hooks<'a> {
    /// What is known about binaries.
    pub emulators: &'a dyn Emulators,
    /// The host's architecture, the default of a guest.
    pub host_arch: &'a str,
    /// Where things lie on the host.
    pub site: Site,
}

impl Hooks<'_> {
    fn emulator(&self, def: &DomainDefinition) -> Option<Arc<Emulator>> {
        self.emulators.get(def.devices.emulator.as_deref()?)
    }
}

impl DomainHooks for Hooks<'_> {
    fn basic_post_parse(&self, def: &mut DomainDefinition, flags: ParseFlags) -> Result<()> {
        if !matches!(def.kind, DomainType::Qemu | DomainType::Kvm | DomainType::Hvf) {
            return Err(unexpected_type(def));
        }
        order::sort_disks(&mut def.devices.disks);
        def.seclabels.iter_mut().for_each(devices::seclabel);
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
        let emulator = self.emulator(def);
        if def.kind == DomainType::Hvf && emulator.as_ref().is_none_or(|e| e.accel(Accel::Hvf).is_none()) {
            return Err(unexpected_type(def));
        }
        if let Some(emulator) = emulator {
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
        if flags.has(ParseFlags::ABI_UPDATE) {
            memory::complete(def);
        }
        arch::complete(def, self.emulator(def).as_deref(), flags)
    }

    fn device_post_parse(&self, device: DeviceMut<'_>, def: &DomainDefinition, flags: ParseFlags) -> Result<()> {
        if let DeviceMut::Disk(disk) = &device
            && disk.info.address.is_none()
            && disk.index().is_none()
        {
            let name = &disk.target.dev;
            return Err(Error::xml(format!("Unknown disk name '{name}' and no address specified")));
        }
        // The sockets of its channels are where they are, too.
        if !(runs(flags) && matches!(device, DeviceMut::Controller(_) | DeviceMut::Channel(_))) {
            devices::complete(device, def, &self.site, self.emulator(def).as_deref(), runs(flags));
        }
        Ok(())
    }

    fn definition_post_parse(&self, def: &mut DomainDefinition, flags: ParseFlags) -> Result<()> {
        let choice = match flags.has(ParseFlags::ABI_UPDATE) {
            true => chosen_firmware::Choice::Free,
            false => chosen_firmware::Choice::Kept,
        };
        chosen_firmware::complete(def, &self.site, choice)?;
        arch::add_implied(def);
        implied::add(def, self.emulator(def).as_deref(), &self.site.audio);
        cpu::spread(def);
        if !runs(flags) {
            cpu::complete(def, self.emulator(def).as_deref());
        }
        Ok(())
    }

    fn assign_addresses(&self, def: &mut DomainDefinition, flags: ParseFlags) -> Result<()> {
        // Some were only implied by a console or a disk.
        arch::complete(def, self.emulator(def).as_deref(), flags)?;
        let (snapshot, emulator) = (shape(def), self.emulator(def));
        for serial in &mut def.devices.serials {
            devices::serial(serial, &snapshot);
        }
        for c in def.devices.controllers.iter_mut().filter(|_| !runs(flags)) {
            devices::controller(c, &snapshot, emulator.as_deref());
        }
        order::insert_in_order(&mut def.devices.controllers);
        // Old definitions have no ports, and get them anew at each start.
        if flags.has(ParseFlags::ABI_UPDATE) {
            addresses::assign_usb(def)?;
        }
        addresses::assign(def, &self.site.pci_devices)?;
        arch::mirror_console(def);
        Ok(())
    }

    fn validate(&self, def: &DomainDefinition, _: ParseFlags) -> Result<()> {
        validate::domain(def, self.emulator(def).as_deref())
    }

    /// A saved guest's memory is found by the name that QEMU gives to it,
    /// which follows from where the memory comes from.
    fn check_abi_stability(&self, old: &DomainDefinition, new: &DomainDefinition) -> Result<()> {
        let source = |def: &DomainDefinition| {
            let source = def.memory_backing.as_ref().and_then(|backing| backing.source.as_ref());
            source.map(|source| source.kind.as_str().to_owned())
        };
        let (old, new) = (source(old), source(new));
        match old == new {
            true => Ok(()),
            false => Err(AbiChange { path: "/domain/memoryBacking/source/@type".to_owned(), old, new }.into()),
        }
    }
}

/// Takes the paths out of channels that the driver chose, as for storing.
pub(crate) fn forget_chosen_paths(def: &mut DomainDefinition, site: &Site) {
    def.devices.channels.iter_mut().for_each(|channel| devices::channel(channel, site));
}

/// The model that a controller has where none is given.
pub fn default_model(controller: &Controller, def: &DomainDefinition) -> Option<String> {
    let mut controller = controller.clone();
    devices::controller(&mut controller, &shape(def), None);
    controller.model
}

/// Whether the guest runs already: a model that its status file does not name
/// was the default of the QEMU that started it, which may not be today's.
fn runs(flags: ParseFlags) -> bool {
    flags.has(ParseFlags::STATUS)
}

fn unexpected_type(def: &DomainDefinition) -> Error {
    let kind = def.kind.as_str();
    Error::config_unsupported(format!("unexpected domain type {kind}, expecting one of: qemu, kvm"))
}

/// Only what the defaults of a device depend on.
fn shape(def: &DomainDefinition) -> DomainDefinition {
    DomainDefinition { kind: def.kind, os: def.os.clone(), ..DomainDefinition::default() }
}

fn is_x86(def: &DomainDefinition) -> bool {
    matches!(def.os.arch(), "x86_64" | "i686")
}
