//! `<topology>` of the host: NUMA cells with memory, distances and CPUs.

use oxivirt_core::Result;

use crate::xml::{Element, Node, Writer};

/// `<topology>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HostTopology {
    /// The cells, ascending.
    pub cells: Vec<Cell>,
    /// How fast cells reach each other's memory.
    pub interconnects: Option<Interconnects>,
}

impl Element for HostTopology {
    fn parse(node: Node<'_>) -> Result<Self> {
        let cells = match node.child("cells") {
            Some(cells) => cells.child_elements("cell")?,
            None => Vec::new(),
        };
        Ok(Self { cells, interconnects: node.child_element("interconnects")? })
    }

    fn format(&self, w: &mut Writer) {
        counted(w, "cells", "cell", &self.cells);
        if let Some(interconnects) = &self.interconnects {
            w.element("interconnects", interconnects);
        }
    }
}

/// `<cell id='0'>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cell {
    /// Its number.
    pub id: u32,
    /// Its memory.
    pub memory: Option<Amount>,
    /// Its pages, smallest first.
    pub pages: Vec<PageCount>,
    /// How far each cell is; not printed when empty.
    pub distances: Vec<Distance>,
    /// Caches on the side of memory.
    pub caches: Vec<CellCache>,
    /// Its CPUs.
    pub cpus: Vec<CellCpu>,
}

impl Element for Cell {
    fn parse(node: Node<'_>) -> Result<Self> {
        let within = |name: &str| node.child(name);
        Ok(Self {
            id: node.require("id")?,
            memory: node.child_element("memory")?,
            pages: node.child_elements("pages")?,
            distances: within("distances").map_or_else(|| Ok(Vec::new()), |list| list.child_elements("sibling"))?,
            caches: node.child_elements("cache")?,
            cpus: within("cpus").map_or_else(|| Ok(Vec::new()), |list| list.child_elements("cpu"))?,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.attr("id", &self.id);
        if let Some(memory) = &self.memory {
            w.element("memory", memory);
        }
        w.elements("pages", &self.pages);
        if !self.distances.is_empty() {
            w.open("distances");
            w.elements("sibling", &self.distances);
            w.close();
        }
        w.elements("cache", &self.caches);
        counted(w, "cpus", "cpu", &self.cpus);
    }
}

/// `<cpus num='2'>` and the like, printed even for none.
fn counted<E: Element>(w: &mut Writer, list: &str, name: &str, items: &[E]) {
    w.open(list);
    w.attr("num", &(items.len() as u64));
    w.force_children();
    w.elements(name, items);
    w.close();
}

/// An amount with its unit: `<memory unit='KiB'>5988932</memory>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Amount {
    /// The unit, `KiB`.
    #[xml(attr)]
    pub unit: String,
    /// How many.
    #[xml(text)]
    pub value: u64,
}

impl Amount {
    /// So many KiB.
    pub fn kib(value: u64) -> Self {
        Self { unit: "KiB".to_owned(), value }
    }
}

/// `<pages unit='KiB' size='4'>1497233</pages>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct PageCount {
    /// The unit of the size, `KiB`.
    #[xml(attr)]
    pub unit: String,
    /// The size of one page.
    #[xml(attr)]
    pub size: u64,
    /// How many there are.
    #[xml(text)]
    pub count: u64,
}

impl PageCount {
    /// So many pages of that many KiB.
    pub fn kib(size: u64, count: u64) -> Self {
        Self { unit: "KiB".to_owned(), size, count }
    }
}

/// `<sibling id='0' value='10'/>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Element)]
pub struct Distance {
    /// The other cell.
    #[xml(attr)]
    pub id: u32,
    /// How far, 10 being the cell itself.
    #[xml(attr)]
    pub value: u32,
}

/// `<cpu id='0' socket_id='0' … siblings='0'/>`; a CPU that is off has only its number.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct CellCpu {
    /// Its number.
    #[xml(attr)]
    pub id: u32,
    /// Its socket.
    #[xml(attr)]
    pub socket_id: Option<u32>,
    /// Its die.
    #[xml(attr)]
    pub die_id: Option<u32>,
    /// Its cluster.
    #[xml(attr)]
    pub cluster_id: Option<u32>,
    /// Its core.
    #[xml(attr)]
    pub core_id: Option<u32>,
    /// The CPUs of the same core, as `0,2-3`.
    #[xml(attr)]
    pub siblings: Option<String>,
}

/// `<cache level='1' associativity='direct' policy='writeback'>` of a cell.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct CellCache {
    /// Its level.
    #[xml(attr)]
    pub level: u32,
    /// `none`, `direct` or `full`.
    #[xml(attr)]
    pub associativity: String,
    /// `none`, `writeback` or `writethrough`.
    #[xml(attr)]
    pub policy: String,
    /// Its size.
    #[xml(child)]
    pub size: Option<CacheSize>,
    /// The size of one line.
    #[xml(child)]
    pub line: Option<CacheSize>,
}

/// `<size value='10' unit='KiB'/>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct CacheSize {
    /// How many.
    #[xml(attr)]
    pub value: u64,
    /// The unit.
    #[xml(attr)]
    pub unit: String,
}

/// `<interconnects>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Interconnects {
    /// Nanoseconds.
    #[xml(children = "latency")]
    pub latencies: Vec<Interconnect>,
    /// Amounts per second.
    #[xml(children = "bandwidth")]
    pub bandwidths: Vec<Interconnect>,
}

/// `<latency initiator='0' target='1' type='access' value='5'/>`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Element)]
pub struct Interconnect {
    /// The cell that asks.
    #[xml(attr)]
    pub initiator: u32,
    /// The cell that has the memory.
    #[xml(attr)]
    pub target: u32,
    /// The level of the cache asked, if any.
    #[xml(attr)]
    pub cache: Option<u32>,
    /// `access`, `read` or `write`.
    #[xml(attr = "type")]
    pub kind: String,
    /// How much.
    #[xml(attr)]
    pub value: u64,
    /// The unit; of bandwidths only.
    #[xml(attr)]
    pub unit: Option<String>,
}
