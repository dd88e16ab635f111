//! The cases, one file per subject.

mod config;
mod connect;
mod cpu_models;
mod events;
mod host_interfaces;
mod information;
mod lifecycle;
mod listing;
mod metadata;
mod networks;
mod node;
mod node_devices;
mod storage;

use super::Case;
use super::case::Verdict;

type Body = fn(&Case<'_>) -> Verdict;

/// Lists the cases of a subject: each function is one.
macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        pub(super) const CASES: &[(&str, super::Body)] = &[ $( (stringify!($name), $name) ),* ];
    };
}
use cases;

/// Every case with its name.
pub(super) fn all() -> impl Iterator<Item = (&'static str, Body)> {
    let subjects = [
        connect::CASES,
        node::CASES,
        cpu_models::CASES,
        lifecycle::CASES,
        listing::CASES,
        information::CASES,
        config::CASES,
        metadata::CASES,
        events::CASES,
        networks::CASES,
        host_interfaces::CASES,
        node_devices::CASES,
        storage::CASES,
    ];
    subjects.into_iter().flatten().copied()
}
