//! The threads that read from clients: each has an event loop of its own and
//! keeps its clients to the end.
//!
//! One thread that waits, reads, answers and waits again needs three system
//! calls for a small call. Threads that share one loop wake each other for
//! every frame, which costs several times as much; so does handing a call over
//! to another thread. A job that is known to be short is therefore done by the
//! thread of the loop itself, between two looks at its clients. Should it take
//! long all the same, another thread goes on with the loop within milliseconds,
//! and the first one ends with its job.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::Thread;
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};

use crate::workers::Job;

/// How often somebody looks whether a job holds its loop up.
const TICK: Duration = Duration::from_millis(2);

/// So many looks without a job in between, and nobody looks until the next one.
const IDLE_TICKS: u32 = 50;

/// Event loops, there for good.
pub(crate) struct Loops {
    loops: Vec<Arc<Loop>>,
}

struct Loop {
    runtime: Runtime,
    clients: AtomicUsize,
    turn: Mutex<Turn>,
}

/// Whose thread runs a loop, and what else that thread does.
#[derive(Default)]
struct Turn {
    /// Number of the thread, counted for each loop.
    driver: u64,
    /// What it does next.
    next: Option<Job>,
    waker: Option<Waker>,
    /// Number of the job that it does now.
    at_work: Option<u64>,
    jobs: u64,
}

/// Who looks for jobs that hold a loop up.
#[derive(Default)]
struct Watch {
    asleep: AtomicBool,
    /// Jobs begun, on all loops.
    begun: AtomicU64,
    thread: OnceLock<Thread>,
}

impl Loops {
    /// Starts one loop for each processor, within reason.
    ///
    /// Errors: the system's, as a sentence.
    pub(crate) fn start() -> Result<Arc<Self>, String> {
        let processors = std::thread::available_parallelism().map_or(2, usize::from);
        let watch = Arc::new(Watch::default());
        let loops: Vec<_> = (0..processors.clamp(2, 8)).map(|_| Loop::start(&watch)).collect::<Result<_, _>>()?;
        let (watched, look) = (loops.clone(), watch.clone());
        let watcher = std::thread::Builder::new().name("watch".to_owned());
        let watcher = watcher.spawn(move || look.run(&watched)).map_err(no_thread)?;
        let _ = watch.thread.set(watcher.thread().clone());
        Ok(Arc::new(Self { loops }))
    }

    /// A place on the loop that has the fewest clients.
    pub(crate) fn place(self: &Arc<Self>) -> Place {
        let clients = |at: &usize| self.loops[*at].clients.load(Ordering::Relaxed);
        // There is always one.
        let at = (0..self.loops.len()).min_by_key(clients).unwrap_or_default();
        self.loops[at].clients.fetch_add(1, Ordering::Relaxed);
        Place { loops: self.clone(), at }
    }
}

fn no_thread(error: std::io::Error) -> String {
    format!("cannot start threads: {error}")
}

impl Loop {
    fn start(watch: &Arc<Watch>) -> Result<Arc<Self>, String> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(no_thread)?;
        let new = Arc::new(Self { runtime, clients: AtomicUsize::new(0), turn: Mutex::default() });
        new.give_to_new_thread(&mut new.turn(), watch).map_err(no_thread)?;
        Ok(new)
    }

    /// Lets a new thread run the loop; the one that did so ends after its job.
    fn give_to_new_thread(self: &Arc<Self>, turn: &mut Turn, watch: &Arc<Watch>) -> std::io::Result<()> {
        let (one, watch, number) = (self.clone(), watch.clone(), turn.driver + 1);
        let thread = std::thread::Builder::new().name(format!("client-{number}"));
        thread.spawn(move || one.run(number, &watch))?;
        turn.driver = number;
        turn.at_work = None;
        Ok(())
    }

    /// The life of a thread.
    fn run(&self, number: u64, watch: &Watch) {
        loop {
            let job = self.runtime.block_on(poll_fn(|context| self.poll_job(context)));
            watch.job_begins();
            if catch_unwind(AssertUnwindSafe(job)).is_err() {
                tracing::error!("a call panicked outside of its driver");
            }
            let mut turn = self.turn();
            if turn.driver != number {
                return;
            }
            turn.at_work = None;
        }
    }

    fn poll_job(&self, context: &mut Context<'_>) -> Poll<Job> {
        let mut turn = self.turn();
        if let Some(job) = turn.next.take() {
            turn.jobs += 1;
            turn.at_work = Some(turn.jobs);
            return Poll::Ready(job);
        }
        turn.waker = Some(context.waker().clone());
        Poll::Pending
    }

    fn turn(&self) -> MutexGuard<'_, Turn> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch {
    fn job_begins(&self) {
        self.begun.fetch_add(1, Ordering::SeqCst);
        if self.asleep.swap(false, Ordering::SeqCst)
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
    }

    /// Looks for good, with pauses while nothing is done.
    fn run(self: &Arc<Self>, loops: &[Arc<Loop>]) {
        let mut seen = vec![None; loops.len()];
        let (mut begun, mut idle) = (0, 0);
        loop {
            std::thread::sleep(TICK);
            for (one, seen) in loops.iter().zip(&mut seen) {
                let mut turn = one.turn();
                if turn.at_work.is_some()
                    && turn.at_work == *seen
                    && let Err(error) = one.give_to_new_thread(&mut turn, self)
                {
                    tracing::error!(%error, "a loop waits for a call");
                }
                *seen = turn.at_work;
            }
            let now = self.begun.load(Ordering::SeqCst);
            idle = if now == begun && seen.iter().all(Option::is_none) { idle + 1 } else { 0 };
            begun = now;
            if idle > IDLE_TICKS {
                self.asleep.store(true, Ordering::SeqCst);
                // A job that began before that woke nobody.
                while self.asleep.load(Ordering::SeqCst) && self.begun.load(Ordering::SeqCst) == begun {
                    std::thread::park();
                }
                self.asleep.store(false, Ordering::SeqCst);
                idle = 0;
            }
        }
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
        self.own().runtime.handle()
    }

    /// Whether the loop's thread has nothing else to do than to look at its clients.
    pub(crate) fn is_free(&self) -> bool {
        let turn = self.own().turn();
        turn.next.is_none() && turn.at_work.is_none()
    }

    /// Has the loop's thread do a job that is short as far as anybody knows.
    ///
    /// Errors: the job, when the thread has another one already.
    pub(crate) fn do_next(&self, job: Job) -> Result<(), Job> {
        let mut turn = self.own().turn();
        if turn.next.is_some() || turn.at_work.is_some() {
            return Err(job);
        }
        turn.next = Some(job);
        if let Some(waker) = turn.waker.take() {
            drop(turn);
            waker.wake();
        }
        Ok(())
    }

    fn own(&self) -> &Loop {
        &self.loops.loops[self.at]
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.own().clients.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    const LIMIT: Duration = Duration::from_secs(20);

    #[test]
    fn clients_are_spread_and_places_used_again() {
        let loops = Loops::start().expect("threads");
        let count = loops.loops.len();
        let mut places: Vec<_> = (0..2 * count).map(|_| loops.place()).collect();
        let most = |loops: &Loops| loops.loops.iter().map(|one| one.clients.load(Ordering::Relaxed)).max();
        assert_eq!(most(&loops), Some(2));
        let freed = places.swap_remove(1).at;
        assert_eq!(loops.place().at, freed);
    }

    #[test]
    fn a_job_that_hangs_does_not_hold_the_loop_up() {
        let loops = Loops::start().expect("threads");
        let place = loops.place();
        let (tell, told) = channel();
        // More than once, and after the watcher has gone to sleep.
        for round in 0..3 {
            let (release, gate) = channel::<()>();
            let begun = tell.clone();
            let hang = Box::new(move || {
                let _ = begun.send(-1);
                let _ = gate.recv_timeout(LIMIT);
            });
            let mut job: Job = hang;
            while let Err(back) = place.do_next(job) {
                job = back;
                std::thread::sleep(Duration::from_millis(1));
            }
            assert_eq!(told.recv_timeout(LIMIT), Ok(-1));
            let tell = tell.clone();
            place.handle().spawn(async move { tell.send(round) });
            assert_eq!(told.recv_timeout(LIMIT), Ok(round));
            drop(release);
            std::thread::sleep(TICK * 2 * IDLE_TICKS);
        }
        assert!(place.do_next(Box::new(|| panic!("on purpose"))).is_ok());
        let tell = tell.clone();
        place.handle().spawn(async move { tell.send(7) });
        assert_eq!(told.recv_timeout(LIMIT), Ok(7));
    }

    #[test]
    fn one_job_at_a_time() {
        let loops = Loops::start().expect("threads");
        let place = loops.place();
        let (release, gate) = channel::<()>();
        assert!(place.is_free());
        let wait = move || {
            let _ = gate.recv_timeout(LIMIT);
        };
        assert!(place.do_next(Box::new(wait)).is_ok());
        assert!(!place.is_free());
        assert!(place.do_next(Box::new(|| ())).is_err());
        drop(release);
    }
}
