//! The life of the processes of one plugin, on a thread of its own.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use oxivirt_core::constants::CloseReason;
use oxivirt_core::event::Event;
use oxivirt_core::host::HostServices;
use oxivirt_util::process::Running;

use super::super::message::{Message, Start};
use super::super::process::{Fresh, Process};
use super::{Keeper, Phase, State};
use crate::logging;

/// How often a process is asked for a sign of life.
const TICK: Duration = Duration::from_secs(5);

/// Questions without a sign of life after which a process is ended: nobody can
/// work with it any more.
const QUESTIONS_MAX: u32 = 12;

/// A process that served for so long did not fail to start.
const STEADY: Duration = Duration::from_secs(60);

/// Longest wait before a process is started again.
const BACK_OFF_MAX: Duration = Duration::from_secs(60);

impl Keeper {
    pub(super) fn keep(self: Arc<Self>) {
        let (mut failures, mut held) = (0u32, Vec::new());
        for generation in 1.. {
            let begun = Instant::now();
            let why = match Process::spawn(&self.plugin.path, &self.given.arguments, generation) {
                Ok(fresh) => self.attend(fresh, &mut held),
                Err(error) => format!("its process cannot be started: {error}"),
            };
            if begun.elapsed() > STEADY {
                failures = 0;
            }
            let delay = back_off(failures);
            failures = failures.saturating_add(1);
            if !self.lament(why, delay, &mut held) {
                return;
            }
        }
    }

    /// Says why a process is gone and waits until it is time for the next one;
    /// false when there will be none.
    fn lament(&self, why: String, delay: Duration, held: &mut Vec<String>) -> bool {
        let mut state = self.state();
        let first = !std::mem::replace(&mut state.tried, true);
        let final_starts = first && state.starts.as_ref().is_some_and(|starts| !starts.iter().any(is_ready));
        let is_over = state.stopping || final_starts;
        if !is_over {
            let seconds = delay.as_secs();
            tracing::error!(plugin = self.name(), seconds, "{why}; it is started again");
        }
        if !state.stopping {
            state.trouble = why;
        }
        if !final_starts {
            state.starts = None;
        }
        held.append(&mut state.inhibitors);
        state.phase = match (is_over, delay.is_zero()) {
            (true, _) => Phase::Over,
            (false, true) => Phase::Starting(None),
            (false, false) => Phase::Waiting(Instant::now() + delay),
        };
        // Whoever waited for the old process learns that it is gone.
        state.answers.clear();
        drop(state);
        self.changed.notify_all();
        if is_over {
            self.release(std::mem::take(held));
            return false;
        }
        let waited = self.changed.wait_timeout_while(self.state(), delay, |state| !state.stopping);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        state.phase = if state.stopping { Phase::Over } else { Phase::Starting(None) };
        let goes_on = !state.stopping;
        drop(state);
        self.changed.notify_all();
        goes_on
    }

    /// Looks after a process until it is gone; returns why it is.
    fn attend(self: &Arc<Self>, fresh: Fresh, held: &mut Vec<String>) -> String {
        let Fresh { process, mut running, reader, output } = fresh;
        let pid = process.pid;
        let orders = {
            let mut state = self.state();
            state.starts = None;
            state.phase = Phase::Starting(Some(process.clone()));
            state.orders.clone()
        };
        // Should it not listen, it will not serve either.
        let _ = process.tell(&Message::Orders(orders));
        let _ = process.tell(&Message::Ping(logging::foreign_level()));
        let listener = super::super::listener::listen(self.clone(), process.clone(), reader, output);
        let mut why = match listener.as_ref() {
            Ok(_) => self.wait_until_it_serves(&process),
            Err(error) => Err(format!("nobody can listen to its process {pid}: {error}")),
        };
        if why.is_ok() {
            // The new process has said by now which guests it found.
            self.release(std::mem::take(held));
            why = self.watch(&process, &running);
        }
        let asked = self.state().stopping;
        let ended = match why {
            Ok(()) => running.wait(Duration::from_secs(1)).ok().flatten(),
            Err(_) => None,
        };
        let ended = ended.or_else(|| running.stop(Duration::ZERO).ok());
        process.hang_up();
        if let Ok(listener) = listener {
            // What it said last still counts.
            let _ = listener.join();
        }
        let lost = self.state().channels.change(process.generation + 1);
        if !asked && let Ok(event) = Event::connection_closed(CloseReason::EOF) {
            for channel in lost {
                self.daemon.emit(channel, &event);
            }
        }
        match (why, ended) {
            (Err(why), _) => why,
            (Ok(()), Some(status)) => format!("its process {pid} ended: {status}"),
            (Ok(()), None) => format!("its process {pid} ended"),
        }
    }

    /// Waits until the drivers have started.
    ///
    /// Errors: why that will not be.
    fn wait_until_it_serves(self: &Arc<Self>, process: &Arc<Process>) -> Result<(), String> {
        let limit = self.given.start_limit;
        let waits = |state: &mut State| state.starts.is_none() && !state.stopping && !process.is_gone();
        let waited = self.changed.wait_timeout_while(self.state(), limit, waits);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        let pid = process.pid;
        match &state.starts {
            Some(starts) if starts.iter().any(is_ready) => {
                state.channels.change(process.generation);
                state.phase = Phase::Serving(process.clone());
                let again = std::mem::replace(&mut state.tried, true);
                let stopping = state.stopping;
                drop(state);
                self.changed.notify_all();
                if stopping {
                    let _ = process.tell(&Message::Stop);
                } else if again {
                    tracing::warn!(plugin = self.name(), process = pid, "it serves again");
                    self.reopen();
                }
                Ok(())
            }
            Some(starts) => {
                let why = starts.iter().find_map(|start| match start {
                    Start::Ready => None,
                    Start::Declined(reason) => Some(format!("it is not available: {reason}")),
                    Start::Failed(error) => Some(format!("it did not start: {error}")),
                });
                Err(why.unwrap_or_else(|| "it has no drivers".to_owned()))
            }
            None if state.stopping => Err("the daemon ends".to_owned()),
            None if process.is_gone() => Err(format!("its process {pid} ended while it started")),
            None => Err(format!("it did not start within {} s in process {pid}, which was ended", limit.as_secs())),
        }
    }

    /// Waits until a process that serves ends, or will never answer.
    fn watch(&self, process: &Process, running: &Running) -> Result<(), String> {
        let pid = process.pid;
        loop {
            match running.handle().wait(TICK) {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(error) => return Err(format!("its process {pid} cannot be watched: {error}")),
            }
            if process.ask() > QUESTIONS_MAX {
                let seconds = TICK.as_secs() * u64::from(QUESTIONS_MAX);
                return Err(format!("its process {pid} gave no sign of life for {seconds} s and was ended"));
            }
            if let Err(error) = process.tell(&Message::Ping(logging::foreign_level())) {
                match running.handle().wait(Duration::from_secs(1)) {
                    Ok(true) => return Ok(()),
                    _ => return Err(format!("its process {pid} was ended: {}", error.detail())),
                }
            }
        }
    }

    /// Opens what was open in the process before, without keeping this thread.
    fn reopen(self: &Arc<Self>) {
        let all = self.carriers();
        if all.is_empty() {
            return;
        }
        let work = move || all.iter().for_each(|carrier| carrier.reopen());
        if let Err(error) = std::thread::Builder::new().name("reopen".to_owned()).spawn(work) {
            tracing::error!(plugin = self.name(), %error, "connections come back with their next call only");
        }
    }

    /// Nobody is held up by what is gone any more.
    fn release(&self, holders: Vec<String>) {
        for holder in holders {
            self.daemon.inhibit_shutdown(&holder, false);
        }
    }
}

fn is_ready(start: &Start) -> bool {
    matches!(start, Start::Ready)
}

/// How long to wait after so many processes in a row came to nothing.
fn back_off(failures: u32) -> Duration {
    match failures.checked_sub(1) {
        None => Duration::ZERO,
        Some(doublings) => Duration::from_secs(1 << doublings.min(6)).min(BACK_OFF_MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_stay_bounded() {
        let waits: Vec<u64> = (0..9).map(|failures| back_off(failures).as_secs()).collect();
        assert_eq!(waits, [0, 1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(back_off(u32::MAX), BACK_OFF_MAX);
    }
}
