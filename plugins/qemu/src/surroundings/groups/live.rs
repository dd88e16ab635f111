//! Limits of a guest that runs.

use oxivirt_conf::domain::tuning::memory::UNLIMITED;
use oxivirt_conf::domain::{CpuSet, CpuTune, DomainDefinition, NumaMode};
use oxivirt_core::types::{TypedParam, TypedValue};
use oxivirt_core::{Error, Result};
use oxivirt_util::cgroup::{Controller, Group, NO_QUOTA};

use super::start::set_bandwidth;
use super::{Grouped, GuestGroup};
use crate::guests::Pinned;

/// What a running guest is: its definition, and numbers of its virtual CPUs.
pub(crate) struct Living<'l> {
    /// As it runs.
    pub(crate) definition: &'l DomainDefinition,
    /// Those plugged in.
    pub(crate) vcpus: &'l [u32],
}

impl GuestGroup {
    /// How the kernel schedules the guest.
    pub(crate) fn scheduler(&self, living: &Living<'_>) -> Result<Vec<TypedParam>> {
        let (vcpu_period, vcpu_quota) = match living.vcpus.first() {
            Some(number) => self.bandwidth(&self.vcpu(*number))?,
            None => (0, 0),
        };
        let (emulator_period, emulator_quota) = self.bandwidth(&self.emulator())?;
        let (global_period, global_quota) = self.bandwidth(&self.whole)?;
        let (iothread_period, iothread_quota) = match living.definition.iothreads.first() {
            Some(thread) => self.bandwidth(&self.iothread(thread.id))?,
            None => (0, 0),
        };
        let long = |name, value| TypedParam::new(name, TypedValue::UnsignedLongLong(value));
        let signed = |name, value| TypedParam::new(name, TypedValue::LongLong(value));
        Ok(vec![
            long("cpu_shares", self.whole.cpu_shares().grouped()?),
            long("vcpu_period", vcpu_period),
            signed("vcpu_quota", vcpu_quota),
            long("emulator_period", emulator_period),
            signed("emulator_quota", emulator_quota),
            long("global_period", global_period),
            signed("global_quota", global_quota),
            long("iothread_period", iothread_period),
            signed("iothread_quota", iothread_quota),
        ])
    }

    fn bandwidth(&self, group: &Group) -> Result<(u64, i64)> {
        let quota = group.cpu_quota().grouped()?;
        let quota = match (quota, group.is_unified(Controller::Cpu)) {
            (NO_QUOTA, true) => MOST,
            (quota, _) => quota,
        };
        Ok((group.cpu_period().grouped()?, quota))
    }

    /// Sets what changed between two tunings.
    pub(crate) fn set_scheduler(&self, before: &CpuTune, after: &CpuTune, living: &Living<'_>) -> Result<()> {
        if let Some(shares) = after.shares.filter(|_| after.shares != before.shares) {
            self.whole.set_cpu_shares(shares).grouped()?;
        }
        let change = |group: &Group, old: (Option<u64>, Option<i64>), new: (Option<u64>, Option<i64>)| {
            let period = new.0.filter(|_| old.0 != new.0);
            let quota = new.1.filter(|_| old.1 != new.1);
            set_bandwidth(group, period, quota).grouped()
        };
        let (old, new) = (before, after);
        change(&self.whole, (old.global_period, old.global_quota), (new.global_period, new.global_quota))?;
        let emulator = (new.emulator_period, new.emulator_quota);
        change(&self.emulator(), (old.emulator_period, old.emulator_quota), emulator)?;
        for number in living.vcpus {
            change(&self.vcpu(*number), (old.period, old.quota), (new.period, new.quota))?;
        }
        for thread in &living.definition.iothreads {
            let wanted = (new.iothread_period, new.iothread_quota);
            change(&self.iothread(thread.id), (old.iothread_period, old.iothread_quota), wanted)?;
        }
        Ok(())
    }

    /// Limits of memory in KiB.
    pub(crate) fn memory(&self) -> Result<Vec<TypedParam>> {
        let param = |name, bytes: Option<u64>| {
            TypedParam::new(name, TypedValue::UnsignedLongLong(bytes.map_or(UNLIMITED, |bytes| bytes / 1024)))
        };
        Ok(vec![
            param("hard_limit", self.whole.memory_limit().grouped()?),
            param("soft_limit", self.whole.memory_soft_limit().grouped()?),
            param("swap_hard_limit", self.whole.memory_swap_limit().grouped()?),
        ])
    }

    /// Sets limits of memory.
    pub(crate) fn set_memory(&self, params: &[TypedParam]) -> Result<()> {
        let limit = |name: &str| {
            params.iter().find(|param| param.field() == name).and_then(|param| match param.value() {
                TypedValue::UnsignedLongLong(kib) => Some((kib < UNLIMITED).then(|| kib.saturating_mul(1024))),
                _ => None,
            })
        };
        let (hard, soft, swap) = (limit("hard_limit"), limit("soft_limit"), limit("swap_hard_limit"));
        if hard.is_some() || swap.is_some() {
            let most = |bytes: Option<u64>| bytes.unwrap_or(u64::MAX);
            let now_swap = self.whole.memory_swap_limit().grouped()?;
            let new_hard = match hard {
                Some(hard) => hard,
                None => self.whole.memory_limit().grouped()?,
            };
            if most(new_hard) > most(swap.unwrap_or(now_swap)) {
                let text = "memory hard_limit tunable value must be lower than or equal to swap_hard_limit";
                return Err(Error::invalid_arg(text));
            }
            // More of both is given first, and the limit that others must not pass comes first then.
            if let Some(swap) = swap.filter(|swap| most(*swap) >= most(now_swap)) {
                self.whole.set_memory_swap_limit(swap).grouped()?;
            }
            if let Some(hard) = hard {
                self.whole.set_memory_limit(hard).grouped()?;
            }
            if let Some(swap) = swap.filter(|swap| most(*swap) < most(now_swap)) {
                self.whole.set_memory_swap_limit(swap).grouped()?;
            }
        }
        match soft {
            Some(soft) => self.whole.set_memory_soft_limit(soft).grouped(),
            None => Ok(()),
        }
    }

    /// Sets shares and limits of disks: what `after` says, and no limit where only `before` said one.
    pub(crate) fn change_blkio(&self, before: &DomainDefinition, after: &DomainDefinition) -> Result<()> {
        let old = before.blkiotune.as_deref().cloned().unwrap_or_default();
        let mut new = after.blkiotune.as_deref().cloned().unwrap_or_default();
        for device in &old.devices {
            let at = match new.devices.iter().position(|other| other.path == device.path) {
                Some(at) => at,
                None => {
                    let path = device.path.clone();
                    new.devices.push(oxivirt_conf::domain::BlkioDevice { path, ..Default::default() });
                    new.devices.len() - 1
                }
            };
            let Some(other) = new.devices.get_mut(at) else { continue };
            // 0 takes a limit away.
            other.weight = other.weight.or(device.weight.map(|_| 0));
            other.read_iops_sec = other.read_iops_sec.or(device.read_iops_sec.map(|_| 0));
            other.write_iops_sec = other.write_iops_sec.or(device.write_iops_sec.map(|_| 0));
            other.read_bytes_sec = other.read_bytes_sec.or(device.read_bytes_sec.map(|_| 0));
            other.write_bytes_sec = other.write_bytes_sec.or(device.write_bytes_sec.map(|_| 0));
        }
        self.set_blkio(&new)
    }

    /// The share of the disks, where the kernel's scheduler knows shares.
    pub(crate) fn blkio_weight(&self) -> Option<u32> {
        self.whole.blkio_weight().ok()
    }

    /// Keeps threads on processors.
    pub(crate) fn pin(&self, what: Pinned, cpus: &CpuSet) -> Result<()> {
        let group = match what {
            Pinned::Vcpu(number) => self.vcpu(number),
            Pinned::Emulator => self.emulator(),
            Pinned::IoThread(number) => self.iothread(number),
        };
        match group.has(Controller::CpuSet) && group.exists() {
            true => group.set_cpus(&cpus.to_string()).grouped(),
            false => Ok(()),
        }
    }

    /// Moves the memory of a guest to other nodes.
    ///
    /// Errors: `OPERATION_INVALID` the guest's memory may be anywhere.
    pub(crate) fn set_nodes(&self, nodes: &CpuSet, living: &Living<'_>) -> Result<()> {
        let memory = living.definition.numatune.as_ref().and_then(|tune| tune.memory.as_ref());
        if !memory.is_none_or(|memory| matches!(memory.mode, NumaMode::Strict | NumaMode::Restrictive)) {
            let text = "change of nodeset for running domain requires strict numa mode";
            return Err(Error::operation_invalid(text));
        }
        let threads = living.vcpus.iter().map(|number| self.vcpu(*number));
        let io = living.definition.iothreads.iter().map(|thread| self.iothread(thread.id));
        for group in std::iter::once(self.emulator()).chain(threads).chain(io) {
            if group.exists() {
                group.set_mems(&nodes.to_string()).grouped()?;
            }
        }
        Ok(())
    }

    /// Nanoseconds of all processors; then those in user space and in the kernel.
    pub(crate) fn cpu_time(&self) -> Result<(u64, u64, u64)> {
        let (user, system) = self.whole.cpu_time_parts().grouped()?;
        Ok((self.whole.cpu_time().grouped()?, user, system))
    }

    /// Nanoseconds on each processor: of the whole guest, and of its virtual CPUs.
    pub(crate) fn cpu_times(&self, living: &Living<'_>) -> Result<Vec<(u64, u64)>> {
        let whole = self.whole.cpu_times().grouped()?;
        let mut times: Vec<(u64, u64)> = whole.into_iter().map(|time| (time, 0)).collect();
        for number in living.vcpus {
            let Ok(own) = self.vcpu(*number).cpu_times() else { continue };
            for (time, more) in times.iter_mut().zip(own) {
                time.1 = time.1.saturating_add(more);
            }
        }
        Ok(times)
    }
}

/// What clients of libvirt read as "no quota" in the second version.
const MOST: i64 = 17_592_186_044_415;
