//! Where the threads of a guest run on the host, and how they are scheduled.

use oxivirt_conf::domain::{DomainDefinition, Scheduler};
use oxivirt_core::{Error, Result};

use super::cpus;
use crate::monitor::VcpuThread;
use crate::sys;

/// Keeps the threads of a guest that came up where its definition wants them.
///
/// * `io` – number and thread of each I/O thread.
pub(super) fn arrange(live: &DomainDefinition, pid: i32, vcpus: &[VcpuThread], io: &[(u32, i32)]) -> Result<()> {
    let tune = live.cputune.as_ref();
    let everywhere = live.vcpu.cpuset.as_ref();
    let emulator = tune.and_then(|t| t.emulatorpin.as_ref()).map(|p| &p.cpuset).or(everywhere);
    let sched = tune.and_then(|t| t.emulatorsched.as_ref());
    if emulator.is_some() || sched.is_some() {
        // The emulator's threads are all that are nothing else.
        let other = |id: &i32| !vcpus.iter().any(|t| t.thread == *id) && !io.iter().any(|(_, thread)| thread == id);
        for id in cpus::threads(pid)?.into_iter().filter(other) {
            if let Some(set) = emulator {
                cpus::pin(id, set)?;
            }
            if let Some(sched) = sched {
                schedule(id, sched.scheduler, sched.priority)?;
            }
        }
    }
    for vcpu in vcpus {
        arrange_vcpu(live, vcpu)?;
    }
    for (number, thread) in io {
        let own = tune.and_then(|t| t.iothreadpin.iter().find(|p| p.iothread == *number)).map(|p| &p.cpuset);
        if let Some(set) = own.or(everywhere) {
            cpus::pin(*thread, set)?;
        }
        schedule_iothread(live, *number, *thread)?;
    }
    Ok(())
}

/// The same of one virtual CPU.
pub(super) fn arrange_vcpu(live: &DomainDefinition, vcpu: &VcpuThread) -> Result<()> {
    if let Some(set) = live.vcpu_pin(vcpu.index) {
        cpus::pin(vcpu.thread, set)?;
    }
    let tune = live.cputune.as_ref();
    match tune.and_then(|t| t.vcpusched.iter().find(|sched| sched.vcpus.contains(vcpu.index))) {
        Some(sched) => schedule(vcpu.thread, sched.scheduler, sched.priority),
        None => Ok(()),
    }
}

/// Schedules an I/O thread as the definition says.
pub(super) fn schedule_iothread(live: &DomainDefinition, number: u32, thread: i32) -> Result<()> {
    let tune = live.cputune.as_ref();
    match tune.and_then(|t| t.iothreadsched.iter().find(|sched| sched.iothreads.contains(number))) {
        Some(sched) => schedule(thread, sched.scheduler, sched.priority),
        None => Ok(()),
    }
}

fn schedule(thread: i32, policy: Scheduler, priority: Option<i32>) -> Result<()> {
    sys::set_scheduler(thread, policy, priority.unwrap_or(0))
        .map_err(|e| Error::system(format_args!("Cannot set scheduler parameters for pid {thread}"), &e))
}
