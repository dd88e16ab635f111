//! Who wants something.

use std::borrow::Cow;

use oxivirt_core::types::{TypedParam, TypedValue};

/// A client, as far as access depends on it.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    /// Its number.
    pub(crate) client: u64,
    /// What is known of it, with the public names.
    pub(crate) identity: Vec<TypedParam>,
}

impl Subject {
    /// A word of the identity, numbers in decimal.
    pub(super) fn word(&self, field: &str) -> Option<Cow<'_, str>> {
        let param = self.identity.iter().find(|param| param.field() == field)?;
        Some(match param.value() {
            TypedValue::String(text) => Cow::Borrowed(text),
            TypedValue::Int(number) => number.to_string().into(),
            TypedValue::UnsignedInt(number) => number.to_string().into(),
            TypedValue::LongLong(number) => number.to_string().into(),
            TypedValue::UnsignedLongLong(number) => number.to_string().into(),
            _ => return None,
        })
    }
}
