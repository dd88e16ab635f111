//! Calls into the system that the standard library does not wrap.
//!
//! UNSAFETY: code between fork and exec, network device requests, performance counters, and an instruction that
//! only intrinsics reach.
#![allow(unsafe_code)]

mod counter;
mod cpuid;
mod macvtap;
mod numa;
mod schedule;
mod tap;
mod traffic;
mod vsock;

use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::{Gid, Resource, Rlimit, Uid, setrlimit};
use rustix::thread::{set_thread_gid, set_thread_groups, set_thread_uid};

use crate::settings::ProcessRules;
use crate::surroundings::dev::Ready;

pub use counter::open_counter;
pub use cpuid::host_cpu;
pub use macvtap::{delete_link, free_macvtap, make_macvtap, open_macvtap};
pub use numa::take_memory_from;
pub use schedule::set_scheduler;
pub use tap::{Tap, address_of, isolate_port, move_tap, open_tap};
pub use traffic::set_limits;
pub use vsock::open_vsock;

/// Makes the child the leader of a session of its own, with every signal
/// open again.
pub fn own_session(command: &mut Command) {
    // SAFETY: setsid is safe between fork and exec: one system call, no
    // memory of the parent is touched.
    unsafe {
        command.pre_exec(|| {
            rustix::process::setsid()?;
            Ok(())
        });
    }
}

/// Gives the child its limits, then its user and group.
///
/// Limits come first: who is no longer root could not raise them.
pub fn restrict(command: &mut Command, rules: &ProcessRules) {
    let limit = |value: Option<u64>| {
        value.map(|value| {
            let value = (value != u64::MAX).then_some(value);
            Rlimit { current: value, maximum: value }
        })
    };
    let (user, group) = (rules.user.map(Uid::from_raw), rules.group.map(Gid::from_raw));
    let groups: Vec<Gid> = rules.groups.iter().copied().map(Gid::from_raw).collect();
    let limits = [
        (Resource::Nproc, limit(rules.processes)),
        (Resource::Nofile, limit(rules.files)),
        (Resource::Core, limit(rules.core)),
    ];
    // SAFETY: system calls with values that were made before the fork; no
    // memory of the parent is touched. The child has one thread.
    unsafe {
        command.pre_exec(move || {
            for (resource, limit) in &limits {
                if let Some(limit) = limit {
                    setrlimit(*resource, *limit)?;
                }
            }
            if user.is_some() || group.is_some() {
                set_thread_groups(&groups)?;
            }
            if let Some(group) = group {
                set_thread_gid(group)?;
            }
            if let Some(user) = user {
                set_thread_uid(user)?;
            }
            Ok(())
        });
    }
}

/// Puts the child into groups by their files, before it is anything else.
pub fn enter(command: &mut Command, doors: Vec<std::os::fd::OwnedFd>) {
    if doors.is_empty() {
        return;
    }
    // SAFETY: system calls with descriptors that were opened before the fork; no
    // memory of the parent is touched. The child has one thread.
    unsafe {
        command.pre_exec(move || {
            for door in &doors {
                rustix::io::write(door, b"0")?;
            }
            Ok(())
        });
    }
}

/// Gives the child a `/dev` of its own.
pub(crate) fn own_devices(command: &mut Command, ready: Ready) {
    // SAFETY: system calls with texts that were made before the fork; no memory of
    // the parent is touched. The child has one thread, and shares no descriptors.
    unsafe {
        command.pre_exec(move || {
            rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNS)?;
            ready.carry_out()
        });
    }
}

/// Whether a child of this process may have mounts of its own.
pub fn can_leave_mounts() -> bool {
    static ABLE: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    *ABLE.get_or_init(|| {
        let mut command = Command::new("/bin/true");
        // SAFETY: two system calls between fork and exec; the child ends at once.
        unsafe {
            command.pre_exec(|| {
                use rustix::mount::MountPropagationFlags;
                rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNS)?;
                rustix::mount::mount_change(c"/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)?;
                Ok(())
            });
        }
        rustix::process::geteuid().is_root() && command.status().is_ok_and(|status| status.success())
    })
}

/// Lets the child lock that much memory, bytes or any with `None`.
///
/// Where this process may not allow it the child has what it had: it is the one to tell that it needs more.
pub fn allow_locked_memory(command: &mut Command, bytes: Option<u64>) {
    // SAFETY: one system call between fork and exec, no memory of the parent
    // is touched.
    unsafe {
        command.pre_exec(move || {
            let _ = setrlimit(Resource::Memlock, Rlimit { current: bytes, maximum: bytes });
            Ok(())
        });
    }
}

/// Makes the child end with the thread that starts it, however that ends.
///
/// For helpers that serve nobody else; the thread must outlive their use.
pub fn end_with_parent(command: &mut Command) {
    // SAFETY: one system call between fork and exec, no memory of the parent
    // is touched.
    unsafe {
        command.pre_exec(|| {
            rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
            Ok(())
        });
    }
}

/// Makes the child tell its number, as four bytes, and wait for one byte
/// before it goes on; at the end of the stream it gives up.
///
/// Until then it ends with the thread that starts it, however that ends:
/// other children that were forked meanwhile keep copies of this stream open,
/// so its end alone would not tell. Whatever changes the child's user has to
/// come before this.
pub fn wait_for_leave(command: &mut Command, gate: UnixStream) {
    use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};
    let parent = getpid();
    // SAFETY: system calls between fork and exec on a descriptor that was
    // opened before; no memory of the parent is touched.
    unsafe {
        command.pre_exec(move || {
            set_parent_process_death_signal(Some(Signal::KILL))?;
            // The parent may have gone before that.
            if getppid() != Some(parent) {
                return Err(rustix::io::Errno::CANCELED.into());
            }
            let number = getpid().as_raw_nonzero().get().to_ne_bytes();
            rustix::io::write(&gate, &number)?;
            let mut leave = [0];
            if rustix::io::read(&gate, &mut leave)? != 1 {
                return Err(rustix::io::Errno::CANCELED.into());
            }
            set_parent_process_death_signal(None)?;
            Ok(())
        });
    }
}

/// Seconds that local time is ahead of UTC now.
pub fn utc_offset() -> i64 {
    // The system's rules for time zones are only reachable through a program
    // or the C library; the former needs no unsafe code and is rare enough.
    let output = Command::new("date").arg("+%z").env("LC_ALL", "C").output();
    let text = output.map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned()).unwrap_or_default();
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits = text.trim_start_matches(['+', '-']);
    let part = |range: std::ops::Range<usize>| digits.get(range).and_then(|d| d.parse::<i64>().ok()).unwrap_or(0);
    sign * (part(0..2) * 3600 + part(2..4) * 60)
}
