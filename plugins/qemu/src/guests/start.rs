//! Starting a guest.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use oxivirt_conf::domain::devices::{Disk, GraphicsKind, InterfaceTarget, StorageKind};
use oxivirt_conf::domain::{CpuSet, DomainDefinition, NumaMode};
use oxivirt_conf::object::{Inserted, JobKind};
use oxivirt_core::types::{TypedParam, TypedValue};
use oxivirt_core::{Error, Result};
use uuid::Uuid;

use super::happenings::Listener;
use super::host::RealHost;
use super::{ANSWER, BRING_UP, Guests, firmware, status, threads};
use crate::capabilities::Emulator;
use crate::command::{self, Request};
use crate::helpers::{Helpers, Site};
use crate::lifecycle::{Lifecycle, Paused, Running, ShutOff, State};
use crate::live::channel_socket;
use crate::marks::Marks;
use crate::process::{self, GuestFiles, Launch};
use crate::settings::Settings;
use crate::state::{Guest, Job, Object, Run, Snapshot, Status};
use crate::surroundings::{self, Surroundings};
use crate::{addresses, aliases, cpu_model, document, memory_lock};

/// What an attempt to start took that has to be given back when it fails.
#[derive(Debug, Default)]
struct Taken {
    ports: Vec<u16>,
    around: Option<Surroundings>,
}

/// How a guest is started.
#[derive(Debug, Clone, Copy, Default)]
pub struct StartOptions {
    /// Leave its CPUs standing.
    pub paused: bool,
    /// Begin with the firmware's variables as they come.
    pub reset_nvram: bool,
    /// For a guest started from a document.
    pub schema: document::Schema,
}

impl Guests {
    /// Starts a defined guest.
    ///
    /// Errors: `OPERATION_INVALID` when it runs; `CONFIG_UNSUPPORTED` for what
    /// cannot be expressed; QEMU's own words when it does not come up. After
    /// an error the guest is off and nothing is left of the attempt.
    pub fn create(&self, uuid: Uuid, options: StartOptions, owner: &str) -> Result<Arc<Object>> {
        let job = self.modify(uuid, owner)?;
        self.start(&job, options)?;
        Ok(Arc::clone(job.object()))
    }

    /// Starts a guest from a document, without storing it.
    ///
    /// Errors: as [`create`](Self::create), and `OPERATION_FAILED` when name
    /// and uuid belong to different guests.
    pub fn create_transient(&self, text: &str, options: StartOptions, owner: &str) -> Result<Arc<Object>> {
        let domain =
            Arc::new(document::read_inactive(text, options.schema, &self.catalog, &self.folders, &self.settings())?);
        // It is off until it runs, and forgotten if it never does.
        let mut fresh = Snapshot::inactive(Arc::clone(&domain), Status::off(ShutOff::Unknown));
        fresh.forget_stored();
        let object = match self.table.insert_or_get(fresh, Guest::default())? {
            Inserted::New(object) => object,
            Inserted::Existing(object) if object.snapshot().is_active() => {
                return Err(Error::operation_invalid(format!("domain '{}' is already active", domain.name)));
            }
            Inserted::Existing(object) => object,
        };
        let job = self.job(&object, JobKind::Modify, owner)?;
        let before = job.snapshot();
        if before.is_active() {
            return Err(Error::operation_invalid(format!("domain '{}' is already active", domain.name)));
        }
        let outcome = self.start_as(&job, &domain, options);
        if outcome.is_err() && !before.is_persistent() {
            self.table.remove(&job);
        }
        outcome.map(|()| object)
    }

    /// Starts the guest of a job as it is defined.
    pub(super) fn start(&self, job: &Job, options: StartOptions) -> Result<()> {
        let domain = Arc::clone(job.snapshot().inactive_definition());
        self.start_as(job, &domain, options)
    }

    fn start_as(&self, job: &Job, domain: &Arc<DomainDefinition>, options: StartOptions) -> Result<()> {
        if job.snapshot().is_active() {
            return Err(Error::operation_invalid("domain is already running"));
        }
        let name = domain.name.clone();
        self.script(&name, "start", "before", "-")?;
        let id = self.table.next_id()?;
        let mut files = self.folders.guest(id, &name);
        if let Some(folder) = &self.settings().memory.folder {
            files.memory = folder.join(&files.short_name);
        }
        let mut live = DomainDefinition::clone(domain);
        live.id = u32::try_from(id).ok();
        let mut taken = Taken::default();
        let prepared = self.hook(&live, "prepare", "begin");
        let outcome = prepared.and_then(|()| self.attempt(job, &mut live, id, &files, &mut taken, options));
        let Err(error) = outcome else {
            return self.script(&name, "start", "after", "booted");
        };
        // Whatever exists of it goes, the log stays.
        let gone = job.snapshot();
        if let Some(run) = job.private().set_run(None) {
            run.ending.store(true, std::sync::atomic::Ordering::Release);
            if let Err(kill) = run.process.terminate(std::time::Duration::ZERO, true) {
                tracing::error!(domain = %name, error = %kill, "a guest that did not start cannot be ended");
            }
            run.helpers.end();
            run.around.remove(&live);
        }
        if let Some(around) = taken.around {
            around.remove(&live);
        }
        self.hook_logged(&live, "stopped", "end");
        files.remove();
        for port in taken.ports {
            self.ports.release(port);
        }
        self.borrower(&live).give_back_all(&live);
        self.hook_logged(&live, "release", "end");
        job.update(|snapshot| {
            snapshot.stop();
            snapshot.status.enter(State::ShutOff(ShutOff::Failed));
            snapshot.status.pid = None;
            snapshot.status.vcpus = Arc::default();
            Ok(())
        })?;
        self.tell_lifecycle(&gone, Lifecycle::StoppedFailed);
        Err(error)
    }

    fn attempt(
        &self,
        job: &Job,
        live: &mut DomainDefinition,
        id: i32,
        files: &GuestFiles,
        taken: &mut Taken,
        options: StartOptions,
    ) -> Result<()> {
        let binary = live.devices.emulator.clone().ok_or_else(|| Error::internal("guest without an emulator"))?;
        let emulator = self.catalog.get(binary.as_ref())?;
        oxivirt_conf::domain::DomainHooks::validate(
            &document::hooks(&self.catalog, &self.folders),
            live,
            oxivirt_conf::domain::ParseFlags::NONE,
        )?;
        let settings = self.settings();
        self.folders.create()?;
        files.create()?;
        write_master_key(files)?;
        let rules = surroundings::rules(live, &settings.process)?;
        files.hand_over(&rules)?;
        refuse_host_side(live)?;
        addresses::assign_usb(live)?;
        aliases::assign(live)?;
        self.borrow(job, live)?;
        check_sources(live)?;
        look_at_media(live)?;
        firmware::prepare(&live.os, options.reset_nvram)?;
        live.devices.channels.iter_mut().for_each(|channel| channel_socket(channel, files));
        self.fill_displays(live, files, &settings, &mut taken.ports)?;
        aliases::number_images(live)?;
        status::note_backends(live)?;
        cpu_model::check(live, &emulator)?;
        cpu_model::expand(live, &emulator)?;
        let site = Site::new(&self.folders, files, live, Arc::clone(&settings));
        let mut host = RealHost::new(MONITOR_FD + 1, files.master_key.clone(), self.borrower(live)).with_helpers(site);
        host.owner = (rules.user, rules.group);
        host.memory = settings.memory.clone();
        host.images = self.images.of(live.uuid)?;
        host.descriptors.push(process::monitor_socket(files, MONITOR_FD)?);
        let request = Request {
            domain: live,
            emulator: &emulator,
            files,
            monitor_fd: MONITOR_FD,
            settings: &settings,
            incoming: None,
        };
        let line = command::build(&request, &mut host)?;
        for (mac, name) in &host.taps {
            for net in live.devices.interfaces.iter_mut().filter(|n| n.mac == *mac) {
                net.target.get_or_insert_with(InterfaceTarget::default).dev = Some(name.clone());
            }
        }
        let mut lasting = files.lasting();
        lasting.helpers = host.helpers.notes();
        let mut starting = Snapshot::clone(&job.snapshot());
        starting.start(live.clone(), Some(id));
        starting.status.enter(State::Paused(Paused::StartingUp));
        let marks = Marks::default();
        let note =
            |process: Option<&process::Process>| status::note_launch(&starting, &lasting, &marks, process, files);
        // What is made around it from here on is found by its definition.
        note(None)?;
        let around = Surroundings::prepare(&settings, &self.folders, live, (id, files))?;
        let around = taken.around.insert(around);
        let (doors, devices) = (around.doors()?, around.take_plan());
        let mut environment = process::environment(files);
        environment.extend(line.environment.into_iter().map(|(k, v)| (k, v.into())));
        let launch = Launch {
            binary: binary.into(),
            environment,
            arguments: line.arguments,
            descriptors: host.descriptors,
            rules,
            doors,
            devices,
            nodes: memory_nodes(live)?,
            memory_lock: memory_lock::limit(live),
        };
        self.hook(live, "start", "begin")?;
        let token = Run::new_token();
        job.private().forget_happenings();
        let listener = Listener { guests: self.weak(), object: Arc::downgrade(job.object()), token };
        let first = heading(&emulator);
        let log = (&settings.logs, first.as_str());
        let told = process::Told {
            known: &|process| note(Some(process)),
            started: &|process| {
                job.private().set_coming(Some(Arc::clone(process)));
            },
        };
        let running = process::bring_up(&live.name, launch, files, log, Box::new(listener), BRING_UP, told);
        job.private().set_coming(None);
        let running = running.map_err(|error| host.helpers.explain(error))?;
        let run = Arc::new(Run {
            token,
            id,
            process: running.process,
            connection: Some(running.monitor),
            files: files.clone(),
            lasting,
            marks,
            helpers: Helpers::new(host.helpers.keep()),
            log: Mutex::new(running.log),
            ports: taken.ports.clone(),
            around: taken.around.take().unwrap_or_default(),
            ending: AtomicBool::new(false),
            reboot_after_shutdown: AtomicBool::new(false),
            next: Mutex::default(),
        });
        job.private().set_run(Some(Arc::clone(&run)));
        self.watch_served(job.object(), &run);
        let memory = self.settle(live, &run, &settings)?;
        job.update(|snapshot| {
            snapshot.start(live.clone(), Some(id));
            snapshot.status.enter(State::Paused(Paused::StartingUp));
            snapshot.status.pid = Some(run.process.pid());
            snapshot.status.balloon_kib = Some(memory);
            Ok(())
        })?;
        self.plug_listed_vcpus(&run, live)?;
        let threads = run.monitor()?.vcpu_threads(ANSWER)?;
        let io = super::iothreads::numbered(run.monitor()?, live)?;
        if let Some(groups) = run.around.groups() {
            groups.settle(live, &threads, &io)?;
        }
        threads::arrange(live, run.process.pid(), &threads, &io)?;
        job.object().note(|status| status.vcpus = Arc::new(threads));
        let counters: Vec<TypedParam> = crate::perf::wanted(live).into_iter().map(on).collect();
        run.marks.set_counters(&counters, run.process.pid())?;
        self.look_at_channels(job.object(), &run);
        self.note_taints(live, &run);
        if options.paused {
            job.object().note(|status| {
                status.enter(State::Paused(Paused::User));
            });
        } else {
            self.unpause(job, &run, Running::Booted)?;
        }
        self.save_status(job.object())?;
        self.hook(job.snapshot().definition(), "started", "begin")?;
        self.tell_lifecycle(&job.snapshot(), Lifecycle::StartedBooted);
        if options.paused {
            self.tell_lifecycle(&job.snapshot(), Lifecycle::SuspendedPaused);
        }
        // What QEMU reported before it was in place.
        if job.private().kick()
            && let Some(guests) = self.weak().upgrade()
        {
            guests.serve(Arc::clone(job.object()));
        }
        Ok(())
    }

    /// What is learned from, and set in, a QEMU that has just come up.
    ///
    /// * Returns the memory that the guest has, in KiB: all of it until its balloon takes some away.
    fn settle(&self, live: &mut DomainDefinition, run: &Run, settings: &Settings) -> Result<u64> {
        // Asked only where there is something to learn.
        let terminals = match status::has_terminals(live) {
            true => run.monitor()?.terminals(ANSWER)?,
            false => Vec::new(),
        };
        status::fill_terminals(live, &terminals)?;
        for graphics in &live.devices.graphics {
            let (protocol, auth, common) = match &graphics.kind {
                GraphicsKind::Vnc(vnc) => ("vnc", &vnc.auth, &settings.vnc.password),
                GraphicsKind::Spice(spice) => ("spice", &spice.auth, &settings.spice.password),
                _ => continue,
            };
            if let Some(password) = auth.passwd.as_ref().or(common.as_ref()) {
                let connected = auth.connected.map(|c| c.as_str()).filter(|w| *w != "default");
                run.monitor()?.set_password(protocol, password, connected, ANSWER)?;
                let time = match &auth.valid_to {
                    Some(_) => {
                        return Err(Error::config_unsupported("passwdValidTo is not supported by this driver yet"));
                    }
                    None => "never",
                };
                run.monitor()?.expire_password(protocol, time, ANSWER)?;
            }
        }
        for net in &live.devices.interfaces {
            if net.link.as_ref().is_some_and(|l| l.state.as_str() == "down")
                && let Some(alias) = &net.info.alias
            {
                let arguments = serde_json::json!({"name": alias, "up": false});
                run.monitor()?.execute("set_link", arguments, ANSWER)?;
            }
        }
        for disk in &live.devices.disks {
            if let Some(tune) = disk.iotune.as_deref().filter(|_| !disk.source.is_empty()) {
                super::throttle::throttle(run.monitor()?, disk, tune)?;
            }
        }
        for balloon in &live.devices.memballoons {
            if let (Some(stats), Some(alias)) = (&balloon.stats, &balloon.info.alias)
                && stats.period > 0
            {
                let arguments = serde_json::json!({
                    "path": format!("/machine/peripheral/{alias}"),
                    "property": "guest-stats-polling-interval",
                    "value": stats.period,
                });
                run.monitor()?.execute("qom-set", arguments, ANSWER)?;
            }
        }
        if live.current_memory.0 >= live.memory.0 {
            return Ok(live.current_memory.0);
        }
        let all = run.monitor()?.balloon(ANSWER)?;
        if all.is_some() {
            run.monitor()?.set_balloon(live.current_memory.0, ANSWER)?;
        }
        Ok(all.unwrap_or(live.current_memory.0))
    }
}

/// Where all memory of a guest comes from that says so.
///
/// Errors: `CONFIG_UNSUPPORTED` the host has no such node.
fn memory_nodes(live: &DomainDefinition) -> Result<Option<(NumaMode, CpuSet)>> {
    let memory = live.numatune.as_ref().and_then(|tune| tune.memory.as_ref());
    let Some((memory, nodes)) = memory.and_then(|memory| Some((memory, memory.nodeset.as_ref()?))) else {
        return Ok(None);
    };
    let missing = |node: &u32| !std::path::Path::new(&format!("/sys/devices/system/node/node{node}")).exists();
    match nodes.iter().find(missing) {
        Some(node) => Err(Error::config_unsupported(format!("NUMA node {node} is unavailable"))),
        None => Ok(Some((memory.mode, nodes.clone()))),
    }
}

fn on(name: &str) -> TypedParam {
    TypedParam::new(name, TypedValue::Boolean(true))
}

/// What would have to be set on the host around QEMU, and is not yet.
fn refuse_host_side(live: &DomainDefinition) -> Result<()> {
    let tune = live.cputune.as_ref().is_some_and(|tune| !tune.cachetune.is_empty() || !tune.memorytune.is_empty());
    let labelled = live.seclabels.iter().any(|l| l.model.as_deref().is_some_and(|m| m != "none" && m != "dac"));
    let disks = &live.devices.disks;
    let raw_io = disks.iter().any(|d| d.rawio.is_some_and(|v| v.is_yes()) || d.sgio.is_some());
    for (present, what) in [
        (tune, "caches and bandwidth in <cputune>"),
        (live.resource.as_ref().is_some_and(|r| r.fibrechannel.is_some()), "<fibrechannel>"),
        (live.on_lockfailure.is_some(), "<on_lockfailure>"),
        (labelled, "<seclabel> of a security driver"),
        (live.vcpu.placement.as_str() == "auto", "<vcpu placement='auto'>"),
        (raw_io, "rawio or sgio of a disk"),
    ] {
        if present {
            return Err(Error::config_unsupported(format!("{what} is not supported by this driver yet")));
        }
    }
    Ok(())
}

/// A missing file is better told before QEMU is started.
fn check_sources(live: &DomainDefinition) -> Result<()> {
    let direct = &live.os.direct;
    [&direct.kernel, &direct.initrd, &direct.dtb].into_iter().flatten().try_for_each(|file| check_file(file))
}

/// Completes disks with what their images say. An empty drive reads no format.
fn look_at_media(live: &mut DomainDefinition) -> Result<()> {
    for disk in &mut live.devices.disks {
        if disk.source.is_empty() {
            disk.driver.format = None;
        }
        super::chain::complete(disk)?;
    }
    Ok(())
}

/// The same of the image of a disk.
pub(super) fn check_disk(disk: &Disk) -> Result<()> {
    match disk.source.actual() {
        StorageKind::File { path: Some(path), fdgroup: None } | StorageKind::Block { path: Some(path) } => {
            check_file(path)
        }
        _ => Ok(()),
    }
}

fn check_file(file: &str) -> Result<()> {
    let found = std::fs::metadata(file);
    found.map(drop).map_err(|e| Error::system(format_args!("Cannot access storage file '{file}'"), &e))
}

fn write_master_key(files: &GuestFiles) -> Result<()> {
    let key = [Uuid::new_v4(), Uuid::new_v4()].map(Uuid::into_bytes).concat();
    oxivirt_util::file::write_whole(&files.master_key, &key, 0o600)
        .map_err(|e| Error::system("cannot write the key for a guest's secrets", &e))
}

fn heading(emulator: &Emulator) -> String {
    let version = emulator.version;
    let system = rustix::system::uname();
    format!(
        "starting up oxivirt version: {}, qemu version: {}.{}.{}{}, kernel: {}, hostname: {}",
        env!("CARGO_PKG_VERSION"),
        version / 1_000_000,
        version / 1000 % 1000,
        version % 1000,
        emulator.package,
        system.release().to_string_lossy(),
        system.nodename().to_string_lossy()
    )
}

/// The first number behind the standard three.
const MONITOR_FD: i32 = 3;
