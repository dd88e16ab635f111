//! How the kernel schedules a thread.

use std::ffi::{c_int, c_long};

use oxivirt_conf::domain::Scheduler;

#[cfg(target_arch = "x86_64")]
const CALL: c_long = 144;
#[cfg(any(target_arch = "s390x", target_arch = "powerpc64"))]
const CALL: c_long = 156;
#[cfg(not(any(target_arch = "x86_64", target_arch = "s390x", target_arch = "powerpc64")))]
const CALL: c_long = 119;

unsafe extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
}

/// Gives a thread a policy.
///
/// * `priority` – counts for `fifo` and `rr`, which want at least 1.
/// * Errors: the kernel's, such as that this process may not.
pub fn set_scheduler(thread: i32, policy: Scheduler, priority: i32) -> std::io::Result<()> {
    let (number, priority): (c_int, c_int) = match policy {
        Scheduler::Fifo => (1, priority),
        Scheduler::Rr => (2, priority),
        Scheduler::Batch => (3, 0),
        Scheduler::Idle => (5, 0),
    };
    // SAFETY: the kernel reads one number behind the pointer, which is there until the call returns.
    match unsafe { syscall(CALL, thread, number, &raw const priority) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}
