//! What the monitor is told, one command after the other.

use oxivirt_core::{Error, ErrorCode, Result};
use serde_json::{Value, json};

use super::{Part, PlugHost, Session};
use crate::command::{Argument, Words, backend_of};

/// One command that makes something.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// A descriptor under a name.
    Descriptor { name: String, number: i32 },
    /// A descriptor in a set.
    Set { set: u32, number: i32, purpose: String },
    /// An object.
    Object(Value),
    /// The host's side of a serial line.
    Chardev(Value),
    /// The host's side of a network card.
    Netdev(Value),
    /// A block node.
    Node(Value),
    /// A device.
    Device(Value),
}

impl Step {
    /// The steps for the options of a command line.
    ///
    /// * `alias` – the device that they are about; descriptors are called after it.
    pub(super) fn all(arguments: &[Argument], alias: &str) -> Result<Vec<Self>> {
        let mut steps = Steps { alias, named: 0, done: Vec::new() };
        for argument in arguments {
            steps.add(argument)?;
        }
        Ok(steps.done)
    }

    /// What it makes.
    pub(super) fn part(&self) -> Part {
        let name = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        match self {
            Self::Descriptor { name, .. } => Part::Descriptor(name.clone()),
            Self::Set { purpose, .. } => Part::Set(purpose.clone()),
            Self::Object(value) => Part::Object(name(value, "id")),
            Self::Chardev(value) => Part::Chardev(name(value, "id")),
            Self::Netdev(value) => Part::Netdev(name(value, "id")),
            Self::Node(value) => Part::Node(name(value, "node-name")),
            Self::Device(value) => Part::Device(name(value, "id")),
        }
    }

    /// Tells the monitor; gives its answer.
    pub(super) fn run(&self, session: &Session<'_>, host: &dyn PlugHost) -> Result<Value> {
        let descriptor = |number: &i32| {
            host.descriptor(*number).ok_or_else(|| Error::internal(format!("descriptor {number} was not opened")))
        };
        let pass = |command: &str, arguments: Value, number: &i32| {
            session.monitor.execute_with(command, arguments, descriptor(number)?, session.answer)
        };
        match self {
            Self::Descriptor { name, number } => pass("getfd", json!({"fdname": name}), number),
            Self::Set { set, number, purpose } => pass("add-fd", json!({"fdset-id": set, "opaque": purpose}), number),
            Self::Object(value) => session.run("object-add", value.clone()),
            Self::Chardev(value) => session.run("chardev-add", value.clone()),
            Self::Netdev(value) => session.run("netdev_add", value.clone()),
            Self::Node(value) => session.run("blockdev-add", value.clone()),
            Self::Device(value) => session.run("device_add", value.clone()),
        }
    }
}

/// Runs steps in order; what was made before one that fails is taken away.
///
/// * Returns the answers.
pub(super) fn run_all(session: &Session<'_>, host: &dyn PlugHost, steps: &[Step]) -> Result<Vec<Value>> {
    let mut answers = Vec::with_capacity(steps.len());
    for (at, step) in steps.iter().enumerate() {
        match step.run(session, host) {
            Ok(answer) => answers.push(answer),
            Err(error) => {
                // A command that came too late may have done its work all the same.
                let late = usize::from(error.code() == ErrorCode::OPERATION_TIMEOUT);
                let made: Vec<Part> = steps.iter().take(at + late).map(Step::part).collect();
                // Descriptors go with what used them.
                let _ = super::remove_all(session, &made);
                return Err(error);
            }
        }
    }
    Ok(answers)
}

struct Steps<'a> {
    alias: &'a str,
    named: usize,
    done: Vec<Step>,
}

impl Steps<'_> {
    fn add(&mut self, argument: &Argument) -> Result<()> {
        let json = || -> Result<Value> {
            serde_json::from_str(&argument.value)
                .map_err(|e| Error::internal(format!("'{}' was written wrongly: {e}", argument.option)))
        };
        match argument.option.as_str() {
            "-object" => self.done.push(Step::Object(json()?)),
            "-blockdev" => self.done.push(Step::Node(json()?)),
            "-netdev" => {
                let mut value = json()?;
                for key in ["fd", "fds", "vhostfd", "vhostfds"] {
                    self.name_in(&mut value, key);
                }
                self.done.push(Step::Netdev(value));
            }
            "-device" => {
                let mut value = json()?;
                self.name_in(&mut value, "vhostfd");
                self.done.push(Step::Device(value));
            }
            "-chardev" => {
                let mut value = backend_of(&argument.value)?;
                if let Some(address) = value.pointer_mut("/backend/data/addr").filter(|a| a["type"] == "fd")
                    && let Some(data) = address.get_mut("data")
                {
                    self.name_in(data, "str");
                }
                self.done.push(Step::Chardev(value));
            }
            "-add-fd" => {
                let words = Words::read(&argument.value);
                let number = |key: &str| -> Result<i32> {
                    words.need(key)?.parse().map_err(|_| Error::internal(format!("'{key}' of '-add-fd' is no number")))
                };
                self.done.push(Step::Set {
                    set: u32::try_from(number("set")?).unwrap_or_default(),
                    number: number("fd")?,
                    purpose: words.need("opaque")?.to_owned(),
                });
            }
            other => {
                return Err(Error::new(
                    ErrorCode::OPERATION_UNSUPPORTED,
                    format!("what '{other}' makes cannot be plugged into a running guest"),
                ));
            }
        }
        Ok(())
    }

    /// A running QEMU knows descriptors by name only.
    fn name_in(&mut self, value: &mut Value, key: &str) {
        let Some(numbers) = value.get(key).and_then(Value::as_str) else { return };
        let numbers: Vec<i32> = numbers.split(':').filter_map(|number| number.parse().ok()).collect();
        let mut names = Vec::new();
        for number in numbers {
            let name = format!("fd-{}-{}", self.alias, self.named);
            self.named += 1;
            self.done.push(Step::Descriptor { name: name.clone(), number });
            names.push(name);
        }
        if let Some(place) = value.get_mut(key) {
            *place = names.join(":").into();
        }
    }
}
