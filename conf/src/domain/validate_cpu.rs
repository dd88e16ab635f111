//! Checks of the processors, their threads and guest NUMA nodes.

use std::collections::HashSet;

use oxivirt_core::{Error, ErrorCode, Result};

use super::validate::{refuse, unsupported};
use super::{CpuAddressMode, CpuMode, CpuSet, CpuTune, DomainDefinition, NumaPlacement, Scheduler};

/// What `<cpu>` says fits together.
pub(super) fn cpu(def: &DomainDefinition) -> Result<()> {
    let Some(cpu) = &def.cpu else { return Ok(()) };
    if cpu.migratable.is_some() && !matches!(cpu.mode, CpuMode::HostPassthrough | CpuMode::Maximum) {
        return unsupported("Attribute migratable is only allowed for 'host-passthrough' / 'maximum' CPU mode");
    }
    if let Some(size) = &cpu.maxphysaddr
        && size.limit.is_some()
        && size.mode != CpuAddressMode::Passthrough
    {
        return unsupported("attribute 'limit' is only supported for maxphysaddr mode 'passthrough'");
    }
    if cpu.vendor.is_some() && cpu.model.is_none() {
        return refuse("CPU vendor specified without CPU model");
    }
    if let Some(level) = cpu.cache.as_ref().and_then(|cache| cache.level).filter(|level| !(1..=3).contains(level)) {
        return refuse(format!("cache level '{level}', allowed: 1 to 3"));
    }
    numa(def)
}

fn numa(def: &DomainDefinition) -> Result<()> {
    let Some(numa) = def.cpu.as_ref().and_then(|cpu| cpu.numa.as_ref()) else { return Ok(()) };
    let mut all = CpuSet::default();
    for cell in &numa.cells {
        let Some(cpus) = &cell.cpus else { continue };
        if all.overlaps(cpus) {
            return unsupported(format!("CPUs {cpus} of NUMA cell {} are in another cell too", cell.id.unwrap_or(0)));
        }
        all.add_all(cpus);
    }
    match all.last() {
        Some(last) if last >= def.vcpu.maximum => {
            Err(Error::internal(format!("CPU {last} in <numa>, but there are {} in <vcpu>", def.vcpu.maximum)))
        }
        _ => Ok(()),
    }
}

/// Threads for input and output have sensible pools.
pub(super) fn threads(def: &DomainDefinition) -> Result<()> {
    let pools = def.iothreads.iter().map(|t| (t.thread_pool_min, t.thread_pool_max));
    let default = def.default_iothread.iter().map(|t| (t.thread_pool_min, t.thread_pool_max));
    for pool in pools.chain(default) {
        if let (Some(min), Some(max)) = pool
            && min > max
        {
            return unsupported("thread_pool_min must be smaller or equal to thread_pool_max");
        }
    }
    Ok(())
}

/// Microseconds that the host's scheduler takes.
const PERIODS: std::ops::RangeInclusive<u64> = 1_000..=1_000_000;
const QUOTAS: std::ops::RangeInclusive<i64> = 1_000..=17_592_186_044_415;

/// Times that the host takes; each thread is pinned once, and exists.
pub(super) fn tune(def: &DomainDefinition) -> Result<()> {
    let Some(tune) = &def.cputune else { return Ok(()) };
    times(tune)?;
    let mut pinned = HashSet::new();
    for pin in &tune.vcpupin {
        if !pinned.insert(pin.vcpu) {
            return Err(Error::internal(format!("duplicate vcpupin for vcpu '{}'", pin.vcpu)));
        }
    }
    pinned.clear();
    for pin in &tune.iothreadpin {
        let id = pin.iothread;
        if id == 0 {
            return refuse("<iothreadpin>: attribute 'iothread' has the invalid value '0', allowed: a number above 0");
        }
        if !pinned.insert(id) {
            return Err(Error::internal(format!("duplicate iothreadpin for same iothread '{id}'")));
        }
        if !def.iothreads.iter().any(|thread| thread.id == id) {
            return unsupported(format!("Cannot find 'iothread' : {id}"));
        }
    }
    for schedule in &tune.vcpusched {
        if let Some(vcpu) = schedule.vcpus.last().filter(|last| *last >= def.vcpu.maximum) {
            return unsupported(format!("vCPU '{vcpu}' is not present in domain definition"));
        }
    }
    let vcpus = tune.vcpusched.iter().map(|s| ("vcpusched", s.scheduler, s.priority));
    let iothreads = tune.iothreadsched.iter().map(|s| ("iothreadsched", s.scheduler, s.priority));
    let emulator = tune.emulatorsched.iter().map(|s| ("emulatorsched", s.scheduler, s.priority));
    for (name, scheduler, priority) in vcpus.chain(iothreads).chain(emulator) {
        if matches!(scheduler, Scheduler::Fifo | Scheduler::Rr) && priority.is_none() {
            return refuse(format!("<{name}>: missing attribute 'priority' for scheduler '{scheduler}'"));
        }
    }
    Ok(())
}

fn times(tune: &CpuTune) -> Result<()> {
    let periods = [
        ("period", tune.period),
        ("global_period", tune.global_period),
        ("emulator_period", tune.emulator_period),
        ("iothread_period", tune.iothread_period),
    ];
    for (name, period) in periods {
        if period.is_some_and(|period| period > 0 && !PERIODS.contains(&period)) {
            let (first, last) = PERIODS.into_inner();
            return unsupported(format!("Value of cputune '{name}' must be in range [{first}, {last}]"));
        }
    }
    let quotas = [
        ("quota", tune.quota),
        ("global_quota", tune.global_quota),
        ("emulator_quota", tune.emulator_quota),
        ("iothread_quota", tune.iothread_quota),
    ];
    for (name, quota) in quotas {
        // Below zero is no limit.
        if quota.is_some_and(|quota| quota > 0 && !QUOTAS.contains(&quota)) {
            let (first, last) = QUOTAS.into_inner();
            return unsupported(format!("Value of cputune '{name}' must be in range [{first}, {last}]"));
        }
    }
    Ok(())
}

/// Memory of a cell is bound once, and not where the host places it all.
pub(super) fn bindings(def: &DomainDefinition) -> Result<()> {
    let Some(tune) = &def.numatune else { return Ok(()) };
    let automatic = tune.memory.as_ref().is_some_and(|memory| memory.placement == Some(NumaPlacement::Auto));
    if automatic && !tune.nodes.is_empty() {
        return unsupported("Per-node binding is not compatible with automatic NUMA placement.");
    }
    let mut seen = HashSet::new();
    for node in &tune.nodes {
        if !seen.insert(node.cellid) {
            return refuse(format!("Multiple memnode elements with cellid {}", node.cellid));
        }
    }
    Ok(())
}

/// The cell that a memory module goes to exists.
pub(super) fn has_cell(def: &DomainDefinition, node: u32) -> Result<()> {
    let cells = def.cpu.as_ref().and_then(|cpu| cpu.numa.as_ref()).map_or(0, |numa| numa.cells.len());
    match node as usize >= cells && cells > 0 {
        true => Err(Error::new(
            ErrorCode::XML_DETAIL,
            format!(
                "can't add memory backend for guest node '{node}' as the guest has only '{cells}' NUMA nodes configured"
            ),
        )),
        false => Ok(()),
    }
}
