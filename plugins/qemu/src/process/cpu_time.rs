//! CPU time of processes and threads, from the kernel's tables.

/// What a thread has used, and where it ran last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThreadTime {
    /// Nanoseconds.
    pub time: u64,
    /// The host's CPU.
    pub cpu: i32,
}

/// CPU time of a whole process in nanoseconds.
pub fn of_process(pid: i32) -> Option<u64> {
    read(&format!("/proc/{pid}/stat")).map(|t| t.time)
}

/// CPU time of one of its threads.
pub fn of_thread(pid: i32, thread: i32) -> Option<ThreadTime> {
    read(&format!("/proc/{pid}/task/{thread}/stat"))
}

/// Fields 14, 15 and 39, counted after the command in brackets.
fn read(path: &str) -> Option<ThreadTime> {
    let stat = std::fs::read_to_string(path).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let user: u64 = fields.nth(11)?.parse().ok()?;
    let kernel: u64 = fields.next()?.parse().ok()?;
    let cpu = fields.nth(23)?.parse().ok()?;
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    Some(ThreadTime { time: user.saturating_add(kernel).saturating_mul(1_000_000_000 / per_second), cpu })
}
