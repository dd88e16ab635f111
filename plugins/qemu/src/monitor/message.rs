//! The lines of the protocol: commands out; greetings, answers and events in.

use serde_json::{Map, Value, json};

use super::Failure;

/// Something QEMU reported.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Such as `SHUTDOWN`.
    pub name: String,
    /// The event's members; `Null` when it has none.
    pub data: Value,
    /// When, in seconds since 1970; 0 if QEMU did not say.
    pub seconds: i64,
    /// The fraction, in microseconds.
    pub micros: u32,
}

impl Event {
    /// A text member of the data.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.data.get(key)?.as_str()
    }

    /// A two-state member of the data.
    pub fn flag(&self, key: &str) -> Option<bool> {
        self.data.get(key)?.as_bool()
    }
}

/// What `query-status` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunState {
    /// Whether virtual CPUs run.
    pub running: bool,
    /// QEMU's word, such as `running`, `paused`, `io-error`.
    pub status: String,
}

impl RunState {
    /// Reads the answer of `query-status`.
    pub fn from_answer(value: &Value) -> Option<Self> {
        Some(Self { running: value.get("running")?.as_bool()?, status: value.get("status")?.as_str()?.to_owned() })
    }
}

/// One line from QEMU.
#[derive(Debug, PartialEq)]
pub(super) enum Incoming {
    Greeting(Value),
    Answer {
        id: u64,
        result: Result<Value, Failure>,
    },
    /// An error without an id: QEMU could not even read what it was sent.
    Complaint(Failure),
    Event(Event),
}

/// The line for a command, ending in a newline.
pub(super) fn command(id: u64, name: &str, arguments: Value) -> Vec<u8> {
    let mut object = Map::new();
    object.insert("execute".into(), name.into());
    if !arguments.is_null() {
        object.insert("arguments".into(), arguments);
    }
    object.insert("id".into(), id_of(id));
    line(object)
}

/// A command's id as QEMU sees it.
pub(super) fn id_of(id: u64) -> Value {
    json!(format!("libvirt-{id}"))
}

/// The line for an object.
pub(super) fn line(object: Map<String, Value>) -> Vec<u8> {
    let mut line = Value::Object(object).to_string().into_bytes();
    line.extend_from_slice(b"\r\n");
    line
}

/// Reads one line; the text says what was wrong with it.
pub(super) fn parse(line: &[u8]) -> Result<Incoming, String> {
    let value: Value = serde_json::from_slice(line).map_err(|e| format!("{e} in '{}'", excerpt(line)))?;
    let Value::Object(mut object) = value else {
        return Err(format!("not an object: '{}'", excerpt(line)));
    };
    if let Some(greeting) = object.remove("QMP") {
        return Ok(Incoming::Greeting(greeting));
    }
    if let Some(Value::String(name)) = object.remove("event") {
        let stamp = object.get("timestamp");
        let part = |key| stamp.and_then(|s| s.get(key)).and_then(Value::as_i64);
        return Ok(Incoming::Event(Event {
            name,
            seconds: part("seconds").unwrap_or(0).max(0),
            micros: part("microseconds").and_then(|n| u32::try_from(n).ok()).unwrap_or(0),
            data: object.remove("data").unwrap_or(Value::Null),
        }));
    }
    let result = if let Some(value) = object.remove("return") {
        Ok(value)
    } else if let Some(error) = object.remove("error") {
        let member = |key: &str| error.get(key).and_then(Value::as_str).map(str::to_owned);
        Err(Failure::Refused {
            class: member("class").unwrap_or_else(|| "GenericError".into()),
            desc: member("desc").unwrap_or_else(|| "no reason given".into()),
        })
    } else {
        return Err(format!("neither answer nor event: '{}'", excerpt(line)));
    };
    let id = object.get("id").and_then(Value::as_str).and_then(|id| id.strip_prefix("libvirt-")?.parse().ok());
    match (id, result) {
        (Some(id), result) => Ok(Incoming::Answer { id, result }),
        (None, Err(failure)) => Ok(Incoming::Complaint(failure)),
        (None, _) => Err(format!("answer without a known id: '{}'", excerpt(line))),
    }
}

/// The start of a line, fit for a message.
fn excerpt(line: &[u8]) -> String {
    let shown = line.get(..80).unwrap_or(line);
    shown.escape_ascii().to_string()
}
