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

pub(crate) use block::BlockTotals;
pub(crate) use host::traffic;

use super::Guests;
use crate::lifecycle::State;
use crate::monitor::Failure;
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
                let record = self.record(object, snapshot, wish, owner);
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

    fn record(&self, object: &Arc<Object>, snapshot: &Snapshot, wish: Wish, owner: &str) -> Vec<TypedParam> {
        let mut record = Record::default();
        let run = object.private().run();
        let has = |group: Groups| wish.groups.contains(group);
        if has(Groups::STATE) {
            let (state, reason) = snapshot.status.state.numbers();
            record.int("state.state", state);
            record.int("state.reason", reason);
        }
        let job = match &run {
            Some(run) if wish.groups.intersects(ASKED) => self.turn(object, run, wish, owner),
            _ => None,
        };
        let mut asker = Asker { run: run.as_deref().filter(|_| job.is_some()), limit: LIMIT };
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
    fn turn(&self, object: &Arc<Object>, run: &Run, wish: Wish, owner: &str) -> Option<crate::state::Job> {
        if matches!(object.snapshot().status.state, State::ShutOff(_)) {
            return None;
        }
        let monitor = run.monitor().ok()?;
        if wish.no_wait && monitor.is_silent(Duration::from_secs(30)) {
            return None;
        }
        let deadline = if wish.no_wait { Instant::now() } else { Instant::now() + JOB_WAIT };
        match object.begin_job(JobKind::Query, owner, deadline) {
            Ok(job) => job.private().run().is_some().then_some(job),
            Err(error) => {
                tracing::info!(%error, "a guest's statistics are told without asking it");
                None
            }
        }
    }
}

/// Asks a guest until it does not answer once.
struct Asker<'r> {
    run: Option<&'r Run>,
    limit: Duration,
}

impl Asker<'_> {
    /// The answer to a command, none from a guest that cannot be asked (any more).
    fn ask(&mut self, command: &str, arguments: serde_json::Value) -> Option<serde_json::Value> {
        let monitor = self.run?.monitor().ok()?;
        match monitor.attempt(command, arguments, self.limit) {
            Ok(answer) => Some(answer),
            Err(Failure::Refused { .. }) => None,
            Err(failure) => {
                tracing::warn!(domain = %monitor.domain(), ?failure, command, "a guest's statistics are incomplete");
                self.run = None;
                None
            }
        }
    }
}

/// How many guests are asked beside each other.
const WORKERS: usize = 32;

/// How long one answer may take.
const LIMIT: Duration = Duration::from_secs(5);
