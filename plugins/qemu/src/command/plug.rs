//! The part of a command line that belongs to one device.
//!
//! What is plugged into a running guest is written by the same code that
//! writes it for a start, so both are the same.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use oxivirt_conf::domain::DeviceRef;
use oxivirt_conf::domain::devices::{
    Disk, FilesystemDriverType, HostdevSource, InputType, InterfaceSource, WatchdogModel,
};
use oxivirt_core::{Error, ErrorCode, Result};

use super::{Builder, Host, Request, controller, devices, disk, extras, filesystem, hostdev, memory, net, storage};

/// An option of the command line with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// Such as `-device`.
    pub option: String,
    /// Words or JSON, as the option takes them.
    pub value: String,
}

/// Numbers that are free in the running QEMU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Free {
    /// Of a set of descriptors.
    pub fdset: u32,
    /// Of a block node of a device of the host.
    pub node: u32,
}

/// What QEMU is told to have a device of the request's domain, and all that
/// belongs to it, what others refer to first.
///
/// Errors: `OPERATION_UNSUPPORTED` for a kind that cannot be plugged;
/// `CONFIG_UNSUPPORTED` for what cannot be expressed; those of the host.
pub fn plug(request: &Request<'_>, host: &mut dyn Host, device: DeviceRef<'_>, free: Free) -> Result<Vec<Argument>> {
    let mut b = builder(request, host, free);
    one(&mut b, device, free)?;
    Ok(arguments(b))
}

/// The block nodes behind a disk, without the disk.
///
/// * Returns, beside what QEMU is told, the node that the device refers to;
///   none for a drive without medium.
pub fn medium(
    request: &Request<'_>,
    host: &mut dyn Host,
    disk: &Disk,
    free: Free,
) -> Result<(Vec<Argument>, Option<String>)> {
    let mut b = builder(request, host, free);
    let node = storage::nodes(&mut b, disk)?;
    Ok((arguments(b), node))
}

fn builder<'a>(request: &Request<'a>, host: &'a mut dyn Host, free: Free) -> Builder<'a> {
    Builder {
        domain: request.domain,
        emulator: request.emulator,
        files: request.files,
        settings: request.settings,
        host,
        arguments: Vec::new(),
        environment: Vec::new(),
        // An order of the board's firmware is one of the start.
        boot: HashMap::new(),
        fdsets: free.fdset,
        before: RefCell::default(),
        plugged: true,
        incoming: None,
        image_sets: BTreeMap::new(),
    }
}

fn arguments(b: Builder<'_>) -> Vec<Argument> {
    let mut arguments = Vec::new();
    let mut words = b.arguments.into_iter();
    while let (Some(option), Some(value)) = (words.next(), words.next()) {
        arguments.push(Argument { option, value });
    }
    arguments
}

fn one(b: &mut Builder<'_>, device: DeviceRef<'_>, free: Free) -> Result<()> {
    match device {
        DeviceRef::Disk(disk) => disk::disk(b, disk),
        DeviceRef::Controller(c) => match controller::device(b, c)? {
            Some(props) => {
                b.json("-device", &props);
                Ok(())
            }
            None => refuse("a controller of the board"),
        },
        DeviceRef::Filesystem(fs) if fs.driver.kind == Some(FilesystemDriverType::Virtiofs) => {
            filesystem::filesystem(b, fs)
        }
        DeviceRef::Filesystem(_) => {
            Err(Error::new(ErrorCode::OPERATION_UNSUPPORTED, "only virtiofs filesystems can be hotplugged"))
        }
        DeviceRef::Interface(card) if matches!(card.connection(), InterfaceSource::Hostdev { .. }) => {
            hostdev::host_card(b, card)
        }
        DeviceRef::Interface(card) => net::interface(b, card),
        DeviceRef::Serial(serial) => devices::serial(b, serial),
        DeviceRef::Channel(channel) => devices::channel(b, channel),
        DeviceRef::Console(console) => devices::console(b, console),
        DeviceRef::Input(input) => match devices::input(b, input)? {
            Some(props) => {
                b.json(if input.kind == InputType::Evdev { "-object" } else { "-device" }, &props);
                Ok(())
            }
            None => refuse("an input device on bus 'ps2'"),
        },
        DeviceRef::Hostdev(hostdev) => match &hostdev.source {
            HostdevSource::Storage { .. } | HostdevSource::Misc { .. } | HostdevSource::Net { .. } => {
                refuse("a device of mode 'capabilities'")
            }
            _ => hostdev::one(b, hostdev, &mut { free.node }),
        },
        DeviceRef::RedirDev(redirdev) => extras::redirdev(b, redirdev),
        DeviceRef::Watchdog(watchdog) if watchdog.model == WatchdogModel::Itco => refuse("the watchdog of the board"),
        DeviceRef::Watchdog(watchdog) => devices::watchdog(b, watchdog),
        DeviceRef::Rng(rng) => devices::rng(b, rng),
        DeviceRef::Shmem(shmem) => extras::shmem(b, shmem),
        DeviceRef::Memory(module) => memory::module(b, module),
        DeviceRef::Vsock(vsock) => extras::vsock(b, vsock),
        other => refuse(&format!("a device of kind '{}'", other.name())),
    }
}

fn refuse(what: &str) -> Result<()> {
    Err(Error::new(ErrorCode::OPERATION_UNSUPPORTED, format!("{what} cannot be plugged into a running guest")))
}
