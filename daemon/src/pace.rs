//! How long calls have taken so far, to tell short ones from those that wait.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// A call that takes no longer is short.
const SHORT: Duration = Duration::from_millis(1);

/// A call is taken for short after it was short so often in a row.
const OFTEN: u32 = 8;

/// One call of one driver.
#[derive(Debug, Default)]
pub(crate) struct Pace(AtomicU32);

impl Pace {
    /// Whether the call has been short lately.
    pub(crate) fn is_short(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= OFTEN
    }

    /// Notes how long the call took this time.
    pub(crate) fn note(&self, took: Duration) {
        let times = if took <= SHORT { self.0.load(Ordering::Relaxed).saturating_add(1) } else { 0 };
        self.0.store(times, Ordering::Relaxed);
    }
}

/// All calls, by driver, program and number.
#[derive(Debug, Default)]
pub(crate) struct Paces(RwLock<HashMap<String, Calls>>);

/// Stands for the end of a connection, which is no call.
pub(crate) const CLOSING: (u32, i32) = (0, 0);

type Calls = HashMap<(u32, i32), Arc<Pace>>;

impl Paces {
    /// One call of one driver.
    ///
    /// * `key`: program and number of the call, or [`CLOSING`].
    pub(crate) fn of(&self, driver: &str, key: (u32, i32)) -> Arc<Pace> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(pace) = all.get(driver).and_then(|calls| calls.get(&key)) {
            return pace.clone();
        }
        drop(all);
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.entry(driver.to_owned()).or_default().entry(key).or_default().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_long_call_counts_for_more_than_many_short_ones() {
        let pace = Pace::default();
        for _ in 0..OFTEN {
            assert!(!pace.is_short());
            pace.note(SHORT);
        }
        assert!(pace.is_short());
        pace.note(SHORT * 2);
        assert!(!pace.is_short());
    }
}
