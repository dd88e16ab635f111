//! How much memory QEMU may keep from being swapped out.

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::{HostdevSource, InterfaceSource, StorageKind};

/// How much a guest's QEMU may lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryLock {
    /// Bytes; `None` is no limit.
    pub bytes: Option<u64>,
}

/// What must be allowed beyond the usual; `None` where QEMU locks nothing.
///
/// A hard limit of the definition counts most: what may be used may be locked. Locked memory without one has no
/// limit, for nobody knows what QEMU needs beside the guest's memory. A device that reaches the guest's memory by
/// itself needs all of it in place, and room for the registers of devices.
pub fn limit(domain: &DomainDefinition) -> Option<MemoryLock> {
    let locked = domain.memory_backing.as_ref().is_some_and(|backing| backing.locked);
    if let Some(hard) = domain.memtune.as_ref().and_then(|tune| tune.hard_limit) {
        return Some(MemoryLock { bytes: Some(hard.0.saturating_mul(1024)) });
    }
    if locked {
        return Some(MemoryLock { bytes: None });
    }
    reached_by_devices(domain)
        .then(|| MemoryLock { bytes: Some(domain.memory.0.saturating_mul(1024).saturating_add(DEVICE_REGISTERS)) })
}

fn reached_by_devices(domain: &DomainDefinition) -> bool {
    let devices = &domain.devices;
    let mediated = |source: &HostdevSource| matches!(source, HostdevSource::Pci { .. } | HostdevSource::Mdev { .. });
    devices.hostdevs.iter().any(|device| mediated(&device.source))
        || devices
            .interfaces
            .iter()
            .any(|net| matches!(net.connection(), InterfaceSource::Hostdev { .. } | InterfaceSource::Vdpa { .. }))
        || devices.disks.iter().any(|disk| matches!(disk.source.kind, StorageKind::Nvme { .. }))
}

/// Room for the registers of devices: 1 GiB.
const DEVICE_REGISTERS: u64 = 1 << 30;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use oxivirt_conf::domain::{NoHooks, ParseFlags};

    use super::*;

    fn limit_of(more: &str, devices: &str) -> Option<MemoryLock> {
        let text = format!(
            "<domain type='kvm'><name>a</name><memory>1048576</memory>{more}<os><type>hvm</type></os>\
             <devices>{devices}</devices></domain>"
        );
        limit(&DomainDefinition::parse(&text, ParseFlags::INACTIVE, &NoHooks).unwrap())
    }

    #[test]
    fn what_is_locked_may_be_locked() {
        const DEVICE: &str = "<hostdev mode='subsystem' type='pci'><source><address domain='0' bus='1' slot='0' \
            function='0'/></source></hostdev>";
        let lock = |bytes| Some(MemoryLock { bytes });
        assert_eq!(limit_of("", ""), None);
        assert_eq!(limit_of("", DEVICE), lock(Some(2 << 30)));
        let hard = "<memtune><hard_limit>2097152</hard_limit></memtune>";
        assert_eq!(limit_of(hard, ""), lock(Some(2 << 30)));
        let locked = "<memoryBacking><locked/></memoryBacking>";
        assert_eq!(limit_of(locked, DEVICE), lock(None));
        assert_eq!(limit_of(&format!("{hard}{locked}"), ""), lock(Some(2 << 30)));
    }
}
