//! How much memory QEMU may keep from being swapped out.

use oxivirt_conf::domain::devices::{Controller, ControllerType, HostdevSource, InterfaceSource, StorageKind};
use oxivirt_conf::domain::{DomainDefinition, DomainType};

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
    if domain.os.arch().starts_with("ppc64") && domain.kind == DomainType::Kvm {
        return Some(MemoryLock { bytes: Some(on_power(domain)) });
    }
    reached_by_devices(domain)
        .then(|| MemoryLock { bytes: Some(domain.memory.0.saturating_mul(1024).saturating_add(DEVICE_REGISTERS)) })
}

/// What POWER's kernel keeps in place for a guest: the table of its pages, a part of the most memory that it can have;
/// for each host bridge the table of a 32-bit window; and with devices of the host the memory that they reach, which
/// is at least the windows of all host bridges, or all of it with the tables that map it.
fn on_power(domain: &DomainDefinition) -> u64 {
    let memory = domain.memory.0.saturating_mul(1024);
    let most = domain.max_memory.as_ref().map_or(memory, |max| max.size.0.saturating_mul(1024));
    let is_bridge = |c: &&Controller| c.kind == ControllerType::Pci && c.model.as_deref() == Some("pci-root");
    let bridges = domain.devices.controllers.iter().filter(is_bridge).count().max(1) as u64;
    let base = (most / 128).saturating_add(bridges.saturating_mul(4 * MIB)).saturating_add(8 * MIB);
    if !reached_by_devices(domain) {
        return base;
    }
    let windows = bridges.saturating_mul(2048 * MIB);
    let tables = (memory / 512).saturating_mul(bridges).saturating_add(8 * MIB);
    base.saturating_add(windows.max(memory.saturating_add(tables)))
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

const MIB: u64 = 1 << 20;

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
