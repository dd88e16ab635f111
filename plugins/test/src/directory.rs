//! Things that have a name and no uuid: readers see one version of all of
//! them without waiting.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use oxivirt_core::Result;

/// All things by name, at one moment.
pub(crate) type Names<T> = BTreeMap<String, Arc<T>>;

/// Things by name.
pub(crate) struct Directory<T> {
    current: ArcSwap<Names<T>>,
    writing: Mutex<()>,
}

impl<T> Default for Directory<T> {
    fn default() -> Self {
        Self { current: ArcSwap::from_pointee(Names::new()), writing: Mutex::new(()) }
    }
}

impl<T> Directory<T> {
    /// All of them at this moment. Never waits.
    pub(crate) fn all(&self) -> Arc<Names<T>> {
        self.current.load_full()
    }

    /// The one of that name. Never waits.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<T>> {
        self.current.load().get(name).cloned()
    }

    /// Publishes a changed version, or nothing on an error.
    ///
    /// * `tell` – runs while nobody else can change anything, so that events
    ///   leave in the order of what they tell; neither closure may block.
    pub(crate) fn change<R>(&self, edit: impl FnOnce(&mut Names<T>) -> Result<R>, tell: impl FnOnce(&R)) -> Result<R> {
        // What it protects is swapped in one step, so it is whole even after a panic.
        let turn = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut names = Names::clone(&self.current.load());
        let outcome = edit(&mut names)?;
        self.current.store(Arc::new(names));
        tell(&outcome);
        drop(turn);
        Ok(outcome)
    }
}

#[cfg(test)]
mod tests {
    use oxivirt_core::Error;

    use super::*;

    #[test]
    fn a_version_stays_as_it_was_and_an_error_changes_nothing() {
        let directory = Directory::default();
        let put = |name: &str, fail: bool| {
            directory.change(
                |names| {
                    names.insert(name.to_owned(), Arc::new(1));
                    if fail { Err(Error::internal("no")) } else { Ok(()) }
                },
                |()| (),
            )
        };
        assert!(put("a", false).is_ok());
        let before = directory.all();
        assert!(put("b", true).is_err());
        assert!(directory.get("b").is_none());
        assert!(put("b", false).is_ok());
        assert_eq!((before.len(), directory.all().len()), (1, 2));
    }
}
