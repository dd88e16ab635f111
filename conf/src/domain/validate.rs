//! Checks of the whole that hold for every driver.

use std::collections::{HashMap, HashSet};

use oxivirt_core::{Error, ErrorCode, Result};

use super::locate::Place;
use super::{CacheType, CpuSet, Firmware, FirmwareFeatureName, LoaderType, NumaMode, NumaPlacement, SecLabelType};
use super::{DomainDefinition, validate_cpu};

/// Refuses a domain that no driver could run; `place` finds the lines.
pub(super) fn run(def: &DomainDefinition, place: Place<'_>) -> Result<()> {
    let one = |element: &str, outcome: Result<()>| outcome.map_err(|error| place.below_domain(element, error));
    one("name", name(def))?;
    one("memory", memory(def))?;
    one("os", boot_menu(def))?;
    one("os", firmware(def))?;
    one("cpu", validate_cpu::cpu(def))?;
    one("iothreadids", validate_cpu::threads(def))?;
    one("numatune", numatune(def))?;
    one("numatune", validate_cpu::bindings(def))?;
    one("cputune", cputune(def))?;
    one("cputune", validate_cpu::tune(def))?;
    one("cputune", schedulers(def))?;
    one("seclabel", labels(def))?;
    one("devices", super::validate_devices::run(def))?;
    super::validate_each::run(def, place)
}

/// Refuses what contradicts itself.
pub(super) fn refuse(what: impl Into<String>) -> Result<()> {
    Err(Error::xml(what))
}

/// Refuses what means something but cannot be had.
pub(super) fn unsupported(what: impl Into<String>) -> Result<()> {
    Err(Error::config_unsupported(what))
}

/// Refuses what contradicts itself.
fn detail(what: impl Into<String>) -> Result<()> {
    Err(Error::new(ErrorCode::XML_DETAIL, what))
}

fn name(def: &DomainDefinition) -> Result<()> {
    if def.name.contains('/') {
        return refuse(format!("name {} cannot contain '/'", def.name));
    }
    if def.name.contains('\n') {
        return refuse("the name cannot contain a line end");
    }
    if def.name.trim().is_empty() {
        return refuse("the name consists of blanks only");
    }
    if let Some(title) = def.title.as_ref().filter(|t| t.contains('\n')) {
        return refuse(format!("the title '{title}' has more than one line"));
    }
    Ok(())
}

fn memory(def: &DomainDefinition) -> Result<()> {
    if def.os.kind.kind.is_none() && def.bootloader.is_none() {
        return refuse("/domain/os/type: an os <type> must be specified");
    }
    if let Some(limit) = &def.max_memory
        && limit.size.0 < def.memory.0
    {
        return refuse(format!("maxMemory of {} KiB is below the memory of {} KiB", limit.size.0, def.memory.0));
    }
    Ok(())
}

/// Shares of caches and bandwidth do not collide.
fn cputune(def: &DomainDefinition) -> Result<()> {
    let Some(tune) = &def.cputune else { return Ok(()) };
    let mut shared = CpuSet::default();
    for share in &tune.cachetune {
        let mut caches = HashMap::<(u32, u32), Vec<CacheType>>::new();
        for cache in &share.caches {
            let kinds = caches.entry((cache.id, cache.level)).or_default();
            // At most three get this far.
            let collides = kinds.iter().any(|kind| collide(*kind, cache.kind));
            kinds.push(cache.kind);
            if collides {
                return refuse(format!(
                    "two shares of cache {} on level {} for vCPUs {}",
                    cache.id, cache.level, share.vcpus
                ));
            }
        }
        if shared.overlaps(&share.vcpus) {
            return refuse(format!("vCPUs {} have more than one <cachetune>", share.vcpus));
        }
        shared.add_all(&share.vcpus);
        if let Some(monitor) = share.monitors.iter().find(|m| m.vcpus.iter().any(|vcpu| !share.vcpus.contains(vcpu))) {
            return refuse(format!("monitor of vCPUs {} exceeds its <cachetune> of {}", monitor.vcpus, share.vcpus));
        }
    }
    let mut shared = CpuSet::default();
    for share in &tune.memorytune {
        let mut nodes = HashSet::new();
        for node in &share.nodes {
            if !nodes.insert(node.id) {
                return refuse(format!("two shares of bandwidth of node {} for vCPUs {}", node.id, share.vcpus));
            }
        }
        let collides = |other: &super::CpuSet| other.overlaps(&share.vcpus) && *other != share.vcpus;
        if shared.overlaps(&share.vcpus) {
            return refuse(format!("vCPUs {} have more than one <memorytune>", share.vcpus));
        }
        shared.add_all(&share.vcpus);
        if tune.cachetune.iter().any(|other| collides(&other.vcpus)) {
            return refuse(format!("<memorytune> of vCPUs {} overlaps a <cachetune> of others", share.vcpus));
        }
    }
    Ok(())
}

fn collide(a: CacheType, b: CacheType) -> bool {
    a == b || a == CacheType::Both || b == CacheType::Both
}

/// What the menu's field in the guest's firmware can hold.
fn boot_menu(def: &DomainDefinition) -> Result<()> {
    match def.os.bootmenu.as_ref().and_then(|m| m.timeout) {
        Some(timeout) if timeout > 65_535 => {
            unsupported("invalid value for boot menu timeout, must be in range [0,65535]")
        }
        _ => Ok(()),
    }
}

/// Loader, variable store and automatic choice fit together.
fn firmware(def: &DomainDefinition) -> Result<()> {
    let os = &def.os;
    let feature = |name| os.firmware_features.iter().find(|f| f.name == name).map(|f| f.enabled.is_yes());
    match os.firmware {
        None => {
            let no_path = os.loader.as_ref().is_some_and(|l| l.path.is_none());
            if no_path || (os.loader.is_none() && os.nvram.is_some()) {
                return detail("no loader path specified and firmware auto selection disabled");
            }
        }
        Some(Firmware::Bios) if os.nvram.is_some() => {
            return detail("firmware type 'bios' does not support nvram");
        }
        Some(_) => {
            let secure = feature(FirmwareFeatureName::SecureBoot);
            if feature(FirmwareFeatureName::EnrolledKeys) == Some(true) && secure == Some(false) {
                return detail("firmware feature 'enrolled-keys' cannot be enabled when 'secure-boot' is disabled");
            }
        }
    }
    let Some(loader) = &os.loader else { return Ok(()) };
    let stateless = loader.stateless.is_some_and(|s| s.is_yes());
    if os.nvram.is_some() && stateless {
        return detail("NVRAM is not permitted when loader is stateless");
    }
    let stateful = loader.stateless.is_some_and(|s| !s.is_yes());
    if os.firmware.is_none() && loader.kind != Some(LoaderType::Pflash) && stateful {
        return detail("Only pflash loader type permits NVRAM");
    }
    Ok(())
}

fn numatune(def: &DomainDefinition) -> Result<()> {
    let Some(tune) = &def.numatune else { return Ok(()) };
    if let Some(memory) = &tune.memory
        && matches!(memory.placement, None | Some(NumaPlacement::Static))
        && memory.nodeset.is_none()
    {
        return unsupported("nodeset for NUMA memory tuning must be set if 'placement' is 'static'");
    }
    let cells = def.cpu.as_ref().and_then(|c| c.numa.as_ref()).map_or(0, |n| n.cells.len());
    for node in &tune.nodes {
        if cells == 0 {
            return refuse("<memnode> needs guest NUMA cells");
        }
        if node.cellid as usize >= cells {
            return refuse(format!("<memnode> for cell {}, but there are {cells} cells", node.cellid));
        }
        let all = tune.memory.as_ref().map(|m| m.mode);
        if all.is_some_and(|m| (m == NumaMode::Restrictive) != (node.mode == NumaMode::Restrictive)) {
            return refuse("mode 'restrictive' stands in <memory> and every <memnode>, or in none");
        }
    }
    Ok(())
}

/// One scheduler per thread, and only for threads that exist.
fn schedulers(def: &DomainDefinition) -> Result<()> {
    let Some(tune) = &def.cputune else { return Ok(()) };
    if overlap(tune.vcpusched.iter().map(|s| &s.vcpus)) {
        return detail("'vcpusched' attributes 'vcpus' must not overlap");
    }
    if overlap(tune.iothreadsched.iter().map(|s| &s.iothreads)) {
        return detail("'iothreadsched' attributes 'iothreads' must not overlap");
    }
    let threads: HashSet<u32> = def.iothreads.iter().map(|t| t.id).collect();
    for id in tune.iothreadsched.iter().flat_map(|s| s.iothreads.iter()) {
        if !threads.contains(&id) {
            return unsupported(format!("Cannot find 'iothread' : {id}"));
        }
    }
    Ok(())
}

/// Whether a number is in more than one of the sets.
fn overlap<'s>(mut sets: impl Iterator<Item = &'s CpuSet>) -> bool {
    let mut all = CpuSet::default();
    sets.any(|set| {
        let overlaps = all.overlaps(set);
        all.add_all(set);
        overlaps
    })
}

/// At most one label per model.
fn labels(def: &DomainDefinition) -> Result<()> {
    let mut seen = HashSet::new();
    for label in &def.seclabels {
        let Some(model) = &label.model else { continue };
        if !seen.insert(model) {
            return detail(format!("seclabel for model {model} is already provided"));
        }
        if label.kind == Some(SecLabelType::Static) && label.label.is_none() {
            return refuse(format!("the static label of model {model} is missing"));
        }
    }
    Ok(())
}
