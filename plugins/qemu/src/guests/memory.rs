//! What the balloon says and how often it is asked.

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::{BalloonModel, BalloonStats};
use oxivirt_conf::object::Affected;
use oxivirt_core::constants::DomainMemoryStatTag as Tag;
use oxivirt_core::{Error, Result};
use serde_json::{Value, json};

use super::{ANSWER, Guests};
use crate::monitor::Failure;
use crate::process::resident;
use crate::state::{Job, Run, Snapshot};

impl Guests {
    /// Sets how often the guest tells of its memory, in seconds; 0 for never.
    ///
    /// Errors: `OPERATION_INVALID` without a balloon.
    pub(crate) fn set_stats_period(&self, job: &Job, affected: Affected, period: u32) -> Result<()> {
        let snapshot = job.snapshot();
        let there = |definition: &DomainDefinition| match alias(definition) {
            Some(_) => Ok(()),
            None => Err(Error::operation_invalid("Memory balloon model must be virtio to set the collection period")),
        };
        let change = |definition: &mut DomainDefinition| {
            if let Some(balloon) = definition.devices.memballoons.first_mut() {
                balloon.stats = Some(BalloonStats { period }).filter(|stats| stats.period > 0);
            }
            Ok(())
        };
        if affected.live() {
            there(snapshot.definition())?;
            let run = job.private().require_run()?;
            let path = path(snapshot.definition());
            let arguments = json!({"path": path, "property": "guest-stats-polling-interval", "value": period});
            run.monitor()?.execute("qom-set", arguments, ANSWER)?;
            self.edit_live(job, &change)?;
        }
        if affected.config() {
            there(snapshot.inactive_definition())?;
            self.edit_stored(job, &change)?;
        }
        Ok(())
    }

    /// What is known of a running guest's memory: numbers of tags with values.
    pub(crate) fn memory_stats(&self, job: &Job) -> Result<Vec<(Tag, u64)>> {
        let run = job.private().require_run()?;
        let monitor = run.monitor()?;
        let mut ask = |command: &str, arguments: Value| monitor.attempt(command, arguments, ANSWER);
        memory_stats(&job.snapshot(), &run, &mut ask).map_err(|f| f.into_error(monitor.domain(), "qom-get"))
    }
}

/// Asks QEMU something.
pub(crate) type Ask<'a> = dyn FnMut(&str, Value) -> std::result::Result<Value, Failure> + 'a;

/// What [`memory_stats`] will ask of a guest with this definition.
pub(crate) fn questions(definition: &DomainDefinition) -> Vec<(&'static str, Value)> {
    match alias(definition) {
        Some(_) => vec![("query-balloon", Value::Null), ("qom-get", guest_stats_of(definition))],
        None => Vec::new(),
    }
}

/// The same, for whoever decides by the kind of failure.
pub(crate) fn memory_stats(
    snapshot: &Snapshot,
    run: &Run,
    ask: &mut Ask<'_>,
) -> std::result::Result<Vec<(Tag, u64)>, Failure> {
    let definition = snapshot.definition();
    let mut stats = Vec::new();
    let has_balloon = alias(definition).is_some();
    let actual = match has_balloon {
        true => match ask("query-balloon", Value::Null) {
            Ok(answer) => answer.get("actual").and_then(Value::as_u64).map(|bytes| bytes / 1024),
            Err(Failure::Refused { .. }) => None,
            Err(failure) => return Err(failure),
        },
        false => None,
    };
    stats.push((Tag::ACTUAL_BALLOON, actual.unwrap_or(definition.current_memory.0)));
    if has_balloon {
        stats.extend(guest_stats(definition, ask)?);
    }
    if let Some(kib) = resident::of_process(run.process.pid()) {
        stats.push((Tag::RSS, kib));
    }
    Ok(stats)
}

/// What the guest itself said last.
fn guest_stats(definition: &DomainDefinition, ask: &mut Ask<'_>) -> std::result::Result<Vec<(Tag, u64)>, Failure> {
    let answer = match ask("qom-get", guest_stats_of(definition)) {
        Ok(answer) => answer,
        Err(Failure::Refused { .. }) => return Ok(Vec::new()),
        Err(failure) => return Err(failure),
    };
    let mut stats = Vec::new();
    for (key, tag, unit) in GUEST {
        // What the guest does not know is the largest number.
        let value = answer.get("stats").and_then(|stats| stats.get(*key)).and_then(Value::as_u64);
        if let Some(value) = value.filter(|value| *value != u64::MAX) {
            stats.push((*tag, value / unit));
        }
    }
    if let Some(seconds) = answer.get("last-update").and_then(Value::as_u64) {
        // Where clients expect it, in front of what came to the list later.
        let at = stats.iter().position(|(tag, _)| LATER.contains(tag)).unwrap_or(stats.len());
        stats.insert(at, (Tag::LAST_UPDATE, seconds));
    }
    Ok(stats)
}

fn guest_stats_of(definition: &DomainDefinition) -> Value {
    json!({"path": path(definition), "property": "guest-stats"})
}

const LATER: [Tag; 3] = [Tag::DISK_CACHES, Tag::HUGETLB_PGALLOC, Tag::HUGETLB_PGFAIL];

/// QEMU's names, and by what its numbers are divided.
const GUEST: &[(&str, Tag, u64)] = &[
    ("stat-swap-in", Tag::SWAP_IN, 1024),
    ("stat-swap-out", Tag::SWAP_OUT, 1024),
    ("stat-major-faults", Tag::MAJOR_FAULT, 1),
    ("stat-minor-faults", Tag::MINOR_FAULT, 1),
    ("stat-free-memory", Tag::UNUSED, 1024),
    ("stat-total-memory", Tag::AVAILABLE, 1024),
    ("stat-available-memory", Tag::USABLE, 1024),
    ("stat-disk-caches", Tag::DISK_CACHES, 1024),
    ("stat-htlb-pgalloc", Tag::HUGETLB_PGALLOC, 1),
    ("stat-htlb-pgfail", Tag::HUGETLB_PGFAIL, 1),
];

/// The alias of the balloon.
fn alias(definition: &DomainDefinition) -> Option<&str> {
    let balloon = definition.devices.memballoons.iter().find(|balloon| balloon.model != BalloonModel::None)?;
    Some(balloon.info.alias.as_deref().unwrap_or("balloon0"))
}

fn path(definition: &DomainDefinition) -> String {
    format!("/machine/peripheral/{}", alias(definition).unwrap_or_default())
}

impl Guests {
    /// Bytes of a running guest's memory.
    ///
    /// * `physical` – `offset` counts from the start of its memory; else it is
    ///   an address as the guest's first CPU has it.
    pub(crate) fn peek_memory(&self, job: &Job, offset: u64, size: u32, physical: bool) -> Result<Vec<u8>> {
        let run = job.private().require_run()?;
        let path = run.files.state.join(format!("memory-{}", uuid::Uuid::new_v4()));
        let what = |e: std::io::Error| Error::system(format_args!("cannot read '{}'", path.display()), &e);
        let command = if physical { "pmemsave" } else { "memsave" };
        let arguments = json!({"val": offset, "size": size, "filename": path.to_string_lossy()});
        let outcome = run.monitor()?.execute(command, arguments, ANSWER);
        let bytes = outcome.and_then(|_| std::fs::read(&path).map_err(what));
        let _ = std::fs::remove_file(&path);
        let bytes = bytes?;
        match bytes.len() == size as usize {
            true => Ok(bytes),
            false => Err(Error::internal(format!("QEMU gave {} bytes of memory, not {size}", bytes.len()))),
        }
    }
}
