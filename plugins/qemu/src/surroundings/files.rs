//! Which of the host's files a guest uses by their names.

use std::path::{Path, PathBuf};

use oxivirt_conf::domain::devices::{
    BackingStore, CharKind, CharSource, DeviceRef, Disk, GraphicsKind, HostdevSource, RngBackend, StorageKind,
    StorageSource, TpmBackend,
};
use oxivirt_conf::domain::{DeviceSecLabel, DomainDefinition};

/// A file, a disk or a device node that QEMU opens by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostFile {
    /// Its absolute path.
    pub(crate) path: PathBuf,
    /// QEMU writes to it.
    pub(crate) writable: bool,
    /// Others may use it at the same time, so it is never given back to its owner.
    pub(crate) shared: bool,
    /// It belongs to this guest's disks, devices or firmware, and may change its owner.
    pub(crate) owned: bool,
    /// What the definition says of its owner, such as `+107:+107`.
    pub(crate) label: Option<String>,
}

impl HostFile {
    fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), writable: true, shared: false, owned: true, label: None }
    }

    fn read_only(self) -> Self {
        Self { writable: false, shared: true, ..self }
    }

    /// It is used as it is.
    fn of_all(self) -> Self {
        Self { owned: false, shared: true, ..self }
    }

    fn labelled(mut self, labels: &[DeviceSecLabel]) -> Self {
        let own = labels.iter().find(|label| label.model.as_deref().is_none_or(|model| model == "dac"));
        if let Some(own) = own {
            self.owned &= own.relabel.is_none_or(|relabel| relabel.is_yes());
            self.label.clone_from(&own.label);
        }
        self
    }
}

/// All files of a guest.
pub(crate) fn of_guest(live: &DomainDefinition) -> Vec<HostFile> {
    let mut files: Vec<HostFile> = live.devices.iter().flat_map(of_device).collect();
    let direct = &live.os.direct;
    for path in [&direct.kernel, &direct.initrd, &direct.dtb, &direct.shim].into_iter().flatten() {
        files.push(HostFile::new(path).read_only());
    }
    if let Some(nvram) = &live.os.nvram {
        match (&nvram.path, &nvram.source) {
            (Some(path), _) => files.push(HostFile::new(path)),
            (None, Some(source)) => files.extend(of_source(source)),
            (None, None) => {}
        }
    }
    if live.launch_security.is_some() {
        files.push(HostFile::new("/dev/sev").of_all());
    }
    files.retain(|file| file.path.is_absolute());
    files
}

/// The files of one device.
pub(crate) fn of_device(device: DeviceRef<'_>) -> Vec<HostFile> {
    match device {
        DeviceRef::Disk(disk) => of_disk(disk),
        DeviceRef::Hostdev(hostdev) => of_hostdev(&hostdev.source)
            .into_iter()
            .map(|file| HostFile { shared: file.shared || hostdev.shareable, writable: !hostdev.readonly, ..file })
            .collect(),
        DeviceRef::Rng(rng) => match &rng.backend {
            RngBackend::Random(path) => {
                vec![HostFile::new(path.as_deref().unwrap_or("/dev/urandom")).of_all()]
            }
            RngBackend::Egd(source) => of_char(source),
            RngBackend::Builtin => Vec::new(),
        },
        DeviceRef::Tpm(tpm) => match &tpm.backend {
            TpmBackend::Passthrough { path } => vec![HostFile::new(path.as_deref().unwrap_or("/dev/tpm0"))],
            _ => Vec::new(),
        },
        DeviceRef::Input(input) => input.source.iter().map(|source| HostFile::new(&source.path)).collect(),
        DeviceRef::Memory(memory) => memory.source.path.iter().map(HostFile::new).collect(),
        DeviceRef::Serial(serial) => of_char(&serial.source),
        DeviceRef::Parallel(parallel) => of_char(&parallel.source),
        DeviceRef::Channel(channel) => of_char(&channel.source),
        DeviceRef::Graphics(graphics) => match &graphics.kind {
            GraphicsKind::EglHeadless { rendernode: Some(node) } => vec![HostFile::new(node).of_all()],
            GraphicsKind::Spice(spice) => {
                let node = spice.gl.rendernode.as_ref();
                node.map(|node| HostFile::new(node).of_all()).into_iter().collect()
            }
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn of_disk(disk: &Disk) -> Vec<HostFile> {
    let adapt = |file: HostFile| HostFile {
        writable: file.writable && !disk.readonly,
        shared: file.shared || disk.readonly || disk.shareable,
        ..file
    };
    let mut files: Vec<HostFile> = of_source(&disk.source).into_iter().map(adapt).collect();
    if let Some(mirror) = &disk.mirror {
        files.extend(of_source(&mirror.source));
    }
    // What stands behind is only read, and may be behind others, too.
    let mut behind = disk.backing.as_deref();
    while let Some(BackingStore::Layer(layer)) = behind {
        files.extend(of_source(&layer.source).into_iter().map(HostFile::read_only));
        behind = layer.backing.as_deref();
    }
    files
}

fn of_source(source: &StorageSource) -> Vec<HostFile> {
    let path = match source.actual() {
        // One that a client opened is not opened by its name.
        StorageKind::File { path, fdgroup: None } | StorageKind::Block { path } => path.as_deref(),
        StorageKind::VhostVdpa { path } => Some(path.as_str()),
        StorageKind::VhostUser { path, .. } => path.as_deref(),
        _ => None,
    };
    path.map(|path| HostFile::new(path).labelled(&source.seclabels)).into_iter().collect()
}

fn of_hostdev(source: &HostdevSource) -> Vec<HostFile> {
    match source {
        HostdevSource::Usb(usb) => match (usb.bus, usb.device) {
            (Some(bus), Some(device)) => vec![HostFile::new(format!("/dev/bus/usb/{bus:03}/{device:03}"))],
            _ => Vec::new(),
        },
        HostdevSource::Pci { address, .. } => {
            let text =
                format!("{:04x}:{:02x}:{:02x}.{:x}", address.domain, address.bus, address.slot, address.function);
            vfio(&Path::new("/sys/bus/pci/devices").join(text))
        }
        HostdevSource::Mdev { uuid, .. } => vfio(&Path::new("/sys/bus/mdev/devices").join(uuid.to_string())),
        HostdevSource::ScsiHost { .. } => vec![HostFile::new("/dev/vhost-scsi").of_all()],
        _ => Vec::new(),
    }
}

/// The group of a device, and the door to all groups.
fn vfio(device: &Path) -> Vec<HostFile> {
    let group = std::fs::read_link(device.join("iommu_group")).ok();
    let group = group.as_ref().and_then(|link| link.file_name());
    let Some(group) = group else { return Vec::new() };
    vec![HostFile::new(Path::new("/dev/vfio").join(group)), HostFile::new("/dev/vfio/vfio").of_all()]
}

fn of_char(source: &CharSource) -> Vec<HostFile> {
    let path = match &source.kind {
        CharKind::Dev { path } | CharKind::Pipe { path } => path.as_deref(),
        // Files are opened by the daemon, sockets are made by it.
        _ => None,
    };
    path.map(|path| HostFile::new(path).labelled(&source.seclabels)).into_iter().collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use oxivirt_conf::domain::ParseFlags;

    use super::*;

    #[test]
    fn a_guest_uses_what_its_devices_name() {
        let text = "<domain type='qemu'><name>g</name><memory>1</memory><os><type>hvm</type>\
            <kernel>/k</kernel><loader type='pflash' readonly='yes'>/l</loader><nvram>/nv</nvram></os><devices>\
            <disk type='file'><source file='/a.img'><seclabel model='dac' relabel='no'/></source><target dev='vda'/></disk>\
            <disk type='block' device='cdrom'><source dev='/dev/sr0'/><target dev='hdc'/><readonly/></disk>\
            <disk type='file'><source file='/s.img'/><backingStore type='file'><format type='raw'/>\
            <source file='/base.img'/></backingStore><target dev='vdb'/><shareable/></disk>\
            <rng model='virtio'><backend model='random'/></rng>\
            <serial type='dev'><source path='/dev/ttyS9'/></serial></devices></domain>";
        let live = DomainDefinition::parse(text, ParseFlags::NONE, &oxivirt_conf::domain::NoHooks).unwrap();
        let files = of_guest(&live);
        let find = |path: &str| {
            files
                .iter()
                .find(|file| file.path == Path::new(path))
                .unwrap_or_else(|| panic!("{path}: {files:#?}"))
                .clone()
        };
        assert!(!find("/a.img").owned && find("/a.img").writable);
        assert!(find("/dev/sr0").shared && !find("/dev/sr0").writable && find("/dev/sr0").owned);
        assert!(find("/s.img").shared && find("/s.img").writable);
        assert!(find("/base.img").shared && !find("/base.img").writable);
        assert!(!find("/dev/random").owned);
        assert!(find("/nv").writable && !find("/nv").shared);
        assert!(!find("/k").writable && find("/dev/ttyS9").owned);
        assert_eq!(files.len(), 8);
    }
}
