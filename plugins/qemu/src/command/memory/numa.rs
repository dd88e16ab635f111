//! `-numa`: the guest's cells, how far they are from each other, their caches.

use oxivirt_conf::domain::{
    CacheAssociativity, CachePolicy, CpuSet, DomainDefinition, InterconnectType, Numa, NumaCell,
};
use oxivirt_conf::xml::YesNo;
use oxivirt_core::{Error, Result};

use super::super::{Builder, whole_blocks};
use super::backend::{self, Naming, Wanted};

fn numa(domain: &DomainDefinition) -> Option<&Numa> {
    domain.cpu.as_ref().and_then(|c| c.numa.as_ref()).filter(|n| !n.cells.is_empty())
}

/// Whether the guest has no cells.
pub(super) fn is_empty(domain: &DomainDefinition) -> bool {
    numa(domain).is_none()
}

/// Whether the guest is told more than distances.
pub(in crate::command) fn has_hmat(domain: &DomainDefinition) -> bool {
    numa(domain).is_some_and(|n| n.interconnects.is_some() || n.cells.iter().any(|cell| !cell.caches.is_empty()))
}

/// All of `-numa`.
pub(in crate::command) fn cells(b: &mut Builder<'_>) -> Result<()> {
    let domain = b.domain;
    let Some(numa) = numa(domain) else { return Ok(()) };
    let hmat = has_hmat(domain);
    let discard = domain.memory_backing.as_ref().is_some_and(|m| m.discard);
    let wanted = |cell: &NumaCell| Wanted {
        cell: cell.id,
        access: cell.mem_access,
        discard: cell.discard.map(YesNo::is_yes).or(discard.then_some(true)),
        ..Wanted::default()
    };
    let plain = b.emulator.machine(b.accel(), domain.os.machine()).is_some_and(|m| m.numa_mem);
    let mut objects = hmat || !plain;
    for cell in &numa.cells {
        objects |= backend::is_special(b, &wanted(cell))?;
    }
    for cell in &numa.cells {
        let id = cell.id.ok_or_else(|| Error::internal("a NUMA cell has no number"))?;
        let size = if b.incoming.is_some() { cell.memory.0 } else { whole_blocks(domain, cell.memory.0) };
        let mut text = format!("node,nodeid={id}");
        if let Some(cpus) = &cell.cpus {
            for (first, last) in ranges(cpus) {
                text.push_str(&match first == last {
                    true => format!(",cpus={first}"),
                    false => format!(",cpus={first}-{last}"),
                });
            }
        }
        if hmat {
            text.push_str(&format!(",initiator={}", initiator(numa, cell, id)));
        }
        if objects {
            let name = format!("ram-node{id}");
            backend::object(b, &name, size, &wanted(cell), Naming::Other)?.write(b);
            text.push_str(&format!(",memdev={name}"));
        } else {
            text.push_str(&format!(",mem={}", size / 1024));
        }
        b.pair("-numa", text);
    }
    distances(b, numa);
    interconnects(b, numa)?;
    caches(b, numa)
}

fn ranges(set: &CpuSet) -> Vec<(u32, u32)> {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for number in set.iter() {
        match ranges.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(number) => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    ranges
}

/// The cell whose CPUs reach this one best.
fn initiator(numa: &Numa, cell: &NumaCell, id: u32) -> u32 {
    let with_cpus = |cell: &NumaCell| cell.cpus.as_ref().is_some_and(|cpus| !cpus.is_empty());
    if with_cpus(cell) {
        return id;
    }
    let links = numa.interconnects.as_ref();
    let fastest = links.and_then(|l| {
        let near = l.latencies.iter().filter(|x| x.target == id && x.cache.unwrap_or(0) == 0);
        near.min_by_key(|x| x.value).map(|x| x.initiator)
    });
    let widest = || {
        let near = links?.bandwidths.iter().filter(|x| x.target == id && x.cache.unwrap_or(0) == 0);
        near.min_by_key(|x| std::cmp::Reverse(x.value.0)).map(|x| x.initiator)
    };
    let first = || numa.cells.iter().find(|c| with_cpus(c)).and_then(|c| c.id);
    fastest.or_else(widest).or_else(first).unwrap_or(id)
}

fn distances(b: &mut Builder<'_>, numa: &Numa) {
    if numa.cells.iter().all(|cell| cell.distances.is_empty()) {
        return;
    }
    for from in &numa.cells {
        for to in &numa.cells {
            let (src, dst) = (from.id.unwrap_or_default(), to.id.unwrap_or_default());
            let told = from.distances.iter().find(|d| d.id == dst).map(|d| d.value);
            let value = told.unwrap_or(if src == dst { 10 } else { 20 });
            b.pair("-numa", format!("dist,src={src},dst={dst},val={value}"));
        }
    }
}

fn interconnects(b: &mut Builder<'_>, numa: &Numa) -> Result<()> {
    let Some(links) = &numa.interconnects else { return Ok(()) };
    let latencies =
        links.latencies.iter().map(|l| (l.initiator, l.target, l.cache, l.kind, "latency", l.value.to_string()));
    let bandwidths = links
        .bandwidths
        .iter()
        .map(|l| (l.initiator, l.target, l.cache, l.kind, "bandwidth", format!("{}K", l.value.0)));
    for (initiator, target, cache, kind, what, value) in latencies.chain(bandwidths) {
        let level = match cache.unwrap_or(0) {
            0 => "memory",
            1 => "first-level",
            2 => "second-level",
            3 => "third-level",
            other => return Err(Error::config_unsupported(format!("QEMU knows no cache of level {other}"))),
        };
        let kind = match kind {
            InterconnectType::Access => "access",
            InterconnectType::Read => "read",
            InterconnectType::Write => "write",
        };
        let text = format!(
            "hmat-lb,initiator={initiator},target={target},hierarchy={level},data-type={kind}-{what},{what}={value}"
        );
        b.pair("-numa", text);
    }
    Ok(())
}

fn caches(b: &mut Builder<'_>, numa: &Numa) -> Result<()> {
    for cell in &numa.cells {
        for cache in &cell.caches {
            let size = cache.size.as_ref().ok_or_else(|| Error::xml("a cache of a NUMA cell has no size"))?;
            let line = cache.line.as_ref().ok_or_else(|| Error::xml("a cache of a NUMA cell has no line size"))?;
            let associativity = match cache.associativity {
                CacheAssociativity::None => "none",
                CacheAssociativity::Direct => "direct",
                CacheAssociativity::Full => "complex",
            };
            let policy = match cache.policy {
                CachePolicy::None => "none",
                CachePolicy::Writeback => "write-back",
                CachePolicy::Writethrough => "write-through",
            };
            let text = format!(
                "hmat-cache,node-id={},size={}K,level={},associativity={associativity},policy={policy},line={}",
                cell.id.unwrap_or_default(),
                size.0.0,
                cache.level,
                line.0
            );
            b.pair("-numa", text);
        }
    }
    Ok(())
}

/// The memory of all cells in KiB, if there are any.
pub(in crate::command) fn memory_kib(domain: &DomainDefinition) -> Option<u64> {
    let sizes = numa(domain)?.cells.iter().map(|cell| whole_blocks(domain, cell.memory.0));
    Some(sizes.fold(0, u64::saturating_add))
}
