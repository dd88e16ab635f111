//! What the driver keeps of a guest beside its definition.
//!
//! Lock order inside [`Guest`], outermost first: `run`, `coming`, `queue`.
//! None is held while a job is begun or a monitor is asked.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::object;
use oxivirt_core::{Error, ErrorDomain, Result};

use crate::helpers::Helpers;
use crate::hotplug::Unplugs;
use crate::lifecycle::{Paused, Running, State};
use crate::marks::Marks;
use crate::monitor::{Event, Monitor, VcpuThread};
use crate::process::{GuestFiles, GuestLog, Process};
use crate::status::PrivateStatus;
use crate::surroundings::Surroundings;

/// The table of guests.
pub type Table = object::Table<DomainDefinition, Guest>;
/// One guest.
pub type Object = object::Object<DomainDefinition, Guest>;
/// The right to change one guest.
pub type Job = object::Job<DomainDefinition, Guest>;
/// A guest at one moment.
pub type Snapshot = object::Snapshot<DomainDefinition, Status>;

/// What readers see of a guest beside its definitions.
#[derive(Debug, Clone)]
pub struct Status {
    /// State and reason.
    pub state: State,
    /// Since when.
    pub since: Instant,
    /// Whether it starts with the daemon.
    pub autostart: bool,
    /// Whether the definition differs from the one the daemon loaded.
    pub updated: bool,
    /// QEMU's process.
    pub pid: Option<i32>,
    /// Threads of its virtual CPUs.
    pub vcpus: Arc<Vec<VcpuThread>>,
    /// What the balloon last said, in KiB.
    pub balloon_kib: Option<u64>,
    /// Aliases of the channels that the guest has open.
    pub open_channels: Arc<BTreeSet<String>>,
}

impl Status {
    /// Of a guest that does not run.
    pub fn off(reason: crate::lifecycle::ShutOff) -> Self {
        Self {
            state: State::ShutOff(reason),
            since: Instant::now(),
            autostart: false,
            updated: false,
            pid: None,
            vcpus: Arc::default(),
            balloon_kib: None,
            open_channels: Arc::default(),
        }
    }

    /// Moves to a state; false when it was in it already.
    pub fn enter(&mut self, state: State) -> bool {
        if self.state == state {
            return false;
        }
        self.state = state;
        self.since = Instant::now();
        true
    }
}

/// The driver's private part of a guest.
#[derive(Debug, Default)]
pub struct Guest {
    run: Mutex<Option<Arc<Run>>>,
    /// A QEMU that does not answer yet.
    coming: Mutex<Option<Arc<Process>>>,
    queue: Mutex<Queue>,
    noted: Condvar,
    /// Who waits for devices that the guest was asked to let go.
    pub unplugs: Unplugs,
}

impl object::Private for Guest {
    type Status = Status;
}

/// Something that a QEMU reported, waiting to be dealt with.
#[derive(Debug)]
pub enum Happening {
    /// An event.
    Event(Event),
    /// The monitor's end.
    Closed(String),
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<(u64, Happening)>,
    served: bool,
    /// A stop or start of the CPUs was taken out and is being noted.
    noting: bool,
}

impl Guest {
    /// The running QEMU, if there is one.
    pub fn run(&self) -> Option<Arc<Run>> {
        lock(&self.run).clone()
    }

    /// A QEMU that was started and does not answer yet, for whoever wants to end it.
    pub fn coming(&self) -> Option<Arc<Process>> {
        lock(&self.coming).clone()
    }

    /// Notes a QEMU that was started, or that the attempt is over.
    pub fn set_coming(&self, process: Option<Arc<Process>>) {
        *lock(&self.coming) = process;
    }

    /// The running QEMU, or the error that says the guest is off.
    pub fn require_run(&self) -> Result<Arc<Run>> {
        self.run().ok_or_else(|| Error::operation_invalid("domain is not running").in_domain(ErrorDomain::DOMAIN))
    }

    /// Puts a QEMU in place, or takes it out.
    pub fn set_run(&self, run: Option<Arc<Run>>) -> Option<Arc<Run>> {
        std::mem::replace(&mut lock(&self.run), run)
    }

    /// Puts a happening in line; true when somebody has to start serving.
    pub fn push(&self, token: u64, happening: Happening) -> bool {
        let mut queue = lock(&self.queue);
        // A guest may report as often as it likes; only the newest of what
        // replaces itself is of interest.
        if let Happening::Event(event) = &happening
            && REPLACED.contains(&event.name.as_str())
        {
            queue.waiting.retain(|(t, h)| *t != token || !matches!(h, Happening::Event(e) if e.name == event.name));
        }
        queue.waiting.push_back((token, happening));
        self.claim(&mut queue)
    }

    /// Whether the caller has to serve what waits, as after a QEMU was put in place.
    pub fn kick(&self) -> bool {
        let mut queue = lock(&self.queue);
        !queue.waiting.is_empty() && self.claim(&mut queue)
    }

    /// Nothing is served before the QEMU that it is about is in place.
    fn claim(&self, queue: &mut Queue) -> bool {
        if queue.served || lock(&self.run).is_none() {
            return false;
        }
        queue.served = true;
        true
    }

    /// The next happening; none ends the serving. Taking it tells that the one
    /// before has been dealt with.
    pub fn next(&self) -> Option<(u64, Happening)> {
        let mut queue = lock(&self.queue);
        let next = queue.waiting.pop_front();
        queue.served = next.is_some();
        queue.noting = next.as_ref().is_some_and(|(_, happening)| happening.is_of_cpus());
        drop(queue);
        self.noted.notify_all();
        next
    }

    /// Forgets stops and starts of the CPUs that QEMU told of up to now: the
    /// answer to a command says how they stand, and what came before it would
    /// only be told late.
    pub fn settle_cpus(&self) {
        let mut queue = lock(&self.queue);
        queue.waiting.retain(|(_, happening)| !happening.is_of_cpus());
        // Noting one takes no job, so this is short; the limit is for a full disk that hangs.
        drop(
            self.noted.wait_timeout_while(queue, NOTING, |queue| queue.noting).unwrap_or_else(PoisonError::into_inner),
        );
    }

    /// Forgets what waits, before a new QEMU is started.
    pub fn forget_happenings(&self) {
        lock(&self.queue).waiting.clear();
    }
}

impl Happening {
    /// Whether it tells that the CPUs stopped or started.
    fn is_of_cpus(&self) -> bool {
        matches!(self, Self::Event(event) if matches!(event.name.as_str(), "STOP" | "RESUME"))
    }
}

/// How long a command waits until an event that is being noted has been noted.
const NOTING: Duration = Duration::from_secs(2);

/// Events of which only the newest matters.
const REPLACED: &[&str] = &["RTC_CHANGE", "BALLOON_CHANGE"];

/// One run of a guest: a QEMU process and all that belongs to it.
#[derive(Debug)]
pub struct Run {
    /// Tells the runs of a guest apart.
    pub token: u64,
    /// The guest's number in this run.
    pub id: i32,
    /// The process.
    pub process: Arc<Process>,
    /// Its monitor, asked only by whoever holds a job; none where a new daemon
    /// found a QEMU that runs but does not answer.
    pub connection: Option<Monitor>,
    /// Its files.
    pub files: GuestFiles,
    /// What the host keeps around it.
    pub(crate) around: Surroundings,
    /// What of it is written down and does not change while it runs.
    pub lasting: PrivateStatus,
    /// What changes while it runs.
    pub marks: Marks,
    /// The programs beside it.
    pub helpers: Helpers,
    /// Its log.
    pub log: Mutex<GuestLog>,
    /// TCP ports that it took.
    pub ports: Vec<u16>,
    /// Somebody ends it on purpose: its death is no crash.
    pub ending: AtomicBool,
    /// A shutdown that was asked for is really a reboot.
    pub reboot_after_shutdown: AtomicBool,
    /// Which reason the next start and stop of the CPUs will have.
    pub next: Mutex<NextReason>,
}

/// Reasons for what QEMU is about to report.
#[derive(Debug, Default, Clone, Copy)]
pub struct NextReason {
    /// When the CPUs start.
    pub running: Option<Running>,
    /// When they stop.
    pub paused: Option<Paused>,
}

impl Run {
    /// A number for a new run.
    pub fn new_token() -> u64 {
        static LAST: AtomicU64 = AtomicU64::new(0);
        LAST.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Its monitor, or the error that says it does not answer.
    pub fn monitor(&self) -> Result<&Monitor> {
        self.connection.as_ref().ok_or_else(|| {
            Error::operation_failed(format!("the monitor of QEMU process {} does not answer", self.process.pid()))
        })
    }

    /// Notes why the CPUs are about to start.
    pub fn expect_running(&self, reason: Running) {
        lock(&self.next).running = Some(reason);
    }

    /// Notes why the CPUs are about to stop.
    pub fn expect_paused(&self, reason: Paused) {
        lock(&self.next).paused = Some(reason);
    }

    /// The noted reason, used up.
    pub fn take_running(&self) -> Option<Running> {
        lock(&self.next).running.take()
    }

    /// The noted reason, used up.
    pub fn take_paused(&self) -> Option<Paused> {
        lock(&self.next).paused.take()
    }

    /// Writes a line into the guest's log.
    pub fn log_line(&self, text: &str) {
        lock(&self.log).heading(text);
    }

    /// Whether it is being ended on purpose.
    pub fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Acquire)
    }
}

/// What the locks protect is whole after every step, so a panic of a holder
/// elsewhere takes nothing from it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
