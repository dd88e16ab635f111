//! What the guest's own system tells about itself, as named values.

use oxivirt_conf::domain::DomainDefinition;
use oxivirt_core::constants::DomainGuestInfoTypes as Types;
use oxivirt_core::types::{TypedParam, TypedValue};
use oxivirt_core::{Error, ErrorCode, Result};
use serde_json::{Value, json};

use super::{Seat, file_systems, malformed};

/// Which kinds are wanted: all that the agent knows, or those that were named and no less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kinds {
    Known,
    Named(Types),
}

#[derive(Debug, Default)]
struct Facts(Vec<TypedParam>);

impl Facts {
    fn text(&mut self, name: impl Into<String>, value: Option<&str>) {
        if let Some(value) = value {
            self.0.push(TypedParam::new(name.into(), TypedValue::String(value)));
        }
    }

    fn number(&mut self, name: impl Into<String>, value: Option<u64>) {
        if let Some(value) = value {
            self.0.push(TypedParam::new(name.into(), TypedValue::UnsignedLongLong(value)));
        }
    }

    fn count(&mut self, name: impl Into<String>, value: usize) {
        let value = u32::try_from(value).unwrap_or(u32::MAX);
        self.0.push(TypedParam::new(name.into(), TypedValue::UnsignedInt(value)));
    }
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key).and_then(Value::as_str)
}

impl Seat {
    /// The named values.
    ///
    /// Errors: `OPERATION_UNSUPPORTED` a named kind that the agent does not know.
    pub(crate) fn facts(&self, kinds: Kinds, definition: &DomainDefinition) -> Result<Vec<TypedParam>> {
        let mut facts = Facts::default();
        let wants = |kind: Types| match kinds {
            Kinds::Known => true,
            Kinds::Named(named) => named.contains(kind),
        };
        let missing = |command: &str| match kinds {
            Kinds::Known => Ok(()),
            Kinds::Named(_) => Err(Error::new(
                ErrorCode::AGENT_COMMAND_FAILED,
                format!("unable to execute QEMU agent command '{command}': The command {command} has not been found"),
            )),
        };
        type Reader = fn(&mut Facts, &Value) -> Result<()>;
        let simple: [(Types, &str, Reader); 5] = [
            (Types::USERS, "guest-get-users", users),
            (Types::OS, "guest-get-osinfo", system),
            (Types::TIMEZONE, "guest-get-timezone", time_zone),
            (Types::HOSTNAME, "guest-get-host-name", host_name),
            (Types::LOAD, "guest-get-load", load),
        ];
        for (kind, command, read) in simple {
            if wants(kind) {
                match self.ask_if_known(command, Value::Null)? {
                    Some(answer) => read(&mut facts, &answer)?,
                    None => missing(command)?,
                }
            }
        }
        if wants(Types::FILESYSTEM) {
            match self.file_systems_if_known(definition)? {
                Some(found) => mounted(&mut facts, &found),
                None => missing("guest-get-fsinfo")?,
            }
        }
        if wants(Types::DISKS) {
            match self.ask_if_known("guest-get-disks", Value::Null)? {
                Some(answer) => disks(&mut facts, &answer, definition)?,
                None => missing("guest-get-disks")?,
            }
        }
        if wants(Types::INTERFACES) {
            match self.cards_if_known()? {
                Some(cards) => interfaces(&mut facts, &cards),
                None => missing("guest-network-get-interfaces")?,
            }
        }
        Ok(facts.0)
    }

    /// The guest's name for itself.
    pub(crate) fn host_name(&self) -> Result<String> {
        let answer = self.ask("guest-get-host-name", json!({}))?;
        text(&answer, "host-name").map(str::to_owned).ok_or_else(|| malformed("guest-get-host-name"))
    }
}

fn users(facts: &mut Facts, answer: &Value) -> Result<()> {
    let list = answer.as_array().ok_or_else(|| malformed("guest-get-users"))?;
    facts.count("user.count", list.len());
    for (at, user) in list.iter().enumerate() {
        facts.text(format!("user.{at}.name"), text(user, "user"));
        facts.text(format!("user.{at}.domain"), text(user, "domain"));
        // Seconds with a fraction; told in milliseconds.
        let login = user.get("login-time").and_then(Value::as_f64).map(|seconds| (seconds * 1000.0) as u64);
        facts.number(format!("user.{at}.login-time"), login);
    }
    Ok(())
}

fn system(facts: &mut Facts, answer: &Value) -> Result<()> {
    for key in ["id", "name", "pretty-name", "version", "version-id", "machine", "variant", "variant-id"] {
        facts.text(format!("os.{key}"), text(answer, key));
    }
    for key in ["kernel-release", "kernel-version"] {
        facts.text(format!("os.{key}"), text(answer, key));
    }
    Ok(())
}

fn time_zone(facts: &mut Facts, answer: &Value) -> Result<()> {
    facts.text("timezone.name", text(answer, "zone"));
    let offset = answer.get("offset").and_then(Value::as_i64).and_then(|n| i32::try_from(n).ok());
    let offset = offset.ok_or_else(|| malformed("guest-get-timezone"))?;
    facts.0.push(TypedParam::new("timezone.offset", TypedValue::Int(offset)));
    Ok(())
}

fn host_name(facts: &mut Facts, answer: &Value) -> Result<()> {
    facts.text("hostname", text(answer, "host-name"));
    Ok(())
}

fn load(facts: &mut Facts, answer: &Value) -> Result<()> {
    for (ours, theirs) in [("load.1m", "load1m"), ("load.5m", "load5m"), ("load.15m", "load15m")] {
        let value = answer.get(theirs).and_then(Value::as_f64).ok_or_else(|| malformed("guest-get-load"))?;
        facts.0.push(TypedParam::new(ours, TypedValue::Double(value)));
    }
    Ok(())
}

fn mounted(facts: &mut Facts, found: &[file_systems::FileSystem]) {
    if found.is_empty() {
        return;
    }
    facts.count("fs.count", found.len());
    for (at, fs) in found.iter().enumerate() {
        facts.text(format!("fs.{at}.mountpoint"), Some(&fs.mountpoint));
        facts.text(format!("fs.{at}.name"), Some(&fs.name));
        facts.text(format!("fs.{at}.fstype"), Some(&fs.kind));
        facts.number(format!("fs.{at}.total-bytes"), fs.total_bytes);
        facts.number(format!("fs.{at}.used-bytes"), fs.used_bytes);
        facts.count(format!("fs.{at}.disk.count"), fs.disks.len());
        for (number, disk) in fs.disks.iter().enumerate() {
            facts.text(format!("fs.{at}.disk.{number}.alias"), disk.target.as_deref());
            facts.text(format!("fs.{at}.disk.{number}.serial"), disk.serial.as_deref());
            facts.text(format!("fs.{at}.disk.{number}.device"), disk.device.as_deref());
        }
    }
}

fn disks(facts: &mut Facts, answer: &Value, definition: &DomainDefinition) -> Result<()> {
    let list = answer.as_array().ok_or_else(|| malformed("guest-get-disks"))?;
    facts.count("disk.count", list.len());
    for (at, disk) in list.iter().enumerate() {
        facts.text(format!("disk.{at}.name"), text(disk, "name"));
        if let Some(partition) = disk.get("partition").and_then(Value::as_bool) {
            facts.0.push(TypedParam::new(format!("disk.{at}.partition"), TypedValue::Boolean(partition)));
        }
        let needed = disk.get("dependencies").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if !needed.is_empty() {
            facts.count(format!("disk.{at}.dependency.count"), needed.len());
        }
        for (number, name) in needed.iter().enumerate() {
            facts.text(format!("disk.{at}.dependency.{number}.name"), name.as_str());
        }
        if let Some(address) = disk.get("address") {
            let below = file_systems::below(address, definition);
            facts.text(format!("disk.{at}.serial"), below.serial.as_deref());
            facts.text(format!("disk.{at}.alias"), below.target.as_deref());
            facts.text(format!("disk.{at}.guest_bus"), below.bus.as_deref());
        }
        facts.text(format!("disk.{at}.guest_alias"), text(disk, "alias"));
    }
    Ok(())
}

fn interfaces(facts: &mut Facts, cards: &[super::GuestCard]) {
    facts.count("if.count", cards.len());
    for (at, card) in cards.iter().enumerate() {
        facts.text(format!("if.{at}.name"), Some(&card.name));
        facts.text(format!("if.{at}.hwaddr"), card.hardware.as_deref());
        facts.count(format!("if.{at}.addr.count"), card.addresses.len());
        for (number, (sixth, address, prefix)) in card.addresses.iter().enumerate() {
            let kind = if *sixth { "ipv6" } else { "ipv4" };
            facts.text(format!("if.{at}.addr.{number}.type"), Some(kind));
            facts.text(format!("if.{at}.addr.{number}.addr"), Some(address));
            facts.count(format!("if.{at}.addr.{number}.prefix"), *prefix as usize);
        }
    }
}
