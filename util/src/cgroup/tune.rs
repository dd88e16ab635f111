//! Processors and memory.

use std::io;

use super::Controller;
use super::group::{Group, read, write};

/// What stands for "no quota" among microseconds.
pub const NO_QUOTA: i64 = -1;

impl Group {
    /// Sets the share of the processors beside those of others: about 1024 is
    /// usual in version 1, 100 in version 2.
    pub fn set_cpu_shares(&self, shares: u64) -> io::Result<()> {
        write(&self.file(Controller::Cpu, "cpu.shares", "cpu.weight")?, &shares.to_string())
    }

    /// The share of the processors.
    pub fn cpu_shares(&self) -> io::Result<u64> {
        number(&self.file(Controller::Cpu, "cpu.shares", "cpu.weight")?)
    }

    /// Sets the length of a round in microseconds.
    pub fn set_cpu_period(&self, period: u64) -> io::Result<()> {
        let file = self.file(Controller::Cpu, "cpu.cfs_period_us", "cpu.max")?;
        if !self.is_unified(Controller::Cpu) {
            return write(&file, &period.to_string());
        }
        let (quota, _) = self.maximum()?;
        write(&file, &format!("{quota} {period}"))
    }

    /// The length of a round in microseconds.
    pub fn cpu_period(&self) -> io::Result<u64> {
        match self.is_unified(Controller::Cpu) {
            true => parsed(&self.maximum()?.1, "cpu.max"),
            false => number(&self.file(Controller::Cpu, "cpu.cfs_period_us", "")?),
        }
    }

    /// Sets how many microseconds of a round may be used, all processors together; [`NO_QUOTA`] is no limit.
    pub fn set_cpu_quota(&self, quota: i64) -> io::Result<()> {
        let file = self.file(Controller::Cpu, "cpu.cfs_quota_us", "cpu.max")?;
        match (self.is_unified(Controller::Cpu), quota) {
            (false, quota) => write(&file, &quota.to_string()),
            (true, ..=0) => write(&file, "max"),
            (true, quota) => write(&file, &quota.to_string()),
        }
    }

    /// How many microseconds of a round may be used, or [`NO_QUOTA`].
    pub fn cpu_quota(&self) -> io::Result<i64> {
        if !self.is_unified(Controller::Cpu) {
            return number(&self.file(Controller::Cpu, "cpu.cfs_quota_us", "")?);
        }
        match self.maximum()?.0.as_str() {
            "max" => Ok(NO_QUOTA),
            text => parsed(text, "cpu.max"),
        }
    }

    /// Quota and period of version 2.
    fn maximum(&self) -> io::Result<(String, String)> {
        let text = read(&self.file(Controller::Cpu, "", "cpu.max")?)?;
        let (quota, period) = text.split_once(' ').unwrap_or((&text, "100000"));
        Ok((quota.to_owned(), period.to_owned()))
    }

    /// Sets the processors, as a list such as `0-3,8`.
    pub fn set_cpus(&self, list: &str) -> io::Result<()> {
        write(&self.file(Controller::CpuSet, "cpuset.cpus", "cpuset.cpus")?, list)
    }

    /// The processors.
    pub fn cpus(&self) -> io::Result<String> {
        read(&self.file(Controller::CpuSet, "cpuset.cpus", "cpuset.cpus")?)
    }

    /// Sets the memory nodes, as a list.
    pub fn set_mems(&self, list: &str) -> io::Result<()> {
        write(&self.file(Controller::CpuSet, "cpuset.mems", "cpuset.mems")?, list)
    }

    /// The memory nodes.
    pub fn mems(&self) -> io::Result<String> {
        read(&self.file(Controller::CpuSet, "cpuset.mems", "cpuset.mems")?)
    }

    /// Whether memory moves along when the nodes change; in version 2 it always does.
    pub fn set_memory_migration(&self, on: bool) -> io::Result<()> {
        match self.is_unified(Controller::CpuSet) {
            true => Ok(()),
            false => write(&self.file(Controller::CpuSet, "cpuset.memory_migrate", "")?, if on { "1" } else { "0" }),
        }
    }

    /// Sets how many bytes may be used; none is no limit.
    pub fn set_memory_limit(&self, bytes: Option<u64>) -> io::Result<()> {
        self.set_limit("memory.limit_in_bytes", "memory.max", bytes)
    }

    /// How many bytes may be used.
    pub fn memory_limit(&self) -> io::Result<Option<u64>> {
        self.limit("memory.limit_in_bytes", "memory.max")
    }

    /// Sets how many bytes may be used while memory is short elsewhere.
    pub fn set_memory_soft_limit(&self, bytes: Option<u64>) -> io::Result<()> {
        self.set_limit("memory.soft_limit_in_bytes", "memory.high", bytes)
    }

    /// How many bytes may be used while memory is short elsewhere.
    pub fn memory_soft_limit(&self) -> io::Result<Option<u64>> {
        self.limit("memory.soft_limit_in_bytes", "memory.high")
    }

    /// Sets how many bytes of memory and swap space together may be used.
    pub fn set_memory_swap_limit(&self, bytes: Option<u64>) -> io::Result<()> {
        let bytes = match self.is_unified(Controller::Memory) {
            // Version 2 counts swap space alone.
            true => bytes.map(|bytes| bytes.saturating_sub(self.memory_limit().ok().flatten().unwrap_or(0))),
            false => bytes,
        };
        self.set_limit("memory.memsw.limit_in_bytes", "memory.swap.max", bytes)
    }

    /// How many bytes of memory and swap space together may be used; none also
    /// where the kernel does not count them.
    pub fn memory_swap_limit(&self) -> io::Result<Option<u64>> {
        let limit = match self.limit("memory.memsw.limit_in_bytes", "memory.swap.max") {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        match (self.is_unified(Controller::Memory), limit) {
            (true, Some(swap)) => Ok(Some(swap.saturating_add(self.memory_limit()?.unwrap_or(0)))),
            (_, limit) => Ok(limit),
        }
    }

    fn set_limit(&self, old: &str, new: &str, bytes: Option<u64>) -> io::Result<()> {
        let text = match (bytes, self.is_unified(Controller::Memory)) {
            (Some(bytes), _) => bytes.to_string(),
            (None, true) => "max".to_owned(),
            (None, false) => "-1".to_owned(),
        };
        write(&self.file(Controller::Memory, old, new)?, &text)
    }

    fn limit(&self, old: &str, new: &str) -> io::Result<Option<u64>> {
        let file = self.file(Controller::Memory, old, new)?;
        match read(&file)?.as_str() {
            "max" => Ok(None),
            // Version 1 shows the largest number of whole pages.
            text => Ok(Some(parsed::<u64>(text, &file.display().to_string())?).filter(|bytes| *bytes < 1 << 62)),
        }
    }
}

pub(super) fn number<T: std::str::FromStr>(path: &std::path::Path) -> io::Result<T> {
    parsed(&read(path)?, &path.display().to_string())
}

pub(super) fn parsed<T: std::str::FromStr>(text: &str, file: &str) -> io::Result<T> {
    text.trim()
        .parse()
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, format!("'{file}' holds '{text}', which is no number")))
}
