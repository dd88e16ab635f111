//! Where threads of a guest run on the host.

use oxivirt_conf::domain::CpuSet;
use oxivirt_core::{Error, Result};
use rustix::thread::{CpuSet as Mask, Pid};

/// Keeps a thread on some of the host's CPUs.
pub(super) fn pin(thread: i32, set: &CpuSet) -> Result<()> {
    let mut cpus = Mask::new();
    for cpu in set.iter() {
        let cpu = cpu as usize;
        // Beyond what the kernel can have; such a CPU is not there anyway.
        if cpu < Mask::MAX_CPU {
            cpus.set(cpu);
        }
    }
    rustix::thread::sched_setaffinity(Pid::from_raw(thread), &cpus)
        .map_err(|e| Error::system(format_args!("cannot set CPU affinity to {set}"), &e.into()))
}

/// Where a thread may run now.
pub(super) fn affinity(thread: i32) -> Result<CpuSet> {
    let mask = rustix::thread::sched_getaffinity(Pid::from_raw(thread))
        .map_err(|e| Error::system(format_args!("cannot get CPU affinity of process {thread}"), &e.into()))?;
    let cpus = (0..Mask::MAX_CPU).filter(|cpu| mask.is_set(*cpu));
    Ok(cpus.filter_map(|cpu| u32::try_from(cpu).ok()).collect())
}

/// Every thread of a process.
pub(super) fn threads(pid: i32) -> Result<Vec<i32>> {
    let folder = format!("/proc/{pid}/task");
    let entries = std::fs::read_dir(&folder).map_err(|e| Error::system(format_args!("cannot read '{folder}'"), &e))?;
    Ok(entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect())
}
