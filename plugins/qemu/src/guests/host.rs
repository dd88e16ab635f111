//! What a command line needs from the host, for real.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use oxivirt_conf::domain::devices::{
    DirectMode, Filesystem, Interface, InterfaceDriverName, InterfaceSource, Tpm, TpmBackend, UsbHostdev, Video,
};
use oxivirt_conf::domain::{CpuSet, DomainDefinition, SecretLookup, SecretRef};
use oxivirt_core::{Error, Result};
use uuid::Uuid;

use crate::command::{Host, Opening, PassedImage, Sealed, Secret, Taps};
use crate::helpers::{Kind, Site, Started, bus, gpu, nbdkit, passt, reservations, swtpm, virtiofsd};
use crate::hotplug::PlugHost;
use crate::neighbours::{Borrower, Neighbours, Value};
use crate::process::{self, pages};
use crate::sys;

/// Opens descriptors and remembers which number each will have in QEMU.
#[derive(Debug)]
pub(crate) struct RealHost {
    pub(super) descriptors: Vec<(OwnedFd, i32)>,
    /// Names of the tap devices, by hardware address.
    pub(super) taps: Vec<(Option<oxivirt_conf::domain::devices::MacAddress>, String)>,
    /// Descriptors that clients gave for the guest's images.
    pub(super) images: super::images::Groups,
    /// Programs that serve devices.
    pub(super) helpers: Started,
    /// Where those are started; nowhere in a host that only opens descriptors.
    site: Option<Site>,
    /// Whom folders that are made for the guest belong to.
    pub(super) owner: (Option<u32>, Option<u32>),
    /// Which mounts of huge pages may be used.
    pub(super) memory: crate::settings::MemoryRules,
    next: i32,
    /// The file with the guest's own key.
    master_key: PathBuf,
    /// The guest, in the eyes of other drivers.
    borrower: Borrower,
}

impl RealHost {
    /// Numbers from `first` on are free in QEMU.
    pub(crate) fn new(first: i32, master_key: PathBuf, borrower: Borrower) -> Self {
        Self {
            descriptors: Vec::new(),
            taps: Vec::new(),
            images: Default::default(),
            helpers: Started::default(),
            site: None,
            owner: (None, None),
            memory: Default::default(),
            next: first,
            master_key,
            borrower,
        }
    }

    /// One that starts programs beside QEMU as well.
    pub(super) fn with_helpers(mut self, site: Site) -> Self {
        self.site = Some(site);
        self
    }

    fn site(&self) -> Result<&Site> {
        self.site.as_ref().ok_or_else(|| Error::internal("no program can be started here"))
    }

    /// A tap device, on a bridge if one is named.
    fn own_tap(net: &Interface, bridge: Option<&str>) -> Result<sys::Tap> {
        let wanted = net.target.as_ref().and_then(|t| t.dev.as_deref()).unwrap_or("vnet%d");
        // A high first byte keeps the bridge's own address from following the guest's.
        let mac = net.mac.map(|m| {
            let mut bytes = m.0;
            bytes[0] = 0xfe;
            bytes
        });
        let tap = sys::open_tap(wanted, bridge, mac)?;
        if net.port.as_ref().is_some_and(|p| p.isolated.is_some_and(|v| v.is_yes())) {
            sys::isolate_port(&tap.name)?;
        }
        Ok(tap)
    }

    /// A tap device on top of an interface of the host, which lasts until the guest gives it back.
    fn macvtap(&self, net: &Interface, below: Option<&str>, mode: DirectMode) -> Result<sys::Tap> {
        let below = below.ok_or_else(|| Error::xml("an interface of type 'direct' needs a device of the host"))?;
        let given = net.target.as_ref().and_then(|t| t.dev.as_deref()).filter(|dev| !dev.starts_with("macvtap"));
        for _ in 0..RACES {
            let name = given.map_or_else(sys::free_macvtap, |name| Ok(name.to_owned()))?;
            if self.borrower.make_link(&name, || sys::make_macvtap(&name, below, mode, net.mac))? {
                return Ok(sys::Tap { fd: sys::open_macvtap(&name)?, name });
            }
        }
        Err(Error::internal(format!("no name is free for a device on top of '{below}'")))
    }

    /// Gives a folder that was made for the guest to its user.
    fn endow(&self, path: &Path) -> Result<()> {
        match self.owner {
            (None, None) => Ok(()),
            (user, group) => std::os::unix::fs::chown(path, user, group)
                .map_err(|e| Error::system(format_args!("cannot change the owner of '{}'", path.display()), &e)),
        }
    }

    fn keep(&mut self, fd: OwnedFd) -> i32 {
        let number = self.next;
        self.next += 1;
        self.descriptors.push((fd, number));
        number
    }

    fn open(&mut self, path: &str, append: bool) -> Result<i32> {
        use std::os::unix::fs::OpenOptionsExt;
        let file = std::fs::OpenOptions::new()
            .append(append)
            .write(true)
            .truncate(!append)
            .create(true)
            .mode(0o600)
            .open(path)
            .map_err(|e| Error::system(format_args!("Unable to open file '{path}'"), &e))?;
        Ok(self.keep(file.into()))
    }
}

impl PlugHost for RealHost {
    fn descriptor(&self, number: i32) -> Option<BorrowedFd<'_>> {
        self.descriptors.iter().find(|(_, other)| *other == number).map(|(fd, _)| fd.as_fd())
    }

    fn tap_names(&self) -> Vec<(Option<oxivirt_conf::domain::devices::MacAddress>, String)> {
        self.taps.clone()
    }
}

impl Host for RealHost {
    fn listen(&mut self, path: &str) -> Result<i32> {
        let path = Path::new(path);
        // A socket that an earlier guest left is in the way, a file is not ours.
        if std::fs::symlink_metadata(path).is_ok_and(|m| m.file_type().is_socket()) {
            std::fs::remove_file(path)
                .map_err(|e| Error::system(format_args!("Unable to unlink '{}'", path.display()), &e))?;
        }
        let fd = process::listen(path)?;
        Ok(self.keep(fd))
    }

    fn output(&mut self, path: &str, append: bool) -> Result<i32> {
        self.open(path, append)
    }

    fn log(&mut self, path: &str, append: bool) -> Result<i32> {
        self.open(path, append)
    }

    fn tap(&mut self, net: &Interface, virtio: bool) -> Result<Taps> {
        let bridge = match &net.source {
            InterfaceSource::Bridge { bridge, .. } | InterfaceSource::Network { bridge: Some(bridge), .. } => {
                Some(bridge.as_str())
            }
            InterfaceSource::Ethernet | InterfaceSource::Direct { .. } => None,
            other => {
                return Err(Error::internal(format!("no tap device for an interface of type '{}'", other.type_name())));
            }
        };
        if net.driver.queues.is_some_and(|q| q > 1) {
            return Err(Error::config_unsupported(
                "several queues of a network card are not supported by this driver yet",
            ));
        }
        if net.script.is_some() || net.downscript.is_some() {
            return Err(Error::config_unsupported("interface scripts are not supported by this driver yet"));
        }
        if net.target.as_ref().is_some_and(|t| t.managed.is_some_and(|m| !m.is_yes())) {
            return Err(Error::config_unsupported("tap devices of others are not supported by this driver yet"));
        }
        for (present, what) in [
            (net.mtu.is_some(), "<mtu>"),
            (net.coalesce.is_some(), "<coalesce>"),
            (net.virtualport.is_some(), "<virtualport>"),
            (net.vlan.is_some(), "<vlan>"),
            (!net.host_ip.ips.is_empty() || !net.host_ip.routes.is_empty(), "addresses on the host's side"),
            (!net.guest_ip.ips.is_empty() || !net.guest_ip.routes.is_empty(), "addresses in the guest"),
            (net.backend.as_ref().is_some_and(|b| b.tap.is_some() || b.vhost.is_some()), "other device files"),
        ] {
            if present {
                return Err(Error::config_unsupported(format!(
                    "interface: {what} is not supported by this driver yet"
                )));
            }
        }
        let tap = match &net.source {
            InterfaceSource::Direct { dev, mode } => self.macvtap(net, dev.as_deref(), *mode)?,
            _ => Self::own_tap(net, bridge)?,
        };
        self.borrower.filter(net, &tap.name)?;
        if net.bandwidth.is_some() {
            sys::set_limits(&tap.name, net.bandwidth.as_deref())?;
        }
        self.taps.push((net.mac, tap.name));
        let taps = vec![self.keep(tap.fd)];
        let mut vhost = Vec::new();
        if virtio && net.driver.name != Some(InterfaceDriverName::Qemu) {
            match std::fs::OpenOptions::new().read(true).write(true).open("/dev/vhost-net") {
                Ok(file) => vhost.push(self.keep(file.into())),
                Err(e) if net.driver.name == Some(InterfaceDriverName::Vhost) => {
                    return Err(Error::system("vhost-net was requested for an interface, but is unavailable", &e));
                }
                Err(_) => {}
            }
        }
        Ok(Taps { taps, vhost })
    }

    fn images(&mut self, group: &str) -> Result<Vec<PassedImage>> {
        let Some(files) = self.images.get(group) else {
            return Err(Error::invalid_arg(format!(
                "file descriptor group '{group}' was not associated with the domain"
            )));
        };
        let failed = |e: std::io::Error| Error::system(format_args!("cannot use file descriptor group '{group}'"), &e);
        let copies = files.iter().map(OwnedFd::try_clone).collect::<std::io::Result<Vec<_>>>().map_err(failed)?;
        let mut passed = Vec::with_capacity(copies.len());
        for file in copies {
            let mode = rustix::fs::fcntl_getfl(&file).map_err(|e| failed(e.into()))? & rustix::fs::OFlags::RWMODE;
            passed.push(PassedImage { number: self.keep(file), writable: mode != rustix::fs::OFlags::RDONLY });
        }
        Ok(passed)
    }

    fn open(&mut self, what: Opening, path: &str) -> Result<i32> {
        let path = match what {
            Opening::TpmCancel => tpm_cancel(path)?,
            Opening::Tpm | Opening::Vdpa | Opening::VhostScsi => PathBuf::from(path),
        };
        let file = std::fs::OpenOptions::new()
            .read(what != Opening::TpmCancel)
            .write(true)
            .open(&path)
            .map_err(|e| Error::system(format_args!("Unable to open '{}'", path.display()), &e))?;
        Ok(self.keep(file.into()))
    }

    fn vhost_user_video(&mut self, video: &Video) -> Result<i32> {
        let (helper, socket) = gpu::start(self.site()?, video)?;
        self.helpers.push(helper);
        Ok(self.keep(socket))
    }

    fn tpm_emulator(&mut self, tpm: &Tpm) -> Result<String> {
        let secret = match &tpm.backend {
            TpmBackend::Emulator(emulator) => emulator.encryption,
            _ => None,
        };
        let key = secret.map(|uuid| {
            let secret = SecretRef { kind: Some("vtpm".to_owned()), lookup: SecretLookup::Uuid(uuid) };
            self.borrower.neighbours.secret(&secret)
        });
        let (helper, socket) = swtpm::start(self.site()?, tpm, key.transpose()?.as_ref())?;
        self.helpers.push(helper);
        Ok(socket.to_string_lossy().into_owned())
    }

    fn virtiofs(&mut self, fs: &Filesystem, socket: &str) -> Result<()> {
        self.helpers.push(virtiofsd::start(self.site()?, fs, socket)?);
        Ok(())
    }

    fn passt(&mut self, net: &Interface) -> Result<String> {
        let (helper, socket) = passt::start(self.site()?, net)?;
        self.helpers.push(helper);
        Ok(socket.to_string_lossy().into_owned())
    }

    fn nbdkit(&mut self, image: &nbdkit::Image<'_>) -> Result<Option<String>> {
        let Some(site) = self.site.as_ref().filter(|site| site.settings.helpers.nbdkit) else { return Ok(None) };
        let neighbours = &*self.borrower.neighbours;
        let started = nbdkit::start(site, image, &mut |secret| reveal(neighbours, secret))?;
        Ok(started.map(|(helper, socket)| {
            self.helpers.push(helper);
            socket.to_string_lossy().into_owned()
        }))
    }

    fn message_bus(&mut self) -> Result<String> {
        if let Some(bus) = self.helpers.socket_of(Kind::Bus) {
            return Ok(bus);
        }
        let (helper, socket) = bus::start(self.site()?)?;
        self.helpers.push(helper);
        Ok(socket.to_string_lossy().into_owned())
    }

    fn reservations(&mut self) -> Result<()> {
        if self.helpers.socket_of(Kind::Reservations).is_none() {
            self.helpers.push(reservations::start(self.site()?)?);
        }
        Ok(())
    }

    fn vsock(&mut self, cid: Option<u32>) -> Result<(i32, u32)> {
        let (fd, cid) = sys::open_vsock(cid)?;
        Ok((self.keep(fd), cid))
    }

    fn pci(&mut self, address: &str) -> Result<()> {
        needs_vfio("host doesn't support passthrough of host PCI devices")?;
        let link = format!("/sys/bus/pci/devices/{address}/driver");
        let driver = match std::fs::read_link(&link) {
            Ok(driver) => driver,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => PathBuf::new(),
            Err(e) => return Err(Error::system(format_args!("cannot read '{link}'"), &e)),
        };
        match driver.file_name().is_some_and(|name| name == "vfio-pci") {
            true => Ok(()),
            false => Err(Error::config_unsupported(format!(
                "PCI device {address} is not bound to 'vfio-pci', and binding it is not supported by this driver yet"
            ))),
        }
    }

    fn usb(&mut self, usb: &UsbHostdev) -> Result<String> {
        usb_node(usb)
    }

    fn scsi_generic(&mut self, adapter: &str, bus: u32, target: u32, unit: u64) -> Result<String> {
        let host = adapter.trim_start_matches("scsi_host");
        let folder = format!("/sys/bus/scsi/devices/{host}:{bus}:{target}:{unit}/scsi_generic");
        let failed = |e| Error::system(format_args!("Failed to open dir '{folder}'"), &e);
        let first = std::fs::read_dir(&folder).map_err(failed)?.next().transpose().map_err(failed)?;
        let name = first.ok_or_else(|| Error::internal(format!("'{folder}' is empty")))?.file_name();
        Ok(format!("/dev/{}", name.to_string_lossy()))
    }

    fn seal(&mut self, secret: Secret<'_>) -> Result<Sealed> {
        let value = reveal(&*self.borrower.neighbours, secret)?;
        let key = std::fs::read(&self.master_key)
            .map_err(|e| Error::system(format_args!("cannot read '{}'", self.master_key.display()), &e))?;
        let key = key.try_into().map_err(|_| Error::internal("the guest's own key has a wrong length"))?;
        Ok(Sealed::close(&key, Uuid::new_v4().into_bytes(), value.reveal()))
    }

    fn folder(&mut self, path: &Path) -> Result<()> {
        let what = |e: std::io::Error| Error::system(format_args!("cannot create folder '{}'", path.display()), &e);
        // Whoever the guest runs as has to get through to its own.
        oxivirt_util::file::make_folders(path.parent().unwrap_or(path), 0o711).map_err(what)?;
        oxivirt_util::file::make_folders(path, 0o750).map_err(what)?;
        self.endow(path)
    }

    fn write(&mut self, path: &str, text: &str) -> Result<()> {
        oxivirt_util::file::write_atomic(Path::new(path), text.as_bytes(), 0o600)
            .map_err(|e| Error::system(format_args!("cannot write '{path}'"), &e))
    }

    fn huge_pages(&mut self, size: u64, guest: &str) -> Result<String> {
        let folder = pages::make_folder(size, guest, self.memory.huge_pages.as_deref())?;
        self.endow(&folder)?;
        Ok(folder.to_string_lossy().into_owned())
    }

    fn default_huge_page(&self) -> Result<u64> {
        pages::default_size()
    }

    fn page_size(&self) -> u64 {
        (rustix::param::page_size() / 1024) as u64
    }

    fn advised_nodes(&self, _: &DomainDefinition) -> Result<Vec<u32>> {
        Err(unsupported("numad is not available on this host, and automatic placement"))
    }

    fn allowed_nodes(&self, nodes: &[u32], cpus: Option<&CpuSet>) -> Result<Vec<u32>> {
        let Some(cpus) = cpus else { return Ok(nodes.to_vec()) };
        let mut near = Vec::new();
        for node in nodes {
            let file = format!("/sys/devices/system/node/node{node}/cpulist");
            let text =
                std::fs::read_to_string(&file).map_err(|e| Error::system(format_args!("cannot read '{file}'"), &e))?;
            let own: CpuSet = text.trim().parse().map_err(|_| Error::internal(format!("'{file}' holds no CPUs")))?;
            if own.overlaps(cpus) {
                near.push(*node);
            }
        }
        Ok(near)
    }

    fn render_node(&self) -> Result<String> {
        let entries = std::fs::read_dir("/dev/dri").map_err(|e| Error::system("No DRM render nodes available", &e))?;
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let first = names.filter(|name| name.starts_with("renderD")).min();
        first.map(|name| format!("/dev/dri/{name}")).ok_or_else(|| Error::internal("No DRM render nodes available"))
    }

    fn is_cdrom(&self, path: &str) -> bool {
        // Drives are `sr0` and so on, whatever links lead to them.
        let Ok(real) = std::fs::canonicalize(path) else { return false };
        let name = real.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        name.strip_prefix("sr").or_else(|| name.strip_prefix("scd")).is_some_and(|n| n.parse::<u32>().is_ok())
    }

    fn now(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    }

    fn utc_offset(&self) -> i64 {
        sys::utc_offset()
    }
}

/// How many others may take the name that was just found free.
const RACES: u32 = 32;

fn unsupported(what: &str) -> Error {
    Error::config_unsupported(format!("{what} is not supported by this driver yet"))
}

/// Refuses what only the kernel's VFIO does, where it does not.
fn needs_vfio(refusal: &str) -> Result<()> {
    match Path::new("/dev/vfio/vfio").exists() {
        true => Ok(()),
        false => Err(Error::config_unsupported(refusal)),
    }
}

/// The value of a secret.
///
/// Errors: those of the driver that keeps it.
pub(super) fn reveal(neighbours: &dyn Neighbours, secret: Secret<'_>) -> Result<Value> {
    match secret {
        Secret::Words(words) => Ok(Value::new(words.as_bytes().to_vec())),
        Secret::Kept(reference) => neighbours.secret(reference),
    }
}

/// The file that ends the command of a TPM.
fn tpm_cancel(device: &str) -> Result<PathBuf> {
    let name = device.trim_start_matches("/dev/");
    let places = [format!("/sys/class/tpm/{name}/device/cancel"), format!("/sys/class/misc/{name}/device/cancel")];
    let found = places.iter().map(PathBuf::from).find(|path| path.exists());
    found.ok_or_else(|| {
        Error::config_unsupported(format!("No usable sysfs TPM cancel file of '{device}' could be found"))
    })
}

/// Looks for the one device that a definition describes by what it is.
fn usb_node(wanted: &UsbHostdev) -> Result<String> {
    let folder = Path::new("/sys/bus/usb/devices");
    let entries =
        std::fs::read_dir(folder).map_err(|e| Error::system("cannot list the USB devices of the host", &e))?;
    let mut found = Vec::new();
    for entry in entries.filter_map(std::result::Result::ok) {
        let text = |name: &str| std::fs::read_to_string(entry.path().join(name)).unwrap_or_default().trim().to_owned();
        let hex = |name: &str| u16::from_str_radix(&text(name), 16).ok();
        let number = |name: &str| text(name).parse::<u32>().ok();
        let (Some(bus), Some(device)) = (number("busnum"), number("devnum")) else { continue };
        let port = wanted.port.as_ref().map(|p| p.0.iter().map(u32::to_string).collect::<Vec<_>>().join("."));
        let fits = (wanted.vendor.is_none() || wanted.vendor == hex("idVendor"))
            && (wanted.product.is_none() || wanted.product == hex("idProduct"))
            && (wanted.bus.is_none() || wanted.bus == Some(bus))
            && port.is_none_or(|port| text("devpath") == port);
        if fits {
            found.push(format!("/dev/bus/usb/{bus:03}/{device:03}"));
        }
    }
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(Error::internal("Did not find the USB device")),
        many => Err(Error::operation_failed(format!(
            "Multiple USB devices fit: {}; use <address> to specify one",
            many.join(", ")
        ))),
    }
}
