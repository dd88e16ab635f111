//! Limits of disks.

use oxivirt_conf::domain::devices::{Disk, IoTune, ThrottleGroup};
use oxivirt_conf::domain::{DomainDefinition, tuning::iotune};
use oxivirt_conf::object::Affected;
use oxivirt_core::types::{TypedParam, TypedValue};
use oxivirt_core::{Error, Result};
use serde_json::{Map, Value, json};

use super::block::{device_of, not_assigned};
use super::{ANSWER, Guests};
use crate::command::{self, LIMITS, group_id};
use crate::lifecycle::Notice;
use crate::monitor::Monitor;
use crate::state::Job;

/// Limits that stand and fall together: who says one of them says all.
const GROUPS: &[&[&str]] = &[
    &["total_bytes_sec", "read_bytes_sec", "write_bytes_sec"],
    &["total_iops_sec", "read_iops_sec", "write_iops_sec"],
    &["total_bytes_sec_max", "read_bytes_sec_max", "write_bytes_sec_max"],
    &["total_iops_sec_max", "read_iops_sec_max", "write_iops_sec_max"],
    &["size_iops_sec"],
    &["total_bytes_sec_max_length", "read_bytes_sec_max_length", "write_bytes_sec_max_length"],
    &["total_iops_sec_max_length", "read_iops_sec_max_length", "write_iops_sec_max_length"],
];

impl Guests {
    /// Changes the limits of a disk.
    ///
    /// Errors: `INVALID_ARG` no such disk, or limits that exclude each other;
    /// `CONFIG_UNSUPPORTED` limits that mean nothing together.
    pub(crate) fn set_block_io_tune(
        &self,
        job: &Job,
        affected: Affected,
        name: &str,
        params: &[TypedParam],
    ) -> Result<()> {
        let snapshot = job.snapshot();
        let live = affected.live().then(|| changed(snapshot.definition(), name, params)).transpose()?;
        let stored = affected.config().then(|| changed(snapshot.inactive_definition(), name, params)).transpose()?;
        if let Some(tune) = live {
            let run = job.private().require_run()?;
            let disk = find(snapshot.definition(), name)?;
            // Limits of a drive without medium wait for one.
            if !disk.source.is_empty() {
                throttle(run.monitor()?, disk, &tune)?;
            }
            self.edit_live(job, &|definition| put(definition, name, &tune))?;
            let mut told = vec![TypedParam::new("blkdeviotune.disk", TypedValue::String(&disk.target.dev))];
            told.extend(params.iter().map(|p| TypedParam::new(format!("blkdeviotune.{}", p.field()), p.value())));
            self.tell(&job.snapshot(), Notice::Tunable(told));
        }
        if let Some(tune) = stored {
            self.edit_stored(job, &|definition| put(definition, name, &tune))?;
        }
        Ok(())
    }

    /// The limits of a disk as QEMU has them.
    pub(crate) fn block_io_tune(&self, job: &Job, name: &str) -> Result<IoTune> {
        let run = job.private().require_run()?;
        let snapshot = job.snapshot();
        let disk = find(snapshot.definition(), name)?;
        if disk.source.is_empty() {
            return Err(not_assigned(name));
        }
        let device = device_of(disk)?;
        let answer = run.monitor()?.execute("query-block", Value::Null, ANSWER)?;
        let entry = answer
            .as_array()
            .into_iter()
            .flatten()
            .find(|entry| entry.get("qdev").and_then(Value::as_str) == Some(device.as_str()))
            .ok_or_else(|| Error::internal(format!("cannot find throttling info for device '{device}'")))?;
        let Some(inserted) = entry.get("inserted") else {
            return Err(Error::internal(format!("block device '{device}' has no medium")));
        };
        let mut tune = IoTune::default();
        for (ours, theirs, _) in LIMITS {
            iotune::set_value(&mut tune, ours, inserted.get(*theirs).and_then(Value::as_u64).unwrap_or(0));
            // A length of one second is what there is without one.
            if ours.ends_with("_length") && iotune::value(&tune, ours) == 1 {
                iotune::set_value(&mut tune, ours, 0);
            }
        }
        tune.group_name = inserted.get("group").and_then(Value::as_str).map(str::to_owned);
        Ok(tune)
    }

    /// Makes a group of limits that disks share, or changes one.
    pub(crate) fn set_throttle_group(
        &self,
        job: &Job,
        affected: Affected,
        group: &str,
        params: &[TypedParam],
    ) -> Result<()> {
        let snapshot = job.snapshot();
        let limits = |definition: &DomainDefinition| -> Result<IoTune> {
            let before = definition.throttle_groups.iter().find(|g| g.limits.group_name.as_deref() == Some(group));
            let mut tune = merged(&before.map(|g| g.limits.clone()).unwrap_or_default(), params)?;
            tune.group_name = Some(group.to_owned());
            check(&tune)?;
            Ok(tune)
        };
        let live = affected.live().then(|| limits(snapshot.definition())).transpose()?;
        let stored = affected.config().then(|| limits(snapshot.inactive_definition())).transpose()?;
        if let Some(tune) = live {
            let run = job.private().require_run()?;
            let known = snapshot.definition().throttle_groups.iter();
            let exists = known.into_iter().any(|g| g.limits.group_name.as_deref() == Some(group));
            let (limits, id) = (command::limits(&tune).value(), group_id(group));
            let monitor = run.monitor()?;
            match exists {
                true => {
                    let path = format!("/objects/{id}");
                    monitor.execute("qom-set", json!({"path": path, "property": "limits", "value": limits}), ANSWER)?;
                }
                false => {
                    let object = json!({"qom-type": "throttle-group", "id": id, "limits": limits});
                    monitor.execute("object-add", object, ANSWER)?;
                }
            }
            self.edit_live(job, &|definition| {
                put_group(definition, &tune);
                Ok(())
            })?;
            let mut told = vec![TypedParam::new("blkdeviotune.group_name", TypedValue::String(group))];
            let limits = params.iter().filter(|p| p.field() != "group_name");
            told.extend(limits.map(|p| TypedParam::new(format!("blkdeviotune.{}", p.field()), p.value())));
            self.tell(&job.snapshot(), Notice::Tunable(told));
        }
        if let Some(tune) = stored {
            self.edit_stored(job, &|definition| {
                put_group(definition, &tune);
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Takes a group of limits away.
    ///
    /// Errors: `INVALID_ARG` there is none, or a disk uses it; QEMU's own words.
    pub(crate) fn remove_throttle_group(&self, job: &Job, affected: Affected, group: &str) -> Result<()> {
        let snapshot = job.snapshot();
        let check = |definition: &DomainDefinition| -> Result<()> {
            let users = definition.devices.disks.iter();
            match users.into_iter().find(|disk| disk.throttle_filters.iter().any(|filter| filter.group == group)) {
                Some(disk) => Err(Error::invalid_arg(format!(
                    "throttle group '{group}' is still being used by disk {}",
                    disk.target.dev
                ))),
                None => Ok(()),
            }
        };
        if affected.live() {
            check(snapshot.definition())?;
        }
        if affected.config() {
            let stored = snapshot.inactive_definition();
            if !stored.throttle_groups.iter().any(|g| g.limits.group_name.as_deref() == Some(group)) {
                return Err(Error::invalid_arg(format!("throttlegroup '{group}' was not found in the domain config")));
            }
            check(stored)?;
        }
        let remove = |definition: &mut DomainDefinition| {
            definition.throttle_groups.retain(|g| g.limits.group_name.as_deref() != Some(group));
            Ok(())
        };
        if affected.live() {
            let run = job.private().require_run()?;
            run.monitor()?.execute("object-del", json!({"id": group_id(group)}), ANSWER)?;
            self.edit_live(job, &remove)?;
        }
        if affected.config() {
            self.edit_stored(job, &remove)?;
        }
        Ok(())
    }
}

/// Tells QEMU the limits of a disk.
pub(crate) fn throttle(monitor: &Monitor, disk: &Disk, tune: &IoTune) -> Result<()> {
    let mut arguments = Map::new();
    arguments.insert("id".into(), device_of(disk)?.into());
    for (ours, theirs, _) in LIMITS {
        let value = iotune::value(tune, ours);
        // The six plain limits are always said, the others only when there is something to say.
        let plain = !ours.contains("_max") && *ours != "size_iops_sec";
        if plain || value != 0 {
            arguments.insert((*theirs).into(), value.into());
        }
    }
    if let Some(group) = &tune.group_name {
        arguments.insert("group".into(), group.clone().into());
    }
    monitor.execute("block_set_io_throttle", arguments.into(), ANSWER).map(drop)
}

fn find<'d>(definition: &'d DomainDefinition, name: &str) -> Result<&'d Disk> {
    let missing = || Error::invalid_arg(format!("disk '{name}' not found in domain"));
    definition.devices.disk(name).ok_or_else(missing)
}

fn put(definition: &mut DomainDefinition, name: &str, tune: &IoTune) -> Result<()> {
    let target = find(definition, name)?.target.dev.clone();
    if let Some(disk) = definition.devices.disks.iter_mut().find(|disk| disk.target.dev == target) {
        disk.iotune = Some(Box::new(tune.clone())).filter(|tune| **tune != IoTune::default());
    }
    Ok(())
}

fn put_group(definition: &mut DomainDefinition, tune: &IoTune) {
    match definition.throttle_groups.iter_mut().find(|g| g.limits.group_name == tune.group_name) {
        Some(known) => known.limits = tune.clone(),
        None => definition.throttle_groups.push(ThrottleGroup { limits: tune.clone() }),
    }
}

/// The limits that a disk has once the parameters are in force.
fn changed(definition: &DomainDefinition, name: &str, params: &[TypedParam]) -> Result<IoTune> {
    let disk = find(definition, name)?;
    let before = disk.iotune.as_deref().cloned().unwrap_or_default();
    let tune = merged(&before, params)?;
    let limited = LIMITS.iter().any(|(ours, _, _)| iotune::value(&tune, ours) != 0);
    if !limited && params.iter().any(|param| param.field() == "group_name") && before.group_name.is_none() {
        return Err(Error::config_unsupported(
            "creating a new group/updating existing with all tune parameters zero is not supported",
        ));
    }
    check(&tune)?;
    // Nothing is limited, so nothing is said.
    Ok(if limited { tune } else { IoTune::default() })
}

/// What was said in place of what was there, whole groups at a time.
fn merged(before: &IoTune, params: &[TypedParam]) -> Result<IoTune> {
    let mut tune = IoTune::default();
    iotune::apply(&mut tune, params)?;
    for group in GROUPS {
        if !params.iter().any(|param| group.contains(&param.field())) {
            for name in *group {
                iotune::set_value(&mut tune, name, iotune::value(before, name));
            }
        }
    }
    if !params.iter().any(|param| param.field() == "group_name") {
        tune.group_name.clone_from(&before.group_name);
    }
    Ok(tune)
}

fn check(tune: &IoTune) -> Result<()> {
    iotune::check_totals(tune)?;
    for (limit, burst) in bursts() {
        let (value, most) = (iotune::value(tune, &limit), iotune::value(tune, &burst));
        if most != 0 && value == 0 {
            return Err(Error::config_unsupported(format!("cannot reset '{limit}' when '{burst}' is set")));
        }
        if most != 0 && most < value {
            return Err(Error::config_unsupported(format!("value '{burst}' cannot be smaller than '{limit}'")));
        }
    }
    Ok(())
}

/// Limits with what bursts may have.
fn bursts() -> impl Iterator<Item = (String, String)> {
    let limits = GROUPS.iter().take(2).flat_map(|group| group.iter());
    limits.map(|limit| ((*limit).to_owned(), format!("{limit}_max")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn number(name: &str, value: u64) -> TypedParam {
        TypedParam::new(name, TypedValue::UnsignedLongLong(value))
    }

    fn domain(tune: IoTune) -> DomainDefinition {
        let mut disk = Disk { iotune: Some(tune.into()), ..Disk::default() };
        disk.target.dev = "vda".into();
        let mut definition = DomainDefinition::default();
        definition.devices.disks.push(disk);
        definition
    }

    #[test]
    fn one_limit_replaces_those_beside_it_only() {
        let before = IoTune { total_bytes_sec: 1000, read_iops_sec: 5, ..IoTune::default() };
        let after = changed(&domain(before), "vda", &[number("read_bytes_sec", 10)]).unwrap();
        assert_eq!((after.total_bytes_sec, after.read_bytes_sec, after.read_iops_sec), (0, 10, 5));
    }

    #[test]
    fn what_means_nothing_together_is_refused() {
        let refused =
            |params: &[TypedParam]| changed(&domain(IoTune::default()), "vda", params).unwrap_err().detail().to_owned();
        assert_eq!(
            refused(&[number("total_iops_sec_max", 10)]),
            "cannot reset 'total_iops_sec' when 'total_iops_sec_max' is set"
        );
        assert_eq!(
            refused(&[number("total_bytes_sec", 100), number("total_bytes_sec_max", 10)]),
            "value 'total_bytes_sec_max' cannot be smaller than 'total_bytes_sec'"
        );
        assert_eq!(
            refused(&[number("total_bytes_sec", 10), number("read_bytes_sec", 10)]),
            "total and read/write of bytes_sec cannot be set at the same time"
        );
        let group = TypedParam::new("group_name", TypedValue::String("g"));
        assert!(refused(&[group]).contains("all tune parameters zero"));
        let bursting = IoTune { total_bytes_sec: 10, total_bytes_sec_max: 20, ..IoTune::default() };
        let error = changed(&domain(bursting), "vda", &[number("total_bytes_sec", 0)]).unwrap_err();
        assert_eq!(error.detail(), "cannot reset 'total_bytes_sec' when 'total_bytes_sec_max' is set");
    }
}
