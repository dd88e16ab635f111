//! Signs of life: when a silent server is asked, and when it is given up.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::wire::message::{self, Header, Program};

/// The call that asks for a sign of life.
pub(super) const PING: i32 = 1;
/// The answer to it.
pub(super) const PONG: i32 = 2;

/// How long a server may be silent in the middle of a message.
const MESSAGE_LIMIT: Duration = Duration::from_secs(60);

/// The rules of one connection; they may change while it lives.
pub(super) struct Rules {
    /// Whether the server answers.
    pub(super) answered: AtomicBool,
    /// Milliseconds of silence before it is asked.
    interval: AtomicU64,
    /// How often it is asked before it is given up; 0 for never.
    count: AtomicU32,
}

impl Rules {
    pub(super) fn new(interval: Duration, count: u32) -> Self {
        let rules = Self { answered: AtomicBool::new(false), interval: AtomicU64::new(0), count: AtomicU32::new(0) };
        rules.set(interval, count);
        rules
    }

    pub(super) fn set(&self, interval: Duration, count: u32) {
        let interval = u64::try_from(interval.as_millis()).unwrap_or(u64::MAX);
        self.interval.store(interval, Ordering::Relaxed);
        self.count.store(count, Ordering::Relaxed);
    }

    /// How long the server may be silent, and how often it is asked; absent when it is not asked.
    fn current(&self) -> Option<(Duration, u32)> {
        let interval = Duration::from_millis(self.interval.load(Ordering::Relaxed));
        let count = self.count.load(Ordering::Relaxed);
        let asks = self.answered.load(Ordering::Relaxed) && count != 0 && !interval.is_zero();
        asks.then_some((interval, count))
    }
}

/// When a server was last heard.
pub(super) struct Alive {
    heard: Instant,
    asked: u32,
    /// Whether a message has begun and not ended.
    pub(super) inside: bool,
}

impl Alive {
    pub(super) fn new() -> Self {
        Self { heard: Instant::now(), asked: 0, inside: false }
    }

    /// Looks up: something was heard, or nothing for a moment. A silent server
    /// is asked through `ask`; an error gives it up.
    pub(super) fn look(&mut self, rules: &Rules, heard: bool, ask: impl FnOnce(Vec<u8>)) -> io::Result<()> {
        if heard {
            (self.heard, self.asked) = (Instant::now(), 0);
            return Ok(());
        }
        let silent = self.heard.elapsed();
        if self.inside && silent >= MESSAGE_LIMIT {
            let text = format!("a message did not go on for {} seconds", MESSAGE_LIMIT.as_secs());
            return Err(io::Error::other(text));
        }
        let Some((interval, count)) = rules.current() else { return Ok(()) };
        if silent < interval.saturating_mul(self.asked.saturating_add(1)) {
            return Ok(());
        }
        if self.asked >= count {
            let text = format!("no sign of life for {} seconds", silent.as_secs());
            return Err(io::Error::new(io::ErrorKind::TimedOut, text));
        }
        self.asked += 1;
        if let Some(ping) = sign(PING) {
            ask(ping);
        }
        Ok(())
    }
}

/// The frame that asks, or answers.
pub(super) fn sign(what: i32) -> Option<Vec<u8>> {
    message::frame(&Header::event(Program::KEEPALIVE, what), &[]).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn silent_for(seconds: u64) -> Alive {
        let heard = Instant::now().checked_sub(Duration::from_secs(seconds)).unwrap();
        Alive { heard, ..Alive::new() }
    }

    #[test]
    fn a_silent_server_is_asked_and_then_given_up() {
        let rules = Rules::new(Duration::from_secs(10), 2);
        let mut asked = 0;
        let mut alive = silent_for(100);
        alive.look(&rules, false, |_| asked += 1).unwrap();
        assert_eq!(asked, 0, "a server that never said that it answers is not asked");
        rules.answered.store(true, Ordering::Relaxed);
        alive.look(&rules, false, |_| asked += 1).unwrap();
        alive.look(&rules, false, |_| asked += 1).unwrap();
        assert_eq!(asked, 2);
        let error = alive.look(&rules, false, |_| asked += 1).unwrap_err();
        assert_eq!((error.kind(), asked), (io::ErrorKind::TimedOut, 2));
        alive.look(&rules, true, |_| asked += 1).unwrap();
        alive.look(&rules, false, |_| asked += 1).unwrap();
        assert_eq!(asked, 2, "it was just heard");
    }

    #[test]
    fn no_count_and_no_interval_ask_nobody() {
        for (interval, count) in [(0, 5), (5, 0)] {
            let rules = Rules::new(Duration::from_secs(interval), count);
            rules.answered.store(true, Ordering::Relaxed);
            silent_for(1000).look(&rules, false, |_| panic!("it was asked")).unwrap();
        }
    }

    #[test]
    fn a_message_has_to_go_on() {
        let rules = Rules::new(Duration::ZERO, 0);
        let mut alive = silent_for(MESSAGE_LIMIT.as_secs() + 1);
        alive.look(&rules, false, |_| ()).unwrap();
        alive.inside = true;
        assert!(alive.look(&rules, false, |_| ()).is_err());
    }
}
