//! The line in which writers of one object wait.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use oxivirt_core::{Error, Result};

use super::job::{AbortSignal, JobInfo, JobKind};

/// Who holds an object and who waits for it, in the order of arrival.
///
/// Queries run beside queries and beside one long-running job; a modifying
/// job runs alone. A newcomer never overtakes, with one exception: while a
/// long-running job goes on, queries pass by those who wait for its end,
/// for these could not start anyway.
#[derive(Default)]
pub(super) struct JobQueue {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    holders: Vec<Holder>,
    waiting: VecDeque<Waiter>,
    tickets: u64,
}

struct Holder {
    ticket: u64,
    info: JobInfo,
    abort: AbortSignal,
}

struct Waiter {
    ticket: u64,
    kind: JobKind,
    owner: String,
    /// One per waiter, so that exactly those are woken whose turn it is.
    turn: Arc<Condvar>,
}

/// A place among the holders.
pub(super) struct Ticket {
    pub(super) number: u64,
    pub(super) abort: AbortSignal,
}

impl JobQueue {
    /// Waits in line until `deadline`.
    pub(super) fn begin(&self, kind: JobKind, owner: &str, deadline: Instant) -> Result<Ticket> {
        let mut state = self.lock();
        state.tickets += 1;
        let ticket = state.tickets;
        if state.may_enter(kind) {
            return Ok(state.admit(ticket, kind, owner.to_owned()));
        }
        let turn = Arc::new(Condvar::new());
        state.waiting.push_back(Waiter { ticket, kind, owner: owner.to_owned(), turn: Arc::clone(&turn) });
        loop {
            if let Some(holder) = state.holders.iter().find(|holder| holder.ticket == ticket) {
                return Ok(Ticket { number: ticket, abort: holder.abort.clone() });
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let error = state.busy(owner);
                state.waiting.retain(|waiter| waiter.ticket != ticket);
                // Those behind may have waited for this one only.
                state.grant();
                return Err(error);
            }
            state = turn.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Leaves and lets in whoever is next.
    pub(super) fn end(&self, ticket: u64) {
        let mut state = self.lock();
        state.holders.retain(|holder| holder.ticket != ticket);
        state.grant();
        if state.holders.is_empty() {
            // Most objects are never worked on again, and there are thousands.
            state.holders = Vec::new();
        }
    }

    /// The jobs under way, longest first.
    pub(super) fn holders(&self) -> Vec<JobInfo> {
        self.lock().holders.iter().map(|holder| holder.info.clone()).collect()
    }

    /// Asks the long-running job to give up; `false` when there is none.
    pub(super) fn abort(&self) -> bool {
        let state = self.lock();
        let long = state.holders.iter().find(|holder| holder.info.kind == JobKind::LongRunning);
        if let Some(holder) = long {
            holder.abort.raise();
        }
        long.is_some()
    }

    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.lock().waiting.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that could panic runs under it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn has_long(&self) -> bool {
        self.holders.iter().any(|holder| holder.info.kind == JobKind::LongRunning)
    }

    fn fits(&self, kind: JobKind) -> bool {
        match kind {
            JobKind::Modify => self.holders.is_empty(),
            JobKind::LongRunning => self.holders.iter().all(|holder| holder.info.kind == JobKind::Query),
            JobKind::Query => self.holders.iter().all(|holder| holder.info.kind != JobKind::Modify),
        }
    }

    fn may_enter(&self, kind: JobKind) -> bool {
        self.fits(kind) && (self.waiting.is_empty() || (kind == JobKind::Query && self.has_long()))
    }

    fn admit(&mut self, ticket: u64, kind: JobKind, owner: String) -> Ticket {
        let abort = AbortSignal::default();
        self.holders.push(Holder {
            ticket,
            info: JobInfo { kind, owner, since: Instant::now() },
            abort: abort.clone(),
        });
        Ticket { number: ticket, abort }
    }

    fn grant(&mut self) {
        while let Some(next) = self.waiting.front()
            && self.fits(next.kind)
            && let Some(next) = self.waiting.pop_front()
        {
            self.admit(next.ticket, next.kind, next.owner);
            next.turn.notify_one();
        }
        if self.has_long() {
            let (queries, others) =
                std::mem::take(&mut self.waiting).into_iter().partition(|waiter| waiter.kind == JobKind::Query);
            self.waiting = others;
            for Waiter { ticket, kind, owner, turn } in queries {
                self.admit(ticket, kind, owner);
                turn.notify_one();
            }
        }
    }

    /// The error of one who waited in vain.
    fn busy(&self, owner: &str) -> Error {
        let now = Instant::now();
        let held = match self.holders.first() {
            Some(Holder { info, .. }) => format!(
                "held by monitor={}, a {} job, for {:.1} s{}",
                info.owner,
                info.kind,
                now.saturating_duration_since(info.since).as_secs_f64(),
                match self.holders.len() {
                    1 => String::new(),
                    count => format!(", and {} more", count - 1),
                }
            ),
            None => "held by nobody".to_owned(),
        };
        Error::timed_out(format!("cannot acquire state change lock for {owner} ({held})"))
    }
}
