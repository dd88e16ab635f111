//! Amounts with a unit: `2 GiB`, `512k`.

use std::fmt;

/// Why an amount cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnitError {
    /// The text is not a number followed by a unit.
    Malformed(String),
    /// There is no such unit.
    UnknownSuffix(String),
    /// The amount passes 64 bits or the limit of the caller.
    TooLarge(String),
}

impl fmt::Display for UnitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(text) => write!(f, "malformed amount '{text}'"),
            Self::UnknownSuffix(suffix) => write!(f, "unknown suffix '{suffix}'"),
            Self::TooLarge(text) => write!(f, "value too large: {text}"),
        }
    }
}

impl std::error::Error for UnitError {}

/// Bytes in one of the unit: `b`, `byte`, `bytes`; `k`/`KiB` 1024, `KB` 1000,
/// and so on for m, g, t, p, e; in any case of letters. `None` if unknown.
pub fn factor(suffix: &str) -> Option<u64> {
    if ["b", "byte", "bytes"].iter().any(|word| suffix.eq_ignore_ascii_case(word)) {
        return Some(1);
    }
    let mut letters = suffix.chars();
    let power = match letters.next()?.to_ascii_lowercase() {
        'k' => 1,
        'm' => 2,
        'g' => 3,
        't' => 4,
        'p' => 5,
        'e' => 6,
        _ => return None,
    };
    let base: u64 = match letters.as_str() {
        "" => 1024,
        rest if rest.eq_ignore_ascii_case("ib") => 1024,
        rest if rest.eq_ignore_ascii_case("b") => 1000,
        _ => return None,
    };
    Some(base.pow(power))
}

/// Turns `value` in units of `suffix` into bytes.
///
/// * `default` – bytes per unit when `suffix` is empty.
/// * `limit` – the largest result allowed.
pub fn scale(value: u64, suffix: &str, default: u64, limit: u64) -> Result<u64, UnitError> {
    let factor = match suffix {
        "" => default,
        _ => factor(suffix).ok_or_else(|| UnitError::UnknownSuffix(suffix.to_owned()))?,
    };
    value
        .checked_mul(factor)
        .filter(|bytes| *bytes <= limit)
        .ok_or_else(|| UnitError::TooLarge(format!("{value}{suffix}")))
}

/// [`scale`], then rounds up to whole units of `to` bytes (1024 for KiB).
///
/// `to` must not be 0; it is taken as 1 if it is.
pub fn scale_to(value: u64, suffix: &str, default: u64, to: u64) -> Result<u64, UnitError> {
    Ok(scale(value, suffix, default, u64::MAX)?.div_ceil(to.max(1)))
}

/// Reads `10`, `10k`, `10 GiB` into bytes; a bare number is of `default` bytes each.
pub fn parse(text: &str, default: u64) -> Result<u64, UnitError> {
    let trimmed = text.trim_ascii();
    let digits = trimmed.bytes().take_while(u8::is_ascii_digit).count();
    let (number, suffix) = trimmed.split_at(digits);
    if number.is_empty() {
        return Err(UnitError::Malformed(text.to_owned()));
    }
    let value = number.parse().map_err(|_| UnitError::TooLarge(text.to_owned()))?;
    scale(value, suffix.trim_ascii(), default, u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suffix() {
        for (suffix, wanted) in [
            ("b", 1),
            ("bytes", 1),
            ("k", 1 << 10),
            ("K", 1 << 10),
            ("KiB", 1 << 10),
            ("kb", 1000),
            ("M", 1 << 20),
            ("MB", 1_000_000),
            ("MiB", 1 << 20),
            ("g", 1 << 30),
            ("T", 1 << 40),
            ("PiB", 1 << 50),
            ("E", 1 << 60),
            ("EB", 10_u64.pow(18)),
        ] {
            assert_eq!(factor(suffix), Some(wanted), "{suffix}");
        }
        for suffix in ["", "x", "kk", "kib2", "Kbyte", "ki", "é"] {
            assert_eq!(factor(suffix), None, "{suffix}");
        }
    }

    #[test]
    fn scaling_checks_overflow_and_limit() {
        assert_eq!(scale(3, "", 1024, u64::MAX), Ok(3072));
        assert_eq!(scale(15, "E", 1, u64::MAX), Ok(15 << 60));
        assert_eq!(scale(16, "E", 1, u64::MAX), Err(UnitError::TooLarge("16E".to_owned())));
        assert_eq!(scale(1, "k", 1, 1024), Ok(1024));
        assert!(scale(1, "k", 1, 1023).is_err());
        assert_eq!(scale(1, "q", 1, 1), Err(UnitError::UnknownSuffix("q".to_owned())));
        assert_eq!(scale_to(1025, "b", 1, 1024), Ok(2));
        assert_eq!(scale_to(1, "", 1024, 1024), Ok(1));
    }

    #[test]
    fn amounts_as_text() {
        assert_eq!(parse(" 10 GiB ", 1), Ok(10 << 30));
        assert_eq!(parse("7", 1024), Ok(7 << 10));
        assert!(matches!(parse("GiB", 1), Err(UnitError::Malformed(_))));
        assert!(matches!(parse("-1", 1), Err(UnitError::Malformed(_))));
        assert!(matches!(parse("99999999999999999999", 1), Err(UnitError::TooLarge(_))));
    }
}
