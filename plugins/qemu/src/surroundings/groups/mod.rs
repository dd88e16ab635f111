//! A guest's control groups.
//!
//! A guest is in `PARTITION/qemu-ID-NAME.libvirt-qemu`; below that are groups
//! for its threads: `emulator`, `vcpuN` and `iothreadN`. [`GuestGroup`] makes
//! and removes them; `start` sets what a definition says, `live` changes it,
//! `devices` lets device nodes in.

mod devices;
mod live;
mod start;

use std::io;
use std::path::Path;
use std::time::Duration;

use oxivirt_conf::domain::{DomainDefinition, Resource};
use oxivirt_core::{Error, Result};
use oxivirt_util::cgroup::{Base, Controller, Group, Hierarchies, Level};

pub(crate) use devices::USUAL as USUAL_DEVICES;
pub(crate) use live::Living;

use crate::process::Folders;
use crate::settings::GroupRules;

/// Where this daemon's guests have their groups.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    hierarchies: Hierarchies,
    base: Base,
    /// The partition of guests that name none.
    partition: String,
}

impl Site {
    /// What the host has, as far as the administrator wants it used.
    ///
    /// * A daemon of one user has none: groups are root's.
    /// * A daemon whose folders are elsewhere does without, unless `cgroup_controllers` is set; its groups are then
    ///   below its own group, in a partition of its own.
    pub(crate) fn of(rules: &GroupRules, folders: &Folders) -> Self {
        let relocated = folders.run != Path::new("/run/libvirt/qemu");
        let wanted = match &rules.controllers {
            Some(controllers) => controllers.as_slice(),
            None if relocated => &[],
            None => &Controller::ALL,
        };
        let privileged = rustix::process::geteuid().is_root();
        let hierarchies = match privileged && !wanted.is_empty() {
            true => Hierarchies::of_host().unwrap_or_else(|error| {
                tracing::warn!(%error, "no control groups are used");
                Hierarchies::default()
            }),
            false => Hierarchies::default(),
        };
        let (base, partition) = match relocated {
            true => (Base::Own, format!("oxivirt-{:08x}", mixed(folders.run.as_os_str().as_encoded_bytes()))),
            false => (Base::Top, "machine".to_owned()),
        };
        Self { hierarchies: hierarchies.only(wanted), base, partition }
    }

    /// One with given hierarchies.
    #[cfg(test)]
    fn with(hierarchies: Hierarchies) -> Self {
        Self { hierarchies, base: Base::Top, partition: "machine".to_owned() }
    }

    /// The groups of a guest, whether they exist or not; none where nothing can be controlled.
    fn group(&self, live: &DomainDefinition, id: i32) -> Option<GuestGroup> {
        if self.hierarchies.is_empty() {
            return None;
        }
        let given = live.resource.as_ref().and_then(|resource| resource.partition.as_deref());
        let given = given.map(|path| path.trim_matches('/')).filter(|path| *path != "machine" && !path.is_empty());
        let parent = Group::at(&self.hierarchies, self.base, &given.map_or_else(|| self.partition.clone(), folder_of));
        let whole = parent.child(&format!("{}.libvirt-qemu", machine_name(live, id)));
        Some(GuestGroup { whole, parent, own_partition: given.is_some(), relocated: self.base == Base::Own })
    }

    /// The groups of a guest that runs.
    pub(crate) fn find(&self, live: &DomainDefinition, id: i32) -> Option<GuestGroup> {
        self.group(live, id).filter(|group| group.whole.exists())
    }

    /// Removes groups of guests that nobody is in any more: of one that was about to start when its daemon died.
    pub(crate) fn sweep(&self) {
        if self.hierarchies.is_empty() {
            return;
        }
        let parent = Group::at(&self.hierarchies, self.base, &self.partition);
        for name in parent.children() {
            let group = parent.child(&name);
            if name.starts_with("qemu-") && name.ends_with(".libvirt-qemu") && group.is_unused() {
                tracing::info!(group = name, "removing control groups that a guest left behind");
                if let Err(error) = group.remove(Duration::ZERO) {
                    tracing::warn!(%error, "a control group stays behind");
                }
            }
        }
        if self.base == Base::Own {
            parent.remove_if_unused();
        }
    }

    /// Removes what a guest left that ended while nobody watched.
    pub(crate) fn clear(&self, live: &DomainDefinition, id: i32) {
        if let Some(group) = self.group(live, id) {
            group.remove();
        }
    }
}

/// The groups of one guest.
#[derive(Debug)]
pub(crate) struct GuestGroup {
    whole: Group,
    parent: Group,
    /// The definition names its partition.
    own_partition: bool,
    relocated: bool,
}

impl GuestGroup {
    /// Makes the groups for a guest that is about to start.
    fn create(&self, live: &DomainDefinition) -> io::Result<()> {
        if !self.own_partition {
            self.parent.create(Level::Parent)?;
        } else if !self.parent.exists() {
            let name = live.resource.as_ref().and_then(|resource| resource.partition.as_deref()).unwrap_or_default();
            return Err(io::Error::new(io::ErrorKind::NotFound, format!("there is no partition '{name}'")));
        }
        self.whole.create(Level::Processes)?;
        self.emulator().create(Level::Threads)
    }

    /// Whether a controller is there.
    pub(crate) fn has(&self, controller: Controller) -> bool {
        self.whole.has(controller)
    }

    fn emulator(&self) -> Group {
        self.whole.threads("emulator")
    }

    fn vcpu(&self, number: u32) -> Group {
        self.whole.threads(&format!("vcpu{number}"))
    }

    fn iothread(&self, number: u32) -> Group {
        self.whole.threads(&format!("iothread{number}"))
    }

    /// Removes everything; what cannot be removed is logged.
    pub(crate) fn remove(&self) {
        if let Err(error) = self.whole.remove(PATIENCE) {
            tracing::warn!(%error, "a control group stays behind");
        }
        if self.relocated && !self.own_partition {
            self.parent.remove_if_unused();
        }
    }
}

/// Notes in a running guest's definition where its groups are.
fn note_partition(live: &mut DomainDefinition) {
    let resource = live.resource.get_or_insert_with(|| Box::new(Resource::default()));
    resource.partition.get_or_insert_with(|| "/machine".to_owned());
}

/// The folder of a partition: everything but the first level is marked as one.
fn folder_of(partition: &str) -> String {
    let mut parts = Vec::new();
    for (index, part) in partition.split('/').filter(|part| !part.is_empty()).enumerate() {
        let marked = index == 0 || part.contains('.');
        parts.push(escaped(&if marked { part.to_owned() } else { format!("{part}.partition") }));
    }
    parts.join("/")
}

/// Names that the kernel uses itself get a line in front.
fn escaped(part: &str) -> String {
    let own = ["cgroup.", "cpu.", "cpuacct.", "cpuset.", "memory.", "devices.", "blkio.", "io."];
    let taken = part.starts_with(['_', '.']) || matches!(part, "tasks" | "notify_on_release" | "release_agent");
    match taken || own.iter().any(|prefix| part.starts_with(prefix)) {
        true => format!("_{part}"),
        false => part.to_owned(),
    }
}

/// `qemu-ID-NAME`, with nothing in it that could mean something in a path.
fn machine_name(live: &DomainDefinition, id: i32) -> String {
    let mut name = format!("qemu-{id}-");
    for c in live.name.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.')) {
        if name.len() >= 64 {
            break;
        }
        // Two points, or one behind a dash, are refused by those who read such names.
        if c != '.' || !name.ends_with(['.', '-']) {
            name.push(c);
        }
    }
    name
}

/// A number that stays the same for the same bytes.
fn mixed(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |mixed: u32, byte| (mixed ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

fn system(error: &io::Error) -> Error {
    Error::system("cannot use the guest's control groups", error)
}

/// The error of an operation of the kernel on groups.
trait Grouped<T> {
    fn grouped(self) -> Result<T>;
}

impl<T> Grouped<T> for io::Result<T> {
    fn grouped(self) -> Result<T> {
        self.map_err(|error| system(&error))
    }
}

/// How long the last thread of an ended QEMU may stay in its group.
const PATIENCE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests;
