//! Finding guests again: stored definitions, and those that still run.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::object::JOB_WAIT;
use oxivirt_core::types::{TypedParam, TypedValue};
use oxivirt_core::{Error, Result};

use super::happenings::Listener;
use super::{ANSWER, Guests, StartOptions};
use crate::document;
use crate::helpers::{Helpers, Site, left_by_another};
use crate::lifecycle::{Crashed, Lifecycle, Paused, Running, ShutDown, ShutOff, State};
use crate::marks::Marks;
use crate::monitor::Monitor;
use crate::process::{GuestFiles, GuestLog, Process};
use crate::state::{Guest, Object, Run, Snapshot, Status};
use crate::surroundings::Surroundings;

impl Guests {
    /// Reads every definition and status file and takes running guests over.
    ///
    /// A file that cannot be used is logged and left where it is.
    pub fn load(self: &Arc<Self>) -> Result<()> {
        self.folders.create()?;
        self.remove_unfinished();
        for path in documents(&self.folders.config) {
            let loaded = self.load_definition(&path).or_else(|error| self.finish_rename(&path, error));
            if let Err(error) = loaded {
                tracing::error!(file = %path.display(), %error, "cannot load a definition");
            }
        }
        let failed = AtomicBool::new(false);
        let waiting = Mutex::new(documents(&self.folders.run));
        // Several at a time: one that does not answer holds up few others.
        std::thread::scope(|scope| {
            let work = || {
                while let Some(path) = waiting.lock().unwrap_or_else(PoisonError::into_inner).pop() {
                    if let Err(error) = self.reconnect(&path) {
                        tracing::error!(file = %path.display(), %error, "cannot take a running guest over");
                        failed.store(true, Ordering::Relaxed);
                    }
                }
            };
            for _ in 1..TAKEN_OVER_AT_ONCE {
                scope.spawn(work);
            }
            work();
        });
        match failed.into_inner() {
            // What belongs to a guest that is not known must not be taken for a leftover.
            true => tracing::warn!("what an earlier daemon left is not removed"),
            false => {
                self.sweep();
                Surroundings::sweep(&self.settings(), &self.folders);
            }
        }
        Ok(())
    }

    /// Starts every guest that is to start with the host: by the first daemon
    /// since the run folder was emptied, and never by one that takes over.
    pub fn autostart(&self) {
        let stamp = self.folders.run.join("autostarted");
        if stamp.exists() {
            return;
        }
        let listing = self.table.list();
        let mut wanted: Vec<_> = listing
            .iter()
            .filter(|(_, snapshot)| snapshot.status.autostart && !snapshot.is_active())
            .map(|(object, snapshot)| (snapshot.definition().name.clone(), object.uuid()))
            .collect();
        wanted.sort();
        let delay = self.settings().auto_start_delay;
        for (index, (name, uuid)) in wanted.into_iter().enumerate() {
            if index > 0 {
                std::thread::sleep(delay);
            }
            if let Err(error) = self.create(uuid, StartOptions::default(), "autostart") {
                tracing::error!(domain = %name, %error, "cannot start a guest with the daemon");
            }
        }
        // After the last one: a daemon that was killed meanwhile leaves the rest to the next.
        let noted = std::fs::create_dir_all(&self.folders.run).and_then(|()| std::fs::File::create(&stamp).map(drop));
        if let Err(error) = noted {
            let path = stamp.display();
            tracing::error!(%path, %error, "cannot note that guests were started; the next daemon starts them again");
        }
    }

    fn load_definition(&self, path: &Path) -> Result<()> {
        let domain = document::read_stored(&document::read_file(path)?, &self.catalog, &self.folders)?;
        let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
        if domain.name != stem {
            return Err(Error::operation_failed(format!("the file is not called after its domain '{}'", domain.name)));
        }
        let mut status = Status::off(ShutOff::Unknown);
        let link = self.folders.autostart_link(&domain.name);
        status.autostart = std::fs::read_link(link).is_ok();
        self.table.insert(Snapshot::inactive(domain, status), Guest::default()).map(drop)
    }

    fn reconnect(self: &Arc<Self>, path: &Path) -> Result<()> {
        let text = document::read_file(path)?;
        let hooks = document::hooks(&self.catalog, &self.folders);
        let deadline = Instant::now() + JOB_WAIT;
        let keep = |old: &Status, new: &mut Status| new.autostart = old.autostart;
        let (job, saved) = self.table.load_status(&text, &hooks, "taking over", deadline, keep)?;
        let object = Arc::clone(job.object());
        let snapshot = job.snapshot();
        let (domain, state) = (snapshot.definition(), snapshot.status.state);
        let name = domain.name.clone();
        let id = snapshot.id().ok_or_else(|| Error::xml("status without an id"))?;
        let mut files = self.folders.guest(id, &name);
        files.monitor = saved.private.monitor.clone();
        files.state = saved.private.folder();
        let mut lasting = saved.private;
        let marks = Marks::restored(saved.taints, saved.deprecations, lasting.agent_timeout);
        lasting.fill(&self.folders.memory(id, &name));
        if let Some(folder) = &lasting.memory_dir {
            files.memory.clone_from(folder);
        }
        let ports = ports(domain);
        let process = Process::find(saved.pid)
            .ok()
            .filter(Process::is_alive)
            .filter(|p| lasting.start_time.is_none_or(|t| t == p.start_time()));
        if lasting.helpers.is_empty() {
            lasting.helpers = left_by_another(&Site::new(&self.folders, &files, domain, self.settings()), domain);
        }
        let helpers = Helpers::take_over(&lasting.helpers);
        let Some(process) = process else {
            helpers.end();
            return self.vanished(&job, &files, state);
        };
        if state == State::Paused(Paused::StartingUp) {
            // Nobody was told that it runs, and how far its start came is not known.
            tracing::info!(domain = %name, pid = saved.pid, "a guest whose start was not finished is ended");
            process.terminate(Duration::ZERO, true)?;
            helpers.end();
            return self.vanished(&job, &files, state);
        }
        for port in &ports {
            self.ports.reserve(*port);
        }
        let token = Run::new_token();
        let listener = Listener { guests: Arc::downgrade(self), object: Arc::downgrade(&object), token };
        let connection = match Monitor::connect(&name, &files.monitor, Box::new(listener), ANSWER) {
            Ok(monitor) => Some(monitor),
            Err(error) if !process.is_alive() => {
                tracing::info!(domain = %name, %error, "guest ended while it was taken over");
                helpers.end();
                return self.vanished(&job, &files, state);
            }
            // It runs but does not talk. It stays listed with what is known,
            // can be ended, and is tried again.
            Err(error) => {
                tracing::error!(domain = %name, %error, "guest runs but its monitor does not answer");
                None
            }
        };
        let log = GuestLog::of_running(&files.log);
        let around = Surroundings::find(&self.settings(), &self.folders, domain, (id, process.pid()));
        let run = Arc::new(Run {
            token,
            id,
            process: Arc::new(process),
            connection,
            reboot_after_shutdown: AtomicBool::new(lasting.fake_reboot),
            lasting,
            marks,
            files,
            around,
            helpers,
            log: Mutex::new(log),
            ports,
            ending: AtomicBool::new(false),
            next: Mutex::default(),
        });
        job.private().set_run(Some(Arc::clone(&run)));
        self.watch_served(&object, &run);
        let Some(monitor) = &run.connection else {
            drop(job);
            self.try_again(object, run, path.to_owned());
            return Ok(());
        };
        let now = monitor.status(ANSWER)?;
        let threads = monitor.vcpu_threads(ANSWER)?;
        let balloon = monitor.balloon(ANSWER)?;
        let state = current(state, now.running, &now.status);
        job.object().note(|status| {
            status.enter(state);
            status.vcpus = Arc::new(threads);
            status.balloon_kib = balloon;
        });
        document::write_passing(&run.files.pid, &run.process.pid().to_string())?;
        let settled = self
            .settle_devices(&job)
            .and_then(|()| self.settle_vcpus(&job, &run))
            .and_then(|()| self.settle_iothreads(&job, &run));
        if let Err(error) = settled {
            tracing::error!(domain = %name, %error, "the devices of a guest are not settled");
        }
        self.look_at_channels(&object, &run);
        self.count_again(&object, &run);
        self.save_status(&object)?;
        tracing::info!(domain = %name, pid = saved.pid, ?state, "guest taken over");
        self.hook_reconnected(Arc::clone(&object), Arc::clone(&run));
        let shut_down = matches!(state, State::ShutDown(_));
        drop(job);
        if shut_down {
            self.conclude(&object, &run, ShutOff::Shutdown);
        }
        if object.private().kick() {
            self.serve(object);
        }
        Ok(())
    }

    /// Counters end with the daemon that had them; those of a guest begin anew.
    fn count_again(&self, object: &Arc<Object>, run: &Run) {
        let wanted = crate::perf::wanted(object.snapshot().definition());
        let on = |name: &str| TypedParam::new(name, TypedValue::Boolean(true));
        let wanted: Vec<TypedParam> = wanted.into_iter().map(on).collect();
        if let Err(error) = run.marks.set_counters(&wanted, run.process.pid()) {
            tracing::warn!(%error, "counters of a guest are off");
        }
    }

    /// Looks after a guest whose monitor did not answer, until it does or ends.
    fn try_again(self: &Arc<Self>, object: Arc<Object>, run: Arc<Run>, path: PathBuf) {
        let guests = Arc::clone(self);
        let watcher = std::thread::Builder::new().name("qemu-retry".into()).spawn(move || {
            let ended = run.process.wait(RETRY).is_some();
            let current = object.private().run().is_some_and(|now| Arc::ptr_eq(&now, &run));
            match (current, ended) {
                (false, _) => {}
                (true, true) => guests.conclude(&object, &run, ShutOff::Crashed),
                (true, false) => {
                    if let Err(error) = guests.reconnect(&path) {
                        tracing::error!(file = %path.display(), %error, "cannot take a running guest over");
                    }
                }
            }
        });
        if let Err(error) = watcher {
            tracing::error!(%error, "no thread to watch a silent guest");
        }
    }

    /// A guest that ended while no daemon watched.
    fn vanished(self: &Arc<Self>, job: &crate::state::Job, files: &GuestFiles, state: State) -> Result<()> {
        let before = job.snapshot();
        let reason = match state {
            State::ShutDown(_) => ShutOff::Shutdown,
            State::Paused(Paused::StartingUp) => ShutOff::Failed,
            _ => ShutOff::Crashed,
        };
        self.hook_vanished(Arc::clone(before.definition()));
        if let Some(id) = before.id() {
            Surroundings::clear(&self.settings(), &self.folders, before.definition(), id);
        }
        files.remove();
        job.update(|snapshot| {
            snapshot.stop();
            snapshot.status.enter(State::ShutOff(reason));
            snapshot.status.pid = None;
            snapshot.status.vcpus = Arc::default();
            Ok(())
        })?;
        let event = if reason == ShutOff::Shutdown { Lifecycle::StoppedShutdown } else { Lifecycle::StoppedFailed };
        self.tell_lifecycle(&before, event);
        if !job.snapshot().is_persistent() {
            self.forget_tpm(before.definition());
            self.table.remove(job);
        }
        Ok(())
    }
}

/// The state after a look at QEMU; the old reason stays where it still fits.
fn current(old: State, running: bool, word: &str) -> State {
    match (old, running, word) {
        (State::Running(_), true, _) => old,
        (_, true, _) => State::Running(Running::Unknown),
        (_, false, "shutdown") => State::ShutDown(ShutDown::Unknown),
        (_, false, "guest-panicked") => State::Crashed(Crashed::Panicked),
        (State::Paused(_) | State::ShutDown(_) | State::Crashed(_) | State::Asleep(_), false, _) => old,
        (_, false, "io-error") => State::Paused(Paused::IoError),
        (_, false, "watchdog") => State::Paused(Paused::Watchdog),
        (_, false, _) => State::Paused(Paused::Unknown),
    }
}

fn ports(domain: &DomainDefinition) -> Vec<u16> {
    use oxivirt_conf::domain::devices::GraphicsKind;
    let port = |kind: &GraphicsKind| match kind {
        GraphicsKind::Vnc(vnc) => u16::try_from(vnc.port).ok(),
        GraphicsKind::Spice(spice) => u16::try_from(spice.port).ok(),
        _ => None,
    };
    domain.devices.graphics.iter().filter_map(|g| port(&g.kind)).filter(|p| *p != 0).collect()
}

/// The documents directly in a folder, by name.
fn documents(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "xml") && path.is_file())
        .collect();
    found.sort();
    found
}

/// How many guests are taken over at the same time.
const TAKEN_OVER_AT_ONCE: usize = 16;

/// How long a guest whose monitor did not answer is left alone.
const RETRY: Duration = Duration::from_secs(20);
