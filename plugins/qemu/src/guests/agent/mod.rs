//! What the agent inside a guest does and tells.
//!
//! None of it holds the guest's job: an agent that takes its time holds up
//! nobody but those who want something of the agent as well.

mod facts;
mod file_systems;
mod network;
mod processors;

use std::path::PathBuf;
use std::sync::Arc;

use oxivirt_conf::domain::devices::CharKind;
use oxivirt_core::{Error, ErrorCode, Result};
use serde_json::{Value, json};
use uuid::Uuid;

pub(crate) use facts::Kinds;
pub(crate) use file_systems::FileSystem;
pub(crate) use network::{GuestCard, arp_table};
pub(crate) use processors::GuestCpu;

use super::Guests;
use super::reports::agent_alias;
use crate::agent::{FAREWELL, Limits};
use crate::lifecycle::State;
use crate::state::{Object, Run};

/// An agent that can be talked to.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(super) run: Arc<Run>,
    pub(super) socket: PathBuf,
}

impl Seat {
    /// Runs a command within the guest's own limits.
    fn ask(&self, command: &str, arguments: Value) -> Result<Value> {
        let answer = self.run.marks.agent.ask(&self.socket, command, arguments, self.run.marks.agent_limits());
        answer.map_err(|failure| failure.into_error(command))
    }

    /// The same; none where the agent does not have the command.
    fn ask_if_known(&self, command: &str, arguments: Value) -> Result<Option<Value>> {
        match self.run.marks.agent.ask(&self.socket, command, arguments, self.run.marks.agent_limits()) {
            Ok(answer) => Ok(Some(answer)),
            Err(failure) if failure.is_unsupported() => Ok(None),
            Err(failure) => Err(failure.into_error(command)),
        }
    }
}

impl Guests {
    /// The agent of a running guest.
    ///
    /// Errors: `OPERATION_INVALID` the guest does not run;
    /// `ARGUMENT_UNSUPPORTED` it has no channel for one;
    /// `AGENT_UNRESPONSIVE` nothing in the guest listens there.
    pub(crate) fn agent(&self, object: &Arc<Object>, _owner: &str) -> Result<Seat> {
        let run = object.private().require_run()?;
        let snapshot = object.snapshot();
        if !matches!(snapshot.status.state, State::Running(_)) {
            return Err(Error::operation_invalid("domain is not running"));
        }
        let absent = || Error::new(ErrorCode::ARGUMENT_UNSUPPORTED, "QEMU guest agent is not configured");
        let alias = agent_alias(snapshot.definition()).ok_or_else(absent)?;
        let channels = &snapshot.definition().devices.channels;
        let channel = channels.iter().find(|c| c.info.alias.as_deref() == Some(alias)).ok_or_else(absent)?;
        let CharKind::Unix(unix) = &channel.source.kind else { return Err(absent()) };
        let socket = unix.path.as_ref().map(PathBuf::from).ok_or_else(absent)?;
        if !snapshot.status.open_channels.contains(alias) {
            return Err(Error::new(ErrorCode::AGENT_UNRESPONSIVE, "QEMU guest agent is not connected"));
        }
        Ok(Seat { run, socket })
    }

    /// The agent of a guest, by its uuid.
    pub(crate) fn agent_of(&self, uuid: Uuid, owner: &str) -> Result<Seat> {
        self.agent(&self.table.require_uuid(uuid, None)?, owner)
    }

    /// Sets how long the agent may take: seconds, 0 for no wait, -1 for the usual, -2 for long.
    pub(crate) fn set_agent_timeout(&self, uuid: Uuid, seconds: i32, owner: &str) -> Result<()> {
        if seconds < -2 {
            let text = format!("guest agent timeout '{seconds}' is less than the minimum '-2'");
            return Err(Error::invalid_arg(text));
        }
        let job = self.modify(uuid, owner)?;
        // Of one that does not run nothing is kept.
        if let Some(run) = job.private().run() {
            run.marks.set_agent_timeout(seconds);
            self.save_status(job.object())?;
        }
        Ok(())
    }

    /// Asks the agent to take the guest down, or to restart it.
    pub(crate) fn agent_power(&self, uuid: Uuid, reboot: bool, owner: &str) -> Result<()> {
        use std::sync::atomic::Ordering;
        let object = self.table.require_uuid(uuid, None)?;
        let seat = self.agent(&object, owner)?;
        let mode = if reboot { "reboot" } else { "powerdown" };
        let name = object.snapshot().definition().name.clone();
        let (event, extra) = if reboot { ("reboot", "-") } else { ("stop", "shutdown") };
        self.script(&name, event, "before", extra)?;
        // The guest restarts by itself; an earlier wish for a restart is over.
        seat.run.reboot_after_shutdown.store(false, Ordering::Release);
        let gone = || !matches!(object.snapshot().status.state, State::Running(_)) || seat.run.is_ending();
        let limits = Limits { answer: FAREWELL, ..seat.run.marks.agent_limits() };
        let told = seat.run.marks.agent.tell(&seat.socket, "guest-shutdown", json!({ "mode": mode }), limits, &gone);
        told.map_err(|failure| failure.into_error("guest-shutdown"))?;
        if reboot { self.script(&name, event, "after", extra) } else { Ok(()) }
    }

    /// Asks the agent to put the guest to sleep.
    ///
    /// * `target` – 0 in memory, 1 on disk, 2 both.
    /// * Errors: `OPERATION_UNSUPPORTED` where the definition or the machine does not have it.
    pub(crate) fn agent_suspend(&self, uuid: Uuid, target: u32, owner: &str) -> Result<()> {
        let object = self.table.require_uuid(uuid, None)?;
        let seat = self.agent(&object, owner)?;
        let unsupported = |text: &str| Err(Error::new(ErrorCode::OPERATION_UNSUPPORTED, text));
        let pm = object.snapshot().definition().pm.clone().unwrap_or_default();
        let off = |state: Option<oxivirt_conf::domain::PmState>| {
            state.is_some_and(|s| s.enabled.is_some_and(|e| !e.is_yes()))
        };
        if target != 1 && off(pm.suspend_to_mem) {
            return unsupported("S3 state is disabled for this domain");
        }
        if target != 0 && off(pm.suspend_to_disk) {
            return unsupported("S4 state is disabled for this domain");
        }
        let machine = seat.run.monitor()?.attempt("query-current-machine", Value::Null, super::ANSWER);
        if machine.is_ok_and(|m| m.get("wakeup-suspend-support").and_then(Value::as_bool) == Some(false)) {
            return unsupported("Domain does not have suspend support");
        }
        let command = match target {
            0 => "guest-suspend-ram",
            1 => "guest-suspend-disk",
            _ => "guest-suspend-hybrid",
        };
        let asleep = || !matches!(object.snapshot().status.state, State::Running(_)) || seat.run.is_ending();
        let limits = Limits { answer: FAREWELL, ..seat.run.marks.agent_limits() };
        let told = seat.run.marks.agent.tell(&seat.socket, command, json!({}), limits, &asleep);
        told.map_err(|failure| failure.into_error(command))
    }
}

impl Seat {
    /// Sets a user's password.
    ///
    /// * `encrypted` – it is a hash already.
    pub(crate) fn set_password(&self, user: &str, password: &str, encrypted: bool) -> Result<()> {
        let arguments = json!({"username": user, "password": base64(password.as_bytes()), "crypted": encrypted});
        self.ask("guest-set-user-password", arguments).map(drop)
    }

    /// Keys with which a user may log in.
    pub(crate) fn ssh_keys(&self, user: &str) -> Result<Vec<String>> {
        let answer = self.ask("guest-ssh-get-authorized-keys", json!({ "username": user }))?;
        let keys = answer.get("keys").and_then(Value::as_array);
        let keys = keys.ok_or_else(|| malformed("guest-ssh-get-authorized-keys"))?;
        Ok(keys.iter().filter_map(|key| key.as_str().map(str::to_owned)).collect())
    }

    /// Adds keys to those of a user, or puts them in their place.
    pub(crate) fn add_ssh_keys(&self, user: &str, keys: &[&str], replace: bool) -> Result<()> {
        let mut arguments = json!({"username": user, "keys": keys});
        if let (true, Some(object)) = (replace, arguments.as_object_mut()) {
            object.insert("reset".into(), true.into());
        }
        self.ask("guest-ssh-add-authorized-keys", arguments).map(drop)
    }

    /// Takes keys of a user away.
    pub(crate) fn remove_ssh_keys(&self, user: &str, keys: &[&str]) -> Result<()> {
        self.ask("guest-ssh-remove-authorized-keys", json!({"username": user, "keys": keys})).map(drop)
    }

    /// The guest's clock: seconds since 1970 and nanoseconds.
    pub(crate) fn time(&self) -> Result<(i64, u32)> {
        let answer = self.ask("guest-get-time", Value::Null)?;
        let nanoseconds = answer.as_i64().ok_or_else(|| malformed("guest-get-time"))?;
        let part = u32::try_from(nanoseconds.rem_euclid(1_000_000_000)).unwrap_or(0);
        Ok((nanoseconds.div_euclid(1_000_000_000), part))
    }

    /// Sets the guest's clock; none sets it from the clock of its board.
    pub(crate) fn set_time(&self, time: Option<(i64, u32)>) -> Result<()> {
        let arguments = match time {
            None => Value::Null,
            Some((seconds, part)) => {
                let nanoseconds = seconds.checked_mul(1_000_000_000).and_then(|n| n.checked_add(part.into()));
                let nanoseconds = nanoseconds
                    .ok_or_else(|| Error::invalid_arg(format!("Time '{seconds}' is too big for guest agent")))?;
                json!({ "time": nanoseconds })
            }
        };
        self.ask("guest-set-time", arguments)?;
        // Ticks that were missed are not to be made up for; not every machine counts them.
        match self.run.monitor()?.attempt("rtc-reset-reinjection", Value::Null, super::ANSWER) {
            Ok(_) => Ok(()),
            Err(failure) if failure.is_unknown_command() => Ok(()),
            Err(failure) => Err(failure.into_error(self.run.monitor()?.domain(), "rtc-reset-reinjection")),
        }
    }
}

fn malformed(command: &str) -> Error {
    Error::internal(format!("malformed answer of the agent to '{command}'"))
}

/// Text that carries any bytes.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let at = (bits >> (18 - 6 * digit) & 63) as usize;
            let known = DIGITS.get(at).filter(|_| digit <= chunk.len());
            text.push(known.map_or('=', |digit| char::from(*digit)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn any_bytes_can_be_carried() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[0xff, 0xfe, 0xfd]), "//79");
    }
}
