//! The cases, one file per subject.

mod checkpoints;
mod config;
mod connect;
mod cpu_models;
mod devices;
mod disks;
mod events;
mod gone;
mod guest;
mod host_interfaces;
mod information;
mod jobs;
mod lifecycle;
mod listing;
mod metadata;
mod networks;
mod node;
mod node_devices;
mod nw_filters;
mod save;
mod secrets;
mod snapshots;
mod statistics;
mod storage;
mod tuning;

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
        save::CASES,
        snapshots::CASES,
        checkpoints::CASES,
        statistics::CASES,
        tuning::CASES,
        devices::CASES,
        disks::CASES,
        guest::CASES,
        jobs::CASES,
        gone::CASES,
        secrets::CASES,
        nw_filters::CASES,
    ];
    subjects.into_iter().flatten().copied()
}
