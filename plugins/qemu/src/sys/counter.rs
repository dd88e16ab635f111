//! Counters of the kernel's performance events.

use std::os::fd::{FromRawFd, OwnedFd};

use std::ffi::{c_int, c_long, c_uint};

/// The first version of the kernel's description of a counter.
#[repr(C)]
struct Attributes {
    kind: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup_events: u32,
    breakpoint_type: u32,
    breakpoint_address: u64,
}

/// Counts for threads that start later as well.
const INHERIT: u64 = 1 << 1;
const CLOSE_ON_EXEC: c_uint = 1 << 3;

#[cfg(target_arch = "x86_64")]
const CALL: c_long = 298;
#[cfg(target_arch = "s390x")]
const CALL: c_long = 331;
#[cfg(target_arch = "powerpc64")]
const CALL: c_long = 319;
#[cfg(not(any(target_arch = "x86_64", target_arch = "s390x", target_arch = "powerpc64")))]
const CALL: c_long = 241;

unsafe extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
}

/// Starts a counter for a process, in whatever CPU it runs.
///
/// * `kind`, `number` – of the kernel's table of events.
/// * Errors: what the kernel says, also where it may not be asked.
pub fn open_counter(kind: u32, number: u64, pid: i32) -> std::io::Result<OwnedFd> {
    let attributes = Attributes {
        kind,
        size: size_of::<Attributes>() as u32,
        config: number,
        sample_period: 0,
        sample_type: 0,
        read_format: 0,
        flags: INHERIT,
        wakeup_events: 0,
        breakpoint_type: 0,
        breakpoint_address: 0,
    };
    let (any_cpu, no_group): (c_int, c_int) = (-1, -1);
    // SAFETY: the kernel reads as many bytes of the description as it says it
    // has, which lives for the call; nothing else is shared.
    let fd = unsafe { syscall(CALL, &raw const attributes, pid as c_int, any_cpu, no_group, CLOSE_ON_EXEC) };
    match c_int::try_from(fd) {
        // SAFETY: a descriptor that the kernel just made, owned by nobody else.
        Ok(fd) if fd >= 0 => Ok(unsafe { OwnedFd::from_raw_fd(fd) }),
        _ => Err(std::io::Error::last_os_error()),
    }
}
