//! What a daemon says of its guests at one moment.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::sandbox::Sandbox;

/// Every guest, and what is wrong with them right away.
#[derive(Debug, Clone, Default)]
pub(super) struct Look {
    pub(super) domains: BTreeMap<String, Guest>,
    pub(super) problems: Vec<String>,
}

/// One guest, as stock bindings see it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Guest {
    pub(super) id: i64,
    pub(super) uuid: String,
    /// The number of the public API.
    pub(super) state: i64,
    pub(super) active: bool,
    pub(super) persistent: bool,
    pub(super) autostart: bool,
    pub(super) xml: String,
    pub(super) inactive: String,
    pub(super) taps: Vec<String>,
}

/// The number of a guest whose processors run.
pub(super) const RUNNING: i64 = 1;

impl Look {
    pub(super) fn take(sandbox: &Sandbox, uri: &str) -> Result<Look, String> {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/kills/look.py");
        let text = sandbox.python(&program, &[uri])?;
        let value: Value = serde_json::from_str(&text).map_err(|e| format!("look.py said '{text}': {e}"))?;
        let texts = |value: Option<&Value>| -> Vec<String> {
            let all = value.and_then(Value::as_array).into_iter().flatten();
            all.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let mut look = Look { problems: texts(value.get("problems")), ..Look::default() };
        for (name, seen) in value.get("domains").and_then(Value::as_object).into_iter().flatten() {
            let text = |key: &str| seen.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            let flag = |key: &str| seen.get(key).and_then(Value::as_bool).unwrap_or_default();
            let number = |key: &str| seen.get(key).and_then(Value::as_i64).unwrap_or_default();
            let guest = Guest {
                id: number("id"),
                uuid: text("uuid"),
                state: number("state"),
                active: flag("active"),
                persistent: flag("persistent"),
                autostart: flag("autostart"),
                xml: text("xml"),
                inactive: text("inactive"),
                taps: texts(seen.get("taps")),
            };
            look.domains.insert(name.clone(), guest);
        }
        Ok(look)
    }

    pub(super) fn running(&self) -> usize {
        self.domains.values().filter(|guest| guest.active).count()
    }

    /// How guests that nobody touched differ from before.
    pub(super) fn changed(&self, after: &Look, touched: &dyn Fn(&str) -> bool) -> Vec<String> {
        let mut findings = Vec::new();
        for (name, before) in self.domains.iter().filter(|(name, _)| !touched(name)) {
            match after.domains.get(name) {
                None => findings.push(format!("{name}, which nobody touched, is gone")),
                Some(now) if now != before => {
                    findings.push(format!("{name}, which nobody touched, changed: {}", difference(before, now)));
                }
                Some(_) => {}
            }
        }
        for name in after.domains.keys().filter(|name| !self.domains.contains_key(*name) && !touched(name)) {
            findings.push(format!("{name} came from nowhere"));
        }
        findings
    }
}

fn difference(before: &Guest, now: &Guest) -> String {
    let mut parts = Vec::new();
    for (what, old, new) in [
        ("id", before.id.to_string(), now.id.to_string()),
        ("state", before.state.to_string(), now.state.to_string()),
        ("persistent", before.persistent.to_string(), now.persistent.to_string()),
        ("autostart", before.autostart.to_string(), now.autostart.to_string()),
        ("uuid", before.uuid.clone(), now.uuid.clone()),
        ("taps", before.taps.join(" "), now.taps.join(" ")),
        ("XML", before.xml.clone(), now.xml.clone()),
        ("stored XML", before.inactive.clone(), now.inactive.clone()),
    ] {
        if old != new {
            let line = old.lines().zip(new.lines()).find(|(old, new)| old != new);
            let (old, new) = line.unwrap_or((old.lines().last().unwrap_or(""), new.lines().last().unwrap_or("")));
            parts.push(format!("{what}: '{}' became '{}'", old.trim(), new.trim()));
        }
    }
    parts.join(", ")
}
