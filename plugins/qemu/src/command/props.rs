//! The two spellings of properties on QEMU's command line.

use std::fmt::Write;

use serde_json::Value;

/// An object in JSON that keeps the order in which members were added.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Props(String);

impl Props {
    /// Without members.
    pub fn new() -> Self {
        Self::default()
    }

    /// A text member.
    pub fn text(mut self, key: &str, value: impl AsRef<str>) -> Self {
        self.key(key);
        self.0.push_str(&Value::from(value.as_ref()).to_string());
        self
    }

    /// A text member, if there is one.
    pub fn maybe_text(self, key: &str, value: Option<impl AsRef<str>>) -> Self {
        match value {
            Some(value) => self.text(key, value),
            None => self,
        }
    }

    /// A number member.
    pub fn number(mut self, key: &str, value: impl Into<i128>) -> Self {
        self.key(key);
        let _ = write!(self.0, "{}", value.into());
        self
    }

    /// A number member, if there is one.
    pub fn maybe_number(self, key: &str, value: Option<impl Into<i128>>) -> Self {
        match value {
            Some(value) => self.number(key, value),
            None => self,
        }
    }

    /// A true/false member.
    pub fn flag(mut self, key: &str, value: bool) -> Self {
        self.key(key);
        self.0.push_str(if value { "true" } else { "false" });
        self
    }

    /// A true/false member, if it is known.
    pub fn maybe_flag(self, key: &str, value: Option<bool>) -> Self {
        match value {
            Some(value) => self.flag(key, value),
            None => self,
        }
    }

    /// `on` or `off`, for the properties that are words in QEMU.
    pub fn maybe_on_off(self, key: &str, value: Option<bool>) -> Self {
        self.maybe_text(key, value.map(on_off))
    }

    /// A member without value.
    pub fn null(mut self, key: &str) -> Self {
        self.key(key);
        self.0.push_str("null");
        self
    }

    /// An object member.
    pub fn object(mut self, key: &str, value: &Props) -> Self {
        self.key(key);
        self.0.push_str(&value.json());
        self
    }

    /// A list of objects.
    pub fn list<'a>(mut self, key: &str, values: impl IntoIterator<Item = &'a Props>) -> Self {
        self.key(key);
        let parts: Vec<String> = values.into_iter().map(Props::json).collect();
        let _ = write!(self.0, "[{}]", parts.join(","));
        self
    }

    /// A list of numbers.
    pub fn numbers(mut self, key: &str, values: impl IntoIterator<Item = u32>) -> Self {
        self.key(key);
        let parts: Vec<String> = values.into_iter().map(|n| n.to_string()).collect();
        let _ = write!(self.0, "[{}]", parts.join(","));
        self
    }

    /// A list of texts.
    pub fn texts<'a>(mut self, key: &str, values: impl IntoIterator<Item = &'a str>) -> Self {
        self.key(key);
        let parts: Vec<String> = values.into_iter().map(|text| Value::from(text).to_string()).collect();
        let _ = write!(self.0, "[{}]", parts.join(","));
        self
    }

    /// All members of another object after these.
    pub fn and(mut self, more: &Props) -> Self {
        if !more.0.is_empty() {
            if !self.0.is_empty() {
                self.0.push(',');
            }
            self.0.push_str(&more.0);
        }
        self
    }

    /// The object as text.
    pub fn json(&self) -> String {
        format!("{{{}}}", self.0)
    }

    /// The object as a value for the monitor.
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.json()).unwrap_or(Value::Null)
    }

    fn key(&mut self, key: &str) {
        if !self.0.is_empty() {
            self.0.push(',');
        }
        let _ = write!(self.0, "\"{key}\":");
    }
}

/// QEMU's words for a switch.
pub fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

/// A value inside `a=b,c=d`: commas are doubled.
pub fn escape(value: &str) -> String {
    value.replace(',', ",,")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_kept_and_text_is_escaped() {
        let inner = Props::new().number("n", 1u32);
        let props = Props::new()
            .text("z", "a\"b\\")
            .number("a", -1i64)
            .flag("m", true)
            .maybe_text("no", None::<&str>)
            .object("o", &inner)
            .list("l", [&inner, &Props::new()]);
        assert_eq!(props.json(), r#"{"z":"a\"b\\","a":-1,"m":true,"o":{"n":1},"l":[{"n":1},{}]}"#);
        assert_eq!(props.value()["o"]["n"], 1);
        assert_eq!(escape("a,b"), "a,,b");
    }
}
