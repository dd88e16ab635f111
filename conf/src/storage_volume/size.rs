//! Sizes in bytes, with any unit.

use oxivirt_core::{Error, ErrorCode, Result};
use oxivirt_util::units::{self, UnitError};

use crate::xml::{Node, Writer};

/// The size in the child `name`, in bytes; `None` when it is absent or empty.
///
/// Errors: `XML_ERROR` not a decimal number; `INVALID_ARG` an unknown unit;
/// `OVERFLOW` more than 2⁶³-1 bytes.
pub(super) fn child(node: Node<'_>, name: &str) -> Result<Option<u64>> {
    let Some(size) = node.child(name) else { return Ok(None) };
    let text = size.text();
    if text.is_empty() {
        return Ok(None);
    }
    let digits = text.trim_start();
    let number = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<u64>().ok()).flatten();
    let number = number.ok_or_else(|| size.bad_text(&text, "a decimal number"))?;
    let failed = |code, error: UnitError| Error::new(code, format!("line {}: {}: {error}", size.line(), size.path()));
    match units::scale(number, size.attr("unit").unwrap_or_default(), 1, i64::MAX as u64) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error @ UnitError::TooLarge(_)) => Err(failed(ErrorCode::OVERFLOW, error)),
        Err(error) => Err(failed(ErrorCode::INVALID_ARG, error)),
    }
}

/// Prints `<name unit='bytes'>…`.
pub(super) fn format(w: &mut Writer, name: &str, unit: &str, bytes: u64) {
    w.open(name);
    w.attr_str("unit", unit);
    w.text(&bytes);
    w.close();
}
