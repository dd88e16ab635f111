//! Memory objects.

use oxivirt_conf::domain::devices::{MemoryDevice, MemoryModel};
use oxivirt_conf::domain::{
    CpuSet, DomainDefinition, HugePages, MemoryAccess, MemoryAllocation, MemoryBacking, MemorySource, NumaMode,
    NumaPlacement,
};
use oxivirt_conf::xml::YesNo;
use oxivirt_core::{Error, Result};

use super::super::{Builder, Props};

/// What a piece of memory shall be like.
#[derive(Debug, Default)]
pub(super) struct Wanted<'a> {
    /// The guest's cell that it belongs to.
    pub(super) cell: Option<u32>,
    pub(super) access: Option<MemoryAccess>,
    pub(super) discard: Option<bool>,
    /// In KiB, when this piece has a size of its own.
    pub(super) page: Option<u64>,
    /// The host's nodes, when this piece has ones of its own.
    pub(super) nodes: Option<&'a CpuSet>,
    /// A module of its own; only some kinds have a file.
    pub(super) module: Option<&'a MemoryDevice>,
}

impl<'a> Wanted<'a> {
    /// The memory of a board without cells.
    pub(super) fn board(domain: &DomainDefinition) -> Self {
        let discard = domain.memory_backing.as_ref().is_some_and(|m| m.discard);
        Self { discard: discard.then_some(true), ..Self::default() }
    }

    /// The memory of a module.
    pub(super) fn module(module: &'a MemoryDevice) -> Self {
        Self {
            cell: module.target.node,
            access: module.access,
            discard: module.discard.map(YesNo::is_yes),
            page: module.source.pagesize.map(|size| size.0),
            nodes: module.source.nodemask.as_ref(),
            module: Some(module),
        }
    }
}

/// Whether the object is the board's memory, whose name in a saved guest has to stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Naming {
    Board,
    Other,
}

/// An object with the thread that fills it.
#[derive(Debug)]
pub(super) struct Backend {
    threads: Option<Props>,
    props: Props,
}

impl Backend {
    pub(super) fn write(self, b: &mut Builder<'_>) {
        if let Some(threads) = &self.threads {
            b.json("-object", threads);
        }
        b.json("-object", &self.props);
    }
}

/// Whether anything but plain memory is wanted.
pub(super) fn is_special(b: &Builder<'_>, wanted: &Wanted<'_>) -> Result<bool> {
    let domain = b.domain;
    let backing = domain.memory_backing.as_deref();
    Ok(huge_page(b, wanted)?.is_some()
        || access(backing, wanted).is_some()
        || wanted.discard == Some(true)
        || backing.is_some_and(|m| {
            matches!(m.source.as_ref().map(|s| s.kind), Some(MemorySource::Memfd | MemorySource::File))
        })
        || immediate(backing).is_some()
        || host_nodes(b, wanted)?.is_some())
}

/// The object for `size` KiB.
pub(super) fn object(b: &mut Builder<'_>, id: &str, size: u64, wanted: &Wanted<'_>, naming: Naming) -> Result<Backend> {
    let backing = b.domain.memory_backing.as_deref();
    let bytes = size.checked_mul(1024).ok_or_else(|| Error::config_unsupported("memory size too large"))?;
    let page = huge_page(b, wanted)?;
    let access = access(backing, wanted);
    let source = backing.and_then(|m| m.source.as_ref()).map(|s| s.kind);
    let file = wanted.module.and_then(|m| m.source.path.as_deref());
    let on_demand = wanted.module.is_some_and(|m| m.model == MemoryModel::VirtioMem);
    let persistent = wanted.module.is_some_and(|m| m.model == MemoryModel::Nvdimm);
    let mut filled = immediate(backing).is_some();
    let share = access.map(|a| a == MemoryAccess::Shared);
    let canonical = (naming == Naming::Board).then_some(false);
    let mut props;
    if file.is_none() && source == Some(MemorySource::Memfd) {
        props = Props::new().text("qom-type", "memory-backend-memfd").text("id", id);
        if let Some(page) = page {
            props = props.flag("hugetlb", true).number("hugetlbsize", u128_of(page)?);
            filled = true;
        }
        props = props.maybe_flag("share", share).maybe_flag("x-use-canonical-path-for-ramblock-id", canonical);
    } else if file.is_some() || page.is_some() || access.is_some() || source == Some(MemorySource::File) {
        let path = match (file, page) {
            (Some(path), _) => path.to_owned(),
            (None, Some(page)) => {
                filled = true;
                b.host.huge_pages(page, &b.files.short_name)?
            }
            (None, None) => {
                let path = b.files.memory.join(id);
                b.host.folder(&b.files.memory)?;
                path.to_string_lossy().into_owned()
            }
        };
        filled |= persistent;
        props = Props::new().text("qom-type", "memory-backend-file").text("id", id).text("mem-path", path);
        if wanted.discard == Some(true) {
            props = props.flag("discard-data", true);
        }
        props = props.maybe_flag("share", share).maybe_flag("x-use-canonical-path-for-ramblock-id", canonical);
    } else {
        props = Props::new().text("qom-type", "memory-backend-ram").text("id", id);
    }
    let mut fillers = false;
    if on_demand {
        // It is the device that fills it, piece by piece.
        props = props.flag("reserve", false);
    } else if filled {
        props = props.flag("prealloc", true);
        props = props.maybe_number("prealloc-threads", backing.and_then(|m| m.allocation.as_ref()?.threads));
        fillers = true;
    }
    props = props.number("size", bytes);
    if let Some(module) = wanted.module.filter(|_| persistent) {
        props = props.maybe_number("align", module.source.alignsize.map(|s| s.0.saturating_mul(1024)));
        if module.source.pmem {
            props = props.flag("pmem", true);
        }
    }
    let mut threads = None;
    if let Some((nodes, policy)) = host_nodes(b, wanted)? {
        props = props.numbers("host-nodes", nodes.iter().copied()).text("policy", policy);
        if fillers && b.emulator.has_type("thread-context") {
            let near = b.host.allowed_nodes(&nodes, b.domain.vcpu.cpuset.as_ref())?;
            if !near.is_empty() {
                let name = format!("tc-{id}");
                props = props.text("prealloc-context", &name);
                threads = Some(
                    Props::new().text("qom-type", "thread-context").text("id", name).numbers("node-affinity", near),
                );
            }
        }
    }
    Ok(Backend { threads, props })
}

/// Whether the memory behind a module is to be there from the start.
pub(super) fn is_filled(b: &Builder<'_>, wanted: &Wanted<'_>) -> Result<bool> {
    Ok(huge_page(b, wanted)?.is_some() || immediate(b.domain.memory_backing.as_deref()).is_some())
}

fn u128_of(kib: u64) -> Result<u64> {
    kib.checked_mul(1024).ok_or_else(|| Error::config_unsupported("page size too large"))
}

fn immediate(backing: Option<&MemoryBacking>) -> Option<()> {
    (backing?.allocation.as_ref()?.mode == Some(MemoryAllocation::Immediate)).then_some(())
}

fn access(backing: Option<&MemoryBacking>, wanted: &Wanted<'_>) -> Option<MemoryAccess> {
    wanted.access.or_else(|| Some(backing?.access.as_ref()?.mode))
}

/// The size of huge pages in KiB; none where usual pages do.
fn huge_page(b: &Builder<'_>, wanted: &Wanted<'_>) -> Result<Option<u64>> {
    if wanted.module.is_some_and(|m| m.source.path.is_some()) {
        return Ok(None);
    }
    let asked = wanted.page.or_else(|| {
        let pages = b.domain.memory_backing.as_deref()?.hugepages.as_ref()?;
        of_cell(pages, wanted.cell)
    });
    Ok(match asked {
        None => None,
        Some(0) => Some(b.host.default_huge_page()?),
        Some(size) if size == b.host.page_size() => None,
        Some(size) => Some(size),
    })
}

/// The size for a cell; 0 for the host's usual one.
fn of_cell(pages: &HugePages, cell: Option<u32>) -> Option<u64> {
    if pages.pages.is_empty() {
        return Some(0);
    }
    let of = |page: &&oxivirt_conf::domain::HugePage| {
        page.nodeset.as_ref().is_some_and(|set| set.contains(cell.unwrap_or(0)))
    };
    let found = pages.pages.iter().find(of).or_else(|| pages.pages.iter().find(|page| page.nodeset.is_none()));
    found.map(|page| page.size.0)
}

/// The host's nodes, with QEMU's word for how strict they are.
fn host_nodes(b: &Builder<'_>, wanted: &Wanted<'_>) -> Result<Option<(Vec<u32>, &'static str)>> {
    let tune = b.domain.numatune.as_ref();
    let own = wanted.cell.and_then(|cell| tune?.nodes.iter().find(|node| node.cellid == cell));
    let all = tune.and_then(|t| t.memory.as_ref());
    let mode = own.map(|n| n.mode).or(all.map(|m| m.mode)).unwrap_or(NumaMode::Strict);
    let policy = match mode {
        NumaMode::Strict => "bind",
        NumaMode::Preferred => "preferred",
        NumaMode::Interleave => "interleave",
        // The system keeps it there, not QEMU.
        NumaMode::Restrictive => return Ok(None),
    };
    let nodes = match (wanted.nodes, own, all) {
        (Some(nodes), _, _) => nodes.iter().collect(),
        (None, Some(own), _) => own.nodeset.iter().collect(),
        (None, None, Some(all)) => match &all.nodeset {
            Some(nodes) => nodes.iter().collect(),
            None if all.placement == Some(NumaPlacement::Auto) => b.host.advised_nodes(b.domain)?,
            None => return Ok(None),
        },
        (None, None, None) => return Ok(None),
    };
    Ok(Some((nodes, policy)))
}
