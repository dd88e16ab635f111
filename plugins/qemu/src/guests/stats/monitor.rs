//! Small groups that QEMU is asked for.

use oxivirt_core::constants::DomainMemoryStatTag as Tag;
use serde_json::Value;

use super::{Asker, Record};
use crate::guests::memory;
use crate::state::{Run, Snapshot};

/// The balloon, and what the guest says of its memory.
pub(super) fn balloon(record: &mut Record, snapshot: &Snapshot, run: Option<&Run>, asker: &mut Asker<'_>) {
    let definition = snapshot.definition();
    let current = snapshot.status.balloon_kib.filter(|_| run.is_some()).unwrap_or(definition.current_memory.0);
    record.ulong("balloon.current", current);
    record.ulong("balloon.maximum", definition.memory.0);
    let Some(asked) = asker.run else { return };
    // What went wrong is noted by whoever asks.
    let stats = memory::memory_stats(snapshot, asked, &mut |command, arguments| asker.attempt(command, arguments));
    for (tag, value) in stats.unwrap_or_default() {
        if let Some((_, name)) = NAMES.iter().find(|(known, _)| *known == tag) {
            record.ulong(format!("balloon.{name}"), value);
        }
    }
}

const NAMES: &[(Tag, &str)] = &[
    (Tag::SWAP_IN, "swap_in"),
    (Tag::SWAP_OUT, "swap_out"),
    (Tag::MAJOR_FAULT, "major_fault"),
    (Tag::MINOR_FAULT, "minor_fault"),
    (Tag::UNUSED, "unused"),
    (Tag::AVAILABLE, "available"),
    (Tag::RSS, "rss"),
    (Tag::USABLE, "usable"),
    (Tag::LAST_UPDATE, "last-update"),
    (Tag::DISK_CACHES, "disk_caches"),
    (Tag::HUGETLB_PGALLOC, "hugetlb_pgalloc"),
    (Tag::HUGETLB_PGFAIL, "hugetlb_pgfail"),
];

/// How I/O threads poll.
pub(super) fn iothreads(record: &mut Record, asker: &mut Asker<'_>) {
    let Some(answer) = asker.ask("query-iothreads", Value::Null) else { return };
    let threads = answer.as_array().map(Vec::as_slice).unwrap_or_default();
    if threads.is_empty() {
        return;
    }
    record.uint("iothread.count", u32::try_from(threads.len()).unwrap_or(u32::MAX));
    for thread in threads {
        let id = thread.get("id").and_then(Value::as_str).and_then(|id| id.strip_prefix("iothread"));
        let Some(id) = id else { continue };
        let number = |key: &str| thread.get(key).and_then(Value::as_u64).unwrap_or(0);
        let small = |key: &str| u32::try_from(number(key)).unwrap_or(u32::MAX);
        record.ulong(format!("iothread.{id}.poll-max-ns"), number("poll-max-ns"));
        record.uint(format!("iothread.{id}.poll-grow"), small("poll-grow"));
        record.uint(format!("iothread.{id}.poll-shrink"), small("poll-shrink"));
    }
}

/// What the last measurement of changing memory found.
pub(super) fn dirty_rate(record: &mut Record, asker: &mut Asker<'_>) {
    let Some(answer) = asker.ask("query-dirty-rate", Value::Null) else { return };
    let number = |key: &str| answer.get(key).and_then(Value::as_i64);
    let status = match answer.get("status").and_then(Value::as_str) {
        Some("measuring") => 1,
        Some("measured") => 2,
        _ => 0,
    };
    record.int("dirtyrate.calc_status", status);
    record.long("dirtyrate.calc_start_time", number("start-time").unwrap_or(0));
    record.int("dirtyrate.calc_period", number("calc-time").and_then(|n| i32::try_from(n).ok()).unwrap_or(0));
    record.text("dirtyrate.calc_mode", answer.get("mode").and_then(Value::as_str).unwrap_or("page-sampling"));
    if status != 2 {
        return;
    }
    if let Some(rate) = number("dirty-rate") {
        record.long("dirtyrate.megabytes_per_second", rate);
    }
    for vcpu in answer.get("vcpu-dirty-rate").and_then(Value::as_array).into_iter().flatten() {
        let number = |key: &str| vcpu.get(key).and_then(Value::as_i64);
        if let (Some(id), Some(rate)) = (number("id"), number("dirty-rate")) {
            record.ulong(format!("dirtyrate.vcpu.{id}.megabytes_per_second"), u64::try_from(rate).unwrap_or(0));
        }
    }
}
