//! Load that no honest client makes, and what it costs a daemon.

mod bodies;
mod frames;
mod nuisance;
mod pulse;

use std::time::Duration;
use std::{fmt, fs};

use rustix::process::{Resource, Rlimit};

use crate::process;

pub use bodies::Bodies;
pub use frames::{Flood, tampered, tampered_bodies, tampered_frames};
pub use nuisance::{Nuisance, nuisance};
pub use pulse::{Latency, Pulse};

/// What is opened before tampering begins.
const URI: &str = "test:///default";

/// No read or write of a client may take longer.
const LIMIT: Duration = Duration::from_secs(60);

/// What a process holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Resident memory in KiB.
    pub rss_kib: u64,
    /// Open descriptors.
    pub descriptors: usize,
    /// Threads.
    pub threads: usize,
}

impl Usage {
    /// Reads it for a process.
    ///
    /// Errors: there is no such process, or it may not be looked at.
    pub fn of(pid: i32) -> Result<Usage, String> {
        let file = format!("/proc/{pid}/status");
        let status = fs::read_to_string(&file).map_err(|e| format!("{file}: {e}"))?;
        let value = |key: &str| -> Result<u64, String> {
            let found = status.lines().find_map(|line| line.strip_prefix(key)?.split_whitespace().next()?.parse().ok());
            found.ok_or_else(|| format!("{file} has no {key}"))
        };
        let folder = format!("/proc/{pid}/fd");
        let descriptors = fs::read_dir(&folder).map_err(|e| format!("{folder}: {e}"))?.count();
        let threads = usize::try_from(value("Threads:")?).unwrap_or(usize::MAX);
        Ok(Usage { rss_kib: value("VmRSS:")?, descriptors, threads })
    }

    /// Waits until a process holds no more descriptors than it did.
    ///
    /// Errors: what it holds after `limit`.
    pub fn settles(self, pid: i32, limit: Duration) -> Result<Usage, String> {
        let mut last = self;
        process::wait_for("descriptors to be given back", limit, || {
            last = Usage::of(pid).ok()?;
            (last.descriptors <= self.descriptors).then_some(last)
        })
        .map_err(|e| format!("{e}; before: {self:?}, now: {last:?}"))
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Usage { rss_kib, descriptors, threads } = self;
        let (whole, tenths) = (rss_kib / 1024, rss_kib % 1024 * 10 / 1024);
        write!(f, "{whole}.{tenths} MiB, {descriptors} descriptors, {threads} threads")
    }
}

/// Raises this process's limit of open descriptors, which its children inherit.
///
/// Errors: the system allows fewer than `wanted`.
pub fn allow_descriptors(wanted: u64) -> Result<(), String> {
    let now = rustix::process::getrlimit(Resource::Nofile);
    if now.current.is_none_or(|limit| limit >= wanted) {
        return Ok(());
    }
    let raised = Rlimit { current: Some(wanted), maximum: now.maximum };
    rustix::process::setrlimit(Resource::Nofile, raised).map_err(|e| format!("{wanted} descriptors: {e}"))
}

/// A sequence that looks random and is the same in every run.
#[derive(Debug, Clone)]
pub struct Sequence(u64);

impl Sequence {
    /// Begins at a seed.
    pub fn new(seed: u64) -> Sequence {
        Sequence(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// The next number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.number() >> 11).unwrap_or(0) % end.max(1)
    }

    /// One of several.
    ///
    /// Panics when there is none.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// Any byte but a slash: no accident shall make a path out of a name.
    fn byte(&mut self) -> u8 {
        let [.., byte] = self.number().to_be_bytes();
        if byte == b'/' { b'.' } else { byte }
    }

    fn word(&mut self) -> u32 {
        const TELLING: &[u32] = &[0, 1, 2, 3, 16, 255, 1024, 4_194_304, 4_194_305, 0x7fff_ffff, 0x8000_0000, u32::MAX];
        match self.below(3) {
            0 => u32::try_from(self.number() & 0xffff_ffff).unwrap_or(0),
            _ => *self.pick(TELLING),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lengths_are_right_unless_they_are_to_be_wrong() {
        let mut sequence = Sequence::new(7);
        for serial in 0..2_000 {
            let frame = tampered(&mut sequence, serial, false);
            let length = u32::from_be_bytes(*frame.first_chunk().unwrap());
            assert_eq!(usize::try_from(length).unwrap(), frame.len());
        }
    }

    #[test]
    fn the_sequence_is_the_same_in_every_run() {
        let (mut one, mut other) = (Sequence::new(3), Sequence::new(3));
        for serial in 0..100 {
            assert_eq!(tampered(&mut one, serial, true), tampered(&mut other, serial, true));
        }
    }

    #[test]
    fn bodies_fit_their_frames_and_reach_every_call() {
        let bodies = Bodies::of_every_call();
        let mut sequence = Sequence::new(5);
        let mut reached = std::collections::BTreeSet::new();
        for serial in 0..20_000 {
            let frame = bodies.tampered(&mut sequence, serial);
            let length = u32::from_be_bytes(*frame.first_chunk().unwrap());
            assert_eq!(usize::try_from(length).unwrap(), frame.len());
            reached.insert(i32::from_be_bytes(*frame[12..].first_chunk().unwrap()));
        }
        assert_eq!(reached.len(), bodies.len());
        assert!(!reached.contains(&crate::wire::procedure::CONNECT_CLOSE));
    }

    #[test]
    fn latencies_are_told_in_order() {
        let latency = Latency::of((1..=100).map(Duration::from_millis).collect());
        assert_eq!((latency.answers, latency.slowest), (100, Duration::from_millis(100)));
        assert!(latency.median < latency.most && latency.most < latency.slowest);
        assert_eq!(Latency::of(Vec::new()).answers, 0);
    }

    #[test]
    fn this_process_can_be_looked_at() {
        let usage = Usage::of(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert!(usage.rss_kib > 0 && usage.descriptors > 2 && usage.threads > 0);
    }
}
