//! Descriptors of images that clients gave, under the names by which definitions speak of them.
//!
//! They are there as long as the connection is over which they came.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use oxivirt_core::{Error, Result};
use uuid::Uuid;

/// Descriptors by the names of their groups.
pub(crate) type Groups = HashMap<String, Vec<OwnedFd>>;

/// All that were given.
#[derive(Debug, Default)]
pub(crate) struct GivenImages {
    groups: Mutex<HashMap<(Uuid, String), Group>>,
    next: AtomicU64,
}

#[derive(Debug)]
struct Group {
    files: Vec<OwnedFd>,
    giver: u64,
}

impl GivenImages {
    /// Copies of what was given for a guest.
    pub(crate) fn of(&self, guest: Uuid) -> Result<Groups> {
        let groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = Groups::new();
        for ((_, name), group) in groups.iter().filter(|((uuid, _), _)| *uuid == guest) {
            let copies = group.files.iter().map(OwnedFd::try_clone).collect::<std::io::Result<Vec<_>>>();
            let failed =
                |e| Error::system(format_args!("failed to duplicate file descriptor for fd group '{name}'"), &e);
            found.insert(name.clone(), copies.map_err(failed)?);
        }
        Ok(found)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(Uuid, String), Group>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that may give descriptors; with its end they are closed.
#[derive(Debug)]
pub(crate) struct Giver {
    images: Arc<GivenImages>,
    number: u64,
}

impl Giver {
    pub(crate) fn new(images: &Arc<GivenImages>) -> Self {
        Self { images: Arc::clone(images), number: images.next.fetch_add(1, Ordering::Relaxed) }
    }

    /// Gives a guest a group of descriptors, in place of one of that name that it has.
    pub(crate) fn give(&self, guest: Uuid, name: &str, files: Vec<OwnedFd>) {
        self.images.lock().insert((guest, name.to_owned()), Group { files, giver: self.number });
    }
}

impl Drop for Giver {
    fn drop(&mut self) {
        self.images.lock().retain(|_, group| group.giver != self.number);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn descriptors_live_as_long_as_the_connection() {
        let images = Arc::new(GivenImages::default());
        let (guest, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let file = || OwnedFd::from(std::fs::File::open("/dev/null").unwrap());
        let (first, second) = (Giver::new(&images), Giver::new(&images));
        first.give(guest, "a", vec![file(), file()]);
        second.give(guest, "b", vec![file()]);
        second.give(other, "a", vec![file()]);
        let count = |guest: Uuid, name: &str| images.of(guest).unwrap().get(name).map(Vec::len);
        assert_eq!((count(guest, "a"), count(guest, "b"), count(other, "a")), (Some(2), Some(1), Some(1)));
        drop(second);
        assert_eq!((count(guest, "a"), count(guest, "b"), count(other, "a")), (Some(2), None, None));
    }
}
