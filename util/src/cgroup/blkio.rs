//! Disks and device nodes.

use std::io;
use std::path::PathBuf;

use super::Controller;
use super::group::{Group, read, write};
use super::tune::parsed;

/// What of a disk is limited for each second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Throttle {
    /// Bytes read.
    ReadBytes,
    /// Bytes written.
    WriteBytes,
    /// Reads.
    ReadOperations,
    /// Writes.
    WriteOperations,
}

impl Throttle {
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::ReadBytes => ("blkio.throttle.read_bps_device", "rbps"),
            Self::WriteBytes => ("blkio.throttle.write_bps_device", "wbps"),
            Self::ReadOperations => ("blkio.throttle.read_iops_device", "riops"),
            Self::WriteOperations => ("blkio.throttle.write_iops_device", "wiops"),
        }
    }
}

impl Group {
    /// The file with weights: the scheduler that a kernel has names it.
    fn weights(&self) -> io::Result<PathBuf> {
        let bfq = self.file(Controller::Blkio, "blkio.bfq.weight", "io.bfq.weight")?;
        match bfq.exists() {
            true => Ok(bfq),
            false => self.file(Controller::Blkio, "blkio.weight", "io.weight"),
        }
    }

    /// Sets the share of the disks beside those of others.
    pub fn set_blkio_weight(&self, weight: u32) -> io::Result<()> {
        let text = match self.is_unified(Controller::Blkio) {
            true => format!("default {weight}"),
            false => weight.to_string(),
        };
        write(&self.weights()?, &text)
    }

    /// The share of the disks.
    pub fn blkio_weight(&self) -> io::Result<u32> {
        let file = self.weights()?;
        let text = read(&file)?;
        let first = text.lines().next().unwrap_or_default();
        parsed(first.strip_prefix("default ").unwrap_or(first), &file.display().to_string())
    }

    /// Sets the share of one disk; 0 takes the setting away.
    ///
    /// * `device` – its numbers.
    pub fn set_blkio_device_weight(&self, device: (u32, u32), weight: u32) -> io::Result<()> {
        let (major, minor) = device;
        let file = match self.is_unified(Controller::Blkio) {
            true => self.weights()?,
            false => {
                let bfq = self.file(Controller::Blkio, "blkio.bfq.weight_device", "")?;
                if bfq.exists() { bfq } else { self.file(Controller::Blkio, "blkio.weight_device", "")? }
            }
        };
        let value = match (self.is_unified(Controller::Blkio), weight) {
            (true, 0) => "default".to_owned(),
            (_, weight) => weight.to_string(),
        };
        write(&file, &format!("{major}:{minor} {value}"))
    }

    /// Limits one disk; 0 is no limit.
    pub fn set_throttle(&self, device: (u32, u32), what: Throttle, value: u64) -> io::Result<()> {
        let (major, minor) = device;
        let (old, new) = what.names();
        let file = self.file(Controller::Blkio, old, "io.max")?;
        let text = match (self.is_unified(Controller::Blkio), value) {
            (false, value) => format!("{major}:{minor} {value}"),
            (true, 0) => format!("{major}:{minor} {new}=max"),
            (true, value) => format!("{major}:{minor} {new}={value}"),
        };
        write(&file, &text)
    }

    /// Forbids every device node. Version 1 only.
    pub fn deny_devices(&self) -> io::Result<()> {
        write(&self.file(Controller::Devices, "devices.deny", "")?, "a")
    }

    /// Allows a device node. Version 1 only.
    ///
    /// * `block` – a disk rather than a stream of characters; `minor` – none is all of them.
    /// * `rights` – of `rwm`: reading, writing, making the node.
    pub fn allow_device(&self, block: bool, major: u32, minor: Option<u32>, rights: &str) -> io::Result<()> {
        self.device_rule("devices.allow", block, major, minor, rights)
    }

    /// Forbids a device node again. Version 1 only.
    pub fn forbid_device(&self, block: bool, major: u32, minor: Option<u32>, rights: &str) -> io::Result<()> {
        self.device_rule("devices.deny", block, major, minor, rights)
    }

    fn device_rule(&self, file: &str, block: bool, major: u32, minor: Option<u32>, rights: &str) -> io::Result<()> {
        let kind = if block { 'b' } else { 'c' };
        let minor = minor.map_or_else(|| "*".to_owned(), |minor| minor.to_string());
        write(&self.file(Controller::Devices, file, "")?, &format!("{kind} {major}:{minor} {rights}"))
    }
}
