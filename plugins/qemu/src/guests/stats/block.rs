//! Disks: counters and sizes.

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::devices::{BackingStore, Disk, StorageFormat, StorageSource};
use serde_json::{Value, json};

use super::{Asker, Record};
use crate::guests::block::{device_of, local, node_of, sizes, storage_node_of};
use crate::monitor::{Failure, Monitor};
use crate::state::Snapshot;

/// Counters of a disk: requests, bytes, nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct BlockTotals {
    pub(crate) read: [u64; 3],
    pub(crate) written: [u64; 3],
    /// Requests and nanoseconds.
    pub(crate) flushed: [u64; 2],
    /// How far the image was written.
    pub(crate) highest: u64,
}

impl BlockTotals {
    fn of(entry: &Value) -> Option<Self> {
        let stats = entry.get("stats")?;
        let number = |key: &str| stats.get(key).and_then(Value::as_u64).unwrap_or(0);
        let below = entry.get("parent").and_then(|parent| parent.get("stats")).unwrap_or(stats);
        Some(Self {
            read: [number("rd_operations"), number("rd_bytes"), number("rd_total_time_ns")],
            written: [number("wr_operations"), number("wr_bytes"), number("wr_total_time_ns")],
            flushed: [number("flush_operations"), number("flush_total_time_ns")],
            highest: below.get("wr_highest_offset").and_then(Value::as_u64).unwrap_or(0),
        })
    }

    /// The sums of two.
    pub(crate) fn plus(self, other: Self) -> Self {
        let add = |a: [u64; 3], b: [u64; 3]| std::array::from_fn(|at| a[at].saturating_add(b[at]));
        Self {
            read: add(self.read, other.read),
            written: add(self.written, other.written),
            flushed: [
                self.flushed[0].saturating_add(other.flushed[0]),
                self.flushed[1].saturating_add(other.flushed[1]),
            ],
            highest: self.highest.max(other.highest),
        }
    }

    /// Those of each disk, in their order; none of a drive without medium.
    pub(crate) fn of_disks(monitor: &Monitor, disks: &[Disk]) -> Result<Vec<Option<Self>>, Failure> {
        let answer = monitor.attempt("query-blockstats", Value::Null, super::LIMIT)?;
        Ok(disks.iter().map(|disk| Self::of_device(&answer, disk)).collect())
    }

    fn of_device(answer: &Value, disk: &Disk) -> Option<Self> {
        let device = device_of(disk).ok()?;
        let mut entries = answer.as_array()?.iter();
        Self::of(entries.find(|entry| entry.get("qdev").and_then(Value::as_str) == Some(device.as_str()))?)
    }
}

/// What QEMU said of all disks.
struct Answers {
    devices: Value,
    /// By node, where images below are wanted.
    nodes: Option<Value>,
    named: Vec<Value>,
}

pub(super) fn blocks(record: &mut Record, snapshot: &Snapshot, backing: bool, asker: &mut Asker<'_>) {
    let disks = &snapshot.definition().devices.disks;
    let answers = if disks.is_empty() { None } else { ask(asker, backing) };
    // The number of entries stands in front of them.
    let mut entries = Record::default();
    let mut count = 0;
    for disk in disks {
        let top = answers.as_ref().and_then(|a| BlockTotals::of_device(&a.devices, disk));
        entry(&mut entries, count, disk, &disk.source, disk.driver.format, top, answers.as_ref());
        count += 1;
        let mut below = disk.backing.as_deref().filter(|_| backing);
        while let Some(BackingStore::Layer(layer)) = below {
            let totals = answers.as_ref().and_then(|a| {
                let node = node_of(&layer.source, layer.format).ok()?;
                let mut nodes = a.nodes.as_ref()?.as_array()?.iter();
                BlockTotals::of(nodes.find(|n| n.get("node-name").and_then(Value::as_str) == Some(node.as_str()))?)
            });
            entry(&mut entries, count, disk, &layer.source, layer.format, totals, answers.as_ref());
            count += 1;
            below = layer.backing.as_deref();
        }
    }
    record.uint("block.count", count);
    record.0.append(&mut entries.0);
}

/// What [`blocks`] will ask of a guest with this definition.
pub(super) fn questions(definition: &DomainDefinition, backing: bool) -> Vec<(&'static str, Value)> {
    if definition.devices.disks.is_empty() {
        return Vec::new();
    }
    let mut all = vec![("query-blockstats", Value::Null), ("query-named-block-nodes", json!({"flat": true}))];
    if backing {
        all.push(("query-blockstats", json!({"query-nodes": true})));
    }
    all
}

fn ask(asker: &mut Asker<'_>, backing: bool) -> Option<Answers> {
    let devices = asker.ask("query-blockstats", Value::Null)?;
    let nodes = match backing {
        true => asker.ask("query-blockstats", json!({"query-nodes": true})),
        false => None,
    };
    let named = asker.ask("query-named-block-nodes", json!({"flat": true})).unwrap_or_default();
    let named = if let Value::Array(named) = named { named } else { Vec::new() };
    Some(Answers { devices, nodes, named })
}

fn entry(
    record: &mut Record,
    at: u32,
    disk: &Disk,
    source: &StorageSource,
    format: Option<StorageFormat>,
    totals: Option<BlockTotals>,
    answers: Option<&Answers>,
) {
    let name = |what: &str| format!("block.{at}.{what}");
    let top = std::ptr::eq(source, &disk.source);
    record.text(name("name"), &disk.target.dev);
    if let Some(path) = source.path() {
        record.text(name("path"), path);
    }
    if let Some(index) = source.index.filter(|_| answers.is_some()) {
        record.uint(name("backingIndex"), index);
    }
    if let Some(totals) = totals {
        // The guest's own requests are counted at the top.
        let own = if top { Some(totals) } else { None };
        for (what, [requests, bytes, times]) in own.iter().flat_map(|t| [("rd", t.read), ("wr", t.written)]) {
            record.ulong(name(&format!("{what}.reqs")), requests);
            record.ulong(name(&format!("{what}.bytes")), bytes);
            record.ulong(name(&format!("{what}.times")), times);
        }
        if let Some([requests, times]) = own.map(|t| t.flushed) {
            record.ulong(name("fl.reqs"), requests);
            record.ulong(name("fl.times"), times);
        }
        if !source.is_empty() {
            record.ulong(name("allocation"), totals.highest);
        }
    }
    match answers {
        Some(answers) => {
            let find = |wanted: Option<String>| {
                let wanted = wanted?;
                answers.named.iter().find(|n| n.get("node-name").and_then(Value::as_str) == Some(wanted.as_str()))
            };
            let image = |node: Option<&Value>, key: &str| node?.get("image")?.get(key)?.as_u64();
            if let Some(capacity) = image(find(node_of(source, format).ok()), "virtual-size") {
                record.ulong(name("capacity"), capacity);
            }
            if let Some(physical) = image(find(storage_node_of(source).ok()), "actual-size") {
                record.ulong(name("physical"), physical);
            }
            let threshold = find(storage_node_of(source).ok()).and_then(|n| n.get("write_threshold")?.as_u64());
            if let Some(threshold) = threshold.filter(|threshold| *threshold > 0) {
                record.ulong(name("threshold"), threshold);
            }
        }
        None => {
            let Some(Ok(info)) = local(source).map(|file| sizes(file.as_ref(), format)) else { return };
            if format.is_some_and(|format| format != StorageFormat::Raw) {
                record.ulong(name("allocation"), info.allocation);
            }
            record.ulong(name("capacity"), info.capacity);
            record.ulong(name("physical"), info.physical);
        }
    }
}
