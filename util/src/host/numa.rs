//! NUMA cells.

use std::io;
use std::path::{Path, PathBuf};

use super::cpu::{CpuTopology, count};
use super::memory::{MemoryStats, PagePool};
use super::{Host, absent, malformed, numbered};
use crate::bitmap::Bitmap;

/// One NUMA cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    /// Its number.
    pub id: u32,
    /// Its memory in KiB.
    pub memory: MemoryStats,
    /// Its pages by size, smallest first.
    pub pages: Vec<PagePool>,
    /// Its CPUs; `None` where one is off.
    pub cpus: Vec<(u32, Option<CpuTopology>)>,
    /// How far each cell is, itself included (10); empty where unknown.
    pub distances: Vec<(u32, u32)>,
}

impl Host {
    /// All cells, ascending; a machine without NUMA is one cell.
    pub fn cells(&self) -> io::Result<Vec<Cell>> {
        let groups = self.cell_cpus()?;
        let ids: Vec<u32> = groups.iter().map(|(id, _)| *id).collect();
        groups
            .into_iter()
            .map(|(id, cpus)| {
                let cpus = cpus
                    .iter()
                    .map(|cpu| Ok((count(cpu), self.cpu_topology(count(cpu))?)))
                    .collect::<io::Result<_>>()?;
                let folder = self.cell_folder(id);
                let (memory, pages) = if folder.is_dir() {
                    let memory = self.meminfo(&folder.join("meminfo"))?;
                    (memory, self.pages_of(&folder.join("hugepages"), memory)?)
                } else {
                    (self.memory()?, self.pages()?)
                };
                let distances = self.distances(&folder.join("distance"), &ids)?;
                Ok(Cell { id, memory, pages, cpus, distances })
            })
            .collect()
    }

    /// The memory of all cells in KiB, as a node's information has it. It
    /// differs from the total of [`Host::memory`] on machines where that is
    /// another's view: a container's limits, memory plugged in but not used.
    pub fn node_memory(&self) -> io::Result<u64> {
        Ok(self.cell_memory()?.iter().map(|memory| memory.total).sum())
    }

    /// The free memory of all cells in KiB.
    pub fn node_free(&self) -> io::Result<u64> {
        Ok(self.cell_memory()?.iter().map(|memory| memory.free).sum())
    }

    fn cell_memory(&self) -> io::Result<Vec<MemoryStats>> {
        let ids = self.cell_ids()?;
        if ids.is_empty() {
            return Ok(vec![self.memory()?]);
        }
        ids.into_iter().map(|id| self.meminfo(&self.cell_folder(id).join("meminfo"))).collect()
    }

    /// Free memory of one cell in KiB; `Ok(None)` when there is no such cell.
    pub fn cell_free(&self, id: u32) -> io::Result<Option<u64>> {
        let folder = self.cell_folder(id);
        if folder.is_dir() {
            return Ok(Some(self.meminfo(&folder.join("meminfo"))?.free));
        }
        let is_whole = id == 0 && self.cell_ids()?.is_empty();
        if is_whole { Ok(Some(self.memory()?.free)) } else { Ok(None) }
    }

    /// The CPUs of each cell; those of the machine as cell 0 without NUMA.
    pub(super) fn cell_cpus(&self) -> io::Result<Vec<(u32, Bitmap)>> {
        let ids = self.cell_ids()?;
        if ids.is_empty() {
            return Ok(vec![(0, self.cpus_present()?)]);
        }
        ids.into_iter()
            .map(|id| {
                let set = self.set(&self.cell_folder(id).join("cpulist"))?;
                Ok((id, set.unwrap_or_default()))
            })
            .collect()
    }

    fn cell_ids(&self) -> io::Result<Vec<u32>> {
        match numbered(&self.sys.join("devices/system/node"), "node") {
            Ok(cells) => Ok(cells),
            Err(error) if absent(&error) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    fn cell_folder(&self, id: u32) -> PathBuf {
        self.sys.join(format!("devices/system/node/node{id}"))
    }

    fn distances(&self, path: &Path, ids: &[u32]) -> io::Result<Vec<(u32, u32)>> {
        let text = match self.read(path) {
            Ok(text) => text,
            Err(error) if absent(&error) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let values: Option<Vec<u32>> = text.split_ascii_whitespace().map(|value| value.parse().ok()).collect();
        let values = values.ok_or_else(|| malformed(path))?;
        // The kernel lists the cells that are on, in their order.
        Ok(ids.iter().copied().zip(values).collect())
    }
}
