//! `<iothreadids>`: threads that disks share.

use oxivirt_conf::domain::{CpuSet, DomainDefinition, IoThread, IoThreadPin};
use oxivirt_core::types::{TypedKind, TypedParam, TypedValue};
use oxivirt_core::{Error, ErrorDomain, Result};

use super::Known;
use crate::state::{Polling, Snapshot};

pub(in crate::calls) const KNOWN: Known = &[
    ("poll_max_ns", TypedKind::UnsignedLongLong),
    ("poll_grow", TypedKind::UnsignedInt),
    ("poll_shrink", TypedKind::UnsignedInt),
];

/// Errors: `INVALID_ARG` the number is taken.
pub(in crate::calls) fn add(definition: &mut DomainDefinition, id: u32) -> Result<()> {
    if definition.iothreads.iter().any(|thread| thread.id == id) {
        let text = format!("an IOThread is already using iothread_id '{id}'");
        return Err(Error::invalid_arg(text).in_domain(ErrorDomain::DOMAIN));
    }
    definition.iothreads.push(IoThread { id, ..IoThread::default() });
    Ok(())
}

/// Errors: `INVALID_ARG` there is no such thread, or a disk or controller uses it.
pub(in crate::calls) fn delete(definition: &mut DomainDefinition, id: u32) -> Result<()> {
    if !definition.iothreads.iter().any(|thread| thread.id == id) {
        let text = format!("cannot find IOThread '{id}' in iothreadids list");
        return Err(Error::invalid_arg(text).in_domain(ErrorDomain::DOMAIN));
    }
    definition.iothreads.retain(|thread| thread.id != id);
    if let Some(tune) = &mut definition.cputune {
        tune.iothreadpin.retain(|pin| pin.iothread != id);
    }
    Ok(())
}

/// Errors: `INVALID_ARG` there is no such thread.
pub(in crate::calls) fn pin(definition: &mut DomainDefinition, id: u32, cpuset: &CpuSet) -> Result<()> {
    if !definition.iothreads.iter().any(|thread| thread.id == id) {
        return Err(Error::invalid_arg(format!("iothreadid {id} not found")));
    }
    let pins = &mut definition.cputune.get_or_insert_default().iothreadpin;
    pins.retain(|pin| pin.iothread != id);
    pins.push(IoThreadPin { iothread: id, cpuset: cpuset.clone() });
    Ok(())
}

/// Where a thread may run; `None` if nothing was said about it itself.
pub(in crate::calls) fn pin_of(definition: &DomainDefinition, id: u32) -> Option<&CpuSet> {
    definition.cputune.as_ref()?.iothreadpin.iter().find(|pin| pin.iothread == id).map(|pin| &pin.cpuset)
}

pub(in crate::calls) fn set_polling(polling: &mut Polling, params: &[TypedParam]) {
    for param in params {
        match (param.field(), param.value()) {
            ("poll_max_ns", TypedValue::UnsignedLongLong(value)) => polling.max_ns = value,
            ("poll_grow", TypedValue::UnsignedInt(value)) => polling.grow = value,
            (_, TypedValue::UnsignedInt(value)) => polling.shrink = value,
            _ => {}
        }
    }
}

/// How the threads poll, as statistics.
pub(in crate::calls) fn statistics(snapshot: &Snapshot) -> Vec<TypedParam> {
    let threads = &snapshot.definition().iothreads;
    if threads.is_empty() {
        return Vec::new();
    }
    let count = u32::try_from(threads.len()).unwrap_or(u32::MAX);
    let mut params = vec![TypedParam::new("iothread.count", TypedValue::UnsignedInt(count))];
    for thread in threads {
        let polling = snapshot.status.polling.get(&thread.id).copied().unwrap_or_default();
        let name = |what: &str| format!("iothread.{}.poll-{what}", thread.id);
        params.push(TypedParam::new(name("max-ns"), TypedValue::UnsignedLongLong(polling.max_ns)));
        params.push(TypedParam::new(name("grow"), TypedValue::UnsignedInt(polling.grow)));
        params.push(TypedParam::new(name("shrink"), TypedValue::UnsignedInt(polling.shrink)));
    }
    params
}
