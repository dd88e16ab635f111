//! Hardware addresses.
#![allow(missing_docs, reason = "fields are named as the attributes and elements they hold")]

use std::fmt;
use std::str::FromStr;

use oxivirt_core::Result;

use crate::xml::Value;

/// A hardware address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct MacAddress(pub [u8; 6]);

impl MacAddress {
    /// Whether it names a group instead of one card.
    pub const fn is_multicast(self) -> bool {
        self.0[0] & 1 == 1
    }
}

impl FromStr for MacAddress {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut bytes = [0_u8; 6];
        let mut parts = text.split(':');
        for byte in &mut bytes {
            let part = parts.next().ok_or(())?;
            let valid = (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_hexdigit());
            *byte = u8::from_str_radix(part, 16).ok().filter(|_| valid).ok_or(())?;
        }
        if parts.next().is_some() { Err(()) } else { Ok(Self(bytes)) }
    }
}

impl Value for MacAddress {
    fn parse_value(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn allowed() -> String {
        "six bytes in hexadecimal joined by ':'".to_owned()
    }

    fn write_value(&self, out: &mut String) {
        use std::fmt::Write;
        // Writing to a String does not fail.
        let _ = write!(out, "{self}");
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}
