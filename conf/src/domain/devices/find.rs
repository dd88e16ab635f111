//! Which device of a domain a document means that names it.

use oxivirt_core::{Error, ErrorCode, Result};

use super::*;

impl Devices {
    /// The place, among those of its kind, of the device that `wanted` describes.
    ///
    /// Each kind has something that tells its devices apart: the target of a
    /// disk, the hardware address of a card, what a device of the host is. An
    /// address or an alias that `wanted` has must be that of the device too.
    ///
    /// Errors: `DEVICE_MISSING` when there is none such; `OPERATION_FAILED`
    /// when there are several; `OPERATION_UNSUPPORTED` for kinds that cannot
    /// be told apart.
    pub fn find(&self, wanted: DeviceRef<'_>) -> Result<usize> {
        if !has_identity(wanted) {
            let text = format!("devices of kind '{}' cannot be told apart", wanted.name());
            return Err(Error::new(ErrorCode::OPERATION_UNSUPPORTED, text));
        }
        if let DeviceRef::Interface(card) = wanted {
            return self.find_card(card);
        }
        let fits = |device: DeviceRef<'_>| is_same(device, wanted) && is_at(device, wanted);
        self.position(wanted, fits).ok_or_else(|| Error::new(ErrorCode::DEVICE_MISSING, missing(wanted)))
    }

    /// Cards may be named by their place alone, and two may have one hardware address.
    fn find_card(&self, wanted: &Interface) -> Result<usize> {
        let fits = |(_, card): &(usize, &Interface)| {
            wanted.mac.is_none_or(|mac| card.mac == Some(mac))
                && wanted.model.as_ref().is_none_or(|model| card.model.as_ref() == Some(model))
                && is_at(DeviceRef::Interface(card), DeviceRef::Interface(wanted))
        };
        let mut all = self.interfaces.iter().enumerate().filter(fits);
        let what = || match wanted.mac {
            Some(mac) => format!("matching MAC address {mac}"),
            None => "matching the given description".to_owned(),
        };
        match (all.next(), all.next()) {
            (Some((at, _)), None) => Ok(at),
            (Some(_), Some(_)) => Err(Error::operation_failed(format!("multiple devices {} found", what()))),
            (None, _) => Err(Error::new(ErrorCode::DEVICE_MISSING, format!("no device {} found", what()))),
        }
    }

    /// Takes out a device with what is only another name of it: the first
    /// serial line is the first console too.
    pub fn take(&mut self, like: DeviceRef<'_>, at: usize) -> Option<Device> {
        let mirrored = at == 0
            && self.consoles.first().is_some_and(|c| matches!(c.target_type.as_deref(), None | Some("serial")))
            && !self.serials.is_empty();
        if mirrored && matches!(like, DeviceRef::Serial(_) | DeviceRef::Console(_)) {
            let serial = Device::Serial(Box::new(self.serials.remove(0)));
            let console = Device::Console(Box::new(self.consoles.remove(0)));
            return Some(if matches!(like, DeviceRef::Serial(_)) { serial } else { console });
        }
        self.remove(like, at)
    }

    /// Puts a disk among the others of its bus, by its target.
    pub fn insert_disk(&mut self, disk: Disk) {
        let same = |other: &Disk| other.target.bus == disk.target.bus;
        let before = self.disks.iter().position(|other| same(other) && other.index() > disk.index());
        let behind = self.disks.iter().rposition(same).map(|at| at + 1);
        let at = before.or(behind).unwrap_or(self.disks.len());
        self.disks.insert(at, disk);
    }
}

fn has_identity(device: DeviceRef<'_>) -> bool {
    use DeviceRef as D;
    !matches!(
        device,
        D::Smartcard(_)
            | D::Tpm(_)
            | D::Graphics(_)
            | D::Audio(_)
            | D::Video(_)
            | D::Hub(_)
            | D::MemBalloon(_)
            | D::Nvram(_)
            | D::Panic(_)
            | D::Iommu(_)
            | D::Crypto(_)
            | D::Pstore(_)
    )
}

/// Whether what tells devices of a kind apart is the same.
fn is_same(device: DeviceRef<'_>, wanted: DeviceRef<'_>) -> bool {
    use DeviceRef as D;
    match (device, wanted) {
        (D::Disk(a), D::Disk(b)) => a.target.dev == b.target.dev,
        (D::Controller(a), D::Controller(b)) => a.kind == b.kind && a.index == b.index,
        (D::Lease(a), D::Lease(b)) => a.key == b.key && a.lockspace == b.lockspace,
        (D::Filesystem(a), D::Filesystem(b)) => a.target == b.target,
        (D::Serial(a), D::Serial(b)) => {
            same_source(&a.source, &b.source)
                && a.target_type == b.target_type
                && (b.port.is_none() || a.port == b.port)
                && (b.model.is_none() || a.model == b.model)
        }
        (D::Parallel(a), D::Parallel(b)) => same_source(&a.source, &b.source) && (b.port.is_none() || a.port == b.port),
        (D::Console(a), D::Console(b)) => {
            same_source(&a.source, &b.source)
                && a.target_type == b.target_type
                && (b.port.is_none() || a.port == b.port)
        }
        (D::Channel(a), D::Channel(b)) => same_source(&a.source, &b.source) && same_target(&a.target, &b.target),
        (D::Input(a), D::Input(b)) => a.kind == b.kind && a.bus == b.bus && path(a) == path(b),
        (D::Sound(a), D::Sound(b)) => a.model == b.model,
        (D::Hostdev(a), D::Hostdev(b)) => same_hostdev(&a.source, &b.source),
        (D::RedirDev(a), D::RedirDev(b)) => a.bus == b.bus && same_source(&a.source, &b.source),
        (D::Watchdog(a), D::Watchdog(b)) => a.model == b.model && a.action == b.action,
        (D::Rng(a), D::Rng(b)) => a.model == b.model && a.rate == b.rate && a.backend == b.backend,
        (D::Shmem(a), D::Shmem(b)) => {
            a.name == b.name && a.model == b.model && a.size == b.size && a.server == b.server && a.msi == b.msi
        }
        (D::Memory(a), D::Memory(b)) => {
            // What the guest was asked to take changes while it runs.
            let target = |m: &MemoryDevice| MemoryDeviceTarget {
                requested: None,
                current: None,
                address_base: None,
                ..m.target.clone()
            };
            a.model == b.model && target(a) == target(b) && a.source == b.source
        }
        (D::Vsock(a), D::Vsock(b)) => {
            let fixed = |v: &Vsock| v.cid.as_ref().filter(|c| !c.auto.is_some_and(|auto| auto.is_yes())).cloned();
            b.model.is_none_or(|model| a.model == Some(model)) && fixed(b).is_none_or(|cid| fixed(a) == Some(cid))
        }
        _ => false,
    }
}

/// A terminal is a new one at each start, and a socket that the driver places
/// is one that it listens at.
fn same_source(a: &CharSource, b: &CharSource) -> bool {
    match (&a.kind, &b.kind) {
        (CharKind::Pty { path: a }, CharKind::Pty { path: b }) => b.is_none() || a == b,
        (CharKind::Unix(a), CharKind::Unix(b)) => {
            let listens = |unix: &UnixSource| unix.mode.unwrap_or_default() == SocketMode::Bind || unix.path.is_none();
            a.path == b.path && a.reconnect == b.reconnect && listens(a) == listens(b)
        }
        (a, b) => a == b,
    }
}

fn same_target(a: &ChannelTarget, b: &ChannelTarget) -> bool {
    match (a, b) {
        (ChannelTarget::Virtio { name: a, .. }, ChannelTarget::Virtio { name: b, .. })
        | (ChannelTarget::Xen { name: a, .. }, ChannelTarget::Xen { name: b, .. }) => a == b,
        (a, b) => a == b,
    }
}

fn path(input: &Input) -> Option<&str> {
    input.source.as_ref().map(|source| source.path.as_str())
}

/// By what the device of the host is, as far as the document says.
fn same_hostdev(device: &HostdevSource, wanted: &HostdevSource) -> bool {
    use HostdevSource as H;
    match (device, wanted) {
        (H::Usb(a), H::Usb(b)) => {
            if b.device.is_some() {
                a.bus == b.bus && a.device == b.device && (b.vendor.is_none() || a.vendor == b.vendor)
            } else if b.port.is_some() {
                a.bus == b.bus && a.port == b.port
            } else {
                (a.vendor, a.product) == (b.vendor, b.product)
            }
        }
        (H::Pci { address: a, .. }, H::Pci { address: b, .. }) => same_place(a, b),
        (H::Scsi(a), H::Scsi(b)) => match (&a.source, &b.source) {
            (
                ScsiSource::Host { adapter: a, bus: c, target: e, unit: g, .. },
                ScsiSource::Host { adapter: b, bus: d, target: f, unit: h, .. },
            ) => a == b && (c, e, g) == (d, f, h),
            (ScsiSource::Iscsi { name: a, hosts: c, .. }, ScsiSource::Iscsi { name: b, hosts: d, .. }) => {
                let host = |hosts: &[NetworkHost]| hosts.first().map(|h| (h.name.clone(), h.port));
                a == b && host(c) == host(d)
            }
            _ => false,
        },
        (H::ScsiHost { wwpn: a, .. }, H::ScsiHost { wwpn: b, .. }) => a == b,
        (H::Mdev { uuid: a, .. }, H::Mdev { uuid: b, .. }) => a == b,
        (a, b) => a == b,
    }
}

fn same_place(a: &PciAddress, b: &PciAddress) -> bool {
    (a.domain, a.bus, a.slot, a.function) == (b.domain, b.bus, b.slot, b.function)
}

/// Whether the device is where, and called as, the description says.
fn is_at(device: DeviceRef<'_>, wanted: DeviceRef<'_>) -> bool {
    let (Some(info), Some(wanted)) = (device.info(), wanted.info()) else { return true };
    let named = match (&wanted.alias, &info.alias) {
        (Some(wanted), Some(alias)) => wanted == alias,
        // Only a running guest's devices all have names.
        _ => true,
    };
    let placed = match (&wanted.address, &info.address) {
        (Some(Address::Pci(wanted)), _) if wanted.is_empty() => true,
        (Some(Address::Pci(wanted)), Some(Address::Pci(at))) => same_place(wanted, at),
        (None, _) => true,
        (Some(wanted), at) => at.as_ref() == Some(wanted),
    };
    named && placed
}

/// What is said when there is no such device.
fn missing(wanted: DeviceRef<'_>) -> String {
    use HostdevSource as H;
    match wanted {
        DeviceRef::Disk(disk) => format!("disk {} not found", disk.target.dev),
        DeviceRef::Controller(c) => format!("controller {}:{} not found", c.kind, c.index.unwrap_or_default()),
        DeviceRef::Lease(lease) => {
            format!("Lease {} in lockspace {} does not exist", lease.key, lease.lockspace.as_deref().unwrap_or("NULL"))
        }
        DeviceRef::Filesystem(_) => "no matching filesystem device was found".to_owned(),
        DeviceRef::Hostdev(hostdev) => match &hostdev.source {
            H::Usb(usb) => match (usb.bus, usb.device) {
                (Some(bus), Some(device)) => format!("host usb device {bus:03}.{device:03} not found"),
                _ => format!(
                    "host usb device vendor=0x{:04x} product=0x{:04x} not found",
                    usb.vendor.unwrap_or_default(),
                    usb.product.unwrap_or_default()
                ),
            },
            H::Pci { address: a, .. } => {
                format!("host pci device {:04x}:{:02x}:{:02x}.{} not found", a.domain, a.bus, a.slot, a.function)
            }
            H::Scsi(scsi) => match &scsi.source {
                ScsiSource::Host { adapter, bus, target, unit, .. } => {
                    format!("host scsi device {adapter}:{bus}:{target}.{unit} not found")
                }
                ScsiSource::Iscsi { name, .. } => format!("host scsi iSCSI path {name} not found"),
            },
            H::ScsiHost { wwpn, .. } => format!("host scsi_host device wwpn '{wwpn}' not found"),
            H::Mdev { uuid, .. } => format!("mediated device '{uuid}' not found"),
            _ => "device not found".to_owned(),
        },
        DeviceRef::RedirDev(_) => "no matching redirdev was not found".to_owned(),
        DeviceRef::Watchdog(w) => format!("model '{}' watchdog device not present in domain configuration", w.model),
        DeviceRef::Rng(r) => format!("model '{}' RNG device not present in domain configuration", r.model),
        DeviceRef::Shmem(s) => format!("model '{}' shmem device not present in domain configuration", s.model),
        DeviceRef::Memory(m) => {
            format!("model '{}' memory device not present in the domain configuration", m.model)
        }
        DeviceRef::Input(_) => "matching input device not found".to_owned(),
        DeviceRef::Vsock(_) => "matching vsock device not found".to_owned(),
        other => format!("{} device not present in domain configuration", other.name()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::domain::ParseFlags;

    fn read(xml: &str) -> Device {
        Device::parse(xml, ParseFlags::NONE).unwrap()
    }

    fn devices(all: &[&str]) -> Devices {
        let mut devices = Devices::default();
        all.iter().for_each(|xml| devices.push(read(xml)));
        devices
    }

    #[test]
    fn cards_are_told_apart_by_address_and_place() {
        let devices = devices(&[
            "<interface type='user'><mac address='52:54:00:00:00:01'/></interface>",
            "<interface type='user'><mac address='52:54:00:00:00:02'/>\
               <address type='pci' domain='0' bus='0' slot='5' function='0'/></interface>",
            "<interface type='user'><mac address='52:54:00:00:00:02'/>\
               <address type='pci' domain='0' bus='0' slot='6' function='0'/></interface>",
        ]);
        let find = |rest: &str| devices.find(read(&format!("<interface type='user'>{rest}</interface>")).as_ref());
        assert_eq!(find("<mac address='52:54:00:00:00:01'/>").unwrap(), 0);
        let both = find("<mac address='52:54:00:00:00:02'/>").unwrap_err();
        assert_eq!(both.code(), ErrorCode::OPERATION_FAILED);
        let place = "<address type='pci' domain='0' bus='0' slot='6' function='0'/>";
        assert_eq!(find(&format!("<mac address='52:54:00:00:00:02'/>{place}")).unwrap(), 2);
        assert_eq!(find(place).unwrap(), 2);
        let none = find("<mac address='52:54:00:00:00:09'/>").unwrap_err();
        assert_eq!(none.code(), ErrorCode::DEVICE_MISSING);
        assert!(none.detail().contains("52:54:00:00:00:09"), "{none}");
    }

    #[test]
    fn devices_of_the_host_are_known_by_what_they_are() {
        let usb = "<hostdev mode='subsystem' type='usb'><source><vendor id='0x1'/><product id='0x2'/>\
                   <address bus='1' device='7'/></source></hostdev>";
        let devices = devices(&[usb]);
        let find = |source: &str| {
            let xml = format!("<hostdev mode='subsystem' type='usb'><source>{source}</source></hostdev>");
            devices.find(read(&xml).as_ref())
        };
        assert_eq!(find("<vendor id='0x1'/><product id='0x2'/>").unwrap(), 0);
        assert_eq!(find("<address bus='1' device='7'/>").unwrap(), 0);
        let error = find("<address bus='1' device='8'/>").unwrap_err();
        assert_eq!(error.detail(), "host usb device 001.008 not found");
    }

    #[test]
    fn what_has_no_identity_is_not_looked_for() {
        let tpm = read("<tpm model='tpm-tis'><backend type='passthrough'/></tpm>");
        let error = devices(&[]).find(tpm.as_ref()).unwrap_err();
        assert_eq!(error.code(), ErrorCode::OPERATION_UNSUPPORTED);
    }

    #[test]
    fn disks_stand_by_their_targets() {
        let disk = |dev: &str, bus: &str| format!("<disk type='file'><target dev='{dev}' bus='{bus}'/></disk>");
        let all = [disk("vda", "virtio"), disk("vdc", "virtio"), disk("sda", "scsi")];
        let mut devices = devices(&all.each_ref().map(String::as_str));
        for (dev, bus) in [("vdb", "virtio"), ("vdd", "virtio"), ("sdb", "scsi"), ("hda", "ide")] {
            let Device::Disk(disk) = read(&disk(dev, bus)) else { unreachable!() };
            devices.insert_disk(*disk);
        }
        let order: Vec<_> = devices.disks.iter().map(|d| d.target.dev.as_str()).collect();
        assert_eq!(order, ["vda", "vdb", "vdc", "vdd", "sda", "sdb", "hda"]);
    }
}
