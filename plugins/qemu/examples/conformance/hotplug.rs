//! `qemu-hotplug`: devices plugged into, changed in and unplugged from running
//! guests, judged by the live definition afterwards.
//!
//! `domains/BASE+DEVICE.xml` is `domains/BASE.xml` after `devices/DEVICE.xml`
//! was plugged in or, where BASE has that device already, changed; an attempt
//! that must fail has the definition as it was for an answer. Unplugged again
//! BASE is what has to be left; `DEVICE-full.xml` is how the device is named
//! then, where there is such a file. `DEVICE-detach` is a case of its own:
//! `BASE+DEVICE.xml` becomes `BASE+DEVICE-detach.xml`.

use std::fs;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use oxivirt_conf::domain::devices::{Device, MacAddress};
use oxivirt_conf::domain::{DeviceRef, DomainDefinition, FormatFlags, ParseFlags};
use oxivirt_core::Error;
use oxivirt_driver_qemu::hooks::{Hooks, Site, default_model};
use oxivirt_driver_qemu::hotplug::{self, Detached, Force, Patience, PlugHost, Session, Unplugs};
use oxivirt_driver_qemu::monitor::Monitor;
use oxivirt_driver_qemu::process::Folders;
use oxivirt_driver_qemu::settings::Settings;

use super::cases::Case;
use super::emulators::{One, Recordings};
use super::host::Fixed;
use super::willing::{self, Hears};
use super::xml::same;
use super::{Outcome, judged};

const PREFIX: &str = "qemuhotplug-";

pub(crate) fn suite(corpus: &Path) -> Result<Vec<super::Case>, String> {
    let mut recordings = Recordings::new(corpus);
    let folder = corpus.join("qemu-hotplug");
    let mut outcomes = Vec::new();
    for answer in names(&folder.join("domains"))? {
        let Some((base, device)) = answer.rsplit_once('+') else { continue };
        let files = Files { folder: folder.clone(), base: base.to_owned(), device: device.to_owned() };
        let detached = device.strip_suffix("-detach");
        let before = detached.map_or(base.to_owned(), |device| format!("{base}+{device}"));
        if !files.domain(&before).is_file() || !files.document(device).is_file() {
            continue;
        }
        if detached.is_some() {
            let outcome = judged(|| files.unplugged(&mut recordings, &before, device, Some(&answer)));
            outcomes.push((answer.clone(), outcome));
            continue;
        }
        let outcome = judged(|| files.plugged(&mut recordings, &answer));
        let plugged = outcome.is_ok();
        outcomes.push((answer.clone(), outcome));
        let full = format!("{device}-full");
        let named = if files.document(&full).is_file() { full.as_str() } else { device };
        if plugged && files.has_more(&answer) {
            let outcome = judged(|| files.unplugged(&mut recordings, &answer, named, None));
            outcomes.push((format!("{base}-{device}"), outcome));
        }
    }
    for case in names(&folder.join("cpus"))? {
        if let Some(case) = case.strip_suffix("-domain") {
            let outcome = judged(|| super::vcpus::judge(&folder.join("cpus"), case, &mut recordings));
            outcomes.push((format!("cpus/{case}"), outcome));
        }
    }
    Ok(outcomes)
}

/// The names of the documents in a folder, without what all have.
fn names(folder: &Path) -> Result<Vec<String>, String> {
    let failed = |e: std::io::Error| format!("{}: {e}", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let file = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
        if let Some(name) = file.strip_suffix(".xml") {
            names.push(name.strip_prefix(PREFIX).unwrap_or(name).to_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// The documents of one case.
struct Files {
    folder: PathBuf,
    base: String,
    device: String,
}

impl Files {
    fn domain(&self, name: &str) -> PathBuf {
        self.folder.join(format!("domains/{PREFIX}{name}.xml"))
    }

    fn document(&self, name: &str) -> PathBuf {
        self.folder.join(format!("devices/{PREFIX}{name}.xml"))
    }

    /// Whether the answer is anything but the definition as it was.
    fn has_more(&self, answer: &str) -> bool {
        let read = |name: &str| fs::read_to_string(self.domain(name)).unwrap_or_default();
        read(answer).matches("<alias").count() > read(&self.base).matches("<alias").count()
    }

    fn plugged(&self, recordings: &mut Recordings, answer: &str) -> Outcome {
        let device = read(&self.document(&self.device))?;
        let mut guest = Guest::read(&read(&self.domain(&self.base))?, recordings, terminal(&device))?;
        let outcome = guest.plug_or_change(&device);
        let judged = same(&read(&self.domain(answer))?, &guest.print()?);
        // A refusal explains a definition that is not as it should be.
        match (judged, outcome) {
            (Err(_), Err(error)) => Err(format!("refused: {error}")),
            (judged, _) => judged,
        }
    }

    fn unplugged(&self, recordings: &mut Recordings, before: &str, device: &str, answer: Option<&str>) -> Outcome {
        let wanted = match answer {
            Some(answer) => read(&self.domain(answer))?,
            None => Guest::read(&read(&self.domain(&self.base))?, recordings, None)?.print()?,
        };
        let mut guest = Guest::read(&read(&self.domain(before))?, recordings, None)?;
        guest.unplug(&read(&self.document(device))?).map_err(|error| format!("refused: {error}"))?;
        same(&wanted, &guest.print()?)
    }
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
}

/// The terminal that QEMU opened when the answers were recorded.
fn terminal(device: &str) -> Option<String> {
    match Device::parse(device, ParseFlags::NONE).ok()? {
        Device::Console(console) => console.source.path().map(str::to_owned),
        Device::Serial(serial) => serial.source.path().map(str::to_owned),
        Device::Channel(channel) => channel.source.path().map(str::to_owned),
        _ => None,
    }
}

/// A guest whose QEMU does whatever it is told.
struct Guest {
    emulator: One,
    arch: String,
    live: DomainDefinition,
    monitor: Monitor,
    unplugs: Arc<Unplugs>,
    folder: tempfile::TempDir,
}

impl Guest {
    fn read(text: &str, recordings: &mut Recordings, terminal: Option<String>) -> Result<Self, String> {
        let arch = text
            .split_once("arch='")
            .or_else(|| text.split_once("arch=\""))
            .map_or("x86_64", |(_, rest)| rest.split(['\'', '"']).next().unwrap_or("x86_64"));
        let case = Case {
            name: String::new(),
            input: PathBuf::new(),
            arch: arch.to_owned(),
            version: "latest".to_owned(),
            variant: None,
            abi_update: false,
        };
        let emulator = recordings.of(&case)?;
        // It runs, so it was accepted.
        let live = DomainDefinition::parse(text, ParseFlags::SKIP_VALIDATE, &hooks(&emulator, arch));
        let live = live.map_err(|error| format!("the domain is refused: {error}"))?;
        let unplugs = Arc::new(Unplugs::default());
        let stream = willing::qemu(terminal).map_err(|e| e.to_string())?;
        let monitor = Monitor::open(&live.name, stream, Box::new(Hears(Arc::clone(&unplugs))), LIMIT);
        let monitor = monitor.map_err(|error| error.to_string())?;
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        Ok(Self { emulator, arch: arch.to_owned(), live, monitor, unplugs, folder })
    }

    fn print(&self) -> Result<String, String> {
        self.live.format(FormatFlags::SECURE).map_err(|error| format!("cannot be printed: {error}"))
    }

    fn with<T>(&self, act: impl FnOnce(&Session<'_>) -> Result<T, Error>) -> Result<T, Error> {
        let mut files = Folders::system(self.folder.path()).guest(7, &self.live.name);
        files.state = self.folder.path().to_owned();
        let settings = Settings::default();
        act(&Session {
            monitor: &self.monitor,
            emulator: &self.emulator.0,
            files: &files,
            settings: &settings,
            unplugs: &self.unplugs,
            answer: LIMIT,
            unplug: LIMIT,
        })
    }

    /// A display is changed, and so is a disk that is there; all else is plugged in.
    fn plug_or_change(&mut self, text: &str) -> Result<(), Error> {
        let flags = ParseFlags::INACTIVE | ParseFlags::ABI_UPDATE;
        let device = self.live.read_device(text, flags, &hooks(&self.emulator, &self.arch))?;
        let known = match &device {
            Device::Graphics(_) => true,
            Device::Disk(disk) => self.live.devices.find(DeviceRef::Disk(disk)).is_ok(),
            _ => false,
        };
        let mut host = Fixed { guest: format!("7-{}", self.live.name), nbdkit: false, images: Default::default() };
        if known {
            self.live = self.with(|session| hotplug::update(session, &mut host, &self.live, device, Force::No))?;
            return Ok(());
        }
        for mut controller in hotplug::missing_controllers(&self.live, &device) {
            controller.model = default_model(&controller, &self.live);
            let controller = Device::Controller(Box::new(controller));
            let attached = self.with(|session| hotplug::attach(session, &mut host, &self.live, controller))?;
            self.live = attached.definition;
        }
        let attached = self.with(|session| hotplug::attach(session, &mut host, &self.live, device))?;
        self.live = attached.definition;
        Ok(())
    }

    fn unplug(&mut self, text: &str) -> Result<(), Error> {
        let flags = ParseFlags::SKIP_VALIDATE;
        let device = self.live.read_device(text, flags, &hooks(&self.emulator, &self.arch))?;
        let at = self.live.devices.find(device.as_ref())?;
        let detached =
            self.with(|session| hotplug::detach(session, &self.live, device.as_ref(), at, Patience::Wait))?;
        match detached {
            Detached::Gone(rest) => self.live = *rest,
            Detached::Asked => return Err(Error::internal("the device was only asked to go")),
        }
        Ok(())
    }
}

fn hooks<'a>(emulator: &'a One, arch: &'a str) -> Hooks<'a> {
    let site = Site {
        nvram: "/var/lib/libvirt/qemu/nvram".into(),
        channels: Vec::new(),
        firmware: Vec::new(),
        pci_devices: "/nonexistent".into(),
        audio: Default::default(),
    };
    Hooks { emulators: emulator, host_arch: arch, site }
}

/// The descriptors of the recorded answers all lead nowhere.
impl PlugHost for Fixed {
    fn descriptor(&self, _: i32) -> Option<BorrowedFd<'_>> {
        Some(willing::nowhere().as_fd())
    }

    fn tap_names(&self) -> Vec<(Option<MacAddress>, String)> {
        Vec::new()
    }
}

const LIMIT: Duration = Duration::from_secs(20);
