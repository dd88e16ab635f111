//! Numbers and texts as children of a capability.

use oxivirt_core::Result;

use crate::xml::{Node, Writer};

/// The text of a child, `None` when absent or empty.
pub(super) fn text(node: Node<'_>, name: &str) -> Option<String> {
    node.child_text(name).filter(|text| !text.is_empty()).map(Into::into)
}

/// The text of a child that must be there.
pub(super) fn require_text(node: Node<'_>, name: &str) -> Result<String> {
    text(node, name).ok_or_else(|| node.missing_child(name))
}

/// A child that holds a decimal number; a sign and `0x` are refused.
pub(super) fn decimal<T: TryFrom<u64>>(node: Node<'_>, name: &str) -> Result<Option<T>> {
    let Some(text) = text(node, name) else { return Ok(None) };
    let digits = text.trim();
    let valid = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let number = valid.then(|| digits.parse::<u64>().ok()).flatten().and_then(|number| number.try_into().ok());
    number.map(Some).ok_or_else(|| child(node, name).bad_text(&text, "a decimal number in range"))
}

/// A decimal child that must be there.
pub(super) fn require_decimal<T: TryFrom<u64>>(node: Node<'_>, name: &str) -> Result<T> {
    decimal(node, name)?.ok_or_else(|| node.missing_child(name))
}

/// A child that holds a number of at most `max`, in base 16 or as its prefix says (base 0).
pub(super) fn require_based(node: Node<'_>, name: &str, base: u32, max: u32) -> Result<u32> {
    let text = require_text(node, name)?;
    let number = parse_based(text.trim(), base).filter(|number| *number <= max);
    number.ok_or_else(|| child(node, name).bad_text(&text, &format!("a number from 0x0 to {max:#x}")))
}

/// Reads hexadecimal digits with or without `0x` (base 16), or octal after
/// `0`, hexadecimal after `0x`, otherwise decimal digits (base 0).
pub(super) fn parse_based(text: &str, base: u32) -> Option<u32> {
    let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let (digits, base) = match (hex, base) {
        (Some(digits), _) => (digits, 16),
        (None, 0) if text.len() > 1 && text.starts_with('0') => (text, 8),
        (None, 0) => (text, 10),
        (None, base) => (text, base),
    };
    let valid = !digits.is_empty() && digits.chars().all(|c| c.is_digit(base));
    valid.then(|| u32::from_str_radix(digits, base).ok()).flatten()
}

/// The child, or the element itself for the place of an error.
fn child<'d>(node: Node<'d>, name: &str) -> Node<'d> {
    node.child(name).unwrap_or(node)
}

/// Writes `<name>0x…</name>` with at least `width` digits.
pub(super) fn leaf_hex(w: &mut Writer, name: &str, number: u32, width: usize) {
    w.leaf_str(name, &format!("0x{number:0width$x}"));
}
