//! Status files: what a new daemon needs to find a running guest again.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use oxivirt_conf::domain::devices::{CharKind, CharSource, Hostdev, HostdevSource, StorageKind};
use oxivirt_conf::domain::{self as conf, DomainDefinition, DomainStatus};
use oxivirt_conf::object::Lasting;
use oxivirt_core::{Error, Result};

use super::Guests;
use crate::document;
use crate::helpers::Kind;
use crate::lifecycle::{ShutOff, State};
use crate::marks::Marks;
use crate::process::{GuestFiles, Process};
use crate::state::{Guest, Object, Snapshot, Status};
use crate::status::{self, PrivateStatus};

impl Guests {
    /// Writes the status of a running guest to disk; nothing for one that is off.
    pub(super) fn save_status(&self, object: &Arc<Object>) -> Result<()> {
        self.write_status(object, document::write_status)
    }

    /// The same without flushing: for what nobody waits to be told of.
    pub(super) fn note_status(&self, object: &Arc<Object>) -> Result<()> {
        self.write_status(object, document::write_passing)
    }

    fn write_status(&self, object: &Arc<Object>, write: fn(&Path, &str) -> Result<()>) -> Result<()> {
        object.save_status(|text| match (text, object.private().run()) {
            (Some(text), Some(run)) => write(&run.files.status, text),
            _ => Ok(()),
        })
    }
}

impl Lasting<DomainDefinition> for Guest {
    type Document = DomainStatus<PrivateStatus>;

    fn to_status(&self, snapshot: &Snapshot) -> Option<Self::Document> {
        let run = self.run()?;
        let mut document = describe(
            snapshot,
            &run.lasting,
            &run.marks,
            Some(&run.process),
            run.reboot_after_shutdown.load(Ordering::Acquire),
        );
        document.private.helpers = run.helpers.notes();
        if let Err(error) = status::note_served(&mut document.definition, &document.private.helpers) {
            tracing::warn!(domain = %document.definition.name, %error, "cannot note which programs serve images");
        }
        document.private.dbus_daemon = run.helpers.has(Kind::Bus);
        document.private.pr_daemon = run.helpers.has(Kind::Reservations);
        Some(document)
    }

    fn from_status(saved: &Self::Document) -> Result<(Snapshot, Self)> {
        let domain = &saved.definition;
        let id = domain.id.and_then(|id| i32::try_from(id).ok()).ok_or_else(|| Error::xml("status without an id"))?;
        let state = State::from_words(saved.state.as_str(), &saved.reason)
            .ok_or_else(|| Error::xml(format!("unknown state '{}'", saved.state.as_str())))?;
        let mut status = Status::off(ShutOff::Unknown);
        status.state = state;
        status.pid = Some(saved.pid);
        status.vcpus = Arc::new(saved.private.vcpus.clone());
        Ok((Snapshot::active(domain.clone(), None, Some(id), status), Self::default()))
    }
}

/// What is written down of a guest.
fn describe(
    snapshot: &Snapshot,
    lasting: &PrivateStatus,
    marks: &Marks,
    process: Option<&Process>,
    fake_reboot: bool,
) -> DomainStatus<PrivateStatus> {
    let (state, reason) = snapshot.status.state.words();
    let mut definition = DomainDefinition::clone(snapshot.definition());
    super::show_channels(&mut definition, &snapshot.status.open_channels);
    if let Err(error) = status::name_nodes(&mut definition) {
        tracing::warn!(domain = %definition.name, %error, "cannot note the names of block nodes");
    }
    // What is kept of the file of another daemon stays in it.
    let mut private = lasting.clone();
    private.vcpus = snapshot.status.vcpus.to_vec();
    private.agent_timeout = marks.agent_timeout();
    private.start_time = process.map(Process::start_time);
    private.fake_reboot = fake_reboot;
    private.node_index = private.node_index.max(status::last_node(&definition));
    DomainStatus {
        state: conf::State::from_word(state).unwrap_or_default(),
        reason: reason.to_owned(),
        pid: process.map_or(0, |process| process.pid()),
        taints: marks.taints(),
        deprecations: marks.deprecations().to_vec(),
        private,
        definition,
    }
}

/// Writes down that a guest is being started, and which process is about to
/// become its QEMU once there is one, so that the next daemon would put away
/// what there is of it.
pub(super) fn note_launch(
    starting: &Snapshot,
    lasting: &PrivateStatus,
    marks: &Marks,
    process: Option<&Process>,
    files: &GuestFiles,
) -> Result<()> {
    let text = describe(starting, lasting, marks, process, false).format()?;
    if let Some(process) = process {
        document::write_passing(&files.pid, &process.pid().to_string())?;
    }
    document::write_passing(&files.status, &text)
}

/// Notes the nodes behind SCSI devices of the host, as the command line of a
/// start will name them.
pub(super) fn note_backends(domain: &mut DomainDefinition) -> Result<()> {
    let scsi = |h: &&mut Hostdev| matches!(h.source, HostdevSource::Scsi(_));
    let first = crate::aliases::free_index(domain);
    for (index, hostdev) in (first..).zip(domain.devices.hostdevs.iter_mut().filter(scsi)) {
        status::note_backend(hostdev, &format!("libvirt-{index}-backend"))?;
    }
    Ok(())
}

/// The terminals in a live definition.
pub(super) fn terminals(domain: &DomainDefinition) -> Vec<String> {
    sources(domain).filter_map(terminal).map(str::to_owned).collect()
}

/// Whether QEMU opens terminals for a guest.
pub(super) fn has_terminals(domain: &DomainDefinition) -> bool {
    sources(domain).any(|source| matches!(source.kind, CharKind::Pty { .. }))
}

fn sources(domain: &DomainDefinition) -> impl Iterator<Item = &CharSource> {
    let d = &domain.devices;
    (d.serials.iter().map(|s| &s.source))
        .chain(d.consoles.iter().map(|c| &c.source))
        .chain(d.parallels.iter().map(|p| &p.source))
        .chain(d.channels.iter().map(|c| &c.source))
}

/// The terminal of a character device, once QEMU has opened it.
pub(crate) fn terminal(source: &CharSource) -> Option<&str> {
    match source.type_name() {
        "pty" => source.path(),
        _ => None,
    }
}

/// The alias in a device path such as `/machine/peripheral/virtio-disk0/virtio-backend`.
pub(super) fn alias_in(device: &str) -> String {
    let mut parts = device.trim_start_matches('/').split('/');
    match (parts.next(), parts.next(), parts.next()) {
        (Some("machine"), Some("peripheral"), Some(alias)) => alias.to_owned(),
        _ => device.to_owned(),
    }
}

/// What the disk of an alias reads from, where that is a path.
pub(super) fn disk_path(domain: &DomainDefinition, alias: &str) -> Option<String> {
    let disk = domain.devices.disks.iter().find(|d| d.info.alias.as_deref() == Some(alias))?;
    match disk.source.actual() {
        StorageKind::File { path, .. } | StorageKind::Block { path } | StorageKind::Dir { path } => path.clone(),
        _ => None,
    }
}

/// Puts the terminals that QEMU opened into the definition.
pub(super) fn fill_terminals(domain: &mut DomainDefinition, found: &[crate::monitor::Terminal]) -> Result<()> {
    let fill = |source: &mut CharSource, alias: Option<&str>| -> Result<()> {
        if let (CharKind::Pty { path }, Some(alias)) = (&mut source.kind, alias) {
            let id = format!("char{alias}");
            let terminal = found
                .iter()
                .find(|t| t.id == id)
                .ok_or_else(|| Error::internal(format!("QEMU did not say which terminal it opened for '{alias}'")))?;
            *path = Some(terminal.path.clone());
        }
        Ok(())
    };
    let devices = &mut domain.devices;
    for serial in &mut devices.serials {
        fill(&mut serial.source, serial.info.alias.as_deref())?;
    }
    for parallel in &mut devices.parallels {
        fill(&mut parallel.source, parallel.info.alias.as_deref())?;
    }
    for channel in &mut devices.channels {
        fill(&mut channel.source, channel.info.alias.as_deref())?;
    }
    // The first console may only be another name of the first serial line.
    let first = devices.serials.first().cloned();
    for (at, console) in devices.consoles.iter_mut().enumerate() {
        match &first {
            Some(serial) if at == 0 && console.target_type.as_deref() == Some("serial") => {
                console.source = serial.source.clone();
                console.info.alias = serial.info.alias.clone();
            }
            _ => fill(&mut console.source, console.info.alias.as_deref())?,
        }
    }
    Ok(())
}
