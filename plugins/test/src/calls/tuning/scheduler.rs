//! The scheduler that is not there: it has one weight that never changes.

use oxivirt_core::types::{TypedKind, TypedParam, TypedValue};

use super::Known;

/// What the scheduler is called.
pub(in crate::calls) const NAME: &str = "fair";
pub(in crate::calls) const KNOWN: Known = &[("weight", TypedKind::UnsignedInt)];

/// What every domain weighs.
const WEIGHT: u32 = 50;

pub(in crate::calls) fn get() -> Vec<TypedParam> {
    vec![TypedParam::new("weight", TypedValue::UnsignedInt(WEIGHT))]
}
