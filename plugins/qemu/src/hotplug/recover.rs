//! Settling a change that a daemon left in the middle.
//!
//! Nothing here waits for the guest: what QEMU has already is made known,
//! whatever stands alone is taken away.

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::MemoryDevice;
use oxivirt_conf::xml::KiB;
use oxivirt_core::{Error, Result};
use serde_json::{Value, json};

use super::journal::Attempt;
use super::{Part, Session, dry, journal, remove_all};

/// What became of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The live definition tells of it already.
    Known,
    /// QEMU has all of it; the live definition has to follow.
    Made,
    /// Nothing of it is left.
    Undone,
}

/// Looks how far an attempt came; takes away what stands alone.
///
/// * `live` – as the guest's status has it.
/// * Errors: QEMU's; the attempt is to be settled another time then.
pub fn settle(session: &Session<'_>, live: &DomainDefinition, attempt: &Attempt) -> Result<Fate> {
    match &attempt.replaced {
        Some(replaced) => settle_medium(session, live, attempt, replaced),
        None => settle_device(session, live, attempt),
    }
}

/// Ends an attempt of which the guest's status tells: what it replaced goes.
pub fn conclude(session: &Session<'_>) -> Result<()> {
    let Some(attempt) = journal::pending(session.files)? else { return Ok(()) };
    if let Some(replaced) = &attempt.replaced {
        // What stays is logged; the guest does not see it.
        let _ = remove_all(session, replaced);
    }
    journal::end(session.files)
}

/// Puts what only QEMU knows of a device into the definition that has it.
pub fn learn(session: &Session<'_>, definition: &mut DomainDefinition, alias: &str) -> Result<()> {
    let named = |module: &&mut MemoryDevice| module.info.alias.as_deref() == Some(alias);
    if let Some(module) = definition.devices.memories.iter_mut().find(named)
        && let Some((base, size)) = super::update::memory_of(session, alias)?
    {
        super::update::note_memory(module, base, size.map(|bytes| KiB(bytes / 1024)));
    }
    Ok(())
}

fn settle_device(session: &Session<'_>, live: &DomainDefinition, attempt: &Attempt) -> Result<Fate> {
    if live.devices.by_alias(&attempt.alias).is_some() {
        return Ok(Fate::Known);
    }
    let device = attempt.made.iter().find_map(|part| match part {
        Part::Device(name) => Some(name.as_str()),
        _ => None,
    });
    if let Some(device) = device
        && devices(session)?.iter().any(|there| there == device)
    {
        return Ok(Fate::Made);
    }
    remove_all(session, &attempt.made)?;
    Ok(Fate::Undone)
}

fn settle_medium(session: &Session<'_>, live: &DomainDefinition, attempt: &Attempt, replaced: &[Part]) -> Result<Fate> {
    let alias = attempt.alias.as_str();
    let drive = live.devices.disks.iter().find(|disk| disk.info.alias.as_deref() == Some(alias));
    let drive = drive.ok_or_else(|| Error::internal(format!("the drive '{alias}' is lost")))?;
    let lasting = |parts: &[Part]| -> Vec<Part> {
        parts.iter().filter(|part| !matches!(part, Part::Descriptor(_))).cloned().collect()
    };
    let known = lasting(&dry::medium(session, live, drive)?) == lasting(&attempt.made);
    let inside = inside(session, alias)?;
    if inside.as_deref() == top(&attempt.made) {
        let _ = close_tray(session, alias);
        return Ok(if known { Fate::Known } else { Fate::Made });
    }
    let old = top(replaced);
    if let Some(old) = old.filter(|old| inside.as_deref() != Some(*old)) {
        // It was taken out, and the new one has not come.
        session.run("blockdev-open-tray", json!({"id": alias, "force": true}))?;
        session.run("blockdev-insert-medium", json!({"id": alias, "node-name": old}))?;
    }
    let _ = close_tray(session, alias);
    remove_all(session, &attempt.made)?;
    Ok(Fate::Undone)
}

/// The node that a drive sits on: the others are below it.
pub(super) fn top(parts: &[Part]) -> Option<&str> {
    parts.iter().rev().find_map(|part| match part {
        Part::Node(name) => Some(name.as_str()),
        _ => None,
    })
}

/// Closes a tray; one that is closed, or a drive without any, is fine.
fn close_tray(session: &Session<'_>, alias: &str) -> Result<()> {
    session.run("blockdev-close-tray", json!({"id": alias})).map(drop)
}

/// The node in a drive; none in one that is empty.
fn inside(session: &Session<'_>, alias: &str) -> Result<Option<String>> {
    let drives = session.run("query-block", Value::Null)?;
    let is_it = |drive: &&Value| {
        let name = drive.get("qdev").and_then(Value::as_str).unwrap_or_default();
        name == alias || name.split('/').any(|part| part == alias)
    };
    let drive = drives.as_array().into_iter().flatten().find(is_it);
    let drive = drive.ok_or_else(|| Error::internal(format!("QEMU has no drive '{alias}'")))?;
    Ok(drive.pointer("/inserted/node-name").and_then(Value::as_str).map(str::to_owned))
}

/// The names of all devices that QEMU has and somebody named.
pub(super) fn devices(session: &Session<'_>) -> Result<Vec<String>> {
    let listed = session.run("qom-list", json!({"path": "/machine/peripheral"}))?;
    let names = listed.as_array().into_iter().flatten().filter_map(|entry| entry.get("name")?.as_str());
    let names: Vec<String> = names.map(str::to_owned).collect();
    // Every object has one; an answer without it says nothing about devices.
    match names.iter().any(|name| name == "type") {
        true => Ok(names),
        false => Err(Error::internal("QEMU does not say which devices it has")),
    }
}
