//! Sizes with a unit.

use oxivirt_core::Result;
use oxivirt_util::units;

use super::{Element, Node, Value, Writer};

/// Bytes in one `unit`, as [`units::factor`] says; no unit is 1. `None` for a
/// word that is no unit.
pub fn unit_factor(unit: &str) -> Option<u64> {
    if unit.is_empty() { Some(1) } else { units::factor(unit) }
}

/// `value` in bytes; `None` when the unit is unknown or the result too large.
pub fn bytes_from(value: u64, unit: &str) -> Option<u64> {
    units::scale(value, unit, 1, i64::MAX as u64).ok()
}

/// `value` in KiB, rounded up; `None` as for [`bytes_from`].
pub fn kib_from(value: u64, unit: &str) -> Option<u64> {
    if unit.eq_ignore_ascii_case("kib") || unit.eq_ignore_ascii_case("k") {
        // Already in the unit of the result: no detour that could overflow.
        return (value <= i64::MAX as u64 / 1024).then_some(value);
    }
    bytes_from(value, unit).map(|bytes| bytes.div_ceil(1024))
}

/// A size in KiB, as in `<memory unit='KiB'>1048576</memory>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct KiB(pub u64);

impl KiB {
    /// Reads the text of `node` with its attribute `unit` (KiB when absent).
    pub fn of(node: Node<'_>) -> Result<Self> {
        Self::of_text(node, &node.text(), node.attr("unit").unwrap_or("KiB"))
    }

    /// Reads `text` in `unit`; `node` is named in the error.
    pub fn of_text(node: Node<'_>, text: &str, unit: &str) -> Result<Self> {
        let number = u64::parse_value(text.trim_end()).ok_or_else(|| node.bad_text(text, &u64::allowed()))?;
        if unit_factor(unit).is_none() {
            return Err(node.bad_attr("unit", unit, "bytes, KB, KiB, MB, MiB, GB, GiB, TB, TiB, PB, PiB, EB, EiB"));
        }
        kib_from(number, unit).map(KiB).ok_or_else(|| node.bad_text(text, "a size below 8 EiB"))
    }
}

impl Element for KiB {
    fn parse(node: Node<'_>) -> Result<Self> {
        Self::of(node)
    }

    fn format(&self, w: &mut Writer) {
        w.attr_str("unit", "KiB");
        w.text(&self.0);
    }
}
