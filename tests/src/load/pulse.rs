//! An honest client in the background that measures how long its answers take.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::{LIMIT, URI};
use crate::wire::{Client, Xdr, procedure};

/// How long it rests between questions.
const REST: Duration = Duration::from_millis(10);

/// The client; what it measured is told by [`Pulse::end`].
#[derive(Debug)]
pub struct Pulse {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Result<Vec<Duration>, String>>,
}

impl Pulse {
    /// Connects and begins to ask for the state of a domain.
    ///
    /// Errors: it is not let in.
    pub fn begin(socket: &Path) -> Result<Pulse, String> {
        let failed = |e: std::io::Error| format!("an honest client: {e}");
        let mut client = Client::open(socket, URI, LIMIT).map_err(failed)?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopping = stop.clone();
        let thread = thread::spawn(move || {
            let mut times = Vec::new();
            while !stopping.load(Ordering::Relaxed) {
                let begun = Instant::now();
                // The domain may have been undefined or renamed by those who send garbage: an error is an answer.
                client.ask(procedure::CONNECT_GET_LIB_VERSION, &[]).map_err(failed)?;
                let name = Xdr::default().string("test").0;
                client.ask(procedure::DOMAIN_LOOKUP_BY_NAME, &name).map_err(failed)?;
                times.push(begun.elapsed() / 2);
                thread::sleep(REST);
            }
            Ok(times)
        });
        Ok(Pulse { stop, thread })
    }

    /// Measures for a while, nothing else going on.
    ///
    /// Errors: as for [`Self::begin`] and [`Self::end`].
    pub fn measure(socket: &Path, duration: Duration) -> Result<Latency, String> {
        let pulse = Pulse::begin(socket)?;
        thread::sleep(duration);
        pulse.end()
    }

    /// Stops and tells what was measured.
    ///
    /// Errors: an answer did not come.
    pub fn end(self) -> Result<Latency, String> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| "an honest client panicked".to_owned())?.map(Latency::of)
    }
}

/// How long answers took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Latency {
    /// How many there were.
    pub answers: usize,
    /// Half of them were quicker.
    pub median: Duration,
    /// 99 of 100 were quicker.
    pub most: Duration,
    /// None was slower.
    pub slowest: Duration,
}

impl Latency {
    /// Sums times up.
    pub fn of(mut times: Vec<Duration>) -> Latency {
        times.sort_unstable();
        let part = |hundredths: usize| times.get(times.len() * hundredths / 100).copied().unwrap_or_default();
        Latency {
            answers: times.len(),
            median: part(50),
            most: times.get((times.len() * 99 / 100).min(times.len().saturating_sub(2))).copied().unwrap_or_default(),
            slowest: times.last().copied().unwrap_or_default(),
        }
    }
}

impl fmt::Display for Latency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Latency { answers, median, most, slowest } = self;
        write!(f, "median {median:.1?}, 99 % {most:.1?}, slowest {slowest:.1?} of {answers}")
    }
}
