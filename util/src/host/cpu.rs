//! CPUs: what they are, how they are arranged, what they spent their time on.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;

use super::{Host, absent, malformed, numbered};
use crate::bitmap::Bitmap;

/// What the CPUs are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CpuInfo {
    /// The vendor's word, such as `GenuineIntel`; empty where there is none.
    pub vendor: String,
    /// The model as the vendor advertises it; empty where there is none.
    pub model: String,
    /// The clock rate in MHz, without the fraction; 0 where unknown.
    pub mhz: u32,
    /// The version of the microcode; x86 only.
    pub microcode: Option<u32>,
    /// The kernel's names of the features.
    pub flags: Vec<String>,
    /// Bits of a physical address; x86 only.
    pub physical_address_bits: Option<u32>,
}

/// Where one CPU sits. Numbers are the kernel's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CpuTopology {
    /// Its socket.
    pub socket: u32,
    /// Its die within the socket.
    pub die: u32,
    /// Its cluster within the die.
    pub cluster: u32,
    /// Its core.
    pub core: u32,
    /// The CPUs that share its core, itself included.
    pub siblings: Bitmap,
}

/// The arrangement in the six numbers of a node's information.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodeTopology {
    /// CPUs that are on.
    pub cpus: u32,
    /// NUMA cells.
    pub nodes: u32,
    /// Sockets of one cell.
    pub sockets: u32,
    /// Cores of one socket.
    pub cores: u32,
    /// Threads of one core.
    pub threads: u32,
}

/// Time spent since the host started, in nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CpuTimes {
    /// In the kernel, interrupts included.
    pub kernel: u64,
    /// In programs, polite ones included.
    pub user: u64,
    /// Doing nothing.
    pub idle: u64,
    /// Doing nothing while a disk worked.
    pub iowait: u64,
}

impl Host {
    /// What the CPUs are, after the first one listed.
    pub fn cpu_info(&self) -> io::Result<CpuInfo> {
        let text = self.read(&self.proc.join("cpuinfo"))?;
        let mut info = CpuInfo::default();
        let first = |slot: &mut String, value: &str| {
            if slot.is_empty() {
                value.clone_into(slot);
            }
        };
        for line in text.lines() {
            let Some((key, value)) = line.split_once(':') else { continue };
            let value = value.trim();
            // Each family of machines has words of its own.
            match key.trim() {
                "vendor_id" => first(&mut info.vendor, value),
                "model name" | "cpu" | "cpu model" | "Model Name" => first(&mut info.model, value),
                "cpu MHz" | "clock" | "CPU MHz" | "cpu MHz static" if info.mhz == 0 => {
                    let whole = value.split(['.', 'M']).next().unwrap_or_default();
                    info.mhz = whole.trim().parse().unwrap_or(0);
                }
                "microcode" if info.microcode.is_none() => {
                    let digits = value.trim_start_matches("0x");
                    info.microcode = u32::from_str_radix(digits, 16).ok();
                }
                "flags" | "Features" | "features" if info.flags.is_empty() => {
                    info.flags = value.split_ascii_whitespace().map(str::to_owned).collect();
                }
                "address sizes" if info.physical_address_bits.is_none() => {
                    info.physical_address_bits =
                        value.split_ascii_whitespace().next().and_then(|bits| bits.parse().ok());
                }
                _ => {}
            }
        }
        Ok(info)
    }

    /// The CPUs that are on.
    pub fn cpus_online(&self) -> io::Result<Bitmap> {
        self.cpu_set("online")
    }

    /// The CPUs that are plugged in, on or off.
    pub fn cpus_present(&self) -> io::Result<Bitmap> {
        self.cpu_set("present")
    }

    /// Where one CPU sits; `Ok(None)` for one that is off or absent.
    pub fn cpu_topology(&self, cpu: u32) -> io::Result<Option<CpuTopology>> {
        let folder = self.cpu_folder().join(format!("cpu{cpu}/topology"));
        let number = |name: &str| self.number(&folder.join(name));
        let Some(core) = number("core_id")? else { return Ok(None) };
        // The kernel says -1 where the machine has no such level.
        let level = |value: Option<i64>| value.and_then(|v| u32::try_from(v).ok()).unwrap_or(0);
        let siblings = self.set(&folder.join("thread_siblings_list"))?;
        Ok(Some(CpuTopology {
            socket: level(number("physical_package_id")?),
            die: level(number("die_id")?),
            cluster: level(number("cluster_id")?),
            core: level(Some(core)),
            siblings: siblings.unwrap_or_else(|| [cpu as usize].into_iter().collect()),
        }))
    }

    /// The arrangement in the numbers of a node's information: those of the
    /// largest cell, socket and core. Where their product is not the number
    /// of CPUs (an uneven machine), all CPUs count as cores of one socket.
    pub fn node_topology(&self) -> io::Result<NodeTopology> {
        let online = self.cpus_online()?;
        let present = self.cpus_present()?;
        let mut shape = NodeTopology { cpus: count(online.count()), nodes: 0, sockets: 0, cores: 0, threads: 0 };
        for (_, cpus) in self.cell_cpus()? {
            let mut cores: BTreeMap<u32, BTreeSet<(u32, u32)>> = BTreeMap::new();
            for cpu in cpus.iter() {
                let Some(place) = self.cpu_topology(count(cpu))? else { continue };
                cores.entry(place.socket).or_default().insert((place.die, place.core));
                shape.threads = shape.threads.max(count(place.siblings.count()));
            }
            shape.nodes += 1;
            shape.sockets = shape.sockets.max(count(cores.len()));
            let most = cores.values().map(BTreeSet::len).max().unwrap_or(0);
            shape.cores = shape.cores.max(count(most));
        }
        let product =
            [shape.nodes, shape.sockets, shape.cores, shape.threads].into_iter().try_fold(1_u32, u32::checked_mul);
        let total = count(present.count());
        if product != Some(total) {
            shape = NodeTopology { cpus: shape.cpus, nodes: 1, sockets: 1, cores: total, threads: 1 };
        }
        Ok(shape)
    }

    /// Time spent by one CPU, or by all together; `Ok(None)` for a CPU that
    /// is off or absent.
    pub fn cpu_times(&self, cpu: Option<u32>) -> io::Result<Option<CpuTimes>> {
        let path = self.proc.join("stat");
        let wanted = cpu.map_or_else(|| "cpu".to_owned(), |cpu| format!("cpu{cpu}"));
        let text = self.read(&path)?;
        for line in text.lines() {
            let mut fields = line.split_ascii_whitespace();
            if fields.next() != Some(&wanted) {
                continue;
            }
            let ticks: Option<Vec<u64>> = fields.map(|field| field.parse().ok()).collect();
            let ticks = ticks.filter(|ticks| ticks.len() >= 4).ok_or_else(|| malformed(&path))?;
            let sum = |places: &[usize]| {
                places
                    .iter()
                    .filter_map(|place| ticks.get(*place))
                    .fold(0_u64, |sum, ticks| sum.saturating_add(*ticks))
                    .saturating_mul(TICK)
            };
            return Ok(Some(CpuTimes {
                user: sum(&[0, 1]),
                kernel: sum(&[2, 5, 6]),
                idle: sum(&[3]),
                iowait: sum(&[4]),
            }));
        }
        Ok(None)
    }

    pub(super) fn cpu_folder(&self) -> PathBuf {
        self.sys.join("devices/system/cpu")
    }

    fn cpu_set(&self, name: &str) -> io::Result<Bitmap> {
        match self.set(&self.cpu_folder().join(name))? {
            Some(set) => Ok(set),
            // Kernels without hotplug have only the folders.
            None => match numbered(&self.cpu_folder(), "cpu") {
                Ok(cpus) => Ok(cpus.into_iter().map(|cpu| cpu as usize).collect()),
                Err(error) if absent(&error) => Ok(Bitmap::new()),
                Err(error) => Err(error),
            },
        }
    }
}

/// Machines have far fewer than 2^32 of anything counted here.
pub(super) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Nanoseconds of the kernel's unit in `/proc/stat`, a hundredth of a second
/// on every machine that runs guests.
const TICK: u64 = 10_000_000;
