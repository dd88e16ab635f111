//! What the monitor's description of itself says about values.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::read::{list, text};

/// The answer to `query-qmp-schema`: entries that name each other.
pub(super) struct Schema<'a>(HashMap<&'a str, &'a Value>);

impl<'a> Schema<'a> {
    pub(super) fn new(answer: &'a Value) -> Self {
        Self(list(answer).filter_map(|entry| Some((text(entry, "name")?, entry))).collect())
    }

    /// The type of a command's arguments.
    pub(super) fn arguments(&self, command: &str) -> Option<&'a Value> {
        self.follow(self.0.get(command)?, "arg-type")
    }

    /// The type of a command's answer.
    pub(super) fn answer(&self, command: &str) -> Option<&'a Value> {
        self.follow(self.0.get(command)?, "ret-type")
    }

    /// The words that a member of an object can be.
    pub(super) fn words(&self, object: Option<&'a Value>, member: &str) -> BTreeSet<String> {
        let members = object.and_then(|object| object.get("members"));
        let found = members.into_iter().flat_map(list).find(|m| text(m, "name") == Some(member));
        let Some(kind) = found.and_then(|member| self.follow(member, "type")) else { return BTreeSet::new() };
        // Newer versions list words with their conditions, older ones only words.
        let described = kind.get("members").into_iter().flat_map(list).filter_map(|word| text(word, "name"));
        let plain = kind.get("values").into_iter().flat_map(list).filter_map(Value::as_str);
        described.chain(plain).map(str::to_owned).collect()
    }

    /// Whether a command takes a value: `COMMAND/MEMBER…`; a part is a member
    /// of an object or the name of a variant.
    pub(super) fn has(&self, place: &str) -> bool {
        let mut parts = place.split('/');
        let Some(mut object) = parts.next().and_then(|command| self.arguments(command)) else { return false };
        for part in parts {
            let find = |list_name: &str, key: &str| {
                let found = object.get(list_name).into_iter().flat_map(list).find(|m| text(m, key) == Some(part));
                found.and_then(|member| self.follow(member, "type"))
            };
            match find("members", "name").or_else(|| find("variants", "case")) {
                Some(next) => object = next,
                None => return false,
            }
        }
        true
    }

    fn follow(&self, entry: &Value, key: &str) -> Option<&'a Value> {
        self.0.get(text(entry, key)?).copied()
    }
}
