//! Threads for calls that may block.
//!
//! Threads are started when there is work and nobody free, and end when they
//! were idle for a while. Urgent calls have threads of their own besides. A
//! thread whose call hangs no longer counts: another one may be started in its
//! place, up to a hard limit, after which calls are refused rather than queued
//! behind something that may never end.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Thread;
use std::time::{Duration, Instant};

use oxivirt_core::{Error, ErrorCode, Result};

/// One piece of work.
pub(crate) type Job = Box<dyn FnOnce() + Send>;

/// Which threads take a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// Never waits for a guest.
    Urgent,
    /// May take long.
    Ordinary,
}

/// How many threads there may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// Ordinary threads that stay without work.
    pub(crate) min: usize,
    /// Ordinary threads at a time, not counting those that hang.
    pub(crate) max: usize,
    /// Threads for urgent jobs only.
    pub(crate) urgent: usize,
}

/// What a pool looks like now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gauge {
    /// Ordinary threads.
    pub(crate) threads: usize,
    /// Ordinary threads without work.
    pub(crate) free: usize,
    /// Threads for urgent jobs.
    pub(crate) urgent: usize,
    /// Jobs that wait.
    pub(crate) queued: usize,
}

/// A call that takes longer than this may never end.
const HANGS_AFTER: Duration = Duration::from_secs(3);

/// Threads that may hang before calls are refused.
const HANGING_MAX: usize = 512;

/// Jobs that may wait before calls are refused.
const QUEUE_MAX: usize = 100_000;

/// How long a thread beyond the minimum stays without work.
const IDLE_LIMIT: Duration = Duration::from_secs(30);

/// The threads and their work.
pub(crate) struct Workers(Arc<Mutex<Pool>>);

struct Pool {
    size: Size,
    /// Waiting jobs: urgent, ordinary.
    queues: [VecDeque<Job>; 2],
    teams: [Team; 2],
    next: u64,
}

/// Threads of one kind.
#[derive(Default)]
struct Team {
    /// The last to become idle is the first to work again: its memory is warm.
    idle: Vec<Arc<Seat>>,
    busy: Vec<(u64, Instant)>,
}

/// Where a thread gets its next job while it sleeps.
struct Seat {
    number: u64,
    job: Mutex<Option<Job>>,
    thread: Thread,
}

impl Workers {
    /// A pool without threads.
    pub(crate) fn new(size: Size) -> Self {
        let pool = Pool { size, queues: Default::default(), teams: Default::default(), next: 0 };
        Self(Arc::new(Mutex::new(pool)))
    }

    /// Hands a job over.
    ///
    /// Errors: `RESOURCE_BUSY` when so many threads hang that it might never
    /// be done.
    pub(crate) fn submit(&self, urgency: Urgency, job: Job) -> Result<()> {
        let mut pool = lock(&self.0);
        let candidates: &[Urgency] = match urgency {
            Urgency::Urgent => &[Urgency::Urgent, Urgency::Ordinary],
            Urgency::Ordinary => &[Urgency::Ordinary],
        };
        for team in candidates {
            let team = &mut pool.teams[*team as usize];
            if let Some(seat) = team.idle.pop() {
                team.busy.push((seat.number, Instant::now()));
                drop(pool);
                *lock(&seat.job) = Some(job);
                seat.thread.unpark();
                return Ok(());
            }
        }
        for team in candidates {
            if pool.may_start(*team) {
                return self.start(&mut pool, *team, job);
            }
        }
        let hanging = pool.hanging(Urgency::Ordinary);
        if hanging >= HANGING_MAX || pool.queues.iter().map(VecDeque::len).sum::<usize>() >= QUEUE_MAX {
            let detail = format!("no thread is free for this call: {hanging} calls hang in their drivers");
            return Err(Error::new(ErrorCode::RESOURCE_BUSY, detail));
        }
        pool.queues[urgency as usize].push_back(job);
        Ok(())
    }

    /// Counts the calling thread among those at work, for one job that it does
    /// itself; `None` when there are as many as there may be.
    pub(crate) fn enter(&self, urgency: Urgency) -> Option<Visit> {
        let mut pool = lock(&self.0);
        let max = if urgency == Urgency::Urgent { pool.size.urgent.max(pool.size.max) } else { pool.size.max };
        let team = &pool.teams[Urgency::Ordinary as usize];
        if team.busy.len() >= max || pool.queues.iter().any(|queue| !queue.is_empty()) {
            return None;
        }
        pool.next += 1;
        let number = pool.next;
        pool.teams[Urgency::Ordinary as usize].busy.push((number, Instant::now()));
        Some(Visit { pool: self.0.clone(), number })
    }

    /// Starts threads in the place of those that hang; to be called about once
    /// a second while jobs wait.
    pub(crate) fn refill(&self) {
        let mut pool = lock(&self.0);
        for (queue, team) in [
            (Urgency::Urgent, Urgency::Urgent),
            (Urgency::Urgent, Urgency::Ordinary),
            (Urgency::Ordinary, Urgency::Ordinary),
        ] {
            while pool.may_start(team) {
                let Some(job) = pool.queues[queue as usize].pop_front() else { break };
                if let Err(error) = self.start(&mut pool, team, job) {
                    tracing::error!(%error, "a waiting call is lost");
                    return;
                }
            }
        }
    }

    /// Changes how many threads there may be. Threads beyond that end after
    /// their call; idle ones when they have been idle for long enough.
    pub(crate) fn resize(&self, size: Size) {
        lock(&self.0).size = size;
        self.refill();
    }

    /// What the pool looks like now.
    pub(crate) fn gauge(&self) -> Gauge {
        let pool = lock(&self.0);
        let [urgent, ordinary] = &pool.teams;
        Gauge {
            threads: ordinary.idle.len() + ordinary.busy.len(),
            free: ordinary.idle.len(),
            urgent: urgent.idle.len() + urgent.busy.len(),
            queued: pool.queues.iter().map(VecDeque::len).sum(),
        }
    }

    fn start(&self, pool: &mut Pool, urgency: Urgency, job: Job) -> Result<()> {
        pool.next += 1;
        let (number, shared) = (pool.next, self.0.clone());
        let name = match urgency {
            Urgency::Urgent => "urgent",
            Urgency::Ordinary => "worker",
        };
        let builder = std::thread::Builder::new().name(format!("{name}-{number}"));
        match builder.spawn(move || work(&shared, urgency, number, job)) {
            Ok(_) => {
                pool.teams[urgency as usize].busy.push((number, Instant::now()));
                Ok(())
            }
            Err(source) => Err(Error::system("cannot start a thread for this call", &source)),
        }
    }
}

/// A thread of somebody else that does one job; no longer counted on drop.
pub(crate) struct Visit {
    pool: Arc<Mutex<Pool>>,
    number: u64,
}

impl Drop for Visit {
    fn drop(&mut self) {
        let busy = &mut lock(&self.pool).teams[Urgency::Ordinary as usize].busy;
        if let Some(at) = busy.iter().position(|(number, _)| *number == self.number) {
            busy.swap_remove(at);
        }
    }
}

impl Pool {
    fn hanging(&self, urgency: Urgency) -> usize {
        self.teams[urgency as usize].busy.iter().filter(|(_, since)| since.elapsed() > HANGS_AFTER).count()
    }

    fn may_start(&self, urgency: Urgency) -> bool {
        let max = match urgency {
            Urgency::Urgent => self.size.urgent,
            Urgency::Ordinary => self.size.max,
        };
        let team = &self.teams[urgency as usize];
        let threads = team.idle.len() + team.busy.len();
        threads < max || (max > 0 && threads < max + self.hanging(urgency).min(HANGING_MAX))
    }

    fn next_job(&mut self, urgency: Urgency) -> Option<Job> {
        let [urgent, ordinary] = &mut self.queues;
        match urgency {
            Urgency::Urgent => urgent.pop_front(),
            Urgency::Ordinary => urgent.pop_front().or_else(|| ordinary.pop_front()),
        }
    }
}

/// The life of a thread.
fn work(shared: &Mutex<Pool>, urgency: Urgency, number: u64, first: Job) {
    let seat = Arc::new(Seat { number, job: Mutex::new(None), thread: std::thread::current() });
    let mut job = first;
    loop {
        if catch_unwind(AssertUnwindSafe(job)).is_err() {
            tracing::error!("a call panicked outside of its driver");
        }
        let mut pool = lock(shared);
        let team = &mut pool.teams[urgency as usize];
        let at = team.busy.iter().position(|(busy, _)| *busy == number);
        if let Some(at) = at {
            team.busy.swap_remove(at);
        }
        if let Some(next) = pool.next_job(urgency) {
            pool.teams[urgency as usize].busy.push((number, Instant::now()));
            drop(pool);
            job = next;
            continue;
        }
        let (max, team) = match urgency {
            Urgency::Urgent => (pool.size.urgent, &mut pool.teams[0]),
            Urgency::Ordinary => (pool.size.max, &mut pool.teams[1]),
        };
        if team.idle.len() + team.busy.len() >= max {
            // Came in place of one that hung and is back.
            return;
        }
        team.idle.push(seat.clone());
        drop(pool);
        match wait(shared, urgency, &seat) {
            Some(next) => job = next,
            None => return,
        }
    }
}

/// Sleeps until there is a job; nothing when the thread should end.
fn wait(shared: &Mutex<Pool>, urgency: Urgency, seat: &Arc<Seat>) -> Option<Job> {
    let mut until = Instant::now() + IDLE_LIMIT;
    loop {
        if let Some(job) = lock(&seat.job).take() {
            return Some(job);
        }
        let now = Instant::now();
        if now < until {
            std::thread::park_timeout(until - now);
            continue;
        }
        let mut pool = lock(shared);
        let min = match urgency {
            Urgency::Urgent => 0,
            Urgency::Ordinary => pool.size.min,
        };
        let team = &mut pool.teams[urgency as usize];
        let surplus = team.idle.len() + team.busy.len() > min;
        match team.idle.iter().position(|idle| Arc::ptr_eq(idle, seat)) {
            Some(at) if surplus => {
                team.idle.remove(at);
                return None;
            }
            // Not idle any more: the job is on its way to the seat.
            _ => until = now + IDLE_LIMIT,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    const LIMIT: Duration = Duration::from_secs(20);

    #[test]
    fn threads_are_used_again() {
        let workers = Workers::new(Size { min: 0, max: 4, urgent: 1 });
        let (tell, told) = channel();
        for at in 0..50 {
            let tell = tell.clone();
            workers.submit(Urgency::Ordinary, Box::new(move || tell.send(at).expect("heard"))).expect("taken");
            assert_eq!(told.recv_timeout(LIMIT), Ok(at));
        }
        assert!(workers.gauge().threads <= 4, "{:?}", workers.gauge());
    }

    #[test]
    fn a_panic_ends_neither_thread_nor_pool() {
        let workers = Workers::new(Size { min: 0, max: 1, urgent: 0 });
        let (tell, told) = channel();
        workers.submit(Urgency::Ordinary, Box::new(|| panic!("on purpose"))).expect("taken");
        workers.submit(Urgency::Urgent, Box::new(move || tell.send(()).expect("heard"))).expect("taken");
        assert_eq!(told.recv_timeout(LIMIT), Ok(()));
    }

    #[test]
    fn hanging_jobs_are_replaced() {
        let workers = Workers::new(Size { min: 0, max: 2, urgent: 0 });
        let (release, gate) = channel::<()>();
        let gate = Arc::new(Mutex::new(gate));
        for _ in 0..2 {
            let gate = gate.clone();
            let hang = move || {
                let _ = lock(&gate).recv_timeout(LIMIT);
            };
            workers.submit(Urgency::Ordinary, Box::new(hang)).expect("taken");
        }
        let (tell, told) = channel();
        workers.submit(Urgency::Ordinary, Box::new(move || tell.send(()).expect("heard"))).expect("taken");
        assert_eq!(workers.gauge().queued, 1);
        let began = Instant::now();
        while told.try_recv().is_err() {
            assert!(began.elapsed() < LIMIT, "never replaced");
            std::thread::sleep(Duration::from_millis(50));
            workers.refill();
        }
        assert!(began.elapsed() > Duration::from_secs(2));
        drop(release);
    }
}
