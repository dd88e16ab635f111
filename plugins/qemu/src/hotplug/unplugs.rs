//! Waiting for a guest to let a device go.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use oxivirt_core::{Error, Result};

/// What became of a device that the guest was asked to let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum News {
    /// It is gone.
    Gone,
    /// The guest keeps it.
    Refused,
}

/// Who waits for which device of a guest.
#[derive(Debug, Default)]
pub struct Unplugs {
    waiting: Mutex<HashMap<String, Option<News>>>,
    told: Condvar,
}

impl Unplugs {
    /// Begins to listen, before the guest is asked. One may wait for a device
    /// at a time: whoever does holds the guest's job.
    pub(super) fn expect(&self, alias: &str) -> Waiting<'_> {
        self.lock().insert(alias.to_owned(), None);
        Waiting { unplugs: self, alias: alias.to_owned() }
    }

    /// Passes news on; false when nobody waits for that device.
    pub fn tell(&self, alias: &str, news: News) -> bool {
        let mut waiting = self.lock();
        let Some(place) = waiting.get_mut(alias) else { return false };
        // What happened first counts.
        place.get_or_insert(news);
        self.told.notify_all();
        true
    }

    /// What the map holds is whole after every step.
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Option<News>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to hear of one device.
pub(super) struct Waiting<'a> {
    unplugs: &'a Unplugs,
    alias: String,
}

impl Waiting<'_> {
    /// Waits for the news; none when the limit passed.
    ///
    /// * Errors: `OPERATION_FAILED` when `ended` says that no more will come.
    pub(super) fn wait(&self, limit: Duration, ended: impl Fn() -> bool) -> Result<Option<News>> {
        let end = Instant::now() + limit;
        let mut waiting = self.unplugs.lock();
        loop {
            if let Some(Some(news)) = waiting.get(&self.alias) {
                return Ok(Some(*news));
            }
            if ended() {
                let text = format!("the guest ended while it was asked to let device '{}' go", self.alias);
                return Err(Error::operation_failed(text));
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            let turn = self.unplugs.told.wait_timeout(waiting, left.min(LOOK));
            waiting = turn.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Stops listening; gives what came at the last moment. What comes later
    /// is told to nobody here.
    pub(super) fn end(self) -> Option<News> {
        self.unplugs.lock().remove(&self.alias).flatten()
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.unplugs.lock().remove(&self.alias);
    }
}

/// How often a look is taken at whether QEMU is still there.
const LOOK: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn news_reach_who_waits_and_nobody_else() {
        let unplugs = Unplugs::default();
        assert!(!unplugs.tell("net0", News::Gone));
        let waiting = unplugs.expect("net0");
        assert!(!unplugs.tell("net1", News::Gone));
        assert!(unplugs.tell("net0", News::Refused));
        assert!(unplugs.tell("net0", News::Gone));
        assert_eq!(waiting.wait(Duration::from_secs(20), || false).unwrap(), Some(News::Refused));
        drop(waiting);
        assert!(!unplugs.tell("net0", News::Gone));
    }

    #[test]
    fn waiting_has_an_end() {
        let unplugs = Unplugs::default();
        let waiting = unplugs.expect("a");
        assert_eq!(waiting.wait(Duration::from_millis(20), || false).unwrap(), None);
        assert_eq!(waiting.end(), None);
        assert!(!unplugs.tell("a", News::Gone));
        let waiting = unplugs.expect("a");
        assert!(unplugs.tell("a", News::Gone));
        assert_eq!(waiting.end(), Some(News::Gone));
        let error = unplugs.expect("a").wait(Duration::from_secs(20), || true).unwrap_err();
        assert!(error.message().contains("'a'"), "{error}");
    }
}
