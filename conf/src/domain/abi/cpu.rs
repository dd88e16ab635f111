//! `<cpu>` with topology and NUMA nodes.

use oxivirt_core::Result;

use super::at::{At, attrs, elements};
use crate::domain::{Cpu, CpuFeature, Numa, NumaCell};

pub(super) fn check(old: Option<&Cpu>, new: Option<&Cpu>, at: At<'_>) -> Result<()> {
    at.both("cpu", old, new, |at, old, new| compare(old, new, at))
}

/// Whether another model may be taken (`match`, `fallback`) is settled once the
/// guest runs; `check` says how far the features given are all that there are.
fn compare(old: &Cpu, new: &Cpu, at: At<'_>) -> Result<()> {
    at.same("@mode", &old.mode, &new.mode)?;
    attrs!(at, old, new; "@check" => check, "@migratable" => migratable, "model" => model, "model/@vendor_id" => vendor_id,
        "vendor" => vendor);
    elements!(at, old, new; "cache" => cache, "maxphysaddr" => maxphysaddr);
    at.both("topology", old.topology.as_ref(), new.topology.as_ref(), |at, old, new| {
        at.same("@sockets", &old.sockets, &new.sockets)?;
        at.same("@dies", &old.dies, &new.dies)?;
        at.same("@clusters", &old.clusters, &new.clusters)?;
        at.same("@cores", &old.cores, &new.cores)?;
        at.same("@threads", &old.threads, &new.threads)
    })?;
    features(&old.features, &new.features, at)?;
    at.both("numa", old.numa.as_ref(), new.numa.as_ref(), |at, old, new| numa(old, new, at))
}

/// By name: the order says nothing.
fn features(old: &[CpuFeature], new: &[CpuFeature], at: At<'_>) -> Result<()> {
    let policy = |list: &[CpuFeature], name: &str| list.iter().find(|f| f.name == name).map(|f| f.policy);
    for feature in old.iter().chain(new) {
        let path = format!("feature[@name='{}']/@policy", feature.name);
        at.same_opt(&path, &policy(old, &feature.name), &policy(new, &feature.name))?;
    }
    Ok(())
}

fn numa(old: &Numa, new: &Numa, at: At<'_>) -> Result<()> {
    at.each("cell", &old.cells, &new.cells, |at, old, new| cell(old, new, at))?;
    elements!(at, old, new; "interconnects" => interconnects);
    Ok(())
}

/// Where the host takes a node's memory from may change.
fn cell(old: &NumaCell, new: &NumaCell, at: At<'_>) -> Result<()> {
    at.same_opt("@id", &old.id, &new.id)?;
    at.same_opt("@cpus", &old.cpus, &new.cpus)?;
    at.same("@memory", &old.memory.0, &new.memory.0)?;
    at.child("distances").same_elements("sibling", &old.distances, &new.distances)?;
    at.same_elements("cache", &old.caches, &new.caches)
}
