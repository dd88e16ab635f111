//! Memory of the whole machine.

use std::io;
use std::path::Path;

use super::{Host, absent, malformed};

/// Memory in KiB.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MemoryStats {
    /// What the kernel manages.
    pub total: u64,
    /// What nobody uses.
    pub free: u64,
    /// What caches raw disks.
    pub buffers: u64,
    /// What caches files.
    pub cached: u64,
}

/// Pages of one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PagePool {
    /// The size of one page in KiB.
    pub size_kib: u64,
    /// How many there are.
    pub total: u64,
    /// How many nobody uses.
    pub free: u64,
}

impl Host {
    /// Memory of the machine.
    pub fn memory(&self) -> io::Result<MemoryStats> {
        self.meminfo(&self.proc.join("meminfo"))
    }

    /// Pages of the machine by size, smallest first. Ordinary pages are those
    /// not set aside for larger ones.
    pub fn pages(&self) -> io::Result<Vec<PagePool>> {
        self.pages_of(&self.sys.join("kernel/mm/hugepages"), self.memory()?)
    }

    pub(super) fn meminfo(&self, path: &Path) -> io::Result<MemoryStats> {
        let text = self.read(path)?;
        let mut stats = MemoryStats::default();
        let mut seen = false;
        for line in text.lines() {
            // In a cell's file each line begins with `Node N`.
            let line = match line.strip_prefix("Node ") {
                Some(rest) => rest.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start(),
                None => line,
            };
            let Some((key, value)) = line.split_once(':') else { continue };
            let slot = match key {
                "MemTotal" => &mut stats.total,
                "MemFree" => &mut stats.free,
                "Buffers" => &mut stats.buffers,
                "Cached" | "FilePages" => &mut stats.cached,
                _ => continue,
            };
            let number = value.split_ascii_whitespace().next().and_then(|v| v.parse().ok());
            *slot = number.ok_or_else(|| malformed(path))?;
            seen |= key == "MemTotal";
        }
        if seen { Ok(stats) } else { Err(malformed(path)) }
    }

    pub(super) fn pages_of(&self, folder: &Path, memory: MemoryStats) -> io::Result<Vec<PagePool>> {
        let mut large = Vec::new();
        for size_kib in huge_sizes(folder)? {
            let pool = folder.join(format!("hugepages-{size_kib}kB"));
            let number = |name: &str| {
                let value = self.number(&pool.join(name))?.unwrap_or(0);
                u64::try_from(value).map_err(|_| malformed(&pool.join(name)))
            };
            large.push(PagePool { size_kib, total: number("nr_hugepages")?, free: number("free_hugepages")? });
        }
        let set_aside: u64 = large.iter().map(|p: &PagePool| p.size_kib.saturating_mul(p.total)).sum();
        let mut pools = vec![PagePool {
            size_kib: self.page_kib,
            total: memory.total.saturating_sub(set_aside) / self.page_kib,
            free: memory.free / self.page_kib,
        }];
        pools.append(&mut large);
        Ok(pools)
    }
}

/// Sizes in KiB of the large pages that a folder has pools of.
fn huge_sizes(folder: &Path) -> io::Result<Vec<u64>> {
    let mut sizes = Vec::new();
    match std::fs::read_dir(folder) {
        Ok(entries) => {
            for entry in entries {
                let name = entry?.file_name();
                sizes.extend(
                    name.to_str()
                        .and_then(|name| name.strip_prefix("hugepages-")?.strip_suffix("kB")?.parse::<u64>().ok()),
                );
            }
        }
        Err(error) if absent(&error) => {}
        Err(error) => return Err(error),
    }
    sizes.sort_unstable();
    Ok(sizes)
}
