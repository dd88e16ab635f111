//! Counters of the host's processors.

use oxivirt_conf::domain::{DomainDefinition, PerfEvent};
use oxivirt_core::types::{TypedKind, TypedParam, TypedValue};

/// The counters that clients know.
const EVENTS: [&str; 22] = [
    "cmt",
    "mbmt",
    "mbml",
    "cpu_cycles",
    "instructions",
    "cache_references",
    "cache_misses",
    "branch_instructions",
    "branch_misses",
    "bus_cycles",
    "stalled_cycles_frontend",
    "stalled_cycles_backend",
    "ref_cpu_cycles",
    "cpu_clock",
    "task_clock",
    "page_faults",
    "context_switches",
    "cpu_migrations",
    "page_faults_min",
    "page_faults_maj",
    "alignment_faults",
    "emulation_faults",
];

/// Names and kinds of the parameters.
pub(super) fn known() -> Vec<(&'static str, TypedKind)> {
    EVENTS.map(|event| (event, TypedKind::Boolean)).to_vec()
}

/// Which counters are on.
pub(super) fn get(definition: &DomainDefinition) -> Vec<TypedParam> {
    let events = definition.perf.as_ref().map(|perf| perf.events.as_slice()).unwrap_or_default();
    let on = |name: &str| events.iter().any(|event| event.name == name && event.enabled.is_yes());
    EVENTS.iter().map(|event| TypedParam::new(*event, TypedValue::Boolean(on(event)))).collect()
}

/// Turns counters on and off.
pub(super) fn set(definition: &mut DomainDefinition, params: &[TypedParam]) {
    for param in params {
        let TypedValue::Boolean(on) = param.value() else { continue };
        let events = &mut definition.perf.get_or_insert_default().events;
        events.retain(|event| event.name != param.field());
        events.push(PerfEvent { name: param.field().to_owned(), enabled: on.into() });
    }
}
