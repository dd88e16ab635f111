//! Which events a client may hear of.
//!
//! Delivery never waits: what a slow backend has not decided yet stands in a
//! line that a thread of its own works off. Decisions are remembered for a while.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use oxivirt_core::Result;
use oxivirt_core::event::Event;

use super::Access;
use super::object::Object;
use crate::client::Client;

/// How long a decision is good for.
const REMEMBERED: Duration = Duration::from_secs(10);

/// Decisions that are remembered.
const DECISIONS_MAX: usize = 8192;

/// Events that may wait for a decision.
const LINE_MAX: usize = 4096;

/// Whether a client hears of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    Yes,
    No,
    /// It is not decided yet: hand it to [`Access::tell_later`].
    Undecided,
}

/// A message that waits.
pub(crate) struct Waiting {
    pub(crate) client: Arc<Client>,
    pub(crate) event: Event,
    pub(crate) frame: Vec<u8>,
}

#[derive(Default)]
pub(super) struct Delivery {
    known: Mutex<HashMap<(u64, Object), (bool, Instant)>>,
    line: Mutex<Line>,
}

#[derive(Default)]
struct Line {
    waiting: VecDeque<Waiting>,
    /// Messages of each client that wait or are being decided.
    counts: HashMap<u64, usize>,
    works: bool,
}

impl Access {
    /// Whether a client hears of an event, without waiting.
    pub(crate) fn sight(&self, client: &Client, event: &Event) -> Sight {
        let Some(object) = Object::of_event(event) else { return Sight::Yes };
        // What came before it must not be overtaken.
        if lock(&self.delivery.line).counts.contains_key(&client.id) {
            return Sight::Undecided;
        }
        let key = (client.id, object);
        let known = lock(&self.delivery.known).get(&key).copied();
        match known {
            Some((decision, at)) if at.elapsed() < REMEMBERED => sight(decision),
            _ if self.is_quick() => sight(self.decide_event(client, key).unwrap_or(false)),
            _ => Sight::Undecided,
        }
    }

    /// Sends messages once it is decided whether their clients may have them.
    pub(crate) fn tell_later(self: &Arc<Self>, messages: Vec<Waiting>) {
        let mut line = lock(&self.delivery.line);
        for message in messages {
            if line.waiting.len() >= LINE_MAX {
                message.client.abort("decisions about its events take too long");
                continue;
            }
            *line.counts.entry(message.client.id).or_default() += 1;
            line.waiting.push_back(message);
        }
        if line.works || line.waiting.is_empty() {
            return;
        }
        let access = self.clone();
        let worker = std::thread::Builder::new().name("event-access".into()).spawn(move || access.work_off());
        match worker {
            Ok(_) => line.works = true,
            Err(error) => tracing::error!(%error, "no thread to decide on events"),
        }
    }

    fn work_off(&self) {
        loop {
            let mut line = lock(&self.delivery.line);
            let Some(Waiting { client, event, frame }) = line.waiting.pop_front() else {
                line.works = false;
                return;
            };
            drop(line);
            let decided = Object::of_event(&event).map_or(Ok(true), |object| {
                let key = (client.id, object);
                let known = lock(&self.delivery.known).get(&key).copied();
                match known {
                    Some((decision, at)) if at.elapsed() < REMEMBERED => Ok(decision),
                    _ => self.decide_event(&client, key),
                }
            });
            let mut line = lock(&self.delivery.line);
            match decided {
                Ok(true) => client.send_event(frame),
                Ok(false) => {}
                // One client about whom nobody decides must not hold up the others.
                Err(_) => {
                    line.waiting.retain(|other| other.client.id != client.id);
                    line.counts.remove(&client.id);
                }
            }
            if let Some(count) = line.counts.get_mut(&client.id) {
                *count -= 1;
                if *count == 0 {
                    line.counts.remove(&client.id);
                }
            }
        }
    }

    /// Errors: nobody could decide, which is remembered as a no.
    fn decide_event(&self, client: &Client, key: (u64, Object)) -> Result<bool> {
        let decision = match client.connection() {
            Some(connection) => self.allows(&client.subject(), &self.known_driver(&connection), &key.1, "getattr"),
            None => Ok(false),
        };
        let mut known = lock(&self.delivery.known);
        if known.len() >= DECISIONS_MAX {
            known.clear();
        }
        known.insert(key, (matches!(decision, Ok(true)), Instant::now()));
        decision
    }
}

fn sight(decision: bool) -> Sight {
    if decision { Sight::Yes } else { Sight::No }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
