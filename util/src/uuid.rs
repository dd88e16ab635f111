//! Uuids as documents and clients write them.

use std::fmt;

pub use uuid::Uuid;

/// A text that is no uuid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UuidError(String);

impl fmt::Display for UuidError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "malformed uuid '{}'", self.0)
    }
}

impl std::error::Error for UuidError {}

/// Reads 32 hexadecimal digits of either case. Dashes may stand before any
/// pair of digits or nowhere, blanks around the whole.
pub fn parse(text: &str) -> Result<Uuid, UuidError> {
    let malformed = || UuidError(text.to_owned());
    let mut rest = text.trim_ascii().as_bytes();
    let mut bytes = [0; 16];
    for byte in &mut bytes {
        while let [b'-', after @ ..] = rest {
            rest = after;
        }
        let [high, low, after @ ..] = rest else { return Err(malformed()) };
        *byte = digit(*high).ok_or_else(malformed)? << 4 | digit(*low).ok_or_else(malformed)?;
        rest = after;
    }
    if rest.is_empty() { Ok(Uuid::from_bytes(bytes)) } else { Err(malformed()) }
}

/// Reads the 16 raw bytes of the wire.
///
/// Errors: any other count of bytes.
pub fn from_bytes(bytes: &[u8]) -> Result<Uuid, UuidError> {
    Uuid::from_slice(bytes).map_err(|_| UuidError(format!("{} raw bytes", bytes.len())))
}

/// The text in lower case with four dashes.
pub fn format(uuid: Uuid) -> String {
    uuid.as_hyphenated().to_string()
}

/// A new random uuid.
pub fn generate() -> Uuid {
    Uuid::new_v4()
}

fn digit(byte: u8) -> Option<u8> {
    // A hexadecimal digit is below 16, so it fits.
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn texts_with_and_without_dashes() {
        let wanted = "c7a5fdbd-edaf-9455-926a-d65c16db1809";
        for text in [
            wanted,
            "c7a5fdbdedaf9455926ad65c16db1809",
            "C7A5FDBD-EDAF-9455-926A-D65C16DB1809",
            "c7-a5-fd-bd-ed-af-94-55-92-6a-d6-5c-16-db-18-09",
            " \tc7a5fdbdedaf9455-926ad65c16db1809\n",
        ] {
            let uuid = parse(text).unwrap();
            assert_eq!(format(uuid), wanted);
            assert_eq!(from_bytes(uuid.as_bytes()).unwrap(), uuid);
        }
    }

    #[test]
    fn others_are_refused() {
        for text in [
            "",
            "-",
            "c7a5fdbd-edaf-9455-926a-d65c16db180",
            "c7a5fdbd-edaf-9455-926a-d65c16db18091",
            "c7a5fdbd-edaf-9455-926a-d65c16db180g",
            "c7a5fdbd-edaf-9455-926a-d65c16db1809-",
            "c-7a5fdbd-edaf-9455-926a-d65c16db1809",
            "{c7a5fdbd-edaf-9455-926a-d65c16db1809}",
            "ééééééééééééééééééééééééééééééé",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
        assert_eq!(parse("x").unwrap_err().to_string(), "malformed uuid 'x'");
        assert!(from_bytes(&[0; 15]).is_err());
    }

    #[test]
    fn generated_ones_differ() {
        assert_ne!(generate(), generate());
    }
}
