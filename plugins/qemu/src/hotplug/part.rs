//! Things that QEMU has for a device, and how each is taken away.

use std::time::{Duration, Instant};

use oxivirt_core::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{News, Session};
use crate::monitor::Failure;

/// Something that was made for a device, by its name in QEMU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// A descriptor that waits to be used.
    Descriptor(String),
    /// A set of descriptors, by what it is for.
    Set(String),
    /// Such as memory or a secret.
    Object(String),
    /// The host's side of a serial line.
    Chardev(String),
    /// The host's side of a network card.
    Netdev(String),
    /// A block node.
    Node(String),
    /// What the guest sees.
    Device(String),
}

impl Part {
    /// Takes it away; fine if it is not there. Blocks while the guest has it.
    pub(super) fn remove(&self, session: &Session<'_>) -> Result<()> {
        match self {
            Self::Descriptor(name) => gone(session, "closefd", json!({"fdname": name})),
            Self::Set(purpose) => {
                for set in sets(session, purpose)? {
                    gone(session, "remove-fd", json!({"fdset-id": set}))?;
                }
                Ok(())
            }
            Self::Object(id) => gone(session, "object-del", json!({"id": id})),
            Self::Chardev(id) => gone(session, "chardev-remove", json!({"id": id})),
            Self::Netdev(id) => gone(session, "netdev_del", json!({"id": id})),
            Self::Node(name) => gone(session, "blockdev-del", json!({"node-name": name})),
            Self::Device(alias) => match ask_to_go(session, alias)? {
                Some(News::Gone) => Ok(()),
                Some(News::Refused) => {
                    Err(Error::operation_failed(format!("unplug of device '{alias}' was rejected by the guest")))
                }
                None => Err(too_late(session, alias)),
            },
        }
    }
}

/// Takes parts away, the last one first; goes on where one stays.
///
/// Errors: the first one.
pub fn remove_all(session: &Session<'_>, parts: &[Part]) -> Result<()> {
    let mut first = Ok(());
    for part in parts.iter().rev() {
        if let Err(error) = part.remove(session) {
            tracing::error!(domain = session.monitor.domain(), ?part, %error, "cannot be taken away");
            first = first.and(Err(error));
        }
    }
    first
}

/// Asks the guest to let a device go and waits for what it says.
///
/// * Returns none when it said nothing in time.
pub(super) fn ask_to_go(session: &Session<'_>, alias: &str) -> Result<Option<News>> {
    let waiting = session.unplugs.expect(alias);
    let end = Instant::now() + session.unplug;
    loop {
        // A guest that was not ready missed the request, so it is repeated.
        if !request(session, alias)? {
            return Ok(Some(News::Gone));
        }
        let left = end.saturating_duration_since(Instant::now());
        let news = waiting.wait(left.min(AGAIN), || session.monitor.is_closed())?;
        if news.is_some() {
            return Ok(news);
        }
        if left <= AGAIN {
            return Ok(waiting.end());
        }
    }
}

/// Asks the guest to let a device go; false when QEMU does not have it.
pub(super) fn request(session: &Session<'_>, alias: &str) -> Result<bool> {
    match session.monitor.attempt("device_del", json!({"id": alias}), session.answer) {
        Ok(_) => Ok(true),
        // It was asked before, and has not answered yet.
        Err(Failure::Refused { desc, .. }) if desc.contains("already in the process of unplug") => Ok(true),
        Err(failure) if is_missing(&failure) => Ok(false),
        Err(failure) => Err(session.monitor.explain(failure, "device_del")),
    }
}

/// What is said of a guest that keeps a device.
pub(super) fn too_late(session: &Session<'_>, alias: &str) -> Error {
    Error::timed_out(format!(
        "domain '{}' has not let device '{alias}' go within {:.0} s (waiting for DEVICE_DELETED); \
         it is removed when the guest does",
        session.monitor.domain(),
        session.unplug.as_secs_f64()
    ))
}

fn sets(session: &Session<'_>, purpose: &str) -> Result<Vec<u64>> {
    let answer = session.run("query-fdsets", Value::Null)?;
    let all = answer.as_array().into_iter().flatten();
    let is_for = |set: &&Value| {
        let fds = set.get("fds").and_then(Value::as_array);
        fds.into_iter().flatten().any(|fd| fd.get("opaque").and_then(Value::as_str) == Some(purpose))
    };
    Ok(all.filter(is_for).filter_map(|set| set.get("fdset-id")?.as_u64()).collect())
}

/// Runs a command that takes something away.
fn gone(session: &Session<'_>, command: &str, arguments: Value) -> Result<()> {
    // What used it may take a moment to let it go.
    let end = Instant::now() + BUSY;
    loop {
        match session.monitor.attempt(command, arguments.clone(), session.answer) {
            Ok(_) => return Ok(()),
            Err(failure) if is_missing(&failure) => return Ok(()),
            Err(failure) if is_busy(&failure) && Instant::now() < end => std::thread::sleep(PAUSE),
            Err(failure) => return Err(session.monitor.explain(failure, command)),
        }
    }
}

fn is_missing(failure: &Failure) -> bool {
    let Failure::Refused { class, desc } = failure else { return false };
    class == "DeviceNotFound" || desc.contains("not found") || desc.starts_with("Failed to find node")
}

fn is_busy(failure: &Failure) -> bool {
    matches!(failure, Failure::Refused { desc, .. } if desc.contains("in use") || desc.contains("busy"))
}

/// After this time QEMU takes another request for the same device.
const AGAIN: Duration = Duration::from_secs(6);
const BUSY: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(50);
