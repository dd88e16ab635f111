//! From a definition to QEMU's command line.
//!
//! [`build`] walks a definition that is complete (defaults filled in,
//! addresses and aliases assigned) in the order in which QEMU wants its
//! parts. What the walk cannot express is an error: nothing is left out.

mod audio;
mod chardev;
mod clock;
mod controller;
mod cpu;
mod devices;
mod disk;
mod display;
mod extras;
mod filesystem;
mod flash;
mod graphics;
mod hostdev;
mod machine;
mod memory;
mod namespace;
mod net;
mod place;
mod plug;
mod props;
mod protection;
mod storage;
mod throttle;
mod tpm;
mod words;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use oxivirt_conf::domain::devices::{
    ControllerType, DeviceInfo, DiskDevice, Filesystem, Interface, MemoryModel, Tpm, UsbHostdev, Video,
};
use oxivirt_conf::domain::{BootDevice, CpuSet, DomainDefinition, DomainType};
use oxivirt_core::{Error, Result};

use crate::arch::{self, VirtioBus};
use crate::capabilities::{Accel, Emulator};
use crate::helpers::nbdkit;
use crate::process::GuestFiles;
use crate::settings::{Deprecation, Settings};

pub(crate) use flash::variables as firmware_variables;
pub use plug::{Argument, Free, medium, plug};
pub use props::{Props, escape, on_off};
pub(crate) use storage::image_url;
pub(crate) use storage::is_empty as is_empty_source;
pub use storage::{Sealed, Secret};
pub(crate) use throttle::{LIMITS, group_id, limits};
pub(crate) use words::{Words, backend_of};

/// What building a command line needs from the host. Descriptors are given by
/// the numbers that they will have in QEMU.
pub trait Host {
    /// Whether sockets and files are named on the line, for want of somebody who hands them over.
    fn names_files(&self) -> bool {
        false
    }
    /// Opens a listening socket.
    fn listen(&mut self, path: &str) -> Result<i32>;
    /// Opens a file that QEMU writes a character device to.
    fn output(&mut self, path: &str, append: bool) -> Result<i32>;
    /// Opens a file that QEMU logs a character device to.
    fn log(&mut self, path: &str, append: bool) -> Result<i32>;
    /// Makes the host's side of a network card.
    fn tap(&mut self, net: &Interface, virtio: bool) -> Result<Taps>;
    /// The descriptors that a client gave for an image, under a name.
    fn images(&mut self, group: &str) -> Result<Vec<PassedImage>>;
    /// Opens a device of the host.
    fn open(&mut self, what: Opening, path: &str) -> Result<i32>;
    /// Makes the socket of a card that another program serves, or connects to it.
    fn vhost_user_video(&mut self, video: &Video) -> Result<i32>;
    /// Starts the program behind an emulated TPM; gives the path of its socket.
    fn tpm_emulator(&mut self, tpm: &Tpm) -> Result<String>;
    /// Starts the program that serves a folder at a socket.
    fn virtiofs(&mut self, fs: &Filesystem, socket: &str) -> Result<()>;
    /// Starts the program behind a card; gives the path of its socket.
    fn passt(&mut self, net: &Interface) -> Result<String>;
    /// Starts the guest's own message bus, once; gives the path of its socket.
    fn message_bus(&mut self) -> Result<String>;
    /// Starts the program that asks for reservations of the guest's disks, once.
    fn reservations(&mut self) -> Result<()>;
    /// Starts the program that reads an image in QEMU's place; gives the path of its socket, none where QEMU reads it.
    fn nbdkit(&mut self, image: &nbdkit::Image<'_>) -> Result<Option<String>>;
    /// Opens a socket family for a guest: the descriptor and the guest's number in it.
    fn vsock(&mut self, cid: Option<u32>) -> Result<(i32, u32)>;
    /// Whether a PCI device of the host can be handed over.
    fn pci(&mut self, address: &str) -> Result<()>;
    /// The node of a USB device that is known by what it is.
    fn usb(&mut self, usb: &UsbHostdev) -> Result<String>;
    /// The node that speaks SCSI to a unit.
    fn scsi_generic(&mut self, adapter: &str, bus: u32, target: u32, unit: u64) -> Result<String>;
    /// Closes a secret with the guest's own key.
    fn seal(&mut self, secret: Secret<'_>) -> Result<Sealed>;
    /// Makes a folder of the guest's.
    fn folder(&mut self, path: &Path) -> Result<()>;
    /// Writes a file in a folder of the guest's.
    fn write(&mut self, path: &str, text: &str) -> Result<()>;
    /// The guest's folder among pages of a size in KiB.
    fn huge_pages(&mut self, size: u64, guest: &str) -> Result<String>;
    /// The size of usual huge pages in KiB.
    fn default_huge_page(&self) -> Result<u64>;
    /// The size of usual pages in KiB.
    fn page_size(&self) -> u64;
    /// The nodes of the host that are best for a guest.
    fn advised_nodes(&self, domain: &DomainDefinition) -> Result<Vec<u32>>;
    /// Those of some nodes that any of the CPUs belongs to; all of them without CPUs.
    fn allowed_nodes(&self, nodes: &[u32], cpus: Option<&CpuSet>) -> Result<Vec<u32>>;
    /// The graphics card that draws for guests.
    fn render_node(&self) -> Result<String>;
    /// Whether a block device is a CD drive.
    fn is_cdrom(&self, path: &str) -> bool;
    /// Seconds since 1970.
    fn now(&self) -> i64;
    /// Seconds that local time is ahead of UTC.
    fn utc_offset(&self) -> i64;
}

/// The host's side of a network card.
#[derive(Debug, Clone, Default)]
pub struct Taps {
    /// One per queue.
    pub taps: Vec<i32>,
    /// One per queue, or none without the kernel's help.
    pub vhost: Vec<i32>,
}

/// A descriptor of an image that a client gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PassedImage {
    /// Its number in QEMU.
    pub number: i32,
    /// Whether it was opened for writing.
    pub writable: bool,
}

/// What a device of the host is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// A TPM.
    Tpm,
    /// What ends a command of the TPM with that path.
    TpmCancel,
    /// A virtio device in hardware.
    Vdpa,
    /// SCSI in the kernel.
    VhostScsi,
}

/// What a command line is built from.
pub struct Request<'a> {
    /// The live definition.
    pub domain: &'a DomainDefinition,
    /// The binary.
    pub emulator: &'a Emulator,
    /// The guest's files.
    pub files: &'a GuestFiles,
    /// The number of the monitor's listening socket in QEMU.
    pub monitor_fd: i32,
    /// What the host's administrator chose.
    pub settings: &'a Settings,
    /// Where QEMU reads the state of a guest that ran before, such as `defer`.
    pub incoming: Option<&'a str>,
}

/// A finished command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine {
    /// Behind the binary.
    pub arguments: Vec<String>,
    /// Variables beside the usual ones.
    pub environment: Vec<(String, String)>,
}

/// Builds the command line.
///
/// Errors: `CONFIG_UNSUPPORTED` naming what cannot be expressed; those of the
/// host.
pub fn build(request: &Request<'_>, host: &mut dyn Host) -> Result<CommandLine> {
    let mut b = Builder {
        domain: request.domain,
        emulator: request.emulator,
        files: request.files,
        settings: request.settings,
        host,
        arguments: Vec::new(),
        environment: Vec::new(),
        boot: boot_order(request.domain),
        fdsets: 0,
        before: RefCell::default(),
        plugged: false,
        incoming: request.incoming,
        image_sets: BTreeMap::new(),
    };
    b.image_sets = storage::descriptor_sets(request.domain);
    b.fdsets = u32::try_from(b.image_sets.len()).unwrap_or(u32::MAX);
    devices::refuse_unknown(request.domain)?;
    let name = escape(&request.domain.name);
    let process = if request.settings.set_process_name { format!(",process=qemu:{name}") } else { String::new() };
    b.pair("-name", format!("guest={name}{process},debug-threads=on"));
    b.flag("-S");
    let key = Props::new()
        .text("qom-type", "secret")
        .text("id", "masterKey0")
        .text("format", "raw")
        .text("file", request.files.master_key.to_string_lossy());
    b.json("-object", &key);
    if storage::has_managed_reservations(request.domain) {
        b.host.reservations()?;
        let path = b.state_file("pr-helper0.sock");
        b.json("-object", &storage::reservation_helper("pr-helper0", &path));
    }
    memory::enclave_memory(&mut b)?;
    let flash = flash::nodes(&mut b)?;
    machine::machine(&mut b, &flash)?;
    cpu::cpu(&mut b)?;
    flash::firmware(&mut b)?;
    memory::memory(&mut b)?;
    machine::cpus(&mut b)?;
    machine::iothreads(&mut b)?;
    throttle::groups(&mut b);
    memory::cells(&mut b)?;
    b.pair("-uuid", request.domain.hwuuid.unwrap_or(request.domain.uuid).to_string());
    machine::generation(&mut b);
    machine::smbios(&mut b)?;
    graphics::display(&mut b);
    b.flag("-no-user-config");
    b.flag("-nodefaults");
    let monitor = match b.host.names_files() {
        true => format!("path={}", escape(&request.files.monitor.to_string_lossy())),
        false => format!("fd={}", request.monitor_fd),
    };
    b.chardev(format!("socket,id=charmonitor,{monitor},server=on,wait=off"))?;
    b.pair("-mon", "chardev=charmonitor,id=monitor,mode=control".into());
    clock::clock(&mut b)?;
    b.flag("-no-shutdown");
    machine::no_acpi(&mut b);
    machine::boot(&mut b)?;
    devices::all(&mut b)?;
    protection::object(&mut b)?;
    namespace::arguments(&mut b)?;
    let sandbox = match request.settings.seccomp {
        true => "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
        false => "off",
    };
    // Other systems have nothing that filters.
    if request.emulator.options.contains_key("sandbox") {
        b.pair("-sandbox", sandbox.into());
    }
    devices::late(&mut b)?;
    if request.settings.log_timestamp {
        b.pair("-msg", "timestamp=on".into());
    }
    let input = match request.settings.deprecation {
        Deprecation::None => None,
        Deprecation::Omit => Some(""),
        Deprecation::Reject => Some(",deprecated-input=reject"),
        Deprecation::Crash => Some(",deprecated-input=crash"),
    };
    if let Some(input) = input {
        b.pair("-compat", format!("deprecated-output=hide{input}"));
    }
    Ok(CommandLine { arguments: b.arguments, environment: b.environment })
}

/// The command line while it grows.
struct Builder<'a> {
    domain: &'a DomainDefinition,
    emulator: &'a Emulator,
    files: &'a GuestFiles,
    settings: &'a Settings,
    host: &'a mut dyn Host,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    /// Boot order by alias.
    boot: HashMap<String, u32>,
    fdsets: u32,
    /// Devices that have to come before the next one.
    before: RefCell<Vec<Props>>,
    /// It is for the monitor of a running QEMU.
    plugged: bool,
    /// Where QEMU reads the state of a guest that ran before.
    incoming: Option<&'a str>,
    /// The sets of descriptors of images, by the images' numbers.
    image_sets: BTreeMap<u32, u32>,
}

impl Builder<'_> {
    fn flag(&mut self, option: &str) {
        self.arguments.push(option.to_owned());
    }

    fn pair(&mut self, option: &str, value: String) {
        self.arguments.push(option.to_owned());
        self.arguments.push(value);
    }

    fn json(&mut self, option: &str, props: &Props) {
        if option == "-device" {
            for first in self.before.take() {
                self.pair(option, first.json());
            }
        }
        let text = match option {
            "-device" => namespace::overridden(self.domain, props),
            _ => None,
        };
        self.pair(option, text.unwrap_or_else(|| props.json()));
    }

    /// `-chardev` in words; newer versions get them as an object.
    fn chardev(&mut self, words: String) -> Result<()> {
        let objects = !self.plugged && self.emulator.has_feature("chardev-add/$json-cli");
        let text = if objects { backend_of(&words)?.to_string() } else { words };
        self.pair("-chardev", text);
        Ok(())
    }

    /// Hands a descriptor over as a set; gives the path that stands for it.
    fn fdset(&mut self, fd: i32, opaque: &str) -> String {
        let set = self.fdsets;
        self.fdsets += 1;
        self.pair("-add-fd", format!("set={set},fd={fd},opaque={}", escape(opaque)));
        format!("/dev/fdset/{set}")
    }

    fn boot_index(&self, info: &DeviceInfo) -> Option<u32> {
        info.boot.as_ref().map(|b| b.order).or_else(|| self.boot.get(info.alias.as_deref()?).copied())
    }

    fn accel(&self) -> Accel {
        accel_of(self.domain)
    }

    fn is_kvm(&self) -> bool {
        self.accel() == Accel::Kvm
    }

    fn is_q35(&self) -> bool {
        is_q35(self.domain)
    }

    fn is_i440fx(&self) -> bool {
        is_i440fx(self.domain)
    }

    fn is_x86(&self) -> bool {
        matches!(self.domain.os.arch(), "x86_64" | "i686")
    }

    /// The alias of a controller, which its bus is called after.
    fn controller_alias(&self, kind: &str, index: u32) -> Result<&str> {
        let kind =
            ControllerType::from_word(kind).ok_or_else(|| Error::internal(format!("no controller type '{kind}'")))?;
        // A companion shares the index of the controller that it helps.
        let found = self
            .domain
            .devices
            .controllers
            .iter()
            .filter(|c| c.kind == kind && c.index == Some(index))
            .min_by_key(|c| c.info.master_start_port.is_some());
        match found {
            Some(controller) => alias(&controller.info),
            None => Err(Error::xml(format!("no {} controller with index {index}", kind.as_str()))),
        }
    }

    /// The bus that a PCI controller makes.
    fn pci_bus(&self, index: u32) -> Result<String> {
        let controller = self
            .domain
            .devices
            .controller(ControllerType::Pci, index)
            .ok_or_else(|| Error::xml(format!("no PCI controller with index {index}")))?;
        Ok(match controller.model.as_deref() {
            Some("pci-root") if index != 0 => format!("{}.0", alias(&controller.info)?),
            // Only some boards number the bus that they have.
            Some("pci-root") => {
                let numbered = arch::board(self.domain).is_none_or(|b| {
                    b.host_bridges || b.virtio == VirtioBus::Ccw || self.domain.os.arch().starts_with("ppc")
                });
                if numbered { "pci.0" } else { "pci" }.to_owned()
            }
            Some("pcie-root") => "pcie.0".to_owned(),
            _ => alias(&controller.info)?.to_owned(),
        })
    }

    fn scsi_model(&self, index: u32) -> disk::ScsiAddressing {
        let controller = self.domain.devices.controller(ControllerType::Scsi, index);
        match is_flat_scsi(controller.and_then(|c| c.model.as_deref())) {
            true => disk::ScsiAddressing::Flat,
            false => disk::ScsiAddressing::Full,
        }
    }

    /// The memory object behind the board's own memory, where there is one.
    fn main_memory_id(&self) -> Option<String> {
        self.emulator.machine(self.accel(), self.domain.os.machine())?.default_ram_id.clone()
    }

    /// The memory at the start without plugged modules, in KiB, in whole MiB,
    /// and on POWER in whole blocks of what can be plugged there.
    fn initial_memory_kib(&self) -> u64 {
        if let Some(size) = memory::cells_kib(self.domain).filter(|_| self.incoming.is_none()) {
            return size;
        }
        let plugged: u64 = self
            .domain
            .devices
            .memories
            .iter()
            .filter(|m| m.model != MemoryModel::SgxEpc)
            .map(|m| m.target.size.0)
            .sum();
        let size = self.domain.memory.0.saturating_sub(plugged);
        match self.incoming {
            // A guest that ran before keeps the sizes that it had.
            Some(_) => size / 1024 * 1024,
            None => whole_blocks(self.domain, size),
        }
    }

    /// A file in the guest's own folder.
    fn state_file(&self, name: &str) -> String {
        self.files.state.join(name).to_string_lossy().into_owned()
    }

    /// What displays send sound to.
    fn audio_for_displays(&self) -> Option<String> {
        self.domain.devices.audios.first().map(|a| format!("audio{}", a.id))
    }
}

/// The alias that every device has by now.
fn alias(info: &DeviceInfo) -> Result<&str> {
    info.alias.as_deref().ok_or_else(|| Error::internal("a device has no alias"))
}

/// How a domain is executed.
pub fn accel_of(domain: &DomainDefinition) -> Accel {
    match domain.kind {
        DomainType::Kvm => Accel::Kvm,
        DomainType::Hvf => Accel::Hvf,
        _ => Accel::Tcg,
    }
}

/// Whether the board is of the q35 family.
pub fn is_q35(domain: &DomainDefinition) -> bool {
    let machine = domain.os.machine();
    machine == "q35" || machine.starts_with("pc-q35")
}

/// Whether the board is of the old PC family.
pub fn is_i440fx(domain: &DomainDefinition) -> bool {
    let machine = domain.os.machine();
    machine == "pc" || machine.starts_with("pc-i440fx") || machine.starts_with("pc-0.") || machine.starts_with("pc-1.")
}

/// Whether a model of SCSI controller knows units only, no targets.
pub(crate) fn is_flat_scsi(model: Option<&str>) -> bool {
    matches!(model, Some("lsilogic" | "am53c974" | "dc390"))
}

/// The most memory that a guest can have without plugging, in KiB.
pub fn maximum_memory_kib(domain: &DomainDefinition) -> u64 {
    domain.memory.0
}

/// QEMU takes memory in whole MiB, and on POWER in whole blocks of what can be plugged there.
fn whole_blocks(domain: &DomainDefinition, kib: u64) -> u64 {
    match domain.os.arch().starts_with("ppc") {
        true => kib.div_ceil(POWER_BLOCK_KIB).saturating_mul(POWER_BLOCK_KIB),
        false => whole_mib(kib),
    }
}

/// QEMU takes memory in whole MiB.
pub fn whole_mib(kib: u64) -> u64 {
    kib.div_ceil(1024).saturating_mul(1024)
}

/// From `<boot dev=…>` to an order of devices; the first of each kind counts.
fn boot_order(domain: &DomainDefinition) -> HashMap<String, u32> {
    let mut order = HashMap::new();
    let d = &domain.devices;
    for (number, boot) in (1u32..).zip(&domain.os.boot) {
        let disk = |device: &[DiskDevice]| d.disks.iter().find(|k| device.contains(&k.device)).map(|k| &k.info);
        let info = match boot.dev {
            BootDevice::Hd => disk(&[DiskDevice::Disk, DiskDevice::Lun]),
            BootDevice::CdRom => disk(&[DiskDevice::CdRom]),
            BootDevice::Fd => disk(&[DiskDevice::Floppy]),
            BootDevice::Network => d.interfaces.first().map(|n| &n.info),
        };
        if let Some(alias) = info.and_then(|i| i.alias.clone()) {
            order.entry(alias).or_insert(number);
        }
    }
    order
}

/// What memory comes in on POWER.
const POWER_BLOCK_KIB: u64 = 256 * 1024;
