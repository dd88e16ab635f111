//! File systems and disks as the guest's own system sees them.

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::{Address, ControllerType, Disk, DiskBus};
use oxivirt_core::Result;
use serde_json::{Value, json};

use super::{Seat, malformed};

/// A mounted file system.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FileSystem {
    /// Its device in the guest.
    pub(crate) name: String,
    pub(crate) mountpoint: String,
    /// Such as `ext4`.
    pub(crate) kind: String,
    pub(crate) total_bytes: Option<u64>,
    pub(crate) used_bytes: Option<u64>,
    pub(crate) disks: Vec<Below>,
}

/// A disk below a file system.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Below {
    /// The target of the disk in the definition, where it was found.
    pub(crate) target: Option<String>,
    pub(crate) serial: Option<String>,
    /// Its device in the guest.
    pub(crate) device: Option<String>,
    /// Such as `virtio`.
    pub(crate) bus: Option<String>,
}

impl Seat {
    /// Stops writing to file systems, to all without a list; how many it were.
    pub(crate) fn freeze(&self, mountpoints: &[&str]) -> Result<i32> {
        let (command, arguments) = match mountpoints {
            [] => ("guest-fsfreeze-freeze", Value::Null),
            some => ("guest-fsfreeze-freeze-list", json!({ "mountpoints": some })),
        };
        self.count(command, arguments)
    }

    /// Lets all file systems be written again; how many it were.
    pub(crate) fn thaw(&self) -> Result<i32> {
        self.count("guest-fsfreeze-thaw", Value::Null)
    }

    /// Gives unused blocks of at least so many bytes back.
    pub(crate) fn trim(&self, minimum: u64) -> Result<()> {
        self.ask("guest-fstrim", json!({ "minimum": minimum })).map(drop)
    }

    fn count(&self, command: &str, arguments: Value) -> Result<i32> {
        let answer = self.ask(command, arguments)?;
        answer.as_i64().and_then(|n| i32::try_from(n).ok()).ok_or_else(|| malformed(command))
    }

    /// The mounted file systems.
    pub(crate) fn file_systems(&self, definition: &DomainDefinition) -> Result<Vec<FileSystem>> {
        let answer = self.ask("guest-get-fsinfo", Value::Null)?;
        read(&answer, definition)
    }

    /// The same; none where the agent cannot tell.
    pub(super) fn file_systems_if_known(&self, definition: &DomainDefinition) -> Result<Option<Vec<FileSystem>>> {
        let answer = self.ask_if_known("guest-get-fsinfo", Value::Null)?;
        answer.map(|answer| read(&answer, definition)).transpose()
    }
}

fn read(answer: &Value, definition: &DomainDefinition) -> Result<Vec<FileSystem>> {
    let list = answer.as_array().ok_or_else(|| malformed("guest-get-fsinfo"))?;
    let one = |entry: &Value| {
        let text = |key: &str| entry.get(key).and_then(Value::as_str).map(str::to_owned);
        let disks = entry.get("disk").and_then(Value::as_array).into_iter().flatten();
        Some(FileSystem {
            name: text("name")?,
            mountpoint: text("mountpoint")?,
            kind: text("type")?,
            total_bytes: entry.get("total-bytes").and_then(Value::as_u64),
            used_bytes: entry.get("used-bytes").and_then(Value::as_u64),
            disks: disks.map(|disk| below(disk, definition)).collect(),
        })
    };
    list.iter().map(|entry| one(entry).ok_or_else(|| malformed("guest-get-fsinfo"))).collect()
}

/// A disk as agents describe one.
pub(super) fn below(entry: &Value, definition: &DomainDefinition) -> Below {
    let text = |key: &str| entry.get(key).and_then(Value::as_str).map(str::to_owned);
    Below {
        target: find(entry, definition).map(|disk| disk.target.dev.clone()),
        serial: text("serial"),
        device: text("dev"),
        bus: text("bus-type"),
    }
}

/// The disk in the definition that stands at the same place of the board.
fn find<'d>(entry: &Value, definition: &'d DomainDefinition) -> Option<&'d Disk> {
    let number = |value: Option<&Value>, key: &str| value?.get(key)?.as_u64();
    let pci = entry.get("pci-controller");
    let place = [number(pci, "domain")?, number(pci, "bus")?, number(pci, "slot")?, number(pci, "function")?];
    let stands_at = |address: &Option<Address>| match address {
        Some(Address::Pci(at)) => {
            [u64::from(at.domain), u64::from(at.bus), u64::from(at.slot), u64::from(at.function)] == place
        }
        _ => false,
    };
    let devices = &definition.devices;
    let by_itself = devices.disks.iter().find(|disk| stands_at(&disk.info.address));
    by_itself.or_else(|| {
        let bus = match entry.get("bus-type").and_then(Value::as_str)? {
            "ide" => DiskBus::Ide,
            "sata" => DiskBus::Sata,
            "scsi" => DiskBus::Scsi,
            "fdc" => DiskBus::Fdc,
            _ => return None,
        };
        let unit = ["bus", "target", "unit"].map(|key| entry.get(key).and_then(Value::as_u64).unwrap_or(0));
        devices.disks.iter().find(|disk| {
            let Some(Address::Drive(at)) = &disk.info.address else { return false };
            let kind = match bus {
                DiskBus::Ide => ControllerType::Ide,
                DiskBus::Sata => ControllerType::Sata,
                DiskBus::Fdc => ControllerType::Fdc,
                _ => ControllerType::Scsi,
            };
            let stands = devices.controller(kind, at.controller).is_none_or(|c| {
                // The board's own controllers have no address that is written down.
                c.info.address.is_none() || stands_at(&c.info.address)
            });
            let same = match bus {
                // The agent counts a port of such a controller as its target or its bus.
                DiskBus::Sata => unit.contains(&u64::from(at.unit)),
                _ => [u64::from(at.bus), u64::from(at.target), at.unit.into()] == unit,
            };
            disk.target.bus == Some(bus) && stands && same
        })
    })
}
