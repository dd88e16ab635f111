//! Talking to the agent that runs inside a guest.
//!
//! The agent may be slow, restarted at any time, or hostile. So each command
//! has a limit, what it says is bounded, and before each command both sides
//! are brought to the same place of the conversation. One command runs at a
//! time; the others wait in line, each up to its own limit.

mod link;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use oxivirt_core::{Error, ErrorCode, Result};
use serde_json::{Map, Value};

use link::{Broken, Link};

/// The name of the channel that agents listen on.
pub const CHANNEL: &str = "org.qemu.guest_agent.0";

/// How long the agent may take to find the place of the conversation.
pub const SYNC: Duration = Duration::from_secs(5);

/// How long a command may take when its caller would wait for ever.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// How long a command may take after which the agent is not expected to answer.
pub const FAREWELL: Duration = Duration::from_secs(60);

/// How long a caller waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For the agent to find the place of the conversation.
    pub sync: Duration,
    /// For the answer.
    pub answer: Duration,
}

impl Limits {
    /// What the public numbers mean: -2 long, -1 as usual, 0 do not wait, seconds.
    pub fn of_command(seconds: i32) -> Self {
        let limit = match seconds {
            -1 => SYNC,
            0 => Duration::from_millis(100),
            1.. => Duration::from_secs(u64::from(seconds.unsigned_abs())),
            _ => PATIENCE,
        };
        Self { sync: SYNC, answer: limit }
    }

    /// What the public numbers mean as a guest's own limit for everything.
    pub fn of_guest(seconds: i32) -> Self {
        match seconds {
            0.. => {
                let limit = Self::of_command(seconds).answer;
                Self { sync: limit.max(Duration::from_millis(500)), answer: limit.max(Duration::from_millis(500)) }
            }
            -1 => Self { sync: SYNC, answer: SYNC },
            _ => Self { sync: SYNC, answer: PATIENCE },
        }
    }
}

/// Why a command brought nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The agent answered with an error.
    Refused {
        /// Such as `GenericError` or `CommandNotFound`.
        class: String,
        /// The agent's own words.
        desc: String,
    },
    /// It does not listen, hung up, or cannot be brought to the same place.
    Unresponsive(String),
    /// It did not answer the command in time.
    TimedOut(String),
    /// It answered, but not as it should.
    Garbled(String),
}

impl Failure {
    /// Whether this agent does not have the command, or was told not to do it.
    pub fn is_unsupported(&self) -> bool {
        matches!(self, Self::Refused { class, .. } if class == "CommandNotFound" || class == "CommandDisabled")
    }

    /// The public error.
    pub fn into_error(self, command: &str) -> Error {
        match self {
            Self::Refused { desc, .. } => Error::new(
                ErrorCode::AGENT_COMMAND_FAILED,
                format!("unable to execute QEMU agent command '{command}': {desc}"),
            ),
            Self::Unresponsive(why) => Error::new(ErrorCode::AGENT_UNRESPONSIVE, why),
            Self::TimedOut(why) => Error::new(ErrorCode::AGENT_COMMAND_TIMEOUT, why),
            Self::Garbled(what) => Error::internal(format!("malformed answer of the agent to '{command}': {what}")),
        }
    }
}

/// The conversation with the agent of one guest.
#[derive(Debug, Default)]
pub struct Agent {
    place: Mutex<Place>,
    free: Condvar,
    last: AtomicU64,
}

#[derive(Debug, Default)]
struct Place {
    taken: bool,
    link: Option<Link>,
}

impl Agent {
    /// Runs a command and waits for its answer.
    ///
    /// * `socket` – QEMU's end of the channel.
    /// * `arguments` – an object, or `Null` for none.
    /// * Returns the `return` member.
    /// * Blocks up to the sum of `limits`, and as long again for those in front.
    pub fn ask(&self, socket: &Path, command: &str, arguments: Value, limits: Limits) -> Result<Value, Failure> {
        let mut object = Map::new();
        object.insert("execute".into(), command.into());
        if !arguments.is_null() {
            object.insert("arguments".into(), arguments);
        }
        let answer = self.exchange(socket, command, &Value::Object(object), limits, &|| false)?;
        match answer {
            Some(answer) => result(answer),
            None => Err(Failure::Unresponsive(format!("the guest agent hung up instead of answering '{command}'"))),
        }
    }

    /// Runs a command that is obeyed in silence, such as going down: it is
    /// done once `done` says so, or the agent hangs up.
    pub fn tell(
        &self,
        socket: &Path,
        command: &str,
        arguments: Value,
        limits: Limits,
        done: &dyn Fn() -> bool,
    ) -> Result<(), Failure> {
        let object = serde_json::json!({"execute": command, "arguments": arguments});
        match self.exchange(socket, command, &object, limits, done)? {
            Some(answer) => result(answer).map(drop),
            None => Ok(()),
        }
    }

    /// Passes an object on as somebody wrote it; the agent's whole answer, unless it refuses.
    pub fn pass(&self, socket: &Path, object: &Value, limits: Limits) -> Result<Value, Failure> {
        let command = object.get("execute").and_then(Value::as_str).unwrap_or("command").to_owned();
        let answer = self.exchange(socket, &command, object, limits, &|| false)?;
        match answer {
            Some(answer) if answer.get("error").is_some() => result(answer),
            Some(answer) => Ok(answer),
            None => Err(Failure::Unresponsive(format!("the guest agent hung up instead of answering '{command}'"))),
        }
    }

    /// Hangs up, as when the agent went away.
    pub fn forget(&self) {
        self.place.lock().unwrap_or_else(PoisonError::into_inner).link = None;
    }

    /// One question with its answer; none when `done` came true or the agent hung up before one.
    fn exchange(
        &self,
        socket: &Path,
        command: &str,
        object: &Value,
        limits: Limits,
        done: &dyn Fn() -> bool,
    ) -> Result<Option<Value>, Failure> {
        let mut link = self.take(socket, limits)?;
        let number = self.last.fetch_add(1, Ordering::Relaxed).wrapping_add(std::process::id().into());
        let result = converse(&mut link, number, command, object, limits, done);
        let kept = match &result {
            Ok(Some(_)) => Some(link),
            // Whatever the agent says late is about something past.
            _ => None,
        };
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        place.taken = false;
        place.link = kept;
        drop(place);
        self.free.notify_one();
        result
    }

    /// Waits in line for the channel.
    fn take(&self, socket: &Path, limits: Limits) -> Result<Link, Failure> {
        let end = Instant::now() + limits.sync + limits.answer;
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        while place.taken {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Failure::TimedOut("the guest agent is occupied by another command".to_owned()));
            }
            place = self.free.wait_timeout(place, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        let link = match place.link.take() {
            Some(link) => link,
            None => Link::open(socket).map_err(|e| {
                Failure::Unresponsive(format!(
                    "cannot connect to the guest agent's channel '{}': {e}",
                    socket.display()
                ))
            })?,
        };
        place.taken = true;
        Ok(link)
    }
}

fn converse(
    link: &mut Link,
    number: u64,
    command: &str,
    object: &Value,
    limits: Limits,
    done: &dyn Fn() -> bool,
) -> Result<Option<Value>, Failure> {
    let seconds = |limit: Duration| limit.as_secs_f64().ceil();
    let broken = |what: Broken| match what {
        Broken::Late => Failure::Unresponsive(format!(
            "guest agent didn't respond to synchronization within '{}' seconds",
            seconds(limits.sync)
        )),
        Broken::Closed => Failure::Unresponsive("QEMU guest agent is not connected".to_owned()),
        Broken::Failed(why) => Failure::Unresponsive(format!("the guest agent's channel failed: {why}")),
        Broken::Garbled(what) => Failure::Garbled(what),
    };
    link.synchronize(number, Instant::now() + limits.sync).map_err(broken)?;
    let end = Instant::now() + limits.answer;
    link.send(object, end).map_err(broken)?;
    match link.answer(end, done) {
        Ok(answer) => Ok(answer),
        Err(Broken::Closed) => Ok(None),
        Err(Broken::Late) => Err(Failure::TimedOut(format!(
            "guest agent didn't respond to command '{command}' within '{}' seconds",
            seconds(limits.answer)
        ))),
        Err(other) => Err(broken(other)),
    }
}

/// What an answer says.
fn result(answer: Value) -> Result<Value, Failure> {
    let Value::Object(mut answer) = answer else { return Err(Failure::Garbled(excerpt(&answer))) };
    if let Some(value) = answer.remove("return") {
        return Ok(value);
    }
    let Some(error) = answer.remove("error") else { return Err(Failure::Garbled(excerpt(&answer.into()))) };
    let text = |key: &str| error.get(key).and_then(Value::as_str).map(str::to_owned);
    Err(Failure::Refused {
        class: text("class").unwrap_or_else(|| "GenericError".into()),
        desc: text("desc").unwrap_or_else(|| "no reason given".into()),
    })
}

fn excerpt(value: &Value) -> String {
    value.to_string().chars().take(80).collect()
}
