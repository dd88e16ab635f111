//! Statistics of many guests at once.
//!
//! Guests are asked beside each other, a few at a time, each within its own
//! limits: one that does not answer costs its own record's details only.

mod block;
mod host;
mod kvm;
mod monitor;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use oxivirt_conf::object::{JOB_WAIT, JobKind};
use oxivirt_core::constants::DomainStatsTypes as Groups;
use oxivirt_core::types::{TypedParam, TypedValue};
use serde_json::Value;

pub(crate) use block::BlockTotals;
pub(crate) use host::traffic;

use super::Guests;
use crate::lifecycle::State;
use crate::monitor::{Failure, Pending};
use crate::state::{Object, Run, Snapshot};

/// Groups that QEMU itself is asked for.
const ASKED: Groups = Groups(
    Groups::BALLOON.0
        | Groups::VCPU.0
        | Groups::BLOCK.0
        | Groups::IOTHREAD.0
        | Groups::DIRTYRATE.0
        | Groups::CPU_TOTAL.0
        | Groups::VM.0,
);

/// Every group there is.
pub(crate) const SUPPORTED: Groups = Groups(
    Groups::STATE.0
        | Groups::CPU_TOTAL.0
        | Groups::BALLOON.0
        | Groups::VCPU.0
        | Groups::INTERFACE.0
        | Groups::BLOCK.0
        | Groups::PERF.0
        | Groups::IOTHREAD.0
        | Groups::MEMORY.0
        | Groups::DIRTYRATE.0
        | Groups::VM.0,
);

/// What is wanted, and how much it may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wish {
    /// Which groups.
    pub(crate) groups: Groups,
    /// Leave out what would have to be waited for.
    pub(crate) no_wait: bool,
    /// Images below those that guests write to, too.
    pub(crate) backing: bool,
}

/// Named values of one guest.
#[derive(Debug, Default)]
struct Record(Vec<TypedParam>);

impl Record {
    fn int(&mut self, name: impl Into<String>, value: i32) {
        self.0.push(TypedParam::new(name.into(), TypedValue::Int(value)));
    }

    fn uint(&mut self, name: impl Into<String>, value: u32) {
        self.0.push(TypedParam::new(name.into(), TypedValue::UnsignedInt(value)));
    }

    fn long(&mut self, name: impl Into<String>, value: i64) {
        self.0.push(TypedParam::new(name.into(), TypedValue::LongLong(value)));
    }

    fn ulong(&mut self, name: impl Into<String>, value: u64) {
        self.0.push(TypedParam::new(name.into(), TypedValue::UnsignedLongLong(value)));
    }

    fn text(&mut self, name: impl Into<String>, value: &str) {
        self.0.push(TypedParam::new(name.into(), TypedValue::String(value)));
    }
}

impl Guests {
    /// Statistics of guests, in their order.
    pub(crate) fn statistics(
        &self,
        guests: &[(Arc<Object>, Arc<Snapshot>)],
        wish: Wish,
        owner: &str,
    ) -> Vec<Vec<TypedParam>> {
        let slots: Vec<Mutex<Vec<TypedParam>>> = guests.iter().map(|_| Mutex::default()).collect();
        let next = AtomicUsize::new(0);
        let work = || {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let (Some((object, snapshot)), Some(slot)) = (guests.get(at), slots.get(at)) else { break };
                let record = self.record(object, snapshot, wish, guests.len() > 1, owner);
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = record;
            }
        };
        // Whoever is not asked needs no thread.
        let asked = guests.iter().filter(|(_, snapshot)| snapshot.is_active()).count();
        let helpers = if wish.groups.intersects(ASKED) { asked.min(WORKERS) } else { 0 };
        std::thread::scope(|scope| {
            for _ in 1..helpers {
                let helper = std::thread::Builder::new().name("qemu-stats".into());
                if helper.spawn_scoped(scope, work).is_err() {
                    // The others do its part.
                    break;
                }
            }
            work();
        });
        slots.into_iter().map(|slot| slot.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
    }

    fn record(
        &self,
        object: &Arc<Object>,
        snapshot: &Snapshot,
        wish: Wish,
        many: bool,
        owner: &str,
    ) -> Vec<TypedParam> {
        let mut record = Record::default();
        let run = object.private().run();
        let has = |group: Groups| wish.groups.contains(group);
        if has(Groups::STATE) {
            let (state, reason) = snapshot.status.state.numbers();
            record.int("state.state", state);
            record.int("state.reason", reason);
        }
        let job = match &run {
            Some(run) if wish.groups.intersects(ASKED) => self.turn(object, run, wish, many, owner),
            _ => None,
        };
        let asked = run.as_deref().filter(|_| job.is_some());
        let mut asker = Asker { run: asked, until: Instant::now() + LIMIT, begun: Vec::new() };
        asker.begin(questions(snapshot, wish));
        if let Some(run) = run.as_ref().filter(|_| has(Groups::CPU_TOTAL)) {
            host::cpu(&mut record, snapshot, run);
            kvm::halt_polling(&mut record, snapshot, &mut asker);
        }
        if has(Groups::BALLOON) {
            monitor::balloon(&mut record, snapshot, run.as_deref(), &mut asker);
        }
        if has(Groups::VCPU) {
            host::vcpus(&mut record, snapshot, run.as_deref());
            kvm::vcpus(&mut record, snapshot, &mut asker);
        }
        if has(Groups::INTERFACE) {
            host::interfaces(&mut record, snapshot);
        }
        if has(Groups::BLOCK) {
            block::blocks(&mut record, snapshot, wish.backing, &mut asker);
        }
        if let Some(run) = &run {
            if has(Groups::PERF) {
                host::counters(&mut record, run);
            }
            if has(Groups::IOTHREAD) {
                monitor::iothreads(&mut record, &mut asker);
            }
            if has(Groups::DIRTYRATE) {
                monitor::dirty_rate(&mut record, &mut asker);
            }
            if has(Groups::VM) {
                kvm::machine(&mut record, snapshot, &mut asker);
            }
        }
        drop(job);
        record.0
    }

    /// The right to ask a guest; none when that would have to be waited for
    /// and nobody wants to wait, or it was in vain.
    ///
    /// * `many` – others are asked as well, and one must not hold up the answer.
    fn turn(&self, object: &Arc<Object>, run: &Run, wish: Wish, many: bool, owner: &str) -> Option<crate::state::Job> {
        if matches!(object.snapshot().status.state, State::ShutOff(_)) {
            return None;
        }
        let monitor = run.monitor().ok()?;
        if wish.no_wait && monitor.is_silent(SILENCE) {
            return None;
        }
        // One that was left unanswered a moment ago would only be waited for again.
        if many && monitor.is_silent(SILENCE) {
            return None;
        }
        let patience = if many { LIMIT } else { JOB_WAIT };
        let deadline = if wish.no_wait { Instant::now() } else { Instant::now() + patience };
        match object.begin_job(JobKind::Query, owner, deadline) {
            Ok(job) => job.private().run().is_some().then_some(job),
            Err(error) => {
                tracing::info!(%error, "a guest's statistics are told without asking it");
                None
            }
        }
    }
}

/// What every guest with this definition is asked, whatever it answers.
fn questions(snapshot: &Snapshot, wish: Wish) -> Vec<(&'static str, Value)> {
    let definition = snapshot.definition();
    let has = |group: Groups| wish.groups.contains(group);
    let mut all = Vec::new();
    if has(Groups::BALLOON) {
        all.extend(super::memory::questions(definition));
    }
    if has(Groups::BLOCK) {
        all.extend(block::questions(definition, wish.backing));
    }
    if has(Groups::IOTHREAD) {
        all.push(("query-iothreads", Value::Null));
    }
    if has(Groups::DIRTYRATE) {
        all.push(("query-dirty-rate", Value::Null));
    }
    all
}

/// Asks a guest until it does not answer once, or its time is over.
struct Asker<'r> {
    run: Option<&'r Run>,
    until: Instant,
    /// What was asked already, so that QEMU works while other answers are read.
    begun: Vec<(&'static str, Value, Pending<'r>)>,
}

impl<'r> Asker<'r> {
    /// Sends what will be asked anyway.
    fn begin(&mut self, questions: Vec<(&'static str, Value)>) {
        let Some(monitor) = self.run.and_then(|run| run.monitor().ok()) else { return };
        let send = |(command, arguments): (&'static str, Value)| {
            (command, arguments.clone(), monitor.begin(command, arguments))
        };
        self.begun = questions.into_iter().map(send).collect();
    }

    /// The answer to a command, none from a guest that cannot be asked (any more).
    fn ask(&mut self, command: &str, arguments: Value) -> Option<Value> {
        self.attempt(command, arguments).ok()
    }

    /// The same, for whoever decides by the reason.
    fn attempt(&mut self, command: &str, arguments: Value) -> Result<Value, Failure> {
        let gone = || Failure::Gone("it does not answer".to_owned());
        let monitor = self.run.and_then(|run| run.monitor().ok()).ok_or_else(gone)?;
        let begun = self.begun.iter().position(|(name, with, _)| *name == command && *with == arguments);
        let pending = match begun {
            Some(at) => self.begun.swap_remove(at).2,
            None => monitor.begin(command, arguments),
        };
        let answer = pending.finish(self.until.saturating_duration_since(Instant::now()));
        if let Err(failure) = &answer
            && !matches!(failure, Failure::Refused { .. })
        {
            tracing::warn!(domain = %monitor.domain(), ?failure, command, "a guest's statistics are incomplete");
            self.run = None;
        }
        answer
    }
}

/// How long one that did not answer is left alone where others are asked as well.
const SILENCE: Duration = Duration::from_secs(30);

/// How many guests are asked beside each other.
const WORKERS: usize = 32;

/// How long all answers of a guest may take.
const LIMIT: Duration = Duration::from_secs(5);
