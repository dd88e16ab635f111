//! Commands in words that are not the driver's own.

use std::os::fd::OwnedFd;
use std::time::Duration;

use oxivirt_core::{Error, Result};
use serde_json::{Map, Value, json};

use super::{Failure, Monitor, message};

impl Monitor {
    /// Passes a command on as somebody wrote it, under an id of this monitor's.
    ///
    /// * `text` – an object of QEMU's protocol, without an id.
    /// * `files` – descriptors that go with it.
    /// * Returns QEMU's whole answer, be it a refusal, as one line.
    /// * Errors: `INTERNAL_ERROR` for what is no object or has an id; those of
    ///   [`execute`](Self::execute) when QEMU does not answer.
    pub fn pass(&self, text: &str, files: Vec<OwnedFd>, limit: Duration) -> Result<String> {
        let value: Value =
            serde_json::from_str(text).map_err(|e| Error::internal(format!("cannot parse json {text}: {e}")))?;
        let Value::Object(mut object) = value else {
            return Err(Error::internal(format!("cannot parse json {text}: it is no object")));
        };
        if object.contains_key("id") {
            return Err(Error::internal("Unable to append command 'id' string"));
        }
        let id = self.new_id();
        let name = object.get("execute").and_then(Value::as_str).unwrap_or("command").to_owned();
        object.insert("id".into(), message::id_of(id));
        let mut answer = Map::new();
        match self.send(id, message::line(object), files, limit) {
            Ok(value) => {
                answer.insert("return".into(), value);
                answer.insert("id".into(), message::id_of(id));
            }
            Err(Failure::Refused { class, desc }) => {
                answer.insert("id".into(), message::id_of(id));
                answer.insert("error".into(), json!({"class": class, "desc": desc}));
            }
            Err(failure) => return Err(failure.into_error(self.domain(), &name)),
        }
        Ok(Value::Object(answer).to_string())
    }

    /// Runs a command of the human monitor; its output.
    pub fn human(&self, line: &str, limit: Duration) -> Result<String> {
        let answer = self.execute("human-monitor-command", json!({"command-line": line}), limit)?;
        Ok(answer.as_str().unwrap_or_default().to_owned())
    }

    /// Hands a descriptor over under a name, which a following command refers to.
    pub fn hand_over(&self, name: &str, file: OwnedFd, limit: Duration) -> Result<()> {
        let id = self.new_id();
        let line = message::command(id, "getfd", json!({ "fdname": name }));
        self.send(id, line, vec![file], limit).map(drop).map_err(|f| f.into_error(self.domain(), "getfd"))
    }
}
