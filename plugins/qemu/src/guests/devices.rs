//! Devices that come, change and go: in the stored definition, in the running
//! guest, or in both.
//!
//! Where both are meant, what would be stored is made and checked first, then
//! the guest is changed, then it is stored.

use std::sync::Arc;
use std::time::Duration;

use oxivirt_conf::domain::devices::{Controller, ControllerType, Device, DiskDevice, MacAddress};
use oxivirt_conf::domain::{DeviceRef, DomainDefinition, DomainHooks, ParseFlags};
use oxivirt_conf::object::{Affected, JobKind};
use oxivirt_core::{Error, ErrorCode, Result};

use super::host::RealHost;
use super::start::check_disk;
use super::{ANSWER, Guests};
use crate::capabilities::Emulator;
use crate::helpers::{Kind, Site};
use crate::hotplug::{self, Attached, Detached, Force, Patience, Session, journal};
use crate::lifecycle::Notice;
use crate::live::channel_socket;
use crate::neighbours::{Borrower, volumes};
use crate::settings::Settings;
use crate::state::{Job, Object, Run};
use crate::status::served_files;
use crate::{document, hooks};

/// How a document of a device that comes is read.
const COMING: ParseFlags = ParseFlags(ParseFlags::INACTIVE.0 | ParseFlags::ABI_UPDATE.0);

/// What is needed to talk about the devices of a guest, apart from its job.
struct Bench {
    run: Arc<Run>,
    emulator: Arc<Emulator>,
    settings: Arc<Settings>,
    borrower: Borrower,
}

impl Bench {
    /// Descriptors are numbered for their own sake: QEMU gets them by name.
    fn host(&self, guests: &Guests, domain: &DomainDefinition) -> Result<RealHost> {
        let site = Site::new(&guests.folders, &self.run.files, domain, Arc::clone(&self.settings));
        let mut host = RealHost::new(0, self.run.files.master_key.clone(), self.borrower.clone()).with_helpers(site);
        host.images = guests.images.of(domain.uuid)?;
        let (settings, owner) = (&self.settings, self.run.around.owner());
        host.owner = owner.unwrap_or((settings.process.user, settings.process.group));
        host.memory = settings.memory.clone();
        Ok(host)
    }

    fn session<'a>(&'a self, job: &'a Job) -> Result<Session<'a>> {
        Ok(Session {
            monitor: self.run.monitor()?,
            emulator: &self.emulator,
            files: &self.run.files,
            settings: &self.settings,
            unplugs: &job.private().unplugs,
            answer: ANSWER,
            unplug: UNPLUG,
        })
    }
}

impl Guests {
    /// Plugs in the device of a document.
    ///
    /// * `flags` – which definitions, as in the public API.
    /// * Errors: those of reading the document; what
    ///   [`hotplug::attach`] and [`hotplug::insert`] say. After an error
    ///   nothing has changed.
    pub fn attach_device(&self, object: &Arc<Object>, xml: &str, flags: u32, owner: &str) -> Result<()> {
        let job = self.job(object, JobKind::Modify, owner)?;
        let which = Affected::new(&job.snapshot(), flags)?;
        let mut mac = None;
        let stored = match which.config() {
            true => Some(self.stored(&job, &mut |domain, hooks| {
                let device = domain.read_device(xml, COMING, hooks)?;
                // A generated address is the same in both.
                if let Device::Interface(card) = &device {
                    mac = card.mac;
                }
                hotplug::insert(domain, device)
            })?),
            false => None,
        };
        if which.live() {
            self.attach_live(&job, xml, mac)?;
        }
        self.store(&job, stored)
    }

    /// Unplugs the device that a document describes.
    ///
    /// * Blocks until the guest let it go, or the limit passed.
    /// * Errors: `DEVICE_MISSING` when there is none such; what
    ///   [`hotplug::detach`] and [`hotplug::take_out`] say.
    pub fn detach_device(&self, object: &Arc<Object>, xml: &str, flags: u32, owner: &str) -> Result<()> {
        let job = self.job(object, JobKind::Modify, owner)?;
        let which = Affected::new(&job.snapshot(), flags)?;
        let stored = match which.config() {
            true => Some(self.stored(&job, &mut |domain, hooks| {
                let wanted = wanted(domain, xml, ParseFlags::INACTIVE, hooks)?;
                hotplug::take_out(domain, wanted.as_ref())
            })?),
            false => None,
        };
        if which.live() {
            let live = Arc::clone(job.snapshot().definition());
            let hooks = document::hooks(&self.catalog, &self.folders);
            let wanted = wanted(&live, xml, ParseFlags::NONE, &hooks)?;
            if !hotplug::can_go(wanted.as_ref()) {
                return Err(not_detached(wanted.as_ref()));
            }
            // The driver's own choice of a place says nothing.
            let mut known = DomainDefinition::clone(&live);
            hooks::forget_chosen_paths(&mut known, &hooks.site);
            let at = known.devices.find(wanted.as_ref()).map_err(|error| match error.code() {
                ErrorCode::OPERATION_UNSUPPORTED => not_detached(wanted.as_ref()),
                _ => error,
            })?;
            self.detach_live(&job, wanted.as_ref(), at, Patience::Wait)?;
        }
        self.store(&job, stored)
    }

    /// Unplugs the device with an alias; of a running guest the answer is not
    /// waited for.
    ///
    /// Errors: `DEVICE_MISSING` when there is none such.
    pub fn detach_alias(&self, object: &Arc<Object>, alias: &str, flags: u32, owner: &str) -> Result<()> {
        let job = self.job(object, JobKind::Modify, owner)?;
        let which = Affected::new(&job.snapshot(), flags)?;
        let stored = match which.config() {
            true => Some(self.stored(&job, &mut |domain, _| {
                let device = Device::of(by_alias(domain, alias)?);
                let at = place_of(domain, device.as_ref(), alias)?;
                if let Some(Device::Memory(module)) = domain.devices.take(device.as_ref(), at) {
                    domain.memory.0 = domain.memory.0.saturating_sub(module.target.size.0);
                }
                Ok(())
            })?),
            false => None,
        };
        if which.live() {
            let live = Arc::clone(job.snapshot().definition());
            let device = by_alias(&live, alias)?;
            let at = place_of(&live, device, alias)?;
            self.detach_live(&job, device, at, Patience::Ask)?;
        }
        self.store(&job, stored)
    }

    /// Changes a device to what a document says.
    ///
    /// * Errors: what [`hotplug::update`] and [`hotplug::replace`] say. After
    ///   an error nothing has changed.
    pub fn update_device(&self, object: &Arc<Object>, xml: &str, flags: u32, force: Force, owner: &str) -> Result<()> {
        let job = self.job(object, JobKind::Modify, owner)?;
        let which = Affected::new(&job.snapshot(), flags)?;
        let stored = match which.config() {
            true => Some(self.stored(&job, &mut |domain, hooks| {
                let device = domain.read_device(xml, COMING, hooks)?;
                hotplug::replace(domain, device)
            })?),
            false => None,
        };
        if which.live() {
            let live = Arc::clone(job.snapshot().definition());
            let hooks = document::hooks(&self.catalog, &self.folders);
            let device = live.read_device(xml, ParseFlags::NONE, &hooks)?;
            self.update_live(&job, &live, device, force)?;
        }
        self.store(&job, stored)
    }

    /// The stored definition of a job's guest after a change, complete and checked.
    fn stored(
        &self,
        job: &Job,
        change: &mut dyn FnMut(&mut DomainDefinition, &hooks::Hooks<'_>) -> Result<()>,
    ) -> Result<DomainDefinition> {
        let snapshot = job.snapshot();
        let stored = snapshot
            .stored()
            .ok_or_else(|| Error::operation_invalid("transient domains do not have any persistent config"))?;
        let hooks = document::hooks(&self.catalog, &self.folders);
        let mut edited = DomainDefinition::clone(stored);
        change(&mut edited, &hooks)?;
        edited.complete(COMING, &hooks)?;
        Ok(edited)
    }

    fn store(&self, job: &Job, stored: Option<DomainDefinition>) -> Result<()> {
        match stored {
            Some(stored) => self.edit_stored(job, &|domain| {
                domain.clone_from(&stored);
                Ok(())
            }),
            None => Ok(()),
        }
    }

    fn bench(&self, job: &Job) -> Result<Bench> {
        let run = job.private().require_run()?;
        run.monitor()?;
        let snapshot = job.snapshot();
        let binary = snapshot.definition().devices.emulator.clone();
        let binary = binary.ok_or_else(|| Error::internal("guest without an emulator"))?;
        let borrower = self.borrower(snapshot.definition());
        Ok(Bench { run, emulator: self.catalog.get(binary.as_ref())?, settings: self.settings(), borrower })
    }

    fn attach_live(&self, job: &Job, xml: &str, mac: Option<MacAddress>) -> Result<()> {
        let bench = self.bench(job)?;
        let hooks = document::hooks(&self.catalog, &self.folders);
        let live = Arc::clone(job.snapshot().definition());
        let mut device = live.read_device(xml, COMING, &hooks)?;
        match &mut device {
            Device::Interface(card) => card.mac = mac.or(card.mac),
            Device::Channel(channel) => channel_socket(channel, &bench.run.files),
            Device::Disk(disk) => {
                // A drive that is there gets the medium.
                let removable = matches!(disk.device, DiskDevice::CdRom | DiskDevice::Floppy);
                if removable && live.devices.find(DeviceRef::Disk(disk)).is_ok() {
                    return self.update_live(job, &live, device, Force::No);
                }
            }
            _ => {}
        }
        check_whole(&live, &device, &hooks)?;
        self.borrow_for(&live, &mut device)?;
        if let Device::Disk(disk) = &mut device {
            check_disk(disk)?;
            super::chain::complete(disk)?;
        }
        let mut controllers = Vec::new();
        for mut controller in hotplug::missing_controllers(&live, &device) {
            controller.model = Some(scsi_model(&live, &controller));
            let alias = self.attach_one(job, &bench, Device::Controller(Box::new(controller)));
            match alias {
                Ok(alias) => controllers.push(alias),
                Err(error) => return self.give_back(job, &controllers, error),
            }
        }
        match self.attach_one(job, &bench, device) {
            Ok(_) => Ok(()),
            Err(error) => self.give_back(job, &controllers, error),
        }
    }

    /// Plugs one device in and makes it known; gives its alias.
    fn attach_one(&self, job: &Job, bench: &Bench, device: Device) -> Result<String> {
        let session = bench.session(job)?;
        let before = Arc::clone(job.snapshot().definition());
        let like = device.clone();
        let mut host = bench.host(self, &before)?;
        let pid = bench.run.process.pid();
        let admitted = bench.run.around.admit(like.as_ref(), &before, pid);
        admitted.inspect_err(|_| bench.borrower.settle(&before))?;
        let attached = hotplug::attach(&session, &mut host, &before, device);
        if attached.is_err() {
            bench.run.around.dismiss(like.as_ref(), &before, pid);
            bench.borrower.settle(&before);
        }
        let Attached { definition, alias } = attached.map_err(|error| host.helpers.explain(error))?;
        bench.run.helpers.add(host.helpers.keep());
        self.watch_served(job.object(), &bench.run);
        let known = self.set_live(job, definition.clone());
        if let Err(error) = known {
            // What the next daemon would not know of must not stay.
            let at = place_of(&definition, like.as_ref(), &alias)?;
            let back = match hotplug::detach(&session, &definition, like.as_ref(), at, Patience::Wait) {
                Ok(_) => {
                    self.give_back_gone(&definition, &before);
                    bench.run.helpers.end_of(&alias);
                    DomainDefinition::clone(&before)
                }
                Err(_) => definition,
            };
            job.update(|snapshot| {
                snapshot.set_definition(back);
                Ok(())
            })?;
            return Err(error);
        }
        Self::forget_attempt(job, bench);
        self.tell(&job.snapshot(), Notice::DeviceAdded(alias.clone()));
        Ok(alias)
    }

    /// Takes controllers out again that were plugged for a device that failed.
    fn give_back(&self, job: &Job, controllers: &[String], error: Error) -> Result<()> {
        for alias in controllers.iter().rev() {
            let live = Arc::clone(job.snapshot().definition());
            let outcome = by_alias(&live, alias).and_then(|device| {
                let at = place_of(&live, device, alias)?;
                self.detach_live(job, device, at, Patience::Wait)
            });
            if let Err(error) = outcome {
                tracing::warn!(domain = %live.name, alias, %error, "a controller stays that was plugged for nothing");
            }
        }
        Err(error)
    }

    fn detach_live(&self, job: &Job, like: DeviceRef<'_>, at: usize, patience: Patience) -> Result<()> {
        let bench = self.bench(job)?;
        let live = Arc::clone(job.snapshot().definition());
        let alias = live.devices.nth(like, at).and_then(|device| device.info()?.alias.clone());
        match hotplug::detach(&bench.session(job)?, &live, like, at, patience)? {
            Detached::Asked => Ok(()),
            Detached::Gone(rest) => {
                bench.run.around.dismiss(like, &rest, bench.run.process.pid());
                self.without(job, *rest, alias.as_deref())
            }
        }
    }

    /// Makes known that a device is gone.
    fn without(&self, job: &Job, rest: DomainDefinition, alias: Option<&str>) -> Result<()> {
        let before = Arc::clone(job.snapshot().definition());
        if let Some(run) = job.private().run() {
            alias.into_iter().for_each(|alias| run.helpers.end_of(alias));
            run.helpers.end_without(Kind::Disk, &served_files(&rest, &run.files.state));
        }
        let saved = self.set_live(job, rest);
        self.give_back_gone(&before, job.snapshot().definition());
        if let Some(alias) = alias {
            self.tell(&job.snapshot(), Notice::DeviceRemoved(alias.to_owned()));
        }
        saved
    }

    fn update_live(&self, job: &Job, live: &DomainDefinition, mut device: Device, force: Force) -> Result<()> {
        let bench = self.bench(job)?;
        if let Device::Disk(disk) = &mut device {
            volumes::resolve(disk, &*self.neighbours())?;
            check_disk(disk)?;
            super::chain::complete(disk)?;
        }
        let (around, before, pid) = (&bench.run.around, live.devices.clone(), bench.run.process.pid());
        let new = device.clone();
        around.admit(new.as_ref(), live, pid)?;
        let mut host = bench.host(self, live)?;
        let changed = hotplug::update(&bench.session(job)?, &mut host, live, device, force);
        match &changed {
            // What was in a drive before is used no more.
            Ok(after) => before.iter().for_each(|old| around.dismiss(old, after, pid)),
            Err(_) => around.dismiss(new.as_ref(), live, pid),
        }
        let changed = changed.map_err(|error| host.helpers.explain(error))?;
        bench.run.helpers.add(host.helpers.keep());
        // What served the medium before.
        bench.run.helpers.end_without(Kind::Disk, &served_files(&changed, &bench.run.files.state));
        self.watch_served(job.object(), &bench.run);
        self.set_live(job, changed)?;
        Self::forget_attempt(job, &bench);
        Ok(())
    }

    /// The guest's status tells of what was plugged; a note that stays does no
    /// harm, since the next daemon compares it with that.
    fn forget_attempt(job: &Job, bench: &Bench) {
        if let Err(error) = bench.session(job).and_then(|session| hotplug::conclude(&session)) {
            tracing::error!(domain = %job.snapshot().definition().name, %error, "cannot forget an attempt");
        }
    }

    fn set_live(&self, job: &Job, definition: DomainDefinition) -> Result<()> {
        job.update(|snapshot| {
            snapshot.set_definition(definition);
            Ok(())
        })?;
        self.save_status(job.object())
    }

    /// Puts away what belonged to a device that the guest let go by itself, or
    /// long after it was asked.
    pub(super) fn device_gone(&self, job: &Job, alias: &str) -> Result<()> {
        let live = Arc::clone(job.snapshot().definition());
        // Somebody was faster, or it is a part of a device.
        let Some(device) = live.devices.by_alias(alias) else { return Ok(()) };
        let at = place_of(&live, device, alias)?;
        let bench = self.bench(job)?;
        let rest = hotplug::finish(&bench.session(job)?, &live, device, at);
        bench.run.around.dismiss(device, &rest, bench.run.process.pid());
        self.without(job, rest, Some(alias))
    }

    /// Settles what a daemon that ended in between left behind: a device that
    /// was half plugged is taken away, one that is gone is forgotten.
    pub(super) fn settle_devices(&self, job: &Job) -> Result<()> {
        let bench = self.bench(job)?;
        let session = bench.session(job)?;
        match journal::pending(&bench.run.files) {
            Ok(Some(attempt)) => {
                let live = Arc::clone(job.snapshot().definition());
                let fate = hotplug::settle(&session, &live, &attempt)?;
                tracing::info!(domain = %live.name, alias = attempt.alias, ?fate, "a change was left in the middle");
                if fate == hotplug::Fate::Made {
                    self.take_over(job, &session, &attempt)?;
                }
                if fate != hotplug::Fate::Undone {
                    hotplug::conclude(&session)?;
                }
                journal::end(&bench.run.files)?;
            }
            Ok(None) => {}
            Err(error) => {
                tracing::error!(%error, "what was being plugged is not known");
                journal::end(&bench.run.files)?;
            }
        }
        let lost = hotplug::lost(&session, job.snapshot().definition())?;
        for alias in lost {
            tracing::info!(domain = session.monitor.domain(), alias, "a device went while no daemon watched");
            self.device_gone(job, &alias)?;
        }
        Ok(())
    }
}

impl Guests {
    /// Makes known what QEMU has got of a change that another daemon began.
    fn take_over(&self, job: &Job, session: &Session<'_>, attempt: &journal::Attempt) -> Result<()> {
        let hooks = document::hooks(&self.catalog, &self.folders);
        let mut after = attempt.after(&hooks)?;
        hotplug::learn(session, &mut after, &attempt.alias)?;
        super::status::fill_terminals(&mut after, &session.monitor.terminals(ANSWER)?)?;
        self.set_live(job, after)?;
        if attempt.replaced.is_none() {
            self.tell(&job.snapshot(), Notice::DeviceAdded(attempt.alias.clone()));
        }
        Ok(())
    }
}

/// The device that a document describes, to be found among those of a domain.
fn wanted(domain: &DomainDefinition, xml: &str, flags: ParseFlags, hooks: &hooks::Hooks<'_>) -> Result<Device> {
    let flags = flags | ParseFlags::SKIP_VALIDATE;
    match Device::parse(xml, flags)? {
        // What it does not say must not be made up.
        card @ Device::Interface(_) => Ok(card),
        _ => domain.read_device(xml, flags, hooks),
    }
}

fn by_alias<'d>(domain: &'d DomainDefinition, alias: &str) -> Result<DeviceRef<'d>> {
    let found = domain.devices.by_alias(alias).filter(|_| !alias.is_empty());
    found.ok_or_else(|| Error::internal(format!("no device found with alias {alias}")))
}

fn place_of(domain: &DomainDefinition, like: DeviceRef<'_>, alias: &str) -> Result<usize> {
    let named = |device: DeviceRef<'_>| device.info().and_then(|info| info.alias.as_deref()) == Some(alias);
    let missing = || Error::new(ErrorCode::DEVICE_MISSING, format!("no device found with alias {alias}"));
    domain.devices.position(like, named).ok_or_else(missing)
}

fn not_detached(device: DeviceRef<'_>) -> Error {
    let text = format!("live detach of device '{}' is not supported", device.name());
    Error::new(ErrorCode::OPERATION_UNSUPPORTED, text)
}

/// Refuses a device that makes the whole something that this driver refuses.
fn check_whole(live: &DomainDefinition, device: &Device, hooks: &hooks::Hooks<'_>) -> Result<()> {
    // A guest that another daemon started may be beyond what is accepted here.
    if hooks.validate(live, ParseFlags::NONE).is_err() {
        return Ok(());
    }
    let mut with = live.clone();
    with.devices.push(device.clone());
    hooks.validate(&with, ParseFlags::NONE)
}

/// As the last one that is there, else the usual one.
fn scsi_model(live: &DomainDefinition, controller: &Controller) -> String {
    let same = live.devices.controllers.iter().filter(|c| c.kind == ControllerType::Scsi);
    let last = same.max_by_key(|c| c.index).and_then(|c| c.model.clone());
    last.unwrap_or_else(|| hooks::default_model(controller, live).unwrap_or_else(|| "virtio-scsi".to_owned()))
}

/// How long a guest may take to let a device go.
const UNPLUG: Duration = Duration::from_secs(20);
