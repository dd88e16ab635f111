//! Virtual CPUs that come to and leave a running guest.

use std::sync::Arc;
use std::time::{Duration, Instant};

use oxivirt_conf::domain::{CpuSet, DomainDefinition, VcpuEntry};
use oxivirt_conf::object::JobKind;
use oxivirt_conf::xml::YesNo;
use oxivirt_core::{Error, ErrorCode, Result};
use serde_json::{Map, Value, json};

use super::{ANSWER, Guests, threads};
use crate::monitor::Monitor;
use crate::state::{Job, Object, Run};

/// What is plugged as one: one or several CPUs.
#[derive(Debug, Clone)]
struct Slot {
    /// The first CPU in it.
    first: u32,
    count: u32,
    driver: String,
    props: Map<String, Value>,
    plugged: bool,
    /// The device's name, of those that were plugged.
    alias: Option<String>,
}

impl Slot {
    fn can_go(&self) -> bool {
        self.plugged && self.alias.is_some()
    }

    fn name(&self) -> String {
        format!("vcpu{}", self.first)
    }

    fn cpus(&self) -> std::ops::Range<u32> {
        self.first..self.first.saturating_add(self.count)
    }
}

impl Guests {
    /// Brings a running guest to so many CPUs.
    ///
    /// Errors: `INVALID_ARG` above its maximum; `CONFIG_UNSUPPORTED` when
    /// those that can come or go do not make that number; QEMU's own words;
    /// `OPERATION_TIMEOUT` when the guest does not let one go.
    pub(crate) fn set_vcpus_live(&self, job: &Job, wanted: u32) -> Result<()> {
        let run = job.private().require_run()?;
        let vcpu = job.snapshot().definition().vcpu.clone();
        if wanted > vcpu.maximum {
            return Err(Error::invalid_arg(format!(
                "requested vcpus is greater than max allowable vcpus for the live domain: {wanted} > {}",
                vcpu.maximum
            )));
        }
        let slots = slots(run.monitor()?)?;
        let mut now: u32 = slots.iter().filter(|s| s.plugged).map(|s| s.count).sum();
        let mut chosen = Vec::new();
        if wanted >= now {
            for slot in slots.iter().filter(|s| !s.plugged) {
                if now.saturating_add(slot.count) > wanted {
                    break;
                }
                now += slot.count;
                chosen.push(slot);
            }
        } else {
            for slot in slots.iter().rev().filter(|s| s.can_go()) {
                if now.saturating_sub(slot.count) < wanted {
                    break;
                }
                now -= slot.count;
                chosen.push(slot);
            }
        }
        if now != wanted {
            return Err(Error::config_unsupported(
                "failed to find appropriate hotpluggable vcpus to reach the desired target vcpu count",
            ));
        }
        self.move_slots(job, &run, &chosen)
    }

    /// Switches single CPUs of a running guest on or off.
    ///
    /// Errors: `INVALID_ARG` one that is not there or is in that state already;
    /// `OPERATION_UNSUPPORTED` one that cannot go.
    pub(crate) fn set_vcpu_live(&self, job: &Job, wanted: &CpuSet, on: bool) -> Result<()> {
        let run = job.private().require_run()?;
        let maximum = job.snapshot().definition().vcpu.maximum;
        present(wanted, maximum, "live")?;
        let slots = slots(run.monitor()?)?;
        self.move_slots(job, &run, &choose(&slots, wanted, on)?)
    }

    /// Plugs in what the definition lists as to be plugged, before the guest runs.
    pub(super) fn plug_listed_vcpus(&self, run: &Run, live: &DomainDefinition) -> Result<()> {
        let is_listed = |entry: &&VcpuEntry| {
            entry.enabled.is_yes() && entry.hotpluggable.is_some_and(|hotpluggable| hotpluggable.is_yes())
        };
        let mut listed: Vec<&VcpuEntry> = live.vcpus.iter().filter(is_listed).collect();
        if listed.is_empty() {
            return Ok(());
        }
        listed.sort_by_key(|entry| (entry.order.unwrap_or(u32::MAX), entry.id));
        let slots = slots(run.monitor()?)?;
        let mut plugged = std::collections::BTreeSet::new();
        for entry in listed {
            let missing = || Error::config_unsupported(format!("vcpu '{}' cannot be plugged in", entry.id));
            let slot = slots.iter().find(|slot| slot.cpus().contains(&entry.id)).ok_or_else(missing)?;
            if !slot.plugged && plugged.insert(slot.first) {
                plug(run.monitor()?, slot)?;
            }
        }
        Ok(())
    }

    /// Each slot goes to the other state; what was reached is noted in any case.
    fn move_slots(&self, job: &Job, run: &Arc<Run>, chosen: &[&Slot]) -> Result<()> {
        let mut outcome = Ok(());
        for slot in chosen {
            outcome = run.monitor().and_then(|monitor| turn(monitor, slot));
            if outcome.is_err() {
                break;
            }
        }
        let noted = self.note_vcpus(job, run);
        outcome.and(noted)
    }

    /// Learns from QEMU which CPUs there are, keeps their threads where they
    /// belong, and writes it down.
    fn note_vcpus(&self, job: &Job, run: &Run) -> Result<()> {
        let monitor = run.monitor()?;
        let slots = slots(monitor)?;
        let threads = monitor.vcpu_threads(ANSWER)?;
        let known = Arc::clone(&job.snapshot().status.vcpus);
        let definition = Arc::clone(job.snapshot().definition());
        for thread in threads.iter().filter(|t| !known.iter().any(|k| k.thread == t.thread)) {
            if let Some(groups) = run.around.groups() {
                groups.settle_vcpu(&definition, thread.index, thread.thread)?;
            }
            threads::arrange_vcpu(&definition, thread)?;
        }
        if let Some(groups) = run.around.groups() {
            let gone = known.iter().filter(|k| !threads.iter().any(|thread| thread.index == k.index));
            gone.for_each(|vcpu| groups.drop_vcpu(vcpu.index));
        }
        job.object().note(|status| status.vcpus = Arc::new(threads));
        self.edit_live(job, &|definition| {
            describe(definition, &slots);
            Ok(())
        })
    }

    /// Makes known what another daemon plugged or unplugged and did not note.
    pub(super) fn settle_vcpus(&self, job: &Job, run: &Run) -> Result<()> {
        let snapshot = job.snapshot();
        match snapshot.status.vcpus.len() == snapshot.definition().vcpu.current as usize {
            true => Ok(()),
            false => self.note_vcpus(job, run),
        }
    }

    /// A CPU left the guest, perhaps long after it was asked to.
    pub(super) fn vcpu_left(&self, object: &Arc<Object>, run: &Arc<Run>) {
        let deadline = Instant::now() + Duration::from_secs(60);
        let outcome = object.begin_job(JobKind::Modify, "end of a virtual CPU", deadline).and_then(|job| {
            match job.private().run() {
                Some(now) if Arc::ptr_eq(&now, run) => self.note_vcpus(&job, run),
                _ => Ok(()),
            }
        });
        if let Err(error) = outcome {
            tracing::error!(%error, "cannot note the end of a virtual CPU");
        }
    }
}

/// Refuses numbers of CPUs that a definition does not have.
pub(crate) fn present(wanted: &CpuSet, maximum: u32, which: &str) -> Result<()> {
    match wanted.iter().find(|vcpu| *vcpu >= maximum) {
        Some(vcpu) => Err(Error::invalid_arg(format!("vcpu {vcpu} is not present in {which} config"))),
        None => Ok(()),
    }
}

/// Switches single CPUs of a stored definition on or off.
///
/// Errors: `INVALID_ARG` one that is not there, or the first.
pub(crate) fn set_vcpu_stored(definition: &mut DomainDefinition, wanted: &CpuSet, on: bool) -> Result<()> {
    present(wanted, definition.vcpu.maximum, "persistent")?;
    if wanted.contains(0) {
        return Err(Error::invalid_arg("vCPU '0' can't be modified"));
    }
    list_each(definition);
    for entry in definition.vcpus.iter_mut().filter(|entry| wanted.contains(entry.id)) {
        entry.enabled = YesNo::from(on);
        entry.hotpluggable = Some(YesNo::Yes);
        entry.order = None;
    }
    count(definition);
    Ok(())
}

/// Sets how many CPUs a stored definition starts with.
pub(crate) fn set_vcpus_stored(definition: &mut DomainDefinition, wanted: u32, hotpluggable: bool) {
    if definition.vcpus.is_empty() {
        definition.vcpu.current = wanted;
        return;
    }
    let is_on = |entry: &VcpuEntry| entry.enabled.is_yes();
    let mut now = u32::try_from(definition.vcpus.iter().filter(|e| is_on(e)).count()).unwrap_or(u32::MAX);
    for entry in &mut definition.vcpus {
        if now < wanted && !is_on(entry) {
            entry.enabled = YesNo::Yes;
            entry.hotpluggable = Some(YesNo::from(hotpluggable));
            now += 1;
        }
    }
    for entry in definition.vcpus.iter_mut().rev() {
        if now > wanted && is_on(entry) && entry.id != 0 {
            entry.enabled = YesNo::No;
            entry.hotpluggable = Some(YesNo::Yes);
            now -= 1;
        }
        if !is_on(entry) {
            entry.order = None;
        }
    }
    count(definition);
}

/// Makes the list of CPUs where the definition only has their number.
fn list_each(definition: &mut DomainDefinition) {
    let current = definition.vcpu.current;
    for id in 0..definition.vcpu.maximum {
        if !definition.vcpus.iter().any(|entry| entry.id == id) {
            let on = id < current;
            definition.vcpus.push(VcpuEntry {
                id,
                enabled: YesNo::from(on),
                hotpluggable: Some(YesNo::from(!on)),
                order: None,
            });
        }
    }
    definition.vcpus.sort_by_key(|entry| entry.id);
}

fn count(definition: &mut DomainDefinition) {
    let on = definition.vcpus.iter().filter(|entry| entry.enabled.is_yes()).count();
    definition.vcpu.current = u32::try_from(on).unwrap_or(u32::MAX);
}

/// Puts what QEMU has into a live definition.
fn describe(definition: &mut DomainDefinition, slots: &[Slot]) {
    let before = std::mem::take(&mut definition.vcpus);
    let order_of = |id: u32| before.iter().find(|e| e.id == id && e.enabled.is_yes()).and_then(|e| e.order);
    let mut next = before.iter().filter_map(|entry| entry.order).max().unwrap_or(0);
    for slot in slots {
        let known = order_of(slot.first);
        let order = match (slot.plugged, known) {
            (false, _) => None,
            (true, Some(order)) => Some(order),
            (true, None) => {
                next += 1;
                Some(next)
            }
        };
        for id in slot.cpus() {
            definition.vcpus.push(VcpuEntry {
                id,
                enabled: YesNo::from(slot.plugged),
                hotpluggable: Some(YesNo::from(!slot.plugged || slot.can_go())),
                order,
            });
        }
    }
    count(definition);
}

/// Those of which all CPUs go to the other state.
fn choose<'s>(slots: &'s [Slot], wanted: &CpuSet, on: bool) -> Result<Vec<&'s Slot>> {
    let mut chosen: Vec<&Slot> = Vec::new();
    for vcpu in wanted.iter() {
        let slot = slots.iter().find(|s| s.cpus().contains(&vcpu));
        let slot = slot.ok_or_else(|| Error::invalid_arg(format!("vcpu '{vcpu}' is not selectable by itself")))?;
        if slot.plugged == on {
            return Err(Error::invalid_arg(format!("vcpu '{vcpu}' is already in requested state")));
        }
        if !on && !slot.can_go() {
            let text = format!("vcpu '{vcpu}' can't be unplugged");
            return Err(Error::new(ErrorCode::OPERATION_UNSUPPORTED, text));
        }
        if !slot.cpus().all(|other| wanted.contains(other)) {
            return Err(Error::invalid_arg(format!("vcpu '{vcpu}' can only be changed with those beside it")));
        }
        if !chosen.iter().any(|c| c.first == slot.first) {
            chosen.push(slot);
        }
    }
    Ok(chosen)
}

/// Puts the CPUs that a running QEMU has into its definition.
pub fn read_vcpus(monitor: &Monitor, live: &mut DomainDefinition) -> Result<()> {
    describe(live, &slots(monitor)?);
    Ok(())
}

/// Switches single CPUs of a running QEMU on or off, and puts what it has then into its definition.
///
/// Errors: as for the guest itself, whose definition then says how far it came.
pub fn switch_vcpus(monitor: &Monitor, live: &mut DomainDefinition, wanted: &CpuSet, on: bool) -> Result<()> {
    let slots = slots(monitor)?;
    let outcome = choose(&slots, wanted, on)?.into_iter().try_for_each(|slot| turn(monitor, slot));
    outcome.and(read_vcpus(monitor, live))
}

fn turn(monitor: &Monitor, slot: &Slot) -> Result<()> {
    if slot.plugged { unplug(monitor, slot) } else { plug(monitor, slot) }
}

fn plug(monitor: &Monitor, slot: &Slot) -> Result<()> {
    let mut arguments = slot.props.clone();
    arguments.insert("driver".into(), slot.driver.clone().into());
    arguments.insert("id".into(), slot.name().into());
    monitor.execute("device_add", arguments.into(), ANSWER).map(drop)
}

/// Asks the guest to let a CPU go and waits until it did.
fn unplug(monitor: &Monitor, slot: &Slot) -> Result<()> {
    let alias = slot.alias.as_deref().unwrap_or_default();
    monitor.execute("device_del", json!({ "id": alias }), ANSWER)?;
    let end = Instant::now() + UNPLUG;
    loop {
        if !slots(monitor)?.iter().any(|now| now.first == slot.first && now.plugged) {
            return Ok(());
        }
        if Instant::now() >= end {
            return Err(Error::new(
                ErrorCode::OPERATION_TIMEOUT,
                "vcpu unplug request timed out. Unplug result must be manually inspected in the domain",
            ));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// What can be plugged, in the order of the CPUs' numbers.
fn slots(monitor: &Monitor) -> Result<Vec<Slot>> {
    const ORDER: [&str; 8] =
        ["node-id", "drawer-id", "book-id", "socket-id", "die-id", "cluster-id", "core-id", "thread-id"];
    let answer = monitor.execute("query-hotpluggable-cpus", Value::Null, ANSWER)?;
    let list = answer.as_array().ok_or_else(|| Error::internal("'query-hotpluggable-cpus' answers no list"))?;
    let mut slots: Vec<(Vec<i64>, Slot)> = Vec::with_capacity(list.len());
    for entry in list {
        let props = entry.get("props").and_then(Value::as_object).cloned().unwrap_or_default();
        // Memory cells are no place within the board.
        let place = ORDER.iter().skip(1).map(|key| props.get(*key).and_then(Value::as_i64).unwrap_or(0)).collect();
        let path = entry.get("qom-path").and_then(Value::as_str);
        slots.push((
            place,
            Slot {
                first: 0,
                count: entry
                    .get("vcpus-count")
                    .and_then(Value::as_u64)
                    .and_then(|n| u32::try_from(n).ok())
                    .unwrap_or(1),
                driver: entry.get("type").and_then(Value::as_str).unwrap_or_default().to_owned(),
                props,
                plugged: path.is_some(),
                alias: path.and_then(|path| path.strip_prefix("/machine/peripheral/")).map(str::to_owned),
            },
        ));
    }
    slots.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut first = 0_u32;
    Ok(slots
        .into_iter()
        .map(|(_, mut slot)| {
            slot.first = first;
            first = first.saturating_add(slot.count);
            slot
        })
        .collect())
}

/// How long a guest may take to let a CPU go.
const UNPLUG: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    fn domain(current: u32, maximum: u32) -> DomainDefinition {
        let mut definition = DomainDefinition::default();
        (definition.vcpu.current, definition.vcpu.maximum) = (current, maximum);
        definition
    }

    fn said(definition: &DomainDefinition) -> Vec<(u32, bool, Option<bool>)> {
        definition.vcpus.iter().map(|e| (e.id, e.enabled.is_yes(), e.hotpluggable.map(YesNo::is_yes))).collect()
    }

    #[test]
    fn single_cpus_of_a_definition() {
        let mut definition = domain(2, 4);
        assert!(set_vcpu_stored(&mut definition, &CpuSet::new([3]), true).is_ok());
        assert_eq!(definition.vcpu.current, 3);
        assert_eq!(
            said(&definition),
            [(0, true, Some(false)), (1, true, Some(false)), (2, false, Some(true)), (3, true, Some(true))]
        );
        set_vcpus_stored(&mut definition, 1, false);
        assert_eq!((definition.vcpu.current, said(&definition)[0].1), (1, true));
        let refused = |set: CpuSet| set_vcpu_stored(&mut domain(1, 2), &set, true).err().map(|e| e.detail().to_owned());
        assert_eq!(refused(CpuSet::new([0])).as_deref(), Some("vCPU '0' can't be modified"));
        assert_eq!(refused(CpuSet::new([2])).as_deref(), Some("vcpu 2 is not present in persistent config"));
    }
}
