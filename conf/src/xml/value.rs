//! Values that stand in an attribute or as the text of an element.

use super::escape::push_escaped;

/// A value written as one piece of text.
pub trait Value: Sized {
    /// Reads it; `None` when the text is not one of the allowed values.
    fn parse_value(text: &str) -> Option<Self>;

    /// What would have been allowed, for the error.
    fn allowed() -> String;

    /// Appends the text, escaped.
    fn write_value(&self, out: &mut String);
}

impl Value for String {
    fn parse_value(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }

    fn allowed() -> String {
        "any text".to_owned()
    }

    fn write_value(&self, out: &mut String) {
        push_escaped(out, self);
    }
}

/// Reads an unsigned number: decimal, or hexadecimal after `0x`.
///
/// Blanks in front are skipped as the C functions do; a sign, blanks behind
/// and an empty text are refused.
pub fn parse_unsigned(text: &str) -> Option<u64> {
    let text = text.trim_start();
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) if hex.bytes().all(|b| b.is_ascii_hexdigit()) => u64::from_str_radix(hex, 16).ok(),
        Some(_) => None,
        None if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
        None => None,
    }
}

macro_rules! unsigned {
    ($($type:ty),+) => {$(
        impl Value for $type {
            fn parse_value(text: &str) -> Option<Self> {
                parse_unsigned(text).and_then(|n| n.try_into().ok())
            }

            fn allowed() -> String {
                format!("a number from 0 to {}", <$type>::MAX)
            }

            fn write_value(&self, out: &mut String) {
                push_number(out, u64::from(*self));
            }
        }
    )+};
}

macro_rules! signed {
    ($($type:ty),+) => {$(
        impl Value for $type {
            fn parse_value(text: &str) -> Option<Self> {
                text.trim_start().parse().ok()
            }

            fn allowed() -> String {
                format!("a number from {} to {}", <$type>::MIN, <$type>::MAX)
            }

            fn write_value(&self, out: &mut String) {
                if *self < 0 {
                    out.push('-');
                }
                push_number(out, u64::from(self.unsigned_abs()));
            }
        }
    )+};
}

unsigned!(u8, u16, u32, u64);
signed!(i8, i16, i32, i64);

/// Appends a decimal number without going through the formatter.
fn push_number(out: &mut String, mut number: u64) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
        at -= 1;
        if number == 0 {
            break;
        }
    }
    let digits = digits.get(at..).unwrap_or_default();
    out.push_str(std::str::from_utf8(digits).unwrap_or_default());
}

impl Value for uuid::Uuid {
    fn parse_value(text: &str) -> Option<Self> {
        // Blanks around and hyphens anywhere are accepted, as documents in
        // the field have them.
        let mut bytes = [0_u8; 16];
        let mut digits = text.trim().chars().filter(|c| *c != '-').map(|c| c.to_digit(16));
        for byte in &mut bytes {
            *byte = (digits.next()?? << 4 | digits.next()??) as u8;
        }
        digits.next().is_none().then(|| Self::from_bytes(bytes))
    }

    fn allowed() -> String {
        "a UUID of 32 hexadecimal digits".to_owned()
    }

    fn write_value(&self, out: &mut String) {
        out.push_str(self.hyphenated().encode_lower(&mut Self::encode_buffer()));
    }
}

crate::xml_enum! {
    /// A choice written `yes` or `no`.
    pub enum YesNo { No = "no", Yes = "yes" }
}

crate::xml_enum! {
    /// A choice written `on` or `off`.
    pub enum OnOff { Off = "off", On = "on" }
}

impl YesNo {
    /// Whether it says yes.
    pub const fn is_yes(self) -> bool {
        matches!(self, Self::Yes)
    }
}

impl OnOff {
    /// Whether it says on.
    pub const fn is_on(self) -> bool {
        matches!(self, Self::On)
    }
}

impl From<bool> for YesNo {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

impl From<bool> for OnOff {
    fn from(on: bool) -> Self {
        if on { Self::On } else { Self::Off }
    }
}
