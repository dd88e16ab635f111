//! What a command line needs from the host, for real.

use std::os::fd::OwnedFd;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use oxivirt_conf::domain::devices::{Interface, InterfaceDriverName, InterfaceSource};
use oxivirt_core::{Error, Result};

use crate::command::{Host, Taps};
use crate::process;
use crate::sys;

/// Opens descriptors and remembers which number each will have in QEMU.
#[derive(Debug)]
pub(super) struct RealHost {
    pub(super) descriptors: Vec<(OwnedFd, i32)>,
    /// Names of the tap devices, by hardware address.
    pub(super) taps: Vec<(Option<oxivirt_conf::domain::devices::MacAddress>, String)>,
    next: i32,
}

impl RealHost {
    /// Numbers from `first` on are free in QEMU.
    pub(super) fn new(first: i32) -> Self {
        Self { descriptors: Vec::new(), taps: Vec::new(), next: first }
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
            InterfaceSource::Ethernet => None,
            InterfaceSource::Network { network, .. } => {
                return Err(Error::config_unsupported(format!(
                    "interface on network '{network}': networks are not supported by this driver yet"
                )));
            }
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
            (net.port.as_ref().is_some_and(|p| p.isolated.is_some_and(|v| v.is_yes())), "<port isolated='yes'>"),
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
        let wanted = net.target.as_ref().and_then(|t| t.dev.as_deref()).unwrap_or("vnet%d");
        // A high first byte keeps the bridge's own address from following the guest's.
        let mac = net.mac.map(|m| {
            let mut bytes = m.0;
            bytes[0] = 0xfe;
            bytes
        });
        let tap = sys::open_tap(wanted, bridge, mac)?;
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
