//! Control groups of the kernel, of the first and the second version, also
//! where both are in use at once.
//!
//! [`Hierarchies`] tells what this host has and where; a [`Group`] is one
//! group in all of them, with what can be set and read there in `tune`,
//! `blkio` and `usage`. Every error names the file.

mod blkio;
mod group;
mod hierarchies;
#[cfg(test)]
mod tests;
mod tune;
mod usage;

pub use blkio::Throttle;
pub use group::{Group, Level};
pub use hierarchies::{Base, Hierarchies};
pub use tune::NO_QUOTA;

/// What a part of the kernel counts or limits by group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Controller {
    /// Shares of the processors.
    Cpu,
    /// Counting their time.
    CpuAcct,
    /// Which processors and memory nodes are used.
    CpuSet,
    /// Limits of memory.
    Memory,
    /// Which device nodes may be opened; version 1 only.
    Devices,
    /// Limits of disks.
    Blkio,
}

impl Controller {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Cpu, Self::CpuAcct, Self::CpuSet, Self::Memory, Self::Devices, Self::Blkio];

    /// The kernel's name in version 1, which is also the one in configuration files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::CpuAcct => "cpuacct",
            Self::CpuSet => "cpuset",
            Self::Memory => "memory",
            Self::Devices => "devices",
            Self::Blkio => "blkio",
        }
    }

    /// The one with a [`name`](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|controller| controller.name() == name)
    }

    /// What has to be switched on for it in version 2; time is always counted there.
    fn unified_name(self) -> Option<&'static str> {
        match self {
            Self::Cpu => Some("cpu"),
            Self::CpuSet => Some("cpuset"),
            Self::Memory => Some("memory"),
            Self::Blkio => Some("io"),
            Self::CpuAcct | Self::Devices => None,
        }
    }

    /// Whether threads of one process may be in different groups of it.
    pub fn is_threaded(self) -> bool {
        matches!(self, Self::Cpu | Self::CpuAcct | Self::CpuSet)
    }
}
