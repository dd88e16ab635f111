//! Opens connections; all of them share the guests of one daemon.

use std::path::PathBuf;
use std::sync::Arc;

use oxivirt_core::call::Call;
use oxivirt_core::constants::DomainEventType;
use oxivirt_core::event::Event;
use oxivirt_core::host::Folder;
use oxivirt_core::plugin::{Driver, OpenFlags, Opened, Start};
use oxivirt_core::types::{Domain, List, Uuid};
use oxivirt_core::{Error, ErrorDomain, Host, Result};

use crate::capabilities::Catalog;
use crate::guests::{Giver, Guests};
use crate::lifecycle::{EventSink, Notice, Subject};
use crate::neighbours::OtherDrivers;
use crate::process::Folders;
use crate::settings::Settings;

/// The driver of one daemon.
pub struct QemuDriver {
    guests: Arc<Guests>,
    channel: u64,
    /// The only path that connections may name.
    path: &'static str,
    configuration: PathBuf,
    host_uuid: Option<uuid::Uuid>,
}

/// A connection; it has nothing of its own but the words it was opened with and what was given over it.
pub struct QemuConnection {
    pub(crate) guests: Arc<Guests>,
    pub(crate) uri: String,
    /// Which host this is, if the daemon tells.
    pub(crate) host_uuid: Option<uuid::Uuid>,
    /// Descriptors that came over it.
    pub(crate) images: Giver,
}

impl Driver for QemuDriver {
    type Connection = QemuConnection;

    fn start(host: Host) -> Result<Start<Self>> {
        let folders = Folders::below(
            &host.folder(Folder::CONFIG),
            &host.folder(Folder::RUN),
            &host.folder(Folder::STATE),
            &host.folder(Folder::LOG),
            &host.folder(Folder::CACHE),
        );
        let catalog = Arc::new(Catalog::new(folders.cache.join("capabilities")));
        if catalog.binaries().is_empty() {
            return Ok(Start::Declined("no qemu-system-* program was found".to_owned()));
        }
        let channel = host.new_channel();
        let configuration = host.folder(Folder::CONFIG).join("qemu.conf");
        let settings = Settings::read(&configuration)?;
        let guests = Guests::new(folders, catalog, Box::new(HostSink { host, channel }));
        guests.configure(settings);
        guests.meet(Arc::new(OtherDrivers::new(host)));
        guests.load()?;
        let background = Arc::clone(&guests);
        let started = std::thread::Builder::new().name("qemu-start".into()).spawn(move || {
            background.settle_neighbours();
            background.autostart();
            // So that the first question for capabilities finds the answer.
            background.catalog.all();
        });
        if let Err(error) = started {
            tracing::error!(%error, "guests are not started with the daemon");
        }
        let path = if host.is_privileged() { "/system" } else { "/session" };
        // A daemon that does not tell leaves what the machine says of itself.
        let host_uuid = host.uuid().map(|uuid| uuid::Uuid::from_bytes(uuid.0));
        let host_uuid = host_uuid.or_else(|| oxivirt_util::host::Host::this().firmware_uuid());
        Ok(Start::Ready(Self { guests, channel, path, configuration, host_uuid }))
    }

    /// A file with mistakes changes nothing.
    fn reload(&self) -> Result<()> {
        self.guests.configure(Settings::read(&self.configuration)?);
        Ok(())
    }

    fn open(&self, _call: &Call, uri: &str, _flags: OpenFlags) -> Result<Opened<QemuConnection>> {
        let path = path(uri);
        if path.is_empty() || path == "/" {
            return Err(own(Error::invalid_arg(format!("no QEMU URI path given, try qemu://{}", self.path))));
        }
        if path != self.path {
            return Err(own(Error::invalid_arg(format!(
                "unexpected QEMU URI path '{path}', try qemu://{}",
                self.path
            ))));
        }
        let guests = Arc::clone(&self.guests);
        let images = Giver::new(&guests.images);
        let connection = QemuConnection { guests, uri: uri.to_owned(), host_uuid: self.host_uuid, images };
        Ok(Opened { connection, channel: self.channel })
    }
}

fn own(error: Error) -> Error {
    error.in_domain(ErrorDomain::QEMU)
}

/// The path of a URI: behind the authority, before parameters.
fn path(uri: &str) -> &str {
    let rest = uri.split_once(':').map_or(uri, |(_, rest)| rest);
    let rest = match rest.strip_prefix("//") {
        Some(rest) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default(),
        None => rest,
    };
    rest.split(['?', '#']).next().unwrap_or_default()
}

/// Hands what happens to guests to the daemon.
struct HostSink {
    host: Host,
    channel: u64,
}

impl HostSink {
    fn emit(&self, event: Result<Event>) {
        match event {
            Ok(event) => self.host.emit(self.channel, &event),
            Err(error) => tracing::error!(%error, "cannot tell of an event"),
        }
    }
}

impl EventSink for HostSink {
    fn hook(&self, name: &str, operation: &str, part: &str, xml: &str) -> Result<String> {
        self.host.run_hook("qemu", name, operation, part, "-", xml)
    }

    fn script(&self, name: &str, event: &str, qualifier: &str, extra: &str) -> Result<()> {
        self.host.run_event_script("domain", name, event, qualifier, extra)
    }

    fn notice(&self, guest: &Subject, notice: Notice) {
        let domain = Domain::new(guest.name.as_str(), Uuid(guest.uuid), guest.id);
        match notice {
            Notice::Lifecycle(event) => {
                let (kind, detail) = event.numbers();
                self.emit(Event::lifecycle(&domain, DomainEventType(kind), detail));
            }
            Notice::Reboot => self.emit(Event::reboot(&domain)),
            Notice::RtcChange(offset) => self.emit(Event::rtc_change(&domain, offset)),
            Notice::Watchdog(action) => self.emit(Event::watchdog(&domain, action)),
            Notice::IoError { path, alias, action, reason } => {
                self.emit(Event::io_error(&domain, &path, &alias, action));
                self.emit(Event::io_error_reason(&domain, &path, &alias, action, &reason));
            }
            Notice::BalloonChange(kib) => self.emit(Event::balloon_change(&domain, kib)),
            Notice::DeviceAdded(alias) => self.emit(Event::device_added(&domain, &alias)),
            Notice::DeviceRemoved(alias) => self.emit(Event::device_removed(&domain, &alias)),
            Notice::DeviceRemovalFailed(alias) => self.emit(Event::device_removal_failed(&domain, &alias)),
            Notice::Metadata(kind, uri) => self.emit(Event::metadata_change(&domain, kind, uri.as_deref())),
            Notice::TrayChange(alias, open) => {
                self.emit(Event::tray_change(&domain, &alias, i32::from(!open)));
            }
            Notice::DiskMissing { source, alias, is_drive } => {
                self.emit(Event::disk_change(&domain, source.as_deref(), None, &alias, i32::from(!is_drive)));
            }
            Notice::Agent { connected, at_start } => {
                let state = if connected { 1 } else { 2 };
                self.emit(Event::agent_lifecycle(&domain, state, if at_start { 1 } else { 2 }));
            }
            Notice::BlockThreshold { device, path, threshold, excess } => {
                self.emit(Event::block_threshold(&domain, &device, path.as_deref(), threshold, excess));
            }
            Notice::Tunable(params) => {
                self.emit(List::new(params).and_then(|params| Event::tunable(&domain, &params)));
            }
            Notice::NicMac { alias, old, new } => self.emit(Event::nic_mac_change(&domain, &alias, &old, &new)),
            Notice::MemoryDeviceSize(alias, kib) => {
                self.emit(Event::memory_device_size_change(&domain, &alias, kib));
            }
            Notice::MemoryFailure(recipient, action, flags) => {
                self.emit(Event::memory_failure(&domain, recipient, action, flags));
            }
            Notice::PmSuspend { to_disk: false } => self.emit(Event::pmsuspend(&domain, 0)),
            Notice::PmSuspend { to_disk: true } => self.emit(Event::pmsuspend_disk(&domain, 0)),
            Notice::PmWakeup => self.emit(Event::pmwakeup(&domain, 0)),
            Notice::Monitor { event, seconds, micros, details } => {
                self.emit(Event::qemu_monitor(&domain, &event, seconds, micros, details.as_deref()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::path;

    #[test]
    fn only_the_path_counts() {
        for (uri, expected) in [
            ("qemu:///system", "/system"),
            ("qemu:///session?a=b", "/session"),
            ("qemu://host/system", "/system"),
            ("qemu:", ""),
            ("qemu://", ""),
        ] {
            assert_eq!(path(uri), expected, "{uri}");
        }
    }
}
