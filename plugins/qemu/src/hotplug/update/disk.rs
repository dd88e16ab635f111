//! Media of drives.

use std::time::{Duration, Instant};

use oxivirt_conf::domain::devices::{Disk, DiskDevice};
use oxivirt_conf::domain::{DeviceRef, DomainDefinition};
use oxivirt_core::{Error, Result};
use serde_json::json;

use super::{Force, unchanged};
use crate::command::{self, is_empty_source};
use crate::guests::throttle;
use crate::hotplug::journal::Attempt;
use crate::hotplug::recover::top;
use crate::hotplug::step::{Step, run_all};
use crate::hotplug::{Part, PlugHost, Session, dry, journal, prepare, remove_all};
use crate::monitor::Failure;

/// Changes the medium of a drive, or what the daemon alone knows of a disk.
pub(super) fn update(
    session: &Session<'_>,
    host: &mut dyn PlugHost,
    live: &DomainDefinition,
    wanted: Disk,
    force: Force,
) -> Result<DomainDefinition> {
    let at = live.devices.find(DeviceRef::Disk(&wanted));
    let at = at.map_err(|_| Error::internal(format!("disk '{}' not found", wanted.target.dev)))?;
    let old = live.devices.disks.get(at).ok_or_else(|| Error::internal("the disk is lost"))?;
    check(old, &wanted)?;
    let mut changed = live.clone();
    let place = changed.devices.disks.get_mut(at).ok_or_else(|| Error::internal("the disk is lost"))?;
    place.source.startup_policy = wanted.source.startup_policy;
    place.snapshot = wanted.snapshot.or(place.snapshot);
    if is_same_medium(old, &wanted) {
        return Ok(changed);
    }
    if !matches!(old.device, DiskDevice::CdRom | DiskDevice::Floppy) {
        return Err(Error::config_unsupported("disk source can be changed only in removable drives"));
    }
    place.source = wanted.source;
    place.driver = wanted.driver;
    place.backing = wanted.backing;
    place.auth = wanted.auth;
    place.encryption = wanted.encryption;
    place.private_data = None;
    prepare::number(live, place, prepare::highest_node(session)?)?;
    change(session, host, live, &changed, at, force)?;
    Ok(changed)
}

fn is_same_medium(old: &Disk, wanted: &Disk) -> bool {
    old.source.kind == wanted.source.kind
        && (old.driver.format == wanted.driver.format || is_empty_source(&old.source))
        && old.source.slice == wanted.source.slice
        && old.source.encryption == wanted.source.encryption
}

/// What the guest sees of a drive stays.
fn check(old: &Disk, new: &Disk) -> Result<()> {
    let removable = matches!(old.device, DiskDevice::CdRom | DiskDevice::Floppy);
    let d = |disk: &Disk| {
        let mut driver = disk.driver.clone();
        // Those belong to the medium.
        if removable {
            driver.format = None;
            (driver.cache, driver.io, driver.discard, driver.detect_zeroes) = (None, None, None, None);
            driver.metadata_cache = None;
        }
        driver
    };
    let place = &new.info.address;
    unchanged(
        "disk",
        &[
            (old.device == new.device, "device"),
            (old.target.bus == new.target.bus, "bus"),
            (old.readonly == new.readonly, "readonly"),
            (old.shareable == new.shareable, "shareable"),
            (new.serial.is_none() || old.serial == new.serial, "serial"),
            (new.wwn.is_none() || old.wwn == new.wwn, "wwn"),
            (new.vendor.is_none() || old.vendor == new.vendor, "vendor"),
            (new.product.is_none() || old.product == new.product, "product"),
            (old.geometry == new.geometry || new.geometry.is_none(), "geometry"),
            (old.blockio == new.blockio || new.blockio.is_none(), "blockio"),
            (old.iotune == new.iotune || new.iotune.is_none(), "iotune"),
            (old.transient == new.transient, "transient"),
            (old.model == new.model || new.model.is_none(), "model"),
            (place.is_none() || *place == old.info.address, "address"),
            (new.info.boot.is_none() || new.info.boot == old.info.boot, "boot order"),
            (new.info.alias.is_none() || new.info.alias == old.info.alias, "alias"),
            (d(old).cache == d(new).cache, "cache"),
            (d(old).error_policy == d(new).error_policy, "error_policy"),
            (d(old).rerror_policy == d(new).rerror_policy, "rerror_policy"),
            (d(old).io == d(new).io, "io"),
            (d(old).discard == d(new).discard, "discard"),
            (d(old) == d(new), "driver"),
        ],
    )
}

/// Takes the old medium out and puts the new one in.
fn change(
    session: &Session<'_>,
    host: &mut dyn PlugHost,
    before: &DomainDefinition,
    after: &DomainDefinition,
    at: usize,
    force: Force,
) -> Result<()> {
    let (Some(old), Some(new)) = (before.devices.disks.get(at), after.devices.disks.get(at)) else {
        return Err(Error::internal("the disk is lost"));
    };
    let alias = old.info.alias.as_deref().ok_or_else(|| Error::internal("a disk has no alias"))?;
    let old_parts = dry::medium(session, before, old)?;
    let old_node = top(&old_parts);
    let free = prepare::free(session, before)?;
    let (arguments, node) = command::medium(&session.request(after), &mut *host, new, free)?;
    let steps = Step::all(&arguments, alias)?;
    let parts: Vec<Part> = steps.iter().map(Step::part).collect();
    journal::begin(session.files, &Attempt::new(alias, parts.clone(), Some(old_parts.clone()), after)?)?;
    let outcome = run_all(session, host, &steps).and_then(|_| {
        let changed = exchange(session, alias, old_node, node.as_deref(), force);
        changed.inspect_err(|_| drop(remove_all(session, &parts)))
    });
    if let (Ok(()), Some(tune)) = (&outcome, new.iotune.as_deref().filter(|_| node.is_some()))
        && let Err(error) = throttle(session.monitor, new, tune)
    {
        tracing::error!(domain = %before.name, %error, "the limits of a disk are not kept with a new medium");
    }
    // What was behind the old medium goes when the guest's status tells of the new one.
    outcome.inspect_err(|_| {
        if let Err(error) = journal::end(session.files) {
            tracing::error!(domain = %before.name, %error, "cannot forget an attempt");
        }
    })
}

fn exchange(session: &Session<'_>, alias: &str, old: Option<&str>, new: Option<&str>, force: Force) -> Result<()> {
    open_tray(session, alias, force)?;
    let put_back = |error: Error| {
        if let Some(old) = old {
            let again = session.run("blockdev-insert-medium", json!({"id": alias, "node-name": old}));
            if let Err(error) = again.and_then(|_| session.run("blockdev-close-tray", json!({"id": alias}))) {
                tracing::error!(disk = alias, %error, "the old medium cannot be put back");
            }
        }
        error
    };
    if old.is_some() {
        let taken = session.run("blockdev-remove-medium", json!({"id": alias}));
        taken.inspect_err(|_| {
            // It is still in; the guest gets at it again when the tray is closed.
            if let Err(error) = session.run("blockdev-close-tray", json!({"id": alias})) {
                tracing::error!(disk = alias, %error, "the tray stays open");
            }
        })?;
    }
    if let Some(new) = new {
        session.run("blockdev-insert-medium", json!({"id": alias, "node-name": new})).map_err(put_back)?;
    }
    session.run("blockdev-close-tray", json!({"id": alias})).map(drop)
}

/// Opens a tray; a guest that holds it is asked and waited for.
fn open_tray(session: &Session<'_>, alias: &str, force: Force) -> Result<()> {
    let arguments = json!({"id": alias, "force": force == Force::Yes});
    let end = Instant::now() + TRAY;
    loop {
        match session.monitor.attempt("blockdev-open-tray", arguments.clone(), session.answer) {
            Ok(_) => return Ok(()),
            Err(Failure::Refused { desc, .. }) if desc.contains("is locked") => {
                if Instant::now() >= end {
                    return Err(Error::operation_failed(format!(
                        "the guest has not opened the tray of '{alias}' within {} s: {desc}",
                        TRAY.as_secs()
                    )));
                }
                std::thread::sleep(LOOK);
            }
            Err(failure) => return Err(session.monitor.explain(failure, "blockdev-open-tray")),
        }
    }
}

const TRAY: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(250);
