//! Where virtual CPUs may run, as maps of bits.

use oxivirt_core::types::limit;
use oxivirt_core::{Error, Result};

use super::{CpuSet, DomainDefinition};

impl DomainDefinition {
    /// Where a virtual CPU may run; `None` if everywhere.
    pub fn vcpu_pin(&self, vcpu: u32) -> Option<&CpuSet> {
        let pins = self.cputune.as_ref().map(|tune| tune.vcpupin.as_slice()).unwrap_or_default();
        pins.iter().find(|pin| pin.vcpu == vcpu).map(|pin| &pin.cpuset).or(self.vcpu.cpuset.as_ref())
    }

    /// Where the emulator alone was told to run; `None` if nothing was said
    /// about it itself.
    pub fn emulator_pin(&self) -> Option<&CpuSet> {
        self.cputune.as_ref()?.emulatorpin.as_ref().map(|pin| &pin.cpuset)
    }
}

/// Maps of CPUs of one length, one after the other, each lowest CPU first.
#[derive(Debug, Clone)]
pub struct CpuMapList {
    count: usize,
    length: usize,
    host_cpus: u32,
    bytes: Vec<u8>,
}

impl CpuMapList {
    /// Room for as many maps as there are CPUs, `there_are`, but no more than
    /// `most`, of `length` bytes each, for a host of `host_cpus`.
    ///
    /// Errors, without an error domain: `INVALID_ARG` for numbers below 0 and
    /// for more bytes than an answer may have.
    pub fn new(most: i32, length: i32, there_are: u32, host_cpus: u32) -> Result<Self> {
        let (Ok(most), Ok(length)) = (usize::try_from(most), usize::try_from(length)) else {
            return Err(Error::invalid_arg(format!("cannot return {most} maps of {length} bytes")));
        };
        let count = most.min(there_are as usize).min(limit::VCPUINFO);
        if length > limit::CPUMAP || count.saturating_mul(length) > limit::CPUMAPS {
            return Err(Error::invalid_arg(format!("maps of {length} bytes are too long")));
        }
        Ok(Self { count, length, host_cpus, bytes: Vec::with_capacity(count * length) })
    }

    /// The maps of the first virtual CPUs of a definition, for as many as
    /// there is room.
    pub fn of_vcpus(mut self, definition: &DomainDefinition) -> Self {
        for number in 0..self.count() {
            self.push(definition.vcpu_pin(number));
        }
        self
    }

    /// How many maps there is room for.
    pub fn count(&self) -> u32 {
        // Bounded by a limit far below.
        u32::try_from(self.count).unwrap_or(u32::MAX)
    }

    /// Appends the map of a set, or of all CPUs of the host. What the host
    /// does not have, or the length cannot say, is left out.
    pub fn push(&mut self, set: Option<&CpuSet>) {
        let start = self.bytes.len();
        // The last map ends with the bytes, so nothing can be marked past it.
        self.bytes.resize(start + self.length, 0);
        let mut mark = |cpu: u32| {
            if let Some(byte) = self.bytes.get_mut(start + cpu as usize / 8) {
                *byte |= 1 << (cpu % 8);
            }
        };
        match set {
            Some(set) => set.iter().filter(|cpu| *cpu < self.host_cpus).for_each(&mut mark),
            None => (0..self.host_cpus).for_each(&mut mark),
        }
    }

    /// The bytes of all maps.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::domain::{CpuTune, VcpuPin};

    #[test]
    fn maps_stand_one_after_the_other() {
        let mut definition = DomainDefinition::default();
        let pin = VcpuPin { vcpu: 1, cpuset: CpuSet::new([0, 9, 30]) };
        definition.cputune = Some(CpuTune { vcpupin: vec![pin], ..CpuTune::default() }.into());
        let maps = |most, length| CpuMapList::new(most, length, 2, 10).unwrap().of_vcpus(&definition).into_bytes();
        assert_eq!(maps(8, 2), [0xff, 3, 1, 2]);
        // What does not fit is not put into the next map.
        assert_eq!(maps(8, 1), [0xff, 1]);
        assert_eq!(maps(1, 3), [0xff, 3, 0]);
        assert!(maps(8, 0).is_empty());
        definition.vcpu.cpuset = Some(CpuSet::new([4]));
        assert_eq!(definition.vcpu_pin(0), definition.vcpu.cpuset.as_ref());
        assert_eq!(definition.emulator_pin(), None);
    }

    #[test]
    fn numbers_without_sense_are_refused() {
        let refused = |most, length| CpuMapList::new(most, length, 1, 1).unwrap_err().detail().to_owned();
        assert_eq!(refused(-1, 1), "cannot return -1 maps of 1 bytes");
        assert_eq!(refused(1, -8), "cannot return 1 maps of -8 bytes");
        let long = i32::try_from(limit::CPUMAP + 1).unwrap();
        assert_eq!(refused(1, long), format!("maps of {long} bytes are too long"));
    }
}
