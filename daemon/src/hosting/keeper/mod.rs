//! Keeps one plugin's process: what may be asked of it, whether one is there or not.

mod hear;
mod life;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use oxivirt_core::host::HostServices;
use oxivirt_core::plugin::loader::Plugin;
use oxivirt_core::types::TypedParam;
use oxivirt_core::{Error, ErrorCode, ErrorDomain, Result};

use super::Given;
use super::carrier::Carrier;
use super::channels::Channels;
use super::message::{Message, Orders, Start};
use super::process::Process;
use crate::daemon::Daemon;
use crate::logging;

/// What starting and ending a process takes besides the drivers' own time.
const START_GRACE: Duration = Duration::from_secs(30);

/// How long the channel of a new connection may be missing.
const CHANNEL_LIMIT: Duration = Duration::from_secs(10);

/// How long a driver may take to read its configuration again.
const RELOAD_LIMIT: Duration = Duration::from_secs(60);

/// How long a driver may take to save what it has not saved yet.
const STOP_LIMIT: Duration = Duration::from_secs(20);

/// One plugin that runs elsewhere.
pub(in crate::hosting) struct Keeper {
    pub(in crate::hosting) daemon: &'static Daemon,
    plugin: Plugin,
    given: Given,
    state: Mutex<State>,
    changed: Condvar,
    next_tag: AtomicU64,
}

struct State {
    phase: Phase,
    /// What is to be said to a new process.
    orders: Orders,
    /// How the drivers started in the present process.
    starts: Option<Vec<Start>>,
    /// Why there is no process, or why there was a new one.
    trouble: String,
    /// Whether a start has come to an end, good or bad.
    tried: bool,
    stopping: bool,
    channels: Channels,
    /// Who asks the daemon to stay, by the present process.
    inhibitors: Vec<String>,
    carriers: Vec<Weak<Carrier>>,
    /// Answers that are waited for, by their tags.
    answers: HashMap<u64, Option<Answer>>,
}

enum Answer {
    Channel(u64),
    Reloaded(Result<()>),
}

/// Where the plugin is.
enum Phase {
    /// A process is there and does not serve yet.
    Starting(Option<Arc<Process>>),
    /// It serves.
    Serving(Arc<Process>),
    /// It will be started again then.
    Waiting(Instant),
    /// There is none and there will be none.
    Over,
}

/// Forgets a tag that nobody waits for any more.
pub(in crate::hosting) struct Tag<'a>(&'a Keeper, u64);

impl Drop for Tag<'_> {
    fn drop(&mut self) {
        self.0.state().answers.remove(&self.1);
    }
}

impl Keeper {
    /// Starts keeping a process and waits until it serves or fails for the
    /// first time.
    ///
    /// Returns how the drivers started; absent when the process came to
    /// nothing and will be tried again.
    pub(in crate::hosting) fn start(
        daemon: &'static Daemon,
        plugin: Plugin,
        given: Given,
        orders: Orders,
    ) -> Result<(Arc<Self>, Option<Vec<Start>>)> {
        let keeper = Arc::new(Self {
            daemon,
            plugin,
            given,
            state: Mutex::new(State {
                phase: Phase::Starting(None),
                orders,
                starts: None,
                trouble: "it was not started yet".to_owned(),
                tried: false,
                stopping: false,
                channels: Channels::default(),
                inhibitors: Vec::new(),
                carriers: Vec::new(),
                answers: HashMap::new(),
            }),
            changed: Condvar::new(),
            next_tag: AtomicU64::new(1),
        });
        let running = keeper.clone();
        let spawned = std::thread::Builder::new().name("keeper".to_owned()).spawn(move || running.keep());
        spawned.map_err(|source| Error::system("no thread to look after a hosting process", &source))?;
        let limit = keeper.given.start_limit + START_GRACE;
        let state = keeper.changed.wait_timeout_while(keeper.state(), limit, |state| !state.tried);
        let starts = state.unwrap_or_else(PoisonError::into_inner).0.starts.clone();
        Ok((keeper, starts))
    }

    /// The plugin's name.
    pub(in crate::hosting) fn name(&self) -> &str {
        self.plugin.module.name().as_str()
    }

    /// Name of one of its drivers.
    pub(in crate::hosting) fn driver_name(&self, driver: usize) -> &str {
        self.plugin.module.drivers().get(driver).map_or("?", |module| module.name().as_str())
    }

    /// The process that serves.
    pub(in crate::hosting) fn serving(&self) -> Option<Arc<Process>> {
        match &self.state().phase {
            Phase::Serving(process) => Some(process.clone()),
            _ => None,
        }
    }

    /// Waits until a process serves that is not the `lost` one.
    ///
    /// Errors: `RPC` saying why there is none: at once when one will only be
    /// started later, else when `until` has come.
    pub(in crate::hosting) fn process(&self, driver: usize, lost: Option<u64>, until: Instant) -> Result<Arc<Process>> {
        let comes = |state: &mut State| match &state.phase {
            Phase::Starting(_) => true,
            Phase::Serving(process) => Some(process.generation) == lost,
            Phase::Waiting(_) | Phase::Over => false,
        };
        let left = until.saturating_duration_since(Instant::now());
        let waited = self.changed.wait_timeout_while(self.state(), left, comes);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let why = match &state.phase {
            Phase::Serving(process) if Some(process.generation) != lost => {
                match state.starts.as_ref().and_then(|starts| starts.get(driver)) {
                    Some(Start::Ready) => return Ok(process.clone()),
                    Some(Start::Declined(reason)) => format!("it is not available: {reason}"),
                    Some(Start::Failed(error)) => format!("it did not start: {error}"),
                    None => "it did not start".to_owned(),
                }
            }
            Phase::Serving(process) => format!("its process {} does not answer", process.pid),
            Phase::Starting(process) => {
                let process = process.as_ref().map_or(String::new(), |process| format!(" in process {}", process.pid));
                format!("{}; it is being started{process} and does not serve yet", state.trouble)
            }
            Phase::Waiting(until) => {
                let seconds = until.saturating_duration_since(Instant::now()).as_secs() + 1;
                format!("{}; it is started again in {seconds} s", state.trouble)
            }
            Phase::Over => state.trouble.clone(),
        };
        let text = format!("driver {}: {why}", self.driver_name(driver));
        Err(Error::new(ErrorCode::RPC, text).in_domain(ErrorDomain::RPC))
    }

    /// A number under which the process will answer.
    pub(in crate::hosting) fn new_tag(&self) -> u64 {
        let tag = self.next_tag.fetch_add(1, Ordering::Relaxed);
        self.state().answers.insert(tag, None);
        tag
    }

    /// Ends waiting for an answer once this is dropped.
    pub(in crate::hosting) fn forget_on_drop(&self, tag: u64) -> Tag<'_> {
        Tag(self, tag)
    }

    /// Waits for the channel of a connection that was opened.
    pub(in crate::hosting) fn channel(&self, tag: u64, process: &Process) -> Result<u64> {
        match self.answer(tag, process, CHANNEL_LIMIT, "the channel of a connection")? {
            Answer::Channel(channel) => Ok(channel),
            Answer::Reloaded(_) => Err(Error::internal("an answer to something else")),
        }
    }

    fn answer(&self, tag: u64, process: &Process, limit: Duration, what: &str) -> Result<Answer> {
        let waits = |state: &mut State| {
            let serves = matches!(&state.phase, Phase::Serving(other) if other.generation == process.generation);
            serves && !matches!(state.answers.get(&tag), Some(Some(_)))
        };
        let waited = self.changed.wait_timeout_while(self.state(), limit, waits);
        let (mut state, result) = waited.unwrap_or_else(PoisonError::into_inner);
        if let Some(Some(answer)) = state.answers.remove(&tag) {
            return Ok(answer);
        }
        let (name, pid) = (self.name(), process.pid);
        Err(match result.timed_out() {
            true => Error::timed_out(format!("plugin {name} (process {pid}): {what} did not come within {limit:?}")),
            false => {
                let text = format!("plugin {name}: process {pid} ended");
                Error::new(ErrorCode::RPC, text).in_domain(ErrorDomain::RPC)
            }
        })
    }

    /// Joins a connection to the channel of its events, see [`Channels::join`].
    pub(in crate::hosting) fn join(&self, generation: u64, inner: u64, outer: Option<u64>) -> Option<u64> {
        // A driver without events has no channel on either side.
        if inner == 0 {
            return Some(outer.unwrap_or_default());
        }
        self.state().channels.join(generation, inner, outer, || self.daemon.new_channel())
    }

    /// Takes a connection's part of a channel away.
    pub(in crate::hosting) fn leave(&self, generation: u64, inner: u64, outer: u64) {
        self.state().channels.leave(generation, inner, outer);
    }

    /// Opens a connection again whenever there is a new process.
    pub(in crate::hosting) fn remember(&self, carrier: &Arc<Carrier>) {
        self.state().carriers.push(Arc::downgrade(carrier));
    }

    /// A connection is not wanted any more.
    pub(in crate::hosting) fn forget(&self, carrier: &Arc<Carrier>) {
        self.state().carriers.retain(|other| other.as_ptr() != Arc::as_ptr(carrier));
    }

    /// A client of the daemon says that it acts for somebody else now.
    pub(in crate::hosting) fn stands_for(&self, client: u64, identity: &[TypedParam]) -> Result<()> {
        let all = self.carriers();
        all.iter().filter(|carrier| carrier.client == client).try_for_each(|carrier| carrier.stand_for(identity))
    }

    /// The daemon's configuration has changed.
    pub(in crate::hosting) fn order(&self, orders: Orders) {
        self.state().orders = orders.clone();
        if let Some(process) = self.serving()
            && let Err(error) = process.tell(&Message::Orders(orders))
        {
            tracing::warn!(plugin = self.name(), process = process.pid, %error, "it was not told of the configuration");
        }
    }

    /// Makes a driver read its configuration again; one that is just being
    /// started reads it anyway.
    pub(in crate::hosting) fn reload(&self, driver: usize) -> Result<()> {
        let Some(process) = self.serving() else { return Ok(()) };
        let tag = self.new_tag();
        let _given = self.forget_on_drop(tag);
        process.tell(&Message::Ping(logging::foreign_level()))?;
        process.tell(&Message::Reload { tag, driver: self.driver_name(driver).to_owned() })?;
        match self.answer(tag, &process, RELOAD_LIMIT, "reading the configuration again")? {
            Answer::Reloaded(result) => result,
            Answer::Channel(_) => Err(Error::internal("an answer to something else")),
        }
    }

    /// Ends the process for good and waits for that.
    pub(in crate::hosting) fn stop(&self) {
        let mut state = self.state();
        state.stopping = true;
        "the daemon ends".clone_into(&mut state.trouble);
        let process = match &state.phase {
            Phase::Serving(process) => Some(process.clone()),
            _ => None,
        };
        drop(state);
        self.changed.notify_all();
        if let Some(process) = &process {
            // One that does not listen is killed below.
            let _ = process.tell(&Message::Stop);
        }
        let ends = |state: &mut State| !matches!(state.phase, Phase::Over);
        let waited = self.changed.wait_timeout_while(self.state(), STOP_LIMIT, ends);
        if waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
            && let Some(process) = process
        {
            let (plugin, seconds) = (self.name(), STOP_LIMIT.as_secs());
            tracing::error!(plugin, process = process.pid, seconds, "it did not end in time and is killed");
            process.kill();
        }
    }

    fn carriers(&self) -> Vec<Arc<Carrier>> {
        self.state().carriers.iter().filter_map(Weak::upgrade).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
