//! The threads that read from clients: each has an event loop of its own and
//! keeps its clients to the end.
//!
//! One thread that waits, reads, answers and waits again needs three system
//! calls for a small call. Threads that share one loop wake each other for
//! every frame, which costs several times as much.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::{Builder, Handle};

/// Event loops, there for good.
pub(crate) struct Loops(Vec<Loop>);

struct Loop {
    handle: Handle,
    clients: AtomicUsize,
}

impl Loops {
    /// Starts one loop for each processor, within reason.
    ///
    /// Errors: the system's, as a sentence.
    pub(crate) fn start() -> Result<Arc<Self>, String> {
        let processors = std::thread::available_parallelism().map_or(2, usize::from);
        let loops = (1..=processors.clamp(2, 8)).map(Loop::start).collect::<Result<_, _>>()?;
        Ok(Arc::new(Self(loops)))
    }

    /// A place on the loop that has the fewest clients.
    pub(crate) fn place(self: &Arc<Self>) -> Place {
        let clients = |at: &usize| self.0[*at].clients.load(Ordering::Relaxed);
        // There is always one.
        let at = (0..self.0.len()).min_by_key(clients).unwrap_or_default();
        self.0[at].clients.fetch_add(1, Ordering::Relaxed);
        Place { loops: self.clone(), at }
    }
}

impl Loop {
    fn start(number: usize) -> Result<Self, String> {
        let failed = |error| format!("cannot start threads: {error}");
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let handle = runtime.handle().clone();
        let thread = std::thread::Builder::new().name(format!("client-{number}"));
        thread.spawn(move || runtime.block_on(pending::<()>())).map_err(failed)?;
        Ok(Self { handle, clients: AtomicUsize::new(0) })
    }
}

/// A client's place on one of the loops, free again on drop.
pub(crate) struct Place {
    loops: Arc<Loops>,
    at: usize,
}

impl Place {
    /// Where the client's tasks run and its descriptors are watched.
    pub(crate) fn handle(&self) -> &Handle {
        &self.loops.0[self.at].handle
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.loops.0[self.at].clients.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_spread_and_places_used_again() {
        let loops = Loops::start().expect("threads");
        let count = loops.0.len();
        let mut places: Vec<_> = (0..2 * count).map(|_| loops.place()).collect();
        let most = |loops: &Loops| loops.0.iter().map(|one| one.clients.load(Ordering::Relaxed)).max();
        assert_eq!(most(&loops), Some(2));
        let freed = places.swap_remove(1).at;
        assert_eq!(loops.place().at, freed);
    }
}
