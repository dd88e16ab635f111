//! I/O threads that come, go and are tuned.

use oxivirt_conf::domain::{CpuSet, DomainDefinition, IoThread};
use oxivirt_conf::object::Affected;
use oxivirt_core::types::{TypedKind, TypedParam, TypedValue};
use oxivirt_core::{Error, Result};
use serde_json::{Value, json};

use super::{ANSWER, Guests, cpus, threads};
use crate::monitor::Monitor;
use crate::state::{Job, Run};

/// Names and kinds of what can be tuned.
pub(crate) const KNOWN: &[(&str, TypedKind)] = &[
    ("poll_max_ns", TypedKind::UnsignedLongLong),
    ("poll_grow", TypedKind::UnsignedInt),
    ("poll_shrink", TypedKind::UnsignedInt),
    ("thread_pool_min", TypedKind::Int),
    ("thread_pool_max", TypedKind::Int),
];

/// An I/O thread as QEMU runs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Thread {
    /// Its number.
    pub(crate) number: u32,
    /// The host's thread.
    pub(crate) thread: i32,
    /// How it polls: longest time in nanoseconds, growth, shrinkage.
    pub(crate) poll: [u64; 3],
}

/// Those of a running guest, in QEMU's order.
pub(crate) fn threads(monitor: &Monitor) -> Result<Vec<Thread>> {
    let answer = monitor.execute("query-iothreads", Value::Null, ANSWER)?;
    let list = answer.as_array().ok_or_else(|| Error::internal("'query-iothreads' answers no list"))?;
    Ok(list
        .iter()
        .filter_map(|entry| {
            let number = |key: &str| entry.get(key).and_then(Value::as_u64).unwrap_or(0);
            Some(Thread {
                number: entry.get("id")?.as_str()?.strip_prefix("iothread")?.parse().ok()?,
                thread: i32::try_from(entry.get("thread-id")?.as_i64()?).ok()?,
                poll: [number("poll-max-ns"), number("poll-grow"), number("poll-shrink")],
            })
        })
        .collect())
}

/// Number and thread of those that a definition has; QEMU is asked only where it has any.
pub(super) fn numbered(monitor: &Monitor, definition: &DomainDefinition) -> Result<Vec<(u32, i32)>> {
    match definition.iothreads.is_empty() {
        true => Ok(Vec::new()),
        false => Ok(threads(monitor)?.into_iter().map(|thread| (thread.number, thread.thread)).collect()),
    }
}

impl Guests {
    /// Numbers of a running guest's threads, and where they may run.
    pub(crate) fn iothread_places(&self, job: &Job) -> Result<Vec<(u32, CpuSet)>> {
        let run = job.private().require_run()?;
        let threads = threads(run.monitor()?)?;
        threads.iter().map(|thread| Ok((thread.number, cpus::affinity(thread.thread)?))).collect()
    }

    /// Makes known which threads another daemon added or took away and did not note.
    pub(super) fn settle_iothreads(&self, job: &Job, run: &Run) -> Result<()> {
        let there: Vec<u32> = threads(run.monitor()?)?.iter().map(|thread| thread.number).collect();
        let listed: Vec<u32> = job.snapshot().definition().iothreads.iter().map(|thread| thread.id).collect();
        if there.len() == listed.len() && there.iter().all(|id| listed.contains(id)) {
            return Ok(());
        }
        self.edit_live(job, &|definition| {
            definition.iothreads.retain(|thread| there.contains(&thread.id));
            for id in there.iter().filter(|id| !listed.contains(id)) {
                definition.iothreads.push(IoThread { id: *id, ..IoThread::default() });
            }
            definition.iothreads.iter_mut().for_each(|thread| thread.implied = false);
            Ok(())
        })
    }

    /// Adds a thread.
    ///
    /// Errors: `INVALID_ARG` the number is taken.
    pub(crate) fn add_iothread(&self, job: &Job, affected: Affected, id: u32) -> Result<()> {
        let snapshot = job.snapshot();
        let free = |definition: &DomainDefinition| match definition.iothreads.iter().any(|thread| thread.id == id) {
            true => Err(Error::invalid_arg(format!("an IOThread is already using iothread_id '{id}'"))),
            false => Ok(()),
        };
        self.on_each(affected, &snapshot, free)?;
        let add = |definition: &mut DomainDefinition| {
            definition.iothreads.push(IoThread { id, ..IoThread::default() });
            definition.iothreads.iter_mut().for_each(|thread| thread.implied = false);
            Ok(())
        };
        if affected.live() {
            let run = job.private().require_run()?;
            let object = json!({"qom-type": "iothread", "id": format!("iothread{id}")});
            run.monitor()?.execute("object-add", object, ANSWER)?;
            let set = snapshot.definition().vcpu.cpuset.as_ref();
            let tuned = snapshot.definition().cputune.is_some();
            if (set.is_some() || tuned || run.around.groups().is_some())
                && let Some(thread) = threads(run.monitor()?)?.iter().find(|thread| thread.number == id)
            {
                if let Some(groups) = run.around.groups() {
                    groups.settle_iothread(snapshot.definition(), id, thread.thread)?;
                }
                if let Some(set) = set {
                    cpus::pin(thread.thread, set)?;
                }
                threads::schedule_iothread(snapshot.definition(), id, thread.thread)?;
            }
            self.edit_live(job, &add)?;
        }
        if affected.config() {
            self.edit_stored(job, &add)?;
        }
        Ok(())
    }

    /// Takes a thread away.
    ///
    /// Errors: `INVALID_ARG` there is none, or something uses it.
    pub(crate) fn remove_iothread(&self, job: &Job, affected: Affected, id: u32) -> Result<()> {
        let snapshot = job.snapshot();
        self.on_each(affected, &snapshot, |definition| unused(definition, id))?;
        let remove = |definition: &mut DomainDefinition| {
            definition.iothreads.retain(|thread| thread.id != id);
            if let Some(tune) = &mut definition.cputune {
                tune.iothreadpin.retain(|pin| pin.iothread != id);
                if **tune == Default::default() {
                    definition.cputune = None;
                }
            }
            Ok(())
        };
        if affected.live() {
            let run = job.private().require_run()?;
            let name = format!("iothread{id}");
            run.monitor()?.execute("object-del", json!({ "id": name }), ANSWER)?;
            if let Some(groups) = run.around.groups() {
                groups.drop_iothread(id);
            }
            self.edit_live(job, &remove)?;
        }
        if affected.config() {
            self.edit_stored(job, &remove)?;
        }
        Ok(())
    }

    /// Changes how a thread works.
    ///
    /// Errors: `INVALID_ARG` there is none; QEMU's words for a value it does not take.
    pub(crate) fn tune_iothread(&self, job: &Job, affected: Affected, id: u32, params: &[TypedParam]) -> Result<()> {
        let snapshot = job.snapshot();
        let known = |definition: &DomainDefinition| match definition.iothreads.iter().any(|thread| thread.id == id) {
            true => Ok(()),
            false => Err(Error::invalid_arg(format!("cannot find IOThread '{id}' in iothreadids"))),
        };
        self.on_each(affected, &snapshot, known)?;
        let change = |definition: &mut DomainDefinition| {
            if let Some(thread) = definition.iothreads.iter_mut().find(|thread| thread.id == id) {
                put(thread, params);
            }
            Ok(())
        };
        if affected.live() {
            let run = job.private().require_run()?;
            set_properties(&run, id, params)?;
            self.edit_live(job, &change)?;
        }
        if affected.config() {
            self.edit_stored(job, &change)?;
        }
        Ok(())
    }

    /// Looks at each definition that is meant, before any is changed.
    fn on_each(
        &self,
        affected: Affected,
        snapshot: &crate::state::Snapshot,
        check: impl Fn(&DomainDefinition) -> Result<()>,
    ) -> Result<()> {
        if affected.live() {
            check(snapshot.definition())?;
        }
        if affected.config() {
            check(snapshot.inactive_definition())?;
        }
        Ok(())
    }
}

fn set_properties(run: &Run, id: u32, params: &[TypedParam]) -> Result<()> {
    let monitor = run.monitor()?;
    let path = format!("/objects/iothread{id}");
    // The largest number of workers first: QEMU refuses more at least than at most.
    let mut ordered: Vec<&TypedParam> = params.iter().collect();
    ordered.sort_by_key(|param| param.field() == "thread_pool_min");
    for param in ordered {
        let value = match param.value() {
            TypedValue::UnsignedLongLong(value) => json!(value),
            TypedValue::UnsignedInt(value) => json!(value),
            TypedValue::Int(value) => json!(value),
            _ => continue,
        };
        let property = param.field().replace('_', "-");
        monitor.execute("qom-set", json!({"path": path, "property": property, "value": value}), ANSWER)?;
    }
    Ok(())
}

fn put(thread: &mut IoThread, params: &[TypedParam]) {
    // A thread with something of its own cannot be printed as a count.
    thread.implied = false;
    for param in params {
        match (param.field(), param.value()) {
            ("poll_max_ns", TypedValue::UnsignedLongLong(value)) => {
                thread.poll.get_or_insert_default().max = Some(value);
            }
            ("poll_grow", TypedValue::UnsignedInt(value)) => {
                thread.poll.get_or_insert_default().grow = Some(value.into());
            }
            ("poll_shrink", TypedValue::UnsignedInt(value)) => {
                thread.poll.get_or_insert_default().shrink = Some(value.into());
            }
            ("thread_pool_min", TypedValue::Int(value)) => thread.thread_pool_min = Some(value),
            ("thread_pool_max", TypedValue::Int(value)) => thread.thread_pool_max = Some(value),
            _ => {}
        }
    }
}

fn unused(definition: &DomainDefinition, id: u32) -> Result<()> {
    if !definition.iothreads.iter().any(|thread| thread.id == id) {
        return Err(Error::invalid_arg(format!("cannot find IOThread '{id}' in iothreadids list")));
    }
    for disk in &definition.devices.disks {
        let several = disk.driver.iothreads.iter().any(|thread| thread.id == id);
        if several || disk.driver.iothread == Some(id) {
            let name = disk.source.path().unwrap_or(&disk.target.dev);
            return Err(Error::invalid_arg(format!(
                "cannot remove IOThread {id} since it is being used by disk '{name}'"
            )));
        }
    }
    for controller in &definition.devices.controllers {
        if controller.driver.iothread == Some(id) {
            return Err(Error::invalid_arg(format!(
                "cannot remove IOThread '{id}' since it is being used by controller"
            )));
        }
    }
    Ok(())
}
