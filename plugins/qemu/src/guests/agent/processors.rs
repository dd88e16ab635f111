//! CPUs as the guest's own system uses them.

use oxivirt_conf::domain::CpuSet;
use oxivirt_core::{Error, ErrorCode, Result};
use serde_json::{Value, json};

use super::{Seat, malformed};

/// A CPU as the guest has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GuestCpu {
    pub(crate) id: u32,
    pub(crate) online: bool,
    pub(crate) can_go: bool,
}

impl Seat {
    /// The CPUs.
    pub(crate) fn cpus(&self) -> Result<Vec<GuestCpu>> {
        let answer = self.ask("guest-get-vcpus", Value::Null)?;
        let list = answer.as_array().ok_or_else(|| malformed("guest-get-vcpus"))?;
        let cpu = |entry: &Value| {
            let flag = |key: &str| entry.get(key).and_then(Value::as_bool);
            Some(GuestCpu {
                id: u32::try_from(entry.get("logical-id")?.as_u64()?).ok()?,
                online: flag("online")?,
                can_go: flag("can-offline").unwrap_or(false),
            })
        };
        list.iter().map(|entry| cpu(entry).ok_or_else(|| malformed("guest-get-vcpus"))).collect()
    }

    /// Uses so many of them.
    ///
    /// Errors: `INVALID_ARG` more than there are, or less than cannot go.
    pub(crate) fn use_cpus(&self, wanted: u32) -> Result<()> {
        let cpus = self.cpus()?;
        let all = u32::try_from(cpus.len()).unwrap_or(u32::MAX);
        if wanted > all {
            let text = format!(
                "requested vcpu count is greater than the count of enabled vcpus in the domain: {wanted} > {all}"
            );
            return Err(Error::invalid_arg(text));
        }
        let mut now = u32::try_from(cpus.iter().filter(|cpu| cpu.online).count()).unwrap_or(u32::MAX);
        let mut changes = Vec::new();
        for cpu in cpus.iter().filter(|cpu| !cpu.online) {
            if now < wanted {
                changes.push((cpu.id, true));
                now += 1;
            }
        }
        for cpu in cpus.iter().rev().filter(|cpu| cpu.online && cpu.can_go) {
            if now > wanted {
                changes.push((cpu.id, false));
                now -= 1;
            }
        }
        if now != wanted {
            return Err(Error::internal("Failed to offline enough guest vcpus"));
        }
        self.switch(&changes)
    }

    /// Switches single ones on or off.
    ///
    /// Errors: `INVALID_ARG` one that is not there or cannot go.
    pub(crate) fn switch_cpus(&self, set: &CpuSet, on: bool) -> Result<()> {
        let cpus = self.cpus()?;
        let mut changes = Vec::new();
        for id in set.iter() {
            let missing = || Error::invalid_arg(format!("guest is missing vCPUs '{id}'"));
            let cpu = cpus.iter().find(|cpu| cpu.id == id).ok_or_else(missing)?;
            if !on && cpu.online && !cpu.can_go {
                let text = format!("vCPU '{id}' is not offlinable");
                return Err(Error::new(ErrorCode::OPERATION_UNSUPPORTED, text));
            }
            if cpu.online != on {
                changes.push((id, on));
            }
        }
        self.switch(&changes)
    }

    fn switch(&self, changes: &[(u32, bool)]) -> Result<()> {
        let mut rest = changes;
        // The agent says how many it did, and is asked again for the others.
        while !rest.is_empty() {
            let list: Vec<Value> = rest.iter().map(|(id, on)| json!({"logical-id": id, "online": on})).collect();
            let answer = self.ask("guest-set-vcpus", json!({ "vcpus": list }))?;
            let done = answer.as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
            match rest.get(done..) {
                Some(left) if done > 0 => rest = left,
                _ => return Err(Error::internal("failed to set state of guest vcpus")),
            }
        }
        Ok(())
    }
}
