//! `<bandwidth>` of a network card.

use crate::domain::devices::Interface;
use crate::net::{BandwidthLimit, BandwidthLimits};
use oxivirt_core::types::{TypedKind, TypedParam, TypedValue};

use super::Known;

/// Names and kinds of the parameters.
pub const KNOWN: Known = &[
    ("inbound.average", TypedKind::UnsignedInt),
    ("inbound.peak", TypedKind::UnsignedInt),
    ("inbound.burst", TypedKind::UnsignedInt),
    ("inbound.floor", TypedKind::UnsignedInt),
    ("outbound.average", TypedKind::UnsignedInt),
    ("outbound.peak", TypedKind::UnsignedInt),
    ("outbound.burst", TypedKind::UnsignedInt),
];

/// Limits of a network card, 0 for none.
pub fn get(card: &Interface) -> Vec<TypedParam> {
    let limits = card.bandwidth.as_deref();
    let of = |limit: Option<&BandwidthLimit>, name: &str| {
        let value = limit.and_then(|limit| match name {
            "average" => limit.average,
            "peak" => limit.peak,
            "burst" => limit.burst,
            _ => limit.floor,
        });
        u32::try_from(value.unwrap_or(0)).unwrap_or(u32::MAX)
    };
    let param = |(name, _): &(&'static str, TypedKind)| {
        let value = match name.split_once('.') {
            Some(("inbound", name)) => of(limits.and_then(|limits| limits.inbound.as_ref()), name),
            Some((_, name)) => of(limits.and_then(|limits| limits.outbound.as_ref()), name),
            None => 0,
        };
        TypedParam::new(*name, TypedValue::UnsignedInt(value))
    };
    KNOWN.iter().map(param).collect()
}

/// Each direction of which average or guarantee are said is set anew; one
/// with neither of them has no limit any more.
pub fn set(card: &mut Interface, params: &[TypedParam]) {
    let limits = card.bandwidth.get_or_insert_default();
    for (name, place) in [("inbound", &mut limits.inbound), ("outbound", &mut limits.outbound)] {
        let (mut limit, mut said) = (BandwidthLimit::default(), false);
        for param in params {
            let TypedValue::UnsignedInt(value) = param.value() else { continue };
            let Some((_, what)) = param.field().split_once('.').filter(|(direction, _)| *direction == name) else {
                continue;
            };
            let value = Some(u64::from(value)).filter(|value| *value != 0);
            match what {
                "average" => limit.average = value,
                "peak" => limit.peak = value,
                "burst" => limit.burst = value,
                _ => limit.floor = value,
            }
            said |= matches!(what, "average" | "floor");
        }
        if said {
            *place = Some(limit).filter(|limit| limit.average.is_some() || limit.floor.is_some());
        }
    }
    if **limits == BandwidthLimits::default() {
        card.bandwidth = None;
    }
}
