//! Time that was used.

use std::io;

use super::Controller;
use super::group::{Group, read};
use super::tune::{number, parsed};

impl Group {
    /// Nanoseconds of all processors.
    pub fn cpu_time(&self) -> io::Result<u64> {
        match self.is_unified(Controller::CpuAcct) {
            true => Ok(self.stat("usage_usec")?.saturating_mul(1000)),
            false => number(&self.file(Controller::CpuAcct, "cpuacct.usage", "")?),
        }
    }

    /// Nanoseconds in user space and in the kernel.
    pub fn cpu_time_parts(&self) -> io::Result<(u64, u64)> {
        if self.is_unified(Controller::CpuAcct) {
            let part = |name| Ok::<_, io::Error>(self.stat(name)?.saturating_mul(1000));
            return Ok((part("user_usec")?, part("system_usec")?));
        }
        let file = self.file(Controller::CpuAcct, "cpuacct.stat", "")?;
        let text = read(&file)?;
        let per_second = rustix::param::clock_ticks_per_second().max(1);
        let part = |name: &str| {
            let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            let ticks: u64 = parsed(found.unwrap_or_default(), &file.display().to_string())?;
            Ok::<_, io::Error>(ticks.saturating_mul(1_000_000_000 / per_second))
        };
        Ok((part("user")?, part("system")?))
    }

    /// Nanoseconds on each processor, in their order.
    ///
    /// Errors: version 2 does not count that.
    pub fn cpu_times(&self) -> io::Result<Vec<u64>> {
        let file = self.file(Controller::CpuAcct, "cpuacct.usage_percpu", "")?;
        read(&file)?.split_ascii_whitespace().map(|word| parsed(word, &file.display().to_string())).collect()
    }

    fn stat(&self, name: &str) -> io::Result<u64> {
        let file = self.file(Controller::CpuAcct, "", "cpu.stat")?;
        let text = read(&file)?;
        let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        parsed(found.unwrap_or_default(), &file.display().to_string())
    }
}
