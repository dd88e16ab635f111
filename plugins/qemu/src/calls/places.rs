//! Numbers of CPUs and threads, and where they run, between calls and guests.

use oxivirt_conf::domain::{CpuMapList, CpuSet, DomainDefinition};
use oxivirt_conf::object::Affected;
use oxivirt_core::call::Call;
use oxivirt_core::constants::DomainModificationImpact;
use oxivirt_core::types::{Counted, Domain, IothreadInfo, List, TypedParam, limit};
use oxivirt_core::{Error, ErrorDomain, Result};

use super::tuning::Known;
use super::{IMPACT, Own, affected, check_flags, cpu_set, host_cpus, owner};
use crate::QemuConnection;
use crate::guests::Pinned;

/// Where a definition has its I/O threads run.
pub(super) fn of_iothreads(definition: &DomainDefinition) -> Vec<(u32, CpuSet)> {
    let all = CpuSet::new(0..host_cpus());
    let pins = definition.cputune.as_deref().map(|tune| tune.iothreadpin.as_slice()).unwrap_or_default();
    let place = |id: u32| {
        let own = pins.iter().find(|pin| pin.iothread == id).map(|pin| &pin.cpuset);
        own.or(definition.vcpu.cpuset.as_ref()).unwrap_or(&all).clone()
    };
    definition.iothreads.iter().map(|thread| (thread.id, place(thread.id))).collect()
}

/// A thread and its CPUs as clients hear of them.
pub(super) fn describe((id, set): (u32, CpuSet)) -> Result<IothreadInfo> {
    let length = i32::try_from(host_cpus().div_ceil(8)).unwrap_or(i32::MAX);
    let mut map = CpuMapList::new(1, length, 1, host_cpus())?;
    map.push(Some(&set));
    Ok(IothreadInfo { iothread_id: id, cpumap: map.into_bytes().into() })
}

/// The most CPUs of a stored definition.
pub(super) fn set_maximum(definition: &mut DomainDefinition, maximum: u32) {
    definition.vcpu.maximum = maximum;
    definition.vcpu.current = definition.vcpu.current.min(maximum);
    // What was said of single ones no longer fits.
    definition.vcpus.retain(|entry| entry.id < maximum);
    if !definition.vcpus.is_empty() {
        let on = definition.vcpus.iter().filter(|entry| entry.enabled.is_yes()).count();
        definition.vcpu.current = u32::try_from(on).unwrap_or(maximum);
    }
}

/// A list of CPUs in words.
pub(super) fn parse(text: &str) -> Result<CpuSet> {
    let set = text.parse::<CpuSet>().ok().filter(|set| !set.is_empty());
    set.ok_or_else(|| Error::invalid_arg(format!("Failed to parse bitmap '{text}'"))).own()
}

impl QemuConnection {
    /// How many parameters there are, which nobody has to run for.
    pub(super) fn count(
        &self,
        dom: &Domain,
        known: Known,
    ) -> Result<Counted<List<TypedParam, { limit::TUNING_PARAMETERS }>, i32>> {
        self.find(dom)?;
        Ok(Counted { items: List::new(Vec::new())?, count: i32::try_from(known.len()).unwrap_or(i32::MAX) })
    }

    /// Keeps something on some CPUs, as a map of bits says.
    pub(super) fn keep(
        &self,
        call: &Call,
        dom: &Domain,
        what: Pinned,
        cpumap: &[u8],
        flags: DomainModificationImpact,
        name: &str,
    ) -> Result<()> {
        check_flags(flags.0, IMPACT, name)?;
        let set = cpu_set(cpumap);
        let job = self.guests.modify(self.uuid(dom)?, &owner(call)).own()?;
        let which = affected(&job.snapshot(), flags.0)?;
        self.guests.pin(&job, which, what, &set).own()
    }

    /// A job that changes an I/O thread, and which definitions are meant.
    pub(super) fn thread_job(
        &self,
        call: &Call,
        dom: &Domain,
        id: u32,
        flags: DomainModificationImpact,
        name: &str,
    ) -> Result<(crate::state::Job, Affected)> {
        check_flags(flags.0, IMPACT, name)?;
        if id == 0 {
            let text = "invalid value of 0 for iothread_id";
            return Err(Error::invalid_arg(text).in_domain(ErrorDomain::QEMU));
        }
        let job = self.guests.modify(self.uuid(dom)?, &owner(call)).own()?;
        let which = affected(&job.snapshot(), flags.0)?;
        Ok((job, which))
    }
}
