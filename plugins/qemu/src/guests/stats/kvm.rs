//! What the kernel's hypervisor counts, as QEMU tells it.

use oxivirt_conf::domain::DomainType;
use serde_json::{Value, json};

use super::{Asker, Record};
use crate::state::Snapshot;

/// Time spent looking whether a halted CPU is woken soon; without KVM nobody looks.
pub(super) fn halt_polling(record: &mut Record, snapshot: &Snapshot, asker: &mut Asker<'_>) {
    let (mut success, mut fail) = (0_u64, 0_u64);
    if is_kvm(snapshot) {
        let names = json!(["halt_poll_success_ns", "halt_poll_fail_ns"]);
        let providers = json!([{"provider": "kvm", "names": names}]);
        let Some(answer) = asker.ask("query-stats", json!({"target": "vcpu", "providers": providers})) else { return };
        for (name, value) in answer.as_array().into_iter().flatten().flat_map(stats) {
            let sum = if name == "halt_poll_success_ns" { &mut success } else { &mut fail };
            *sum = sum.saturating_add(value.as_u64().unwrap_or(0));
        }
    }
    record.ulong("cpu.haltpoll.success.time", success);
    record.ulong("cpu.haltpoll.fail.time", fail);
}

/// Counters of each virtual CPU.
pub(super) fn vcpus(record: &mut Record, snapshot: &Snapshot, asker: &mut Asker<'_>) {
    if !is_kvm(snapshot) {
        return;
    }
    let Some(kinds) = kinds(asker, "vcpu") else { return };
    let Some(answer) = asker.ask("query-stats", json!({"target": "vcpu"})) else { return };
    for (index, entry) in answer.as_array().into_iter().flatten().enumerate() {
        put(record, &format!("vcpu.{index}"), entry, &kinds);
    }
}

/// Counters of the whole machine.
pub(super) fn machine(record: &mut Record, snapshot: &Snapshot, asker: &mut Asker<'_>) {
    if !is_kvm(snapshot) {
        return;
    }
    let Some(kinds) = kinds(asker, "vm") else { return };
    let Some(answer) = asker.ask("query-stats", json!({"target": "vm"})) else { return };
    for entry in answer.as_array().into_iter().flatten() {
        put(record, "vm", entry, &kinds);
    }
}

fn is_kvm(snapshot: &Snapshot) -> bool {
    snapshot.definition().kind == DomainType::Kvm
}

/// Names with how their values come about.
fn kinds(asker: &mut Asker<'_>, target: &str) -> Option<Vec<(String, &'static str)>> {
    let answer = asker.ask("query-stats-schemas", json!({"provider": "kvm"}))?;
    let fitting = answer.as_array()?.iter().filter(|entry| entry.get("target").and_then(Value::as_str) == Some(target));
    let stats = fitting.filter_map(|entry| entry.get("stats")?.as_array()).flatten();
    Some(
        stats
            .filter_map(|stat| {
                let suffix = match stat.get("type")?.as_str()? {
                    "cumulative" => "sum",
                    "instant" => "cur",
                    "peak" => "max",
                    // Histograms have no single value.
                    _ => return None,
                };
                Some((stat.get("name")?.as_str()?.to_owned(), suffix))
            })
            .collect(),
    )
}

fn stats(entry: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let list = entry.get("stats").and_then(Value::as_array);
    list.into_iter().flatten().filter_map(|stat| Some((stat.get("name")?.as_str()?, stat.get("value")?)))
}

fn put(record: &mut Record, prefix: &str, entry: &Value, kinds: &[(String, &'static str)]) {
    for (name, value) in stats(entry) {
        let Some((_, suffix)) = kinds.iter().find(|(known, _)| known == name) else { continue };
        let number = value.as_u64().or_else(|| value.as_bool().map(u64::from));
        if let Some(number) = number {
            record.ulong(format!("{prefix}.{name}.{suffix}"), number);
        }
    }
}
