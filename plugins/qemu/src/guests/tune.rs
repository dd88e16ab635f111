//! Limits that the host keeps through the control groups of a running guest.

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_conf::domain::tuning::memory;
use oxivirt_core::types::{TypedKind, TypedParam, TypedValue};
use oxivirt_core::{Error, Result};
use oxivirt_util::cgroup::Controller;

use super::Guests;
use crate::lifecycle::Notice;
use crate::state::{Job, Run, Snapshot};
use crate::surroundings::{GuestGroup, Living};

/// Names, kinds and places of how a guest is scheduled.
pub(crate) const SCHEDULER: &[(&str, TypedKind)] = &[
    ("cpu_shares", TypedKind::UnsignedLongLong),
    ("vcpu_period", TypedKind::UnsignedLongLong),
    ("vcpu_quota", TypedKind::LongLong),
    ("emulator_period", TypedKind::UnsignedLongLong),
    ("emulator_quota", TypedKind::LongLong),
    ("global_period", TypedKind::UnsignedLongLong),
    ("global_quota", TypedKind::LongLong),
    ("iothread_period", TypedKind::UnsignedLongLong),
    ("iothread_quota", TypedKind::LongLong),
];

/// How a definition has the guest scheduled; 0 where nothing is said.
pub(crate) fn scheduler(definition: &DomainDefinition) -> Vec<TypedParam> {
    let tune = definition.cputune.as_deref().cloned().unwrap_or_default();
    let long = |value: Option<u64>| TypedValue::UnsignedLongLong(value.unwrap_or(0));
    let signed = |value: Option<i64>| TypedValue::LongLong(value.unwrap_or(0));
    vec![
        TypedParam::new("cpu_shares", long(tune.shares)),
        TypedParam::new("vcpu_period", long(tune.period)),
        TypedParam::new("vcpu_quota", signed(tune.quota)),
        TypedParam::new("emulator_period", long(tune.emulator_period)),
        TypedParam::new("emulator_quota", signed(tune.emulator_quota)),
        TypedParam::new("global_period", long(tune.global_period)),
        TypedParam::new("global_quota", signed(tune.global_quota)),
        TypedParam::new("iothread_period", long(tune.iothread_period)),
        TypedParam::new("iothread_quota", signed(tune.iothread_quota)),
    ]
}

impl Run {
    /// Its control groups, where they have a controller.
    pub(crate) fn controlled(&self, controller: Controller) -> Option<&GuestGroup> {
        self.around.groups().filter(|groups| groups.has(controller))
    }
}

/// What the kernel says of a running guest.
pub(crate) fn live_params(
    snapshot: &Snapshot,
    groups: &GuestGroup,
    controller: Controller,
    said: Vec<TypedParam>,
) -> Result<Vec<TypedParam>> {
    with_living(snapshot, |living| match controller {
        Controller::Cpu => groups.scheduler(living),
        Controller::Memory => groups.memory(),
        Controller::Blkio => {
            let weight = |param: TypedParam| match (param.field(), groups.blkio_weight()) {
                ("weight", Some(weight)) => TypedParam::new("weight", TypedValue::UnsignedInt(weight)),
                _ => param,
            };
            Ok(said.into_iter().map(weight).collect())
        }
        _ => Ok(said),
    })
}

/// Calls `use_it` with what a snapshot says of a running guest.
pub(crate) fn with_living<T>(snapshot: &Snapshot, use_it: impl FnOnce(&Living<'_>) -> T) -> T {
    let vcpus: Vec<u32> = snapshot.status.vcpus.iter().map(|vcpu| vcpu.index).collect();
    use_it(&Living { definition: snapshot.definition(), vcpus: &vcpus })
}

impl Guests {
    /// Changes limits of a running guest: in the kernel, then in its definition.
    ///
    /// Errors: what the kernel does not take; nothing is noted then.
    pub(crate) fn tune_live(
        &self,
        job: &Job,
        groups: &GuestGroup,
        controller: Controller,
        change: &dyn Fn(&mut DomainDefinition) -> Result<()>,
    ) -> Result<()> {
        let snapshot = job.snapshot();
        let before = snapshot.definition();
        let mut after = DomainDefinition::clone(before);
        change(&mut after)?;
        with_living(&snapshot, |living| match controller {
            Controller::Cpu => {
                let (old, new) = (before.cputune.as_deref(), after.cputune.as_deref());
                let (old, new) = (old.cloned().unwrap_or_default(), new.cloned().unwrap_or_default());
                groups.set_scheduler(&old, &new, living)
            }
            Controller::Memory => groups.set_memory(&changed(&memory::get(before), memory::get(&after))),
            Controller::Blkio => groups.change_blkio(before, &after),
            _ => {
                let mode = |of: &DomainDefinition| {
                    of.numatune.as_ref().and_then(|tune| tune.memory.as_ref()).map(|memory| memory.mode)
                };
                if mode(before).unwrap_or_default() != mode(&after).unwrap_or_default() {
                    return Err(Error::operation_invalid("can't change numatune mode for running domain"));
                }
                let nodes = after.numatune.as_ref().and_then(|tune| tune.memory.as_ref()?.nodeset.clone());
                nodes.map_or(Ok(()), |nodes| groups.set_nodes(&nodes, living))
            }
        })?;
        self.edit_live(job, change)?;
        let told = match controller {
            Controller::Cpu => named("cputune.", &changed(&scheduler(before), scheduler(&after))),
            _ => Vec::new(),
        };
        if !told.is_empty() {
            self.tell(&job.snapshot(), Notice::Tunable(told));
        }
        Ok(())
    }
}

/// Those of `after` that are not in `before`.
fn changed(before: &[TypedParam], after: Vec<TypedParam>) -> Vec<TypedParam> {
    after.into_iter().filter(|param| !before.contains(param)).collect()
}

fn named(prefix: &str, params: &[TypedParam]) -> Vec<TypedParam> {
    params.iter().map(|param| TypedParam::new(format!("{prefix}{}", param.field()), param.value())).collect()
}
