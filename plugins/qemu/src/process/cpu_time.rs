//! CPU time of processes and threads, from the kernel's tables.

/// What a thread has used, and where it ran last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThreadTime {
    /// Nanoseconds, of which:
    pub time: u64,
    /// in user space;
    pub user: u64,
    /// in the kernel.
    pub system: u64,
    /// The host's CPU.
    pub cpu: i32,
}

/// CPU time of a whole process in nanoseconds.
pub fn of_process(pid: i32) -> Option<u64> {
    read(&format!("/proc/{pid}/stat")).map(|t| t.time)
}

/// The same in parts.
pub fn parts_of_process(pid: i32) -> Option<ThreadTime> {
    read(&format!("/proc/{pid}/stat"))
}

/// Nanoseconds that a thread was ready to run and had to wait.
pub fn delay_of_thread(pid: i32, thread: i32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/task/{thread}/schedstat")).ok()?;
    text.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// Nanoseconds that a thread waited for input or output; none where the kernel does not count.
pub fn io_wait_of_thread(pid: i32, thread: i32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/task/{thread}/sched")).ok()?;
    let (_, value) = text.lines().filter_map(|line| line.split_once(':')).find(|(name, _)| {
        let name = name.trim();
        name == "iowait_sum" || name.ends_with(".iowait_sum")
    })?;
    // Milliseconds, with six digits behind the point.
    let (whole, part) = value.trim().split_once('.').unwrap_or((value.trim(), "0"));
    let nanoseconds: u64 = format!("{part:0<6}").get(..6)?.parse().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(1_000_000)?.checked_add(nanoseconds)
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
    let nanoseconds = |ticks: u64| ticks.saturating_mul(1_000_000_000 / per_second);
    let (user, system) = (nanoseconds(user), nanoseconds(kernel));
    Some(ThreadTime { time: user.saturating_add(system), user, system, cpu })
}
