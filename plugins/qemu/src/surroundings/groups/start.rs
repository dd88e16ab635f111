//! What a definition says, set when a guest starts.

use std::io;
use std::os::fd::OwnedFd;

use oxivirt_conf::domain::{BlkioTune, CpuSet, CpuTune, DomainDefinition, MemoryTune, NumaMode};
use oxivirt_core::{Error, Result};
use oxivirt_util::cgroup::{Controller, Group, Level, Throttle};

use super::{Grouped, GuestGroup, Site, note_partition};
use crate::monitor::VcpuThread;
use crate::surroundings::files::HostFile;

impl Site {
    /// Makes the groups of a guest that is about to start and sets what concerns it as a whole.
    ///
    /// * Returns none where there are no groups, and the definition asks for nothing that needs them.
    /// * Errors: `CONFIG_UNSUPPORTED` it asks for what this host cannot control; `SYSTEM_ERROR`. After an error
    ///   nothing is left.
    pub(crate) fn prepare(
        &self,
        live: &mut DomainDefinition,
        id: i32,
        acl: &[String],
        files: &[HostFile],
    ) -> Result<Option<GuestGroup>> {
        let group = match self.group(live, id) {
            None => None,
            Some(group) => {
                // What a guest of that number left, which nobody knows any more.
                group.remove();
                match group.create(live) {
                    Ok(()) => Some(group),
                    Err(error) if is_refusal(&error) && !group.own_partition => {
                        group.remove();
                        tracing::warn!(domain = %live.name, %error, "the guest gets no control groups");
                        None
                    }
                    Err(error) => {
                        group.remove();
                        return Err(error).grouped();
                    }
                }
            }
        };
        let outcome = demand(live, group.as_ref()).and_then(|()| match &group {
            Some(group) => group.set_whole(live, acl, files),
            None => Ok(()),
        });
        if let Err(error) = outcome {
            if let Some(group) = group {
                group.remove();
            }
            return Err(error);
        }
        if group.is_some() {
            note_partition(live);
        }
        Ok(group)
    }
}

/// Refuses what could not be kept.
fn demand(live: &DomainDefinition, group: Option<&GuestGroup>) -> Result<()> {
    let lacks = |controller| !group.is_some_and(|group| group.has(controller));
    let privileged = rustix::process::geteuid().is_root();
    let tuned = live.cputune.as_ref().is_some_and(|tune| needs_cpu(tune));
    for (wanted, controller, what, short) in [
        (live.blkiotune.is_some(), Controller::Blkio, "Block I/O tuning", "Block I/O tuning"),
        (live.memtune.is_some(), Controller::Memory, "Memory tuning", "Memory cgroup"),
        (tuned, Controller::Cpu, "CPU tuning", "CPU tuning"),
        (is_restricted(live), Controller::CpuSet, "NUMA tuning", "NUMA tuning"),
    ] {
        if wanted && lacks(controller) {
            return Err(Error::config_unsupported(match privileged {
                true => format!("{short} is not available on this host"),
                false => format!("{what} is not available in session mode"),
            }));
        }
    }
    Ok(())
}

/// Whether memory is to be on some nodes without QEMU's help.
fn is_restricted(live: &DomainDefinition) -> bool {
    live.numatune.as_ref().is_some_and(|tune| {
        tune.memory.as_ref().is_some_and(|memory| memory.mode == NumaMode::Restrictive)
            || tune.nodes.iter().any(|node| node.mode == NumaMode::Restrictive)
    })
}

/// Whether something is said that only groups can keep.
fn needs_cpu(tune: &CpuTune) -> bool {
    let periods = [tune.period, tune.global_period, tune.emulator_period, tune.iothread_period, tune.shares];
    let quotas = [tune.quota, tune.global_quota, tune.emulator_quota, tune.iothread_quota];
    periods.iter().any(Option::is_some) || quotas.iter().any(Option::is_some)
}

/// Whether this process may not make groups, as in a container.
fn is_refusal(error: &io::Error) -> bool {
    use io::ErrorKind::{NotFound, PermissionDenied, ReadOnlyFilesystem};
    matches!(error.kind(), PermissionDenied | ReadOnlyFilesystem | NotFound)
}

impl GuestGroup {
    /// What QEMU puts itself into before it runs.
    pub(crate) fn doors(&self) -> Result<Vec<OwnedFd>> {
        let mut doors = self.whole.doors().grouped()?;
        doors.extend(self.emulator().doors().grouped()?);
        Ok(doors)
    }

    pub(super) fn set_whole(&self, live: &DomainDefinition, acl: &[String], files: &[HostFile]) -> Result<()> {
        if self.has(Controller::Devices) && !self.whole.is_unified(Controller::Devices) {
            self.allow_only(acl, files)?;
        }
        if let Some(tune) = &live.blkiotune {
            self.set_blkio(tune)?;
        }
        if let Some(tune) = &live.memtune {
            set_memory(&self.whole, tune).grouped()?;
        }
        if let Some(tune) = &live.cputune {
            if let Some(shares) = tune.shares {
                self.whole.set_cpu_shares(shares).grouped()?;
            }
            set_bandwidth(&self.whole, tune.global_period, tune.global_quota).grouped()?;
        }
        self.set_emulator(live)
    }

    fn set_emulator(&self, live: &DomainDefinition) -> Result<()> {
        let tune = live.cputune.as_ref();
        let group = self.emulator();
        if let Some(tune) = tune {
            set_bandwidth(&group, tune.emulator_period, tune.emulator_quota).grouped()?;
        }
        let pin = tune.and_then(|tune| tune.emulatorpin.as_ref()).map(|pin| &pin.cpuset);
        self.place(&group, pin.or(live.vcpu.cpuset.as_ref()), live)
    }

    /// Puts the threads of a QEMU that has just come up into their groups.
    ///
    /// * `io` – number and thread of each I/O thread.
    pub(crate) fn settle(&self, live: &DomainDefinition, vcpus: &[VcpuThread], io: &[(u32, i32)]) -> Result<()> {
        for vcpu in vcpus {
            self.settle_vcpu(live, vcpu.index, vcpu.thread)?;
        }
        for (number, thread) in io {
            self.settle_iothread(live, *number, *thread)?;
        }
        Ok(())
    }

    /// Makes the group of a virtual CPU and puts its thread there.
    pub(crate) fn settle_vcpu(&self, live: &DomainDefinition, number: u32, thread: i32) -> Result<()> {
        let tune = live.cputune.as_ref();
        let limits = tune.map(|tune| (tune.period, tune.quota)).unwrap_or_default();
        self.settle_thread(&self.vcpu(number), live, limits, live.vcpu_pin(number), thread)
    }

    /// Makes the group of an I/O thread and puts it there.
    pub(crate) fn settle_iothread(&self, live: &DomainDefinition, number: u32, thread: i32) -> Result<()> {
        let tune = live.cputune.as_ref();
        let limits = tune.map(|tune| (tune.iothread_period, tune.iothread_quota)).unwrap_or_default();
        let pin = tune.and_then(|tune| tune.iothreadpin.iter().find(|pin| pin.iothread == number));
        let set = pin.map(|pin| &pin.cpuset).or(live.vcpu.cpuset.as_ref());
        self.settle_thread(&self.iothread(number), live, limits, set, thread)
    }

    fn settle_thread(
        &self,
        group: &Group,
        live: &DomainDefinition,
        (period, quota): (Option<u64>, Option<i64>),
        cpus: Option<&CpuSet>,
        thread: i32,
    ) -> Result<()> {
        if group.is_empty() {
            return Ok(());
        }
        group.create(Level::Threads).grouped()?;
        set_bandwidth(group, period, quota).grouped()?;
        self.place(group, cpus, live)?;
        group.add_thread(thread).grouped()
    }

    /// Removes the group of a virtual CPU that left.
    pub(crate) fn drop_vcpu(&self, number: u32) {
        self.drop_threads(&self.vcpu(number));
    }

    /// Removes the group of an I/O thread that was taken away.
    pub(crate) fn drop_iothread(&self, number: u32) {
        self.drop_threads(&self.iothread(number));
    }

    fn drop_threads(&self, group: &Group) {
        if let Err(error) = group.remove(super::PATIENCE) {
            tracing::warn!(%error, "a control group stays behind");
        }
    }

    /// Keeps threads on processors and memory nodes.
    pub(super) fn place(&self, group: &Group, cpus: Option<&CpuSet>, live: &DomainDefinition) -> Result<()> {
        if !group.has(Controller::CpuSet) {
            return Ok(());
        }
        if let Some(cpus) = cpus {
            group.set_cpus(&cpus.to_string()).grouped()?;
        }
        group.set_memory_migration(true).grouped()?;
        match nodes(live) {
            Some(nodes) => group.set_mems(&nodes.to_string()).grouped(),
            None => Ok(()),
        }
    }

    pub(super) fn set_blkio(&self, tune: &BlkioTune) -> Result<()> {
        if let Some(weight) = tune.weight {
            self.whole.set_blkio_weight(weight).grouped()?;
        }
        for device in &tune.devices {
            let number = device_number(&device.path)?;
            if let Some(weight) = device.weight {
                self.whole.set_blkio_device_weight(number, weight).grouped()?;
            }
            for (what, value) in [
                (Throttle::ReadOperations, device.read_iops_sec.map(u64::from)),
                (Throttle::WriteOperations, device.write_iops_sec.map(u64::from)),
                (Throttle::ReadBytes, device.read_bytes_sec),
                (Throttle::WriteBytes, device.write_bytes_sec),
            ] {
                if let Some(value) = value {
                    self.whole.set_throttle(number, what, value).grouped()?;
                }
            }
        }
        Ok(())
    }
}

/// The nodes that all memory has to be on.
fn nodes(live: &DomainDefinition) -> Option<&CpuSet> {
    let memory = live.numatune.as_ref()?.memory.as_ref()?;
    matches!(memory.mode, NumaMode::Strict | NumaMode::Restrictive).then_some(memory.nodeset.as_ref()).flatten()
}

/// Sets limits of memory in an order that the kernel takes: memory alone may
/// never be more than memory and swap space together.
pub(super) fn set_memory(group: &Group, tune: &MemoryTune) -> io::Result<()> {
    let bytes = |limit: oxivirt_conf::xml::KiB| Some(limit.0.saturating_mul(1024));
    if let Some(limit) = tune.hard_limit {
        group.set_memory_limit(bytes(limit))?;
    }
    if let Some(limit) = tune.soft_limit {
        group.set_memory_soft_limit(bytes(limit))?;
    }
    if let Some(limit) = tune.swap_hard_limit {
        group.set_memory_swap_limit(bytes(limit))?;
    }
    Ok(())
}

/// Sets length and part of a round; 0 leaves what there is.
pub(super) fn set_bandwidth(group: &Group, period: Option<u64>, quota: Option<i64>) -> io::Result<()> {
    if let Some(period) = period.filter(|period| *period != 0) {
        group.set_cpu_period(period)?;
    }
    match quota.filter(|quota| *quota != 0) {
        Some(quota) => group.set_cpu_quota(quota),
        None => Ok(()),
    }
}

/// The numbers of a disk of the host.
pub(super) fn device_number(path: &str) -> Result<(u32, u32)> {
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    let meta = std::fs::metadata(path).map_err(|e| Error::system(format_args!("unable to stat '{path}'"), &e))?;
    if !meta.file_type().is_block_device() {
        return Err(Error::system(
            format_args!("path '{path}' must be a block device"),
            &io::Error::from(rustix::io::Errno::INVAL),
        ));
    }
    let number = meta.rdev();
    Ok((rustix::fs::major(number), rustix::fs::minor(number)))
}
